"""What is missing among the events of the ledger, or is not what was recorded. Pure: rows go in, gaps come out.

Nothing of a row is believed that its document does not say. Whoever accepts one that was changed accepts all of its
columns: when one of them changes, it is another gap.
"""

import hashlib
from collections.abc import Container, Iterable
from typing import NamedTuple

import msgspec

from edge.seal import GENESIS, chain_hash
from edge.transport import Channel, topic
from monitor.stream import LOST, Received, Stream, Unacceptable, parse

GONE = b"sha256:"
"""Begins what is kept of an event that could not be read, in the place of its payload."""


class Row(NamedTuple):
    """An event as the database has it."""

    site: str
    gate: str
    epoch: str
    first: int
    sequence: int
    hash: str
    payload: bytes


class Place(NamedTuple):
    """Where an event stands in a gate's log."""

    site: str
    gate: str
    epoch: str
    sequence: int

    def __str__(self) -> str:
        return "/".join(map(str, self))


class Gap(NamedTuple):
    """What does not follow at `place`: the events that are missing there, by the last of them, as the one after them or
    the end of what was recorded names it; or, `changed`, the event that should follow, with all of its row.
    """

    place: Place
    first: int
    """The first that is there again."""
    sequence: int
    hash: str
    digest: str
    """Of a changed row's document, without what is personal."""
    changed: bool
    """That it is not what was recorded, or not after what stands before it."""

    @property
    def missing(self) -> int:
        """How many events before it are."""
        return max(0, self.first - self.place.sequence)


class Verdict(NamedTuple):
    """What reading every event again has found."""

    events: int
    """So many are in order, up to the first gap that nobody has accepted."""
    gaps: list[Gap]
    """Those that nobody has accepted."""


def judge(rows: Iterable[Row], accepted: Container[Gap] = (), heads: Iterable[Stream] = ()) -> Verdict:
    """`rows` are those of all gates, each epoch's together and in order; `heads` how far each was recorded before they
    were read."""
    before, place, digest, count = ("", "", ""), 0, GENESIS, 0
    gaps: list[Gap] = []
    ends: dict[tuple[str, str, str], tuple[int, str]] = {}
    for row in rows:
        if row[:3] != before:
            before, place, digest = row[:3], 0, GENESIS
        gap = _gap(row, place, digest)
        if gap and gap not in accepted:
            gaps.append(gap)
        count += not gaps and not (gap and gap.changed)
        place, digest = row.sequence, row.hash
        ends[before] = place, "" if gap and gap.changed else digest
    short = (_short(head, *ends.get((head.site, head.gate, head.epoch), (0, ""))) for head in heads)
    gaps += [gap for gap in short if gap and gap not in accepted]
    return Verdict(count, gaps)


def _short(head: Stream, end: int, digest: str) -> Gap | None:
    """What lacks at the end of an epoch of which more was recorded, or whose last event was another.

    An empty hash is not known, or that of an event which is told to have been changed.
    """
    changed = head.sequence == end and head.hash != digest and "" not in (head.hash, digest)
    if head.sequence <= end and not changed:
        return None
    first = end if changed else end + 1
    where = Place(head.site, head.gate, head.epoch, first)
    return Gap(where, first if changed else head.sequence + 1, head.sequence, head.hash, "", changed)


def _gap(row: Row, place: int, digest: str) -> Gap | None:
    """What is wrong with an event that should follow the one at this place, which has this hash."""
    read, is_next = _read(row), row.first <= place + 1
    where = Place(row.site, row.gate, row.epoch, place + 1)
    if read is None or (is_next and not _follows(read, digest)):
        return Gap(where, row.first, row.sequence, row.hash, _digest(row.payload), True)
    return None if is_next else Gap(where, row.first, row.first - 1, read.event.previoushash, "", False)


def _read(row: Row) -> Received | None:
    """What a row's document says, if the row is that."""
    try:
        read = parse(topic(row.site, row.gate, Channel.EVENT), row.payload)
    except Unacceptable:
        return None
    told = (read.epoch, read.first, read.last, read.hash)
    return read if told == (row.epoch, row.first, row.sequence, row.hash) and read.is_committed else None


def _follows(read: Received, digest: str) -> bool:
    return read.event.type == LOST or read.event.previoushash == digest


def unreadable(payload: bytes) -> bytes:
    """What is left of an event that cannot be read when its time is over: enough to be known again."""
    return GONE + _digest(payload).encode()


def _digest(payload: bytes) -> str:
    if payload.startswith(GONE):
        return payload.removeprefix(GONE).decode("ascii", "replace")
    try:
        return chain_hash(msgspec.json.decode(payload, type=dict[str, object]))
    except (msgspec.MsgspecError, ValueError, RecursionError, KeyError, AssertionError):
        return hashlib.sha256(payload).hexdigest()  # whatever it is, it is this
