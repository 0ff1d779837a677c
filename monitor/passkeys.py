"""Logging in with a passkey (WebAuthn): a key that the browser or a token keeps, opened by its holder's finger or PIN.

Offered where the page has a name that browsers take for safe: `web.url` with https, or http://localhost.
"""

import hashlib
import json
import threading
import time
from collections import OrderedDict
from ipaddress import ip_address
from urllib.parse import urlsplit

import webauthn
from msgspec import Struct
from sqlalchemy import delete, insert, select, update
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from monitor.accounts import Accounts, Denied, Role, Session, User
from monitor.database import Database
from monitor.tables import PASSKEYS, USERS

WAIT_S, WAITING = 300.0, 1000
"""How long an answer is waited for, and for how many at once."""


class Passkey(Struct, frozen=True):
    """One of somebody's keys. Times are UTC seconds; `used` is None before the first login."""

    id: str
    made: float
    used: float | None


class Passkeys:
    """Called from any thread. `url` is where people reach the page."""

    def __init__(self, database: Database, accounts: Accounts, url: str) -> None:
        parts = urlsplit(url)
        self._db, self._accounts = database, accounts
        self._host, self._origin = parts.hostname or "", f"{parts.scheme}://{parts.netloc}"
        self.offered = _safe(parts.scheme, self._host)
        self._lock = threading.Lock()
        self._asked: OrderedDict[bytes, tuple[str, float]] = OrderedDict()

    def ask_new(self, name: str, title: str) -> str:
        """What a browser needs to make a key for somebody who is logged in: JSON."""
        options = webauthn.generate_registration_options(
            rp_id=self._host, rp_name=title, user_name=name, user_id=hashlib.sha256(name.encode()).digest(),
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
            ),
            exclude_credentials=[PublicKeyCredentialDescriptor(base64url_to_bytes(each.id)) for each in self.of(name)],
        )  # fmt: skip
        self._ask(options.challenge, name)
        return webauthn.options_to_json(options)

    def add(self, name: str, credential: str) -> None:
        """Keep the key that the browser made; Denied when it is not what was asked for."""
        try:
            made = webauthn.verify_registration_response(
                credential=credential, expected_challenge=self._answered(credential, name), expected_rp_id=self._host,
                expected_origin=self._origin, require_user_verification=True,
            )  # fmt: skip
        except (WebAuthnException, ValueError, KeyError, TypeError) as error:
            raise Denied("that passkey cannot be used") from error
        row = {"id": bytes_to_base64url(made.credential_id), "name": name, "key": made.credential_public_key}
        with self._db.writing() as connection:
            connection.execute(insert(PASSKEYS), {**row, "counter": made.sign_count, "made": time.time()})
        self._accounts.note(name, "passkey added")

    def ask_login(self) -> str:
        """What a browser needs to log somebody in, whoever it is: JSON."""
        options = webauthn.generate_authentication_options(
            rp_id=self._host, user_verification=UserVerificationRequirement.REQUIRED
        )
        self._ask(options.challenge, "")
        return webauthn.options_to_json(options)

    def login(self, credential: str, address: str) -> tuple[str, Session]:
        """A new session, with the token that its browser keeps; Denied when the key is nobody's."""
        self._accounts.limit(address)
        try:
            challenge = self._answered(credential, "")
            wanted = str(webauthn.helpers.parse_authentication_credential_json(credential).id)
            query = select(PASSKEYS, USERS.c.role).join(USERS, USERS.c.name == PASSKEYS.c.name)
            with self._db.reading() as connection:
                row = connection.execute(query.where(PASSKEYS.c.id == wanted)).first()
            if row is None:
                raise Denied("that passkey cannot be used")
            seen = webauthn.verify_authentication_response(
                credential=credential, expected_challenge=challenge, expected_rp_id=self._host,
                expected_origin=self._origin, credential_public_key=row.key, credential_current_sign_count=row.counter,
                require_user_verification=True,
            )  # fmt: skip
        except (WebAuthnException, ValueError, KeyError, TypeError) as error:
            raise Denied("that passkey cannot be used") from error
        with self._db.writing() as connection:
            values = {"counter": seen.new_sign_count, "used": time.time()}
            connection.execute(update(PASSKEYS).where(PASSKEYS.c.id == wanted).values(**values))
        return self._accounts.begin(User(row.name, Role(row.role)), f"{address}, passkey")

    def of(self, name: str) -> list[Passkey]:
        columns = PASSKEYS.c
        query = select(columns.id, columns.made, columns.used).where(columns.name == name).order_by(columns.made)
        with self._db.reading() as connection:
            return [Passkey(row.id, row.made, row.used) for row in connection.execute(query)]

    def remove(self, name: str, key: str) -> None:
        with self._db.writing() as connection:
            connection.execute(delete(PASSKEYS).where(PASSKEYS.c.id == key, PASSKEYS.c.name == name))
        self._accounts.note(name, "passkey removed")

    # What was asked ------------------------------------------------------------------------------------------------

    def _ask(self, challenge: bytes, name: str) -> None:
        with self._lock:
            self._asked[challenge] = (name, time.monotonic() + WAIT_S)
            if len(self._asked) > WAITING:
                self._asked.popitem(last=False)

    def _answered(self, credential: str, name: str) -> bytes:
        """The challenge that this answers, which then is answered; ValueError when it was not asked of this one."""
        parsed = json.loads(credential)
        client = webauthn.helpers.parse_client_data_json(base64url_to_bytes(parsed["response"]["clientDataJSON"]))
        with self._lock:
            whose, until = self._asked.pop(client.challenge, ("", 0.0))
        if whose != name or until < time.monotonic():
            raise ValueError("not asked for")
        return client.challenge


def _safe(scheme: str, host: str) -> bool:
    """Whether browsers offer passkeys at such an address: never at one of numbers."""
    try:
        ip_address(host)
    except ValueError:
        return bool(host) and (scheme == "https" or (scheme == "http" and host == "localhost"))
    return False
