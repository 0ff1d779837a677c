"""What people in the room ask of gates: who may, a second person where it takes one, and the signed command itself.

The room signs with a key of its own that never leaves it, for whoever is logged in; the command carries their name, so
that the gate's own log says who it was. What the room may ask for at all stands in each gate's configuration.
"""

import secrets
import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from msgspec import Struct

from edge.command import Target, Wish, command
from edge.errors import EdgeError, LinkError, Phrase
from edge.mqtt import Address
from edge.seal import own_signing_key
from edge.terms import CommandKind
from monitor.accounts import Role, User
from monitor.settings import CommandsSection

ANSWER_S = 8.0
AT_ONCE = 16
OFFERED = (CommandKind.OPEN, CommandKind.UNLOCK, CommandKind.LOCK, CommandKind.BLOCK, CommandKind.UNBLOCK,
           CommandKind.LOCK_DOWN, CommandKind.RELEASE, CommandKind.ACKNOWLEDGE)  # fmt: skip
TAKEN = (*OFFERED, CommandKind.FORGIVE)
"""What may be asked for at all: to forgive has a form of its own, since it is about a person and no door."""
SITE_WIDE = (CommandKind.LOCK_DOWN, CommandKind.RELEASE)
"""What may be asked of every gate of a site at once."""
LONGEST = 64
"""Characters of the names that a command is signed for."""
LASTING = (CommandKind.UNLOCK, CommandKind.BLOCK)
"""What is asked for some time."""


class NotAllowed(EdgeError):
    """Whoever asks may not, or not alone."""


class Outcome(NamedTuple):
    """What became of a command at one gate; `id` names it in the gate's events, empty when it did not reach it."""

    site: str
    gate: str
    accepted: bool
    why: Phrase
    id: str = ""
    refused: Mapping[str, str] = {}
    """Of a command for every door that the gate has accepted: the doors that it did not apply to, and why."""

    @property
    def verdict(self) -> str:
        if not self.accepted:
            return f"refused: {self.why}"
        return "".join([f"accepted, {self.id}", *(f", not for {door}: {why}" for door, why in self.refused.items())])


class Pending(Struct, frozen=True):
    """What a first person has asked for a whole site, and a second has to confirm. Times are UTC seconds."""

    id: str
    site: str
    kind: CommandKind
    who: str
    until: float


class Commander:
    """Called from any thread. It forgets what is pending when the room ends: then the first person asks again."""

    def __init__(self, section: CommandsSection, broker: Address, key: Path) -> None:
        self._section, self._broker = section, broker
        self._key = own_signing_key(key) if section.operator else None
        self._locks: dict[tuple[str, str], threading.Lock] = defaultdict(threading.Lock)
        self._lock = threading.Lock()
        self._pending: dict[str, Pending] = {}
        self._pool = ThreadPoolExecutor(AT_ONCE, "command")

    @property
    def offered(self) -> bool:
        """Whether gates can be commanded from here at all."""
        return self._key is not None

    def may(self, user: User, kind: CommandKind) -> bool:
        """Whether somebody's role allows it; the gate decides again what the room may."""
        least = Role.GUARD if kind in self._section.guards_may else Role.OPERATOR
        return self.offered and kind in TAKEN and user.may(least)

    def offers(self, user: User) -> list[CommandKind]:
        """What somebody may ask for."""
        return [kind for kind in OFFERED if self.may(user, kind)]

    def ask(self, user: User, gates: Iterable[tuple[str, str]], wish: Wish) -> list[Outcome]:
        """Command these gates, all at the same time, and wait for their answers. NotAllowed: nothing was sent."""
        if not self.may(user, wish.kind):
            raise NotAllowed("your role may not do this")
        return self._send(gates, wish._replace(by=user.name))

    def ask_site(
        self, user: User, site: str, gates: list[tuple[str, str]], kind: CommandKind
    ) -> list[Outcome] | Pending:
        """Command every gate of a site, or, where it takes two people, wait for the second."""
        if not self.may(user, kind) or kind not in SITE_WIDE:
            raise NotAllowed("your role may not do this")
        if not self._section.four_eyes:
            return self._send(gates, Wish(kind, by=user.name))
        pending = Pending(secrets.token_hex(4), site, kind, user.name, time.time() + self._section.four_eyes_within_s)
        with self._lock:
            self._pending[pending.id] = pending
        return pending

    def confirm(self, user: User, id_: str, gates: list[tuple[str, str]]) -> tuple[Pending, list[Outcome]]:
        """The second person agrees: NotAllowed when it is the first one again, or too late."""
        with self._lock:
            pending = self._waiting(user, id_)
            if pending.who == user.name:
                raise NotAllowed("another person than the one who asked has to confirm it")
            del self._pending[id_]  # before it is sent: whoever comes now is too late
        own = [gate for gate in gates if gate[0] == pending.site]
        return pending, self._send(own, Wish(pending.kind, by=f"{pending.who}, {user.name}"[:LONGEST]))

    def withdraw(self, user: User, id_: str) -> Pending:
        """Nobody is to confirm it any more: NotAllowed when somebody has, when it is too late, or for lesser roles."""
        with self._lock:
            pending = self._waiting(user, id_)
            del self._pending[id_]
        return pending

    def _waiting(self, user: User, id_: str) -> Pending:
        pending = self._pending.get(id_)
        if pending is None or pending.until <= time.time():
            raise NotAllowed("it is not asked for any more: it was confirmed, withdrawn or not confirmed in time")
        if not self.may(user, pending.kind):
            raise NotAllowed("your role may not do this")
        return pending

    def pending(self) -> list[Pending]:
        """What waits for a second person."""
        now = time.time()
        with self._lock:
            self._pending = {id_: each for id_, each in self._pending.items() if each.until > now}
            return list(self._pending.values())

    def _send(self, gates: Iterable[tuple[str, str]], wish: Wish) -> list[Outcome]:
        return list(self._pool.map(lambda place: self._one(place, wish), gates))

    def _one(self, place: tuple[str, str], wish: Wish) -> Outcome:
        """One gate; commands to the same one go after each other, since each has to count higher."""
        assert self._key
        site, gate = place
        with self._locks[place]:
            try:
                answer = command(self._broker, Target(site, gate), self._section.operator, self._key, wish, ANSWER_S)
            except LinkError as error:
                return Outcome(site, gate, False, error.message)
        return Outcome(site, gate, answer.accepted, Phrase("{why}", why=answer.why), answer.id, answer.refused)
