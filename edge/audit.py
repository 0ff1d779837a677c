"""The journal of a whitelist, read: whether it is the chain that was written, what it says of one person, its end.

A chain that is rewritten from some line on is a chain too. What tells is its anchor: the desk signs the head of its
journal into every manifest, and every gate keeps the last one that it was given.
"""

import contextlib
import sqlite3
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple

import msgspec

from edge import files, journal
from edge.config import Config, Credentials, DeskConfig
from edge.errors import Phrase, SealError, StoreError
from edge.journal import Deed, Entry, Line, Personal
from edge.seal import GENESIS, Seal, commitment
from edge.whitelist import FILE, KEY, Whitelist

KEPT = timedelta(days=3 * 365 + 1)
"""The Measures in force 2025-06-01, article 9: records of processing are kept for at least three years."""
DAY = timedelta(days=1)

LIST = "list"
"""What the line of a recovery is about."""
PEOPLE = "SELECT id, CAST(revision AS INTEGER), CAST(enrolled_at AS TEXT) FROM people ORDER BY enrolled_at, id"


class Said(NamedTuple):
    """A line with what is personal in it, as far as that was not erased."""

    line: Line
    personal: dict[str, str]


class Break(NamedTuple):
    """The first line that is not what was written, and why."""

    sequence: int
    why: Phrase


class Listed(NamedTuple):
    """Somebody on the list: the revision of their last change, and when they were enrolled."""

    id: str
    revision: int
    enrolled_at: str


class Anchor(NamedTuple):
    """A line that must be in the journal, with this hash: somebody else has kept it."""

    sequence: int
    hash: str

    def __str__(self) -> str:
        return f"{self.sequence}:{self.hash}"

    @classmethod
    def parse(cls, text: str) -> "Anchor":
        """As it stands in a manifest; ValueError when it is none."""
        sequence, _, hashed = text.partition(":")
        return cls(int(sequence), hashed)


class Audit:
    """The journal in the whitelist at `path`; StoreError when it cannot be read."""

    def __init__(self, path: Path, seal: Seal) -> None:
        self.path, self._seal = path, seal

    @classmethod
    def of(cls, config: Config | DeskConfig, credentials: Credentials, write: bool = False) -> "Audit":
        """The journal of a desk or of a lone gate, made with `write` if there is none; SealError without its key."""
        if write:
            Whitelist.of(config, credentials, write=True)
        return cls(config.state / FILE, Seal.load(credentials.path(KEY)))

    def note(self, deed: Deed, subject: str, **details: object) -> None:
        """Record a deed that changes nothing in the whitelist, before it is done."""
        with self._changing() as db:
            journal.write(db, self._seal, deed, subject, {name: str(value) for name, value in details.items()})

    def anchor(self) -> Anchor:
        """The head of the journal."""
        with self._opened() as db:
            return Anchor(*journal.head(db))

    def holds(self, anchor: Anchor) -> bool:
        """Whether this line is in the journal, or was until it was old enough, or in what a backup did not have."""
        with self._opened() as db:
            first = db.execute("SELECT min(sequence) FROM journal").fetchone()[0] or 1
            row = db.execute("SELECT hash FROM journal WHERE sequence = ?", (anchor.sequence,)).fetchone()
            if anchor.sequence < first or (row and row[0] == anchor.hash):
                return True
            return str(anchor) in _regained(filter(None, map(_line, journal.entries(db, LIST))))

    def last(self, deed: Deed) -> Line | None:
        """The newest line of a kind; a damaged one is passed over."""
        lines = self.told(deed)
        return lines[-1] if lines else None

    def told(self, deed: Deed, subject: str = "") -> list[Line]:
        """The lines of a kind, or those of them about somebody; a damaged one is passed over."""
        with self._opened() as db:
            return [line for line in map(_line, journal.entries(db, subject)) if line and line.deed is deed]

    def lines(self, subject: str = "") -> list[Said]:
        """Every line, or those about somebody; StoreError when one is not what was written."""
        with self._opened() as db:
            return [self._said(entry) for entry in journal.entries(db, subject)]

    def verify(self, anchors: Iterable[Anchor] = ()) -> tuple[int, Break | None]:
        """How many lines there are, and the first break."""
        with self._opened() as db:
            db.execute("BEGIN")  # lines and people of one moment
            entries, people = list(journal.entries(db)), [Listed(*row) for row in db.execute(PEOPLE)]
        return len(entries), self._break(entries, list(anchors), people)

    def cut(self, now: datetime) -> int:
        """Destroy what is older than it must be kept; how many lines that was."""
        with self._changing() as db:
            old = _old(filter(None, map(_line, journal.entries(db))), now)
            if not old:
                return 0
            last = old[-1]
            details = {"through": str(last.sequence), "hash": journal.hash_of(last), "until": last.at.isoformat()}
            journal.write(db, self._seal, Deed.CUT, "journal", details)
            db.execute("DELETE FROM journal WHERE sequence <= ?", (last.sequence,))
            db.execute("DELETE FROM requests WHERE at < ?", ((now - KEPT).isoformat(),))
            return len(old)

    # The chain -------------------------------------------------------------------------------------------------------

    def _break(self, entries: list[Entry], anchors: list[Anchor], people: list[Listed]) -> Break | None:
        lines: list[Line] = []
        for entry in entries:
            place, line = lines[-1].sequence + 1 if lines else 0, _line(entry)
            if line is None or journal.hash_of(line) != entry.hash:
                return Break(place or (line.sequence if line else 1), Phrase("it was changed"))
            if lines and (line.sequence, line.previoushash) != (place, entries[len(lines) - 1].hash):
                return Break(place, Phrase("what stood here is gone"))
            if not self._personal_is_true(entry, line):
                return Break(line.sequence, Phrase("a personal field is not the one that was committed to"))
            lines.append(line)
        return _beginning(lines) or _anchored(lines, entries, anchors) or _untold(lines, people)

    def _personal_is_true(self, entry: Entry, line: Line) -> bool:
        if entry.personal is None:
            return True
        try:
            fields = self._personal(entry)
        except SealError:
            return False
        return line.data.commitments == {name: commitment(*field) for name, field in fields.items()}

    def _said(self, entry: Entry) -> Said:
        line = _line(entry)
        if line is None:
            raise StoreError("the journal in {path} is damaged; see: edge-gate audit verify", path=self.path)
        fields = self._personal(entry) if entry.personal is not None else {}
        return Said(line, {name: value for name, (_, value) in fields.items()})

    def _personal(self, entry: Entry) -> Personal:
        opened = self._seal.open(entry.personal or b"", entry.hash.encode())
        return msgspec.msgpack.decode(opened, type=Personal)

    @contextlib.contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        try:
            with files.database(self.path) as db:
                db.execute("PRAGMA secure_delete=ON")
                yield db
        except (sqlite3.Error, UnicodeDecodeError) as error:
            raise StoreError("the journal in {path} cannot be used: {why}", path=self.path, why=error) from error

    @contextlib.contextmanager
    def _changing(self) -> Iterator[sqlite3.Connection]:
        with self._opened() as db:
            db.execute("BEGIN IMMEDIATE")
            yield db
            db.execute("COMMIT")


def _line(entry: Entry) -> Line | None:
    try:
        return msgspec.json.decode(entry.line, type=Line)
    except (ValueError, TypeError):
        return None


def _old(lines: Iterable[Line], now: datetime) -> list[Line]:
    """The lines before the first that must be kept, up to the last of them that tells an age beyond that.

    One that a wrong clock dated is as old as those around it: else an early date would take all before it along.
    """
    old = list(takewhile(lambda line: not now - KEPT <= line.at <= now + DAY, lines))
    while old and old[-1].at > now:
        old.pop()
    return old


def _beginning(lines: list[Line]) -> Break | None:
    """The first line is the first of all, or a cut tells that what was before it was old enough."""
    if not lines:
        return None
    first = lines[0]
    if (first.sequence, first.previoushash) == (1, GENESIS):
        return None
    for line in lines:
        told = line.data.details
        end = told.get("through"), told.get("hash")
        if line.deed is Deed.CUT and end == (str(first.sequence - 1), first.previoushash):
            if line.at - _moment(told.get("until", "")) >= KEPT:
                return None
            return Break(line.sequence, Phrase("what was cut off was not three years old"))
    return Break(1, Phrase("what stood here is gone"))


def _moment(text: str) -> datetime:
    """The time that a line tells; now when it tells none, as one does that nobody here wrote."""
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        return datetime.now(UTC)


def _regained(lines: Iterable[Line]) -> set[str]:
    """The anchors of lists that the desk was brought up to after it was restored from a backup."""
    told = [line.data.details.get("anchors", "") for line in lines if line.deed is Deed.RECOVERED]
    return {anchor for text in told for anchor in text.split(", ")}


def _anchored(lines: list[Line], entries: list[Entry], anchors: list[Anchor]) -> Break | None:
    """What others have kept of the journal is in it."""
    hashes = {line.sequence: entry.hash for line, entry in zip(lines, entries, strict=True)}
    regained = _regained(lines)
    first = lines[0].sequence if lines else 1
    for anchor in sorted(anchors):
        if str(anchor) not in regained and anchor.sequence >= first and hashes.get(anchor.sequence) != anchor.hash:
            return Break(anchor.sequence, Phrase("it is not the one that the desk signed into the list"))
    return None


def _untold(lines: list[Line], people: list[Listed]) -> Break | None:
    """Whoever is on the list came there, and was last changed, by a line that is here or was old enough to be cut off.

    It tells of an end that was taken off where no gate has kept an anchor: at one that stands alone.
    """
    enrolled = {line.subject for line in lines if line.deed is Deed.ENROLLED}
    told: dict[str, int] = {}
    for line in lines:
        if revision := _revision(line):  # others tell of no change: what was reported about somebody, say
            told[line.subject] = max(told.get(line.subject, 0), revision)
    anew = max((_revision(line) for line in lines if line.deed is Deed.RESEALED), default=0)
    cut = max((_moment(line.data.details.get("until", "")) for line in lines if line.deed is Deed.CUT), default=None)

    def missing(each: Listed) -> bool:
        if cut and _moment(each.enrolled_at) <= cut:
            return each.id in told and max(told[each.id], anew) < each.revision
        return each.id not in enrolled or max(told.get(each.id, 0), anew) < each.revision

    if not (names := [each.id for each in people if missing(each)]):
        return None
    why = Phrase(
        "lines are gone that told how these came onto the list or were changed: {people}", people=", ".join(names)
    )
    return Break(lines[-1].sequence + 1 if lines else 1, why)


def _revision(line: Line) -> int:
    """The revision of the list that a deed made, as far as its line tells."""
    told = line.data.details.get("revision", "")
    return int(told) if told.isdecimal() else 0
