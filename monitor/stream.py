"""What becomes of one gate's events: in order, once each, every gap and break in the chain named.

A pure machine. A stream is one epoch of one gate; events may arrive doubled, out of order or not at all.
"""

import re
from datetime import UTC, datetime
from enum import StrEnum
from typing import NamedTuple, TypeVar

import msgspec
from msgspec import Struct

from edge.errors import in_english
from edge.events import EventsLost
from edge.i18n import N_
from edge.seal import GENESIS, chain_hash
from edge.transport import Envelope, type_name
from monitor.personal import is_committed

LARGEST = 65_536
"""Bytes of the largest event that is looked at."""
AHEAD = 2_000
"""Most events that wait for an earlier one; a gate sends fewer."""
LOST = type_name(EventsLost)
T = TypeVar("T")
_NAME = r"[a-z0-9][a-z0-9-]{0,30}"
_TOPIC = re.compile(rf"edge/v1/(?P<site>{_NAME})/(?P<gate>{_NAME})/(event|alarm|state|health)")
EPOCH = re.compile(r"[0-9a-f]{16}")
_PLACE = re.compile(r"[0-9a-f]{16}-[0-9]{12}")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z")


class Unacceptable(ValueError):
    """A message that is no event of the gate on whose topic it came, and why."""


class Received(NamedTuple):
    """A well-formed event. It covers the sequences `first` to `last`; `hash` is what the next one must name."""

    site: str
    gate: str
    epoch: str
    first: int
    last: int
    hash: str
    event: Envelope
    payload: bytes

    @property
    def is_committed(self) -> bool:
        """Whether its personal fields are those that it commits to."""
        return is_committed(self.event.data.get("personal", {}), self.event.data.get("commitments", {}))


class Flaw(StrEnum):
    GAP = "gap"  # events that no longer exist anywhere
    DROPPED = "dropped"  # the gate's log was full, and it says so
    BREAK = "break"  # previoushash is not the hash of the event before
    CONFLICT = "conflict"  # another event under a sequence that is already recorded
    COMMITMENT = "commitment"  # a personal field is not the one that was committed to
    EPOCH = "epoch"  # the gate began a new log


class Place(NamedTuple):
    """Where an event stands in a gate's log."""

    site: str
    gate: str
    epoch: str
    sequence: int

    def __str__(self) -> str:
        return "/".join(map(str, self))


class Problem(Struct, frozen=True):
    """Something about a gate's events that a person should know; about sequences `first` to `last`."""

    site: str
    gate: str
    epoch: str
    kind: Flaw
    first: int
    last: int
    detail: str

    @property
    def place(self) -> Place:
        """Where it begins; at no event when it is about the whole log."""
        return Place(self.site, self.gate, self.epoch, self.first)


def gate_of(where: str) -> tuple[str, str]:
    """Site and gate of a topic; Unacceptable when it is not one that gates publish on."""
    found = _TOPIC.fullmatch(where)
    if not found:
        raise Unacceptable(in_english("not a gate's topic"))
    return found["site"], found["gate"]


def decoded(payload: bytes, kind: type[T]) -> T:
    """A JSON document of this kind; Unacceptable when it is none."""
    if len(payload) > LARGEST:
        raise Unacceptable(in_english("larger than {bytes} bytes", bytes=LARGEST))
    try:
        return msgspec.json.decode(payload, type=kind)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise Unacceptable(in_english("malformed: {why}", why=error)) from error


def parse(where: str, payload: bytes) -> Received:
    """An event from the topic that it came on; Unacceptable says what is wrong with it."""
    site, gate = gate_of(where)
    if len(payload) > LARGEST:
        raise Unacceptable(in_english("larger than {bytes} bytes", bytes=LARGEST))
    try:
        document = msgspec.json.decode(payload, type=dict[str, object])
        event = msgspec.convert(document, Envelope)
        digest = chain_hash(document)
        lost = msgspec.convert(event.data, EventsLost) if event.type == LOST else None
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise Unacceptable(in_english("malformed: {why}", why=error)) from error
    last = int(event.sequence) if _PLACE.fullmatch(f"{event.epoch}-{event.sequence}") else 0
    first = lost.first if lost else last
    if event.source != f"/{site}/{gate}":
        raise Unacceptable(in_english("its source is another gate"))
    if event.id != f"{event.epoch}-{event.sequence}" or not 1 <= first <= last or not 1 <= event.severity <= 1000:
        raise Unacceptable(in_english("epoch, sequence, id or severity is not what a gate writes"))
    return Received(site, gate, event.epoch, first, last, lost.hash if lost else digest, event, payload)


def seconds_of(time: str) -> float | None:
    """UTC seconds of an event's time; None when it is none."""
    try:
        return datetime.fromisoformat(time).timestamp()
    except (ValueError, OverflowError):
        return None


def is_dated(event: Envelope) -> bool:
    """Whether its time is written as gates write it: what is looked for is compared with that as text."""
    return bool(_TIME.fullmatch(event.time)) and seconds_of(event.time) is not None


def iso(seconds: float) -> str:
    """A UTC time as gates write it."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Stream:
    """Takes the events of one epoch and gives back those that follow without a gap."""

    def __init__(self, site: str, gate: str, epoch: str, sequence: int = 0, digest: str = GENESIS) -> None:
        self.site, self.gate, self.epoch = site, gate, epoch
        self.sequence, self.hash = sequence, digest
        """The last contiguous sequence and its hash; no hash when the event before the next is not known."""
        self.problems: list[Problem] = []
        """What was found since the owner last emptied the list."""
        self._waiting: dict[int, Received] = {}

    @property
    def waiting(self) -> int:
        """The first sequence that waits for an earlier one that is missing; 0 for none."""
        return min(self._waiting, default=0)

    def take(self, received: Received) -> list[Received]:
        """The events that can be recorded now. Empty when this one is already recorded or waits for another."""
        no_room = len(self._waiting) >= AHEAD and received.first > self.sequence + 1
        if received.last <= self.sequence or no_room:
            return []
        self._waiting.setdefault(received.first, received)
        return self._contiguous()

    def skip(self, first: int) -> list[Received]:
        """The gate keeps nothing before `first`: stop waiting for it, once something later has arrived."""
        if not self._waiting or not self.sequence + 1 < first <= min(self._waiting):
            return []
        self._note(Flaw.GAP, self.sequence + 1, first - 1, N_("neither here nor at the gate any more"))
        self.sequence, self.hash = first - 1, ""
        return self._contiguous()

    def _contiguous(self) -> list[Received]:
        ready: list[Received] = []
        while self._waiting and (first := min(self._waiting)) <= self.sequence + 1:
            received = self._waiting.pop(first)
            if received.last > self.sequence:
                self._check(received)
                self.sequence, self.hash = received.last, received.hash
                ready.append(received)
        return ready

    def _check(self, received: Received) -> None:
        event = received.event
        if event.type == LOST:
            self._note(Flaw.DROPPED, self.sequence + 1, received.last, N_("the gate's event log was full"))
        elif self.hash and event.previoushash != self.hash:
            self._note(Flaw.BREAK, received.first, received.last, N_("it does not follow from the event before it"))
        if not received.is_committed:
            self._note(Flaw.COMMITMENT, received.first, received.last, N_("a personal field was changed"))

    def _note(self, kind: Flaw, first: int, last: int, detail: str) -> None:
        self.problems.append(Problem(self.site, self.gate, self.epoch, kind, first, last, detail))
