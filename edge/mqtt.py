"""One MQTT connection that its owner turns: no thread of its own, so none that dies unseen; paho-mqtt is hidden here.

MQTT 3.1.1, clean sessions: whoever needs what was missed asks for it. A connection that is lost stays lost; its
owner makes another. Failures are `Lost` with the status that says why.
"""

import select
import ssl
import time
from collections import deque
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from msgspec import Struct
from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from edge.errors import LinkError, Phrase
from edge.terms import Status

CONNECT_S = 5.0
INFLIGHT = 2_000
"""Publishes the broker has not confirmed; the owner limits itself to less."""


class Lost(LinkError):
    """There is no connection (any more); `status` says why."""

    def __init__(self, status: Status, why: object) -> None:
        super().__init__("the broker: {why}", why=why)
        self.status = status


class Address(Struct, frozen=True):
    """Where the broker is and who we are to it. With `ca_file` the connection is encrypted."""

    host: str = "127.0.0.1"
    port: int = 1883
    username: str = ""
    password: str = ""
    ca_file: str = ""
    certificate_file: str = ""
    key_file: Path | None = None
    keepalive_s: int = 15


class Message(NamedTuple):
    """What is published, or has arrived. `qos` and `retain` as in MQTT."""

    topic: str
    payload: bytes
    qos: int = 1
    retain: bool = False


class Connection:
    """Connected and subscribed when made, or `Lost`. All calls are for one thread.

    With `needs_all` it is lost, too, when the broker refuses a subscription, as a cluster does that lost a node.
    """

    def __init__(
        self, address: Address, topics: Iterable[str] = (), will: Message | None = None, needs_all: bool = False
    ) -> None:
        self._arrived: deque[Message] = deque()
        self._lost: Lost | None = None
        self._welcome, self._needs_all = False, needs_all
        self.unconfirmed = 0
        """How many QoS 1 publishes the broker has not confirmed."""
        try:
            self._client = self._prepare(address, will)
            self._client.connect(address.host, address.port, address.keepalive_s)
        except (OSError, UnicodeError) as error:  # UnicodeError: a name that no host can have
            raise _refused(error) from error
        self._await_welcome()
        self.subscribe(topics)

    def _prepare(self, address: Address, will: Message | None) -> Client:
        client = Client(CallbackAPIVersion.VERSION2, clean_session=True)
        client.connect_timeout = CONNECT_S
        client.max_inflight_messages_set(INFLIGHT)
        client.on_publish, client.on_subscribe = self._confirmed, self._subscribed
        client.on_connect, client.on_disconnect, client.on_message = self._connected, self._ended, self._message
        if address.username:
            client.username_pw_set(address.username, address.password)
        if address.ca_file:
            client.tls_set_context(_tls(address))
        if will:
            client.will_set(will.topic, will.payload, will.qos, will.retain)
        return client

    def _await_welcome(self) -> None:
        deadline = time.monotonic() + CONNECT_S
        while not self._welcome:
            if time.monotonic() > deadline:
                self.close()
                raise Lost(Status.STALLED, Phrase("it did not answer within {seconds:.0f} s", seconds=CONNECT_S))
            self._turn(0.1, ())

    def subscribe(self, topics: Iterable[str], qos: int = 1) -> None:
        """Hear these topics too; one that was heard already has its retained messages sent again."""
        if names := [(topic, qos) for topic in topics]:
            self._client.subscribe(names)

    def publish(self, message: Message) -> None:
        """Hand a message to the broker; with QoS 1 it is repeated on this connection until it is confirmed."""
        self.unconfirmed += message.qos
        self._client.publish(message.topic, message.payload, message.qos, message.retain)

    def turn(self, timeout_s: float, wake: Iterable[int] = ()) -> list[Message]:
        """Send and receive until something arrives, a descriptor in `wake` is readable, or the time is over."""
        self._turn(timeout_s, wake)
        arrived = list(self._arrived)
        self._arrived.clear()
        return arrived

    def close(self) -> None:
        """Say goodbye, which keeps the broker from publishing the last will."""
        self._client.disconnect()

    def _turn(self, timeout_s: float, wake: Iterable[int]) -> None:
        link: Any = self._client.socket()
        if link is not None:
            writable = [link] if self._client.want_write() else []
            pending = isinstance(link, ssl.SSLSocket) and link.pending()
            ready, _, _ = select.select([link, *wake], writable, [], 0.0 if pending else timeout_s)
            if link in ready or pending:
                self._client.loop_read()
        if self._client.want_write():
            self._client.loop_write()
        self._client.loop_misc()
        if self._lost and self._client.socket() is not None and self._welcome:
            self.close()
            raise self._lost
        if self._client.socket() is None:
            raise self._lost or Lost(Status.ENDED, Phrase("the connection ended"))

    # paho's callbacks ----------------------------------------------------------------------------------------------

    def _connected(self, _c: Client, _u: object, _f: ConnectFlags, code: ReasonCode, _p: Properties | None) -> None:
        self._welcome = not code.is_failure
        if code.is_failure:
            unauthorized = code.getName() in ("Bad user name or password", "Not authorized")
            self._lost = Lost(Status.UNAUTHORIZED if unauthorized else Status.REFUSED, code)

    def _ended(self, _c: Client, _u: object, _f: DisconnectFlags, code: ReasonCode, _p: Properties | None) -> None:
        stalled = code.getName() == "Keep alive timeout"
        self._lost = self._lost or Lost(Status.STALLED if stalled else Status.ENDED, code)

    def _message(self, _c: Client, _u: object, message: MQTTMessage) -> None:
        try:
            self._arrived.append(Message(message.topic, bytes(message.payload), message.qos, message.retain))
        except UnicodeDecodeError:  # paho decodes it only now
            self._lost = Lost(Status.ENDED, Phrase("it sent a topic that is no UTF-8, which MQTT forbids"))

    def _subscribed(self, _c: Client, _u: object, _mid: int, codes: list[ReasonCode], _p: Properties | None) -> None:
        """One that the broker refuses is silence for ever, which must not pass for nothing to hear."""
        if self._needs_all and any(code.is_failure for code in codes):
            self._lost = Lost(Status.REFUSED, Phrase("it refused a subscription"))

    def _confirmed(self, _c: Client, _u: object, _mid: int, _code: ReasonCode, _p: Properties) -> None:
        self.unconfirmed -= 1


def _tls(address: Address) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=address.ca_file)
    if address.certificate_file:
        context.load_cert_chain(address.certificate_file, address.key_file)
    return context


def _refused(error: OSError | UnicodeError) -> Lost:
    """Why there is no connection: wrong certificate, nobody listening, or nobody there."""
    if isinstance(error, ssl.SSLError):
        return Lost(Status.UNAUTHORIZED, error.reason or error)
    if isinstance(error, ConnectionRefusedError):
        return Lost(Status.REFUSED, Phrase("connection refused"))
    return Lost(Status.UNREACHABLE, error)
