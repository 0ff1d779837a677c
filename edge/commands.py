"""Commands of the monitoring room: which a gate takes, and how they are signed.

A command counts only for the gate, the challenge and the counter that are written in it. The challenge is random,
published in the gate's state and another one after every connection, every minute and every restart; so no command
that was kept by a broker, recorded or sent again ever acts, and no clock is needed to say so.
"""

import msgspec
from joserfc.jwk import OKPKey

from edge.challenge import Challenge
from edge.config import Config, Credentials
from edge.errors import EdgeError, Phrase, SealError
from edge.facts import CommandReceived
from edge.flood import Bucket
from edge.seal import Signer, Verifier, header, public_key
from edge.signers import OperatorSection
from edge.transport import COMMAND_TYPE, Command

LARGEST = 4_096
BURST, PER_S = 10.0, 1.0
"""So many commands at once, then so many a second; the rest is a flood and not even looked at."""
TELL_EVERY_S = 10.0
"""Refusals are told that often at most."""
FLOOD = Phrase("too many commands came at once")
USED = Phrase("its counter was used before")


class CommandRefused(EdgeError):
    """A message on the command topic that is no command to this gate, and why; `id` when its signature was right."""

    def __init__(self, why: Phrase, id_: str = "") -> None:
        super().__init__("{why}", why=why)
        self.id = id_


class Commands:
    """What one gate accepts. Times are monotonic seconds; for the one thread that receives."""

    def __init__(self, config: Config, credentials: Credentials, challenge: Challenge, now: float) -> None:
        self._aud = f"{config.gate.site}/{config.gate.name}"
        self._doors = {door.name for door in config.door}
        self._operators = {section.name: section for section in config.operator}
        self._credentials = credentials
        self._verifiers: dict[str, Verifier] = {}
        self._challenge = challenge
        self.counters: dict[str, int] = {}
        """Operator -> the largest counter that was used."""
        self._bucket = Bucket(BURST, PER_S, now)

    def take(self, payload: bytes, retained: bool, now: float) -> CommandReceived:
        """The command in a message; CommandRefused when it is none that this gate obeys."""
        if not self._bucket.take(now):
            raise CommandRefused(FLOOD)
        if retained:
            raise CommandRefused(Phrase("it was kept by the broker, and not sent to this gate now"))
        if len(payload) > LARGEST:
            raise CommandRefused(Phrase("it is too large"))
        operator, command = self._verified(payload.decode("ascii", "replace"))
        heard = self._addressed(command, operator, now)
        self.counters[operator.name] = command.counter
        what = command.kind.value.replace("_", "-")
        problem = "" if what in operator.may else f"this operator may not {what}"
        return CommandReceived(
            id=command.jti, operator=operator.name, kind=command.kind, door=command.door, seconds=command.seconds,
            person=command.person, problem=problem, by=command.by, heard=heard,
        )  # fmt: skip

    def _verified(self, token: str) -> tuple[OperatorSection, Command]:
        try:
            operator = self._operators.get(header(token).get("kid", ""))
        except (msgspec.MsgspecError, ValueError) as error:
            raise CommandRefused(Phrase("it is not a signed command")) from error
        if operator is None:
            raise CommandRefused(Phrase("whoever signed it is no operator of this gate"))
        try:
            return operator, msgspec.convert(self._verifier(operator).verify(token), Command)
        except SealError as error:
            raise CommandRefused(error.message) from error
        except msgspec.ValidationError as error:
            raise CommandRefused(Phrase("it is not a command: {why}", why=error)) from error

    def _verifier(self, operator: OperatorSection) -> Verifier:
        if operator.name not in self._verifiers:
            key = public_key(operator.key, self._credentials.path(operator.credential))
            self._verifiers[operator.name] = Verifier(key, COMMAND_TYPE, operator.name)
        return self._verifiers[operator.name]

    def _addressed(self, command: Command, operator: OperatorSection, now: float) -> float:
        """When it can have arrived at the earliest."""
        heard = self._challenge.heard(command.challenge, now)
        if command.aud != self._aud:
            why = Phrase("it is for another gate: {place}", place=command.aud[:60])
        elif heard is None:
            why = Phrase("its challenge is not the one that this gate has published now")
        elif command.counter <= self.counters.get(operator.name, 0):
            why = USED
        elif command.door and command.door not in self._doors:
            why = Phrase("there is no door {door} here", door=command.door[:40])
        else:
            return heard
        raise CommandRefused(why, command.jti)


def sign(command: Command, key: OKPKey, operator: str) -> bytes:
    """The message that carries a command."""
    return Signer(key, COMMAND_TYPE, operator).sign(msgspec.to_builtins(command)).encode()
