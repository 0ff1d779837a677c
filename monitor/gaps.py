"""What is missing among the events of the ledger, or is not what was recorded. Pure: rows go in, gaps come out.

Nothing of a row is believed that its document does not say, except in a gap: that has all of it, and so whoever
accepts one accepts these columns. When one of them changes, it is another gap.
"""

import hashlib
from collections.abc import Container, Iterable
from typing import NamedTuple

import msgspec

from edge.seal import GENESIS, chain_hash
from edge.transport import Channel, Envelope, topic
from monitor.stream import LOST, Stream, Unacceptable, parse

GONE = b"sha256:"


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
    """What does not follow at `place`, with all of the row that stands there or after it."""

    place: Place
    first: int
    sequence: int
    hash: str
    digest: str
    """Of the row's document, without what is personal."""
    changed: bool
    """That this row is not what was recorded, or not after what stands before it."""

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
        if gap and gap not in accepted and _while_it_was_the_end(gap, row) not in accepted:
            gaps.append(gap)
        count += not gaps and not (gap and gap.changed)
        place, digest = row.sequence, row.hash
        ends[before] = place, "" if gap and gap.changed else digest
    short = (_short(head, *ends.get((head.site, head.gate, head.epoch), (0, ""))) for head in heads)
    gaps += [gap for gap in short if gap and gap not in accepted]
    return Verdict(count, gaps)


def _while_it_was_the_end(gap: Gap, row: Row) -> Gap | None:
    """The same gap as it was told before this event came, which names the last that is missing."""
    if gap.changed:
        return None
    previous = msgspec.json.decode(row.payload, type=Envelope).previoushash
    return Gap(gap.place, gap.first, gap.first - 1, previous, "", False)


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
    is_next = row.first <= place + 1
    changed = not _is_whole(row, digest if is_next else None)
    if is_next and not changed:
        return None
    where = Place(row.site, row.gate, row.epoch, place + 1)
    return Gap(where, row.first, row.sequence, row.hash, _digest(row.payload), changed)


def _is_whole(row: Row, previous: str | None) -> bool:
    """Whether a row is its document, which follows from the one with this hash; None when that is missing."""
    try:
        read = parse(topic(row.site, row.gate, Channel.EVENT), row.payload)
    except Unacceptable:
        return False
    told = (read.epoch, read.first, read.last, read.hash)
    follows = previous is None or read.event.type == LOST or read.event.previoushash == previous
    return told == (row.epoch, row.first, row.sequence, row.hash) and follows and read.is_committed


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
