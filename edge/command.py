"""The operator's side of a command: learn what the gate listens for, sign, send, wait for its answer."""

import secrets
import time
from typing import NamedTuple, TypeVar

import msgspec
from joserfc.jwk import OKPKey

from edge.commands import sign
from edge.errors import LinkError
from edge.mqtt import Address, Connection, Message
from edge.terms import CommandKind
from edge.transport import DELIVERY, Channel, Command, Envelope, Listening, Presence, topic

ANSWERED, REFUSED = "edge-gate.CommandAnswered", "edge-gate.CommandsRefused"


T = TypeVar("T")


class Target(NamedTuple):
    site: str
    gate: str

    def topic(self, channel: Channel) -> str:
        return topic(self.site, self.gate, channel)


class Wish(NamedTuple):
    """What is asked; `door` "" is every door, `seconds` is for `unlock` and `block`, `person` for `forgive`.

    `by` is whom the key signs for.
    """

    kind: CommandKind
    door: str = ""
    seconds: float | None = None
    person: str = ""
    by: str = ""


class Answer(NamedTuple):
    id: str
    accepted: bool
    why: str
    refused: dict[str, str]
    """Of a command for every door: why each door did not take it that did not."""


def command(address: Address, target: Target, operator: str, key: OKPKey, wish: Wish, timeout_s: float) -> Answer:
    """Send one command and wait for the event that answers it; LinkError when the gate is away or does not answer."""
    deadline = time.monotonic() + timeout_s
    connection = Connection(address, [target.topic(Channel.STATE), target.topic(Channel.EVENT)])
    try:
        listening = _listening(connection, target, deadline)
        asked = Command(
            jti=secrets.token_hex(8), aud=f"{target.site}/{target.gate}", challenge=listening.challenge,
            counter=_counter(listening, operator), kind=wish.kind, door=wish.door, seconds=wish.seconds,
            person=wish.person, by=wish.by,
        )  # fmt: skip
        message = Message(target.topic(Channel.COMMAND), sign(asked, key, operator), *DELIVERY[Channel.COMMAND])
        connection.publish(message)
        return _answer(connection, target, asked.jti, deadline)
    finally:
        connection.close()


def _counter(listening: Listening, operator: str) -> int:
    """Larger than the last one, and than one that was used since the gate published its state."""
    return max(listening.counters.get(operator, 0) + 1, time.time_ns() // 1_000_000)


def _listening(connection: Connection, target: Target, deadline: float) -> Listening:
    """What the gate's retained state says of commands."""
    while (left := deadline - time.monotonic()) > 0:
        for message in connection.turn(min(left, 0.5)):
            if message.topic != target.topic(Channel.STATE):
                continue
            if (presence := _read(message.payload, Presence)) is None:
                hint = "is the gate of another version? see what it publishes with: edge-gate watch --json"
                raise LinkError("what the gate {gate} publishes as its state cannot be read", hint, gate=target.gate)
            if presence.status == "offline":
                raise LinkError("the gate {gate} is offline", gate=target.gate)
            if presence.commands is None:
                hint = "list an [[operator]] with the key in its configuration"
                raise LinkError("the gate {gate} takes no commands", hint, gate=target.gate)
            return presence.commands
    raise LinkError("no gate {gate} of site {site} is known to the broker", gate=target.gate, site=target.site)


def _answer(connection: Connection, target: Target, asked: str, deadline: float) -> Answer:
    """What the gate says became of this command."""
    while (left := deadline - time.monotonic()) > 0:
        for message in connection.turn(min(left, 0.5)):
            if message.topic != target.topic(Channel.EVENT):
                continue
            event = _read(message.payload, Envelope)
            if event and event.type in (ANSWERED, REFUSED) and event.data.get("id") == asked:
                return _said(asked, event.data)
    raise LinkError("the gate {gate} did not answer in time; look at its state", gate=target.gate)


def _said(asked: str, data: dict[str, object]) -> Answer:
    refused = data.get("refused")
    doors = {str(door): str(why) for door, why in refused.items()} if isinstance(refused, dict) else {}
    return Answer(asked, data.get("accepted") is True, str(data.get("why", "")), doors)


def _read(payload: bytes, kind: type[T]) -> T | None:
    """A message of this kind; None when it is none: one gate must not end a lock-down of all."""
    try:
        return msgspec.json.decode(payload, type=kind)
    except (ValueError, RecursionError):  # text that is not UTF-8 is a ValueError beside msgspec's own
        return None
