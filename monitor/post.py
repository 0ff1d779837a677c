"""The ways by which a level is told: MQTT, webhook, email. Each either delivers in time or says why not."""

import base64
import binascii
import hashlib
import hmac
import smtplib
import ssl
import time
from collections.abc import Callable
from email.message import EmailMessage
from email.utils import formatdate, parseaddr
from enum import StrEnum

import httpx
from msgspec import Struct

from edge.errors import EdgeError, LinkError, Phrase
from edge.mqtt import Address, Connection, Message
from monitor.cap import MEDIA_TYPE
from monitor.linkage import Level
from monitor.notice import Notice, Writer
from monitor.terms import Priority

PATIENCE_S = 10.0
SECRET = "whsec_"
SHORTEST = 24
"""Bytes of a webhook's secret, at least: as Standard Webhooks asks."""


class Way(StrEnum):
    MQTT = "mqtt"
    WEBHOOK = "webhook"
    EMAIL = "email"


class Mail(Struct, frozen=True):
    """The server that takes our letters, with the secret. `security` is `tls`, `starttls` or `none`."""

    host: str
    port: int
    security: str
    username: str
    password: str
    sender: str
    ca_file: str


class Undelivered(LinkError):
    """A notice was not taken."""


def targets(level: Level) -> dict[Way, str]:
    """By which ways a level is told, and where."""
    found = {Way.MQTT: level.topic, Way.WEBHOOK: level.webhook, Way.EMAIL: ", ".join(level.email)}
    return {way: target for way, target in found.items() if target}


class Post:
    """Delivers by any way; from any thread. `secret` reads a file that the configuration names."""

    def __init__(self, broker: Address, mail: Mail | None, writer: Writer, secret: Callable[[str], str]) -> None:
        self._broker, self._mail, self._writer, self._secret = broker, mail, writer, secret

    def deliver(self, notice: Notice, level: Level, way: Way) -> None:
        """Undelivered, or another EdgeError, when it was not taken."""
        {Way.MQTT: self._publish, Way.WEBHOOK: self._call, Way.EMAIL: self._write}[way](notice, level)

    def _publish(self, notice: Notice, level: Level) -> None:
        deadline = time.monotonic() + PATIENCE_S
        connection = Connection(self._broker)
        connection.publish(Message(level.topic, self._writer.document(notice, level)))
        while connection.unconfirmed:
            if time.monotonic() > deadline:
                raise Undelivered("the broker did not confirm it in time")
            connection.turn(0.1)
        connection.close()

    def _call(self, notice: Notice, level: Level) -> None:
        is_cap = level.webhook_format == "cap"
        body = self._writer.cap(notice) if is_cap else self._writer.document(notice, level)
        headers = signed(notice.id, int(time.time()), body, key_of(self._secret(level.webhook_secret_file)))
        headers["Content-Type"] = MEDIA_TYPE if is_cap else "application/json"
        try:
            answer = httpx.post(level.webhook, content=body, headers=headers, timeout=PATIENCE_S, trust_env=False)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise Undelivered("{url}: {why}", url=level.webhook, why=str(error) or type(error).__name__) from error
        if not answer.is_success:
            raise Undelivered("{url} answered {status}", url=level.webhook, status=answer.status_code)

    def _write(self, notice: Notice, level: Level) -> None:
        if self._mail is None:
            raise Undelivered("there is no server for email", "configure [mail]")
        try:
            with _connected(self._mail) as server:
                server.send_message(self.letter(notice, level, self._mail.sender))
        except (smtplib.SMTPException, OSError) as error:
            raise Undelivered("{host}: {why}", host=self._mail.host, why=_reason(error)) from error

    def letter(self, notice: Notice, level: Level, sender: str) -> EmailMessage:
        """The email; with the alert for machines when it is urgent."""
        message = EmailMessage()
        message["From"], message["To"] = sender, ", ".join(level.email)
        message["Subject"] = _line(self._writer.subject(notice, level))
        message["Date"], message["Message-ID"] = formatdate(), f"<{notice.id}@{parseaddr(sender)[1].partition('@')[2]}>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(self._writer.text(notice, level))
        if notice.alarm.priority is Priority.URGENT:
            maintype, _, subtype = MEDIA_TYPE.partition("/")
            message.add_attachment(self._writer.cap(notice), maintype, subtype, filename="alert.xml")
        return message


def signed(id_: str, at: int, body: bytes, key: bytes) -> dict[str, str]:
    """The headers of a webhook as standardwebhooks.com has them: HMAC-SHA256 over id, time and body."""
    digest = hmac.digest(key, f"{id_}.{at}.".encode() + body, hashlib.sha256)
    signature = "v1," + base64.b64encode(digest).decode()
    return {"webhook-id": id_, "webhook-timestamp": str(at), "webhook-signature": signature}


def key_of(secret: str) -> bytes:
    """The key in a secret of a webhook; EdgeError when it is none."""
    try:
        key = base64.b64decode(secret.removeprefix(SECRET), validate=True)
    except binascii.Error:
        key = b""
    if len(key) < SHORTEST:
        hint = "make one with: echo whsec_$(openssl rand -base64 32)"
        raise EdgeError("the secret of a webhook is Base64 of at least {bytes} bytes", hint, bytes=SHORTEST)
    return key


def _connected(mail: Mail) -> smtplib.SMTP:
    """Logged in at the server; a certificate that is not in order is an error of the connection."""
    if not (mail.username + mail.password).isascii():
        raise Undelivered("{host}: a name or password for email has ASCII letters only", host=mail.host)
    context = ssl.create_default_context(cafile=mail.ca_file or None)
    if mail.security == "tls":
        server: smtplib.SMTP = smtplib.SMTP_SSL(mail.host, mail.port, timeout=PATIENCE_S, context=context)
    else:
        server = smtplib.SMTP(mail.host, mail.port, timeout=PATIENCE_S)
    if mail.security == "starttls":
        server.starttls(context=context)
    if mail.username:
        server.login(mail.username, mail.password)
    return server


def _reason(error: Exception) -> str | Phrase:
    """What went wrong, without the addresses that it went wrong with."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return Phrase("the addresses were refused")
    if isinstance(error, smtplib.SMTPResponseException):
        detail = error.smtp_error
        text = detail.decode("utf-8", "replace") if isinstance(detail, bytes) else str(detail)
        return f"{error.smtp_code} {_line(text)}"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _line(text: str) -> str:
    return " ".join(text.split())
