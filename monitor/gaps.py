"""What is missing among the events of the ledger, or is not what was recorded. Pure: rows go in, gaps come out.

Nothing of a row is believed that its document does not say. Whoever accepts one that was changed accepts all of its
columns: when one of them changes, it is another gap.
"""

import bisect
import hashlib
import itertools
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import msgspec

from edge.seal import GENESIS, chain_hash
from edge.transport import Channel, topic
from monitor.stream import LOST, Flaw, Place, Problem, Received, Stream, Unacceptable, parse

GONE = b"sha256:"
"""Begins what is kept of an event that could not be read, in the place of its payload."""


REREAD = (Flaw.GAP, Flaw.BREAK, Flaw.COMMITMENT)
"""What the events themselves show, too, when they are read again."""


class Row(NamedTuple):
    """An event as the database has it."""

    site: str
    gate: str
    epoch: str
    first: int
    sequence: int
    hash: str
    payload: bytes


class Gap(NamedTuple):
    """What is wrong at `place`, by nothing that comes later: the events that are missing there, by the hash of the last
    of them; or, `changed`, the event that stands there: all of its row when it is not what that says, and the hash of
    the one that was recorded when it is another. That hash the event after it names, or how far the gate was recorded.
    """

    place: Place
    first: int
    """The first that is there again."""
    sequence: int
    hash: str
    digest: str
    """Of a changed row's document, without what is personal."""
    changed: bool
    """That it is another than what was recorded."""

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


class Spans:
    """The events of one log that any of these gaps is about; there may be as many gaps as events."""

    def __init__(self, gaps: Iterable[Gap]) -> None:
        spans = sorted((gap.place.sequence, gap.sequence) for gap in gaps)
        self._begins = [begin for begin, _ in spans]
        self._reached = list(itertools.accumulate((end for _, end in spans), max))

    def meet(self, problem: Problem) -> bool:
        """Whether one of them is about events of this problem."""
        first = problem.first - (problem.kind is Flaw.BREAK)  # the event before it may be the one that was changed
        before = bisect.bisect_right(self._begins, problem.last)
        return before > 0 and self._reached[before - 1] >= first


def untold(problems: Iterable[Problem], told: Iterable[Gap | Problem]) -> list[Problem]:
    """What was found when events arrived, and neither stands among `told` nor is told by a gap there."""
    known = set(told)
    gaps: defaultdict[tuple[str, str, str], list[Gap]] = defaultdict(list)
    for each in known:
        if isinstance(each, Gap):
            gaps[each.place[:3]].append(each)
    spans = {log: Spans(own) for log, own in gaps.items()}

    def is_told(problem: Problem) -> bool:
        log = spans.get(problem.place[:3])
        return problem in known or (problem.kind in REREAD and log is not None and log.meet(problem))

    return [each for each in problems if not is_told(each)]


def judge(rows: Iterable[Row], accepted: Iterable[object] = (), heads: Iterable[Stream] = ()) -> Verdict:
    """`rows` are those of all gates, each epoch's together and in order; `heads` how far each was recorded before they
    were read."""
    known = frozenset(accepted)
    gaps: list[Gap] = []
    count = 0
    for each in _sorted(rows, heads):
        if isinstance(each, Row):
            count += not gaps
        elif each not in known:
            gaps.append(each)
    return Verdict(count, gaps)


def _sorted(rows: Iterable[Row], heads: Iterable[Stream]) -> Iterator[Gap | Row]:
    """The events that are in order, and between them what is wrong."""
    ends = {(head.site, head.gate, head.epoch): head for head in heads}
    for log, own in itertools.groupby(rows, lambda row: row[:3]):
        yield from _log(own, ends.pop(log, None))
    for head in ends.values():
        yield from _end(head, None, 0)


def _log(rows: Iterable[Row], head: Stream | None) -> Iterator[Gap | Row]:
    before: Row | None = None
    place = 0
    for row in rows:
        (read, is_committed), is_next = _read(row), row.first <= place + 1
        named = "" if read is None or read.event.type == LOST else read.event.previoushash
        if before:
            yield _another(before, named) if is_next and named not in ("", before.hash) else before
        before = row
        if read is None or not is_committed or (row.first == 1 and named not in ("", GENESIS)):
            yield Gap(_after(place, row), row.first, row.sequence, row.hash, _digest(row.payload), True)
            before = None  # it is told, and nobody may know which hash the next one should name
        elif not is_next:
            yield Gap(_after(place, row), row.first, row.first - 1, read.event.previoushash, "", False)
        place = row.sequence
    yield from _end(head, before, place)


def _after(place: int, log: Row | Stream) -> Place:
    return Place(log.site, log.gate, log.epoch, place + 1)


def _end(head: Stream | None, before: Row | None, place: int) -> Iterator[Gap | Row]:
    """The last event of a log and what lacks behind it, by how far it was recorded. An empty hash is not known."""
    if before:
        is_last = head is not None and head.sequence == place
        yield _another(before, head.hash) if head and is_last and head.hash not in ("", before.hash) else before
    if head and head.sequence > place:
        yield Gap(_after(place, head), head.sequence + 1, head.sequence, head.hash, "", False)


def _another(row: Row, named: str) -> Gap:
    """An event that stands in the place of the one with this hash."""
    return Gap(_after(row.first - 1, row), row.first, row.sequence, named, _digest(row.payload), True)


def _read(row: Row) -> tuple[Received | None, bool]:
    """What a row's document says, if the row is that, and whether what is personal in it is what it commits to. What
    it says holds without that, too: its hash does not count what is personal."""
    try:
        read = parse(topic(row.site, row.gate, Channel.EVENT), row.payload)
    except Unacceptable:
        return None, False
    told = (read.epoch, read.first, read.last, read.hash)
    return (read, read.is_committed) if told == (row.epoch, row.first, row.sequence, row.hash) else (None, False)


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
