"""What can still be had from an event log that cannot be used any more, and nothing of it twice.

A damaged log is set aside, and waits there until the epoch that its events are carried over into is committed; only
then is it named after that epoch. So a gate that is killed on the way finds it again, and knows what it has not done.
"""

import contextlib
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from edge import files
from edge.errors import in_english
from edge.logfile import LOST, Content, LogError, Reader, translated
from edge.transport import Envelope

PARTS = ("-wal", "-shm", "")
"""The files of a log. The database comes last: under whatever name it is, the others are there already."""
WAITING = ".aside-"
MOST = 1_000_000
"""No gate keeps so many events; a head that says so is damaged."""

_decoder = msgspec.json.Decoder(Envelope)


def set_aside(path: Path) -> None:
    """Move an unusable log away, to be salvaged; whenever this is interrupted, `waiting` finds it again."""
    aside = path.with_name(f"{path.name}{WAITING}{datetime.now(UTC):%Y%m%dT%H%M%S%f}")
    with translated():
        for suffix in PARTS:
            with contextlib.suppress(FileNotFoundError):
                _part(aside, suffix).hardlink_to(_part(path, suffix))
        files.sync(path.parent)
        _remove(path)


def waiting(path: Path) -> list[Path]:
    """The logs that were set aside from `path` and not kept yet; the oldest first."""
    pattern = f"{path.name}{WAITING}*"
    found = sorted(each for each in path.parent.glob(pattern) if not each.name.endswith(PARTS[:2]))
    with translated():
        if found and path.exists() and path.samefile(found[-1]):
            _remove(path)
    return found


def salvage(logs: list[Path]) -> tuple[list[Content], str]:
    """The events that can still be read from logs that were set aside, and a sentence on that."""
    found = [_salvage(log) for log in logs]
    saved = [event for events, _ in found for event in events]
    total = "unknown" if any(isinstance(number, str) for _, number in found) else sum(int(n) for _, n in found)
    return saved, in_english("{number} of {total} events carried over", number=len(saved), total=total)


def keep(logs: list[Path], path: Path, epoch: str) -> None:
    """Keep logs whose events are in `epoch` under its name, for whoever wants to know what happened to them."""
    for number, log in enumerate(logs):
        kept = path.with_name(f"{path.name}.before-{epoch}{f'-{number}' if number else ''}")
        with contextlib.suppress(OSError):  # it is tried again at the next start
            for suffix in PARTS:
                with contextlib.suppress(FileNotFoundError):
                    _part(log, suffix).rename(_part(kept, suffix))


def forget(path: Path, before: float) -> None:
    """Remove the logs of `path` that were kept before this time, UTC seconds: they name people, as every event does."""
    for kept in path.parent.glob(f"{path.name}.before-*"):
        with contextlib.suppress(OSError):  # it is tried again another day
            if kept.stat().st_ctime < before:
                kept.unlink()


def _remove(path: Path) -> None:
    for suffix in PARTS:
        _part(path, suffix).unlink(missing_ok=True)
    files.sync(path.parent)


def _part(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _salvage(path: Path) -> tuple[list[Content], int | str]:
    """The events of a damaged file that are whole, read one by one, and how many there should have been."""
    saved: list[Content] = []
    try:
        with contextlib.closing(Reader(path)) as reader:
            acknowledged, last = _head(reader)
            wanted = _expected(reader, acknowledged, last)
            for sequence in wanted:
                with contextlib.suppress(LogError, msgspec.ValidationError):  # the latter: another version's form
                    rows = [row for row in reader.read(sequence - 1, 1) if row.sequence == sequence]
                    found = [Content(row.channel, _decoder.decode(row.payload)) for row in rows]
                    saved += [content for content in found if content.envelope.type != LOST]
    except LogError:
        return saved, "unknown"
    return saved, len(wanted)


def _head(reader: Reader) -> tuple[int, int]:
    """Acknowledged and last sequence as the head has them; (0, 0) when it is not what was written."""
    try:
        acknowledged, last = reader.head()
    except (LogError, TypeError):  # TypeError: the table is there, its row is not
        return 0, 0
    sound = isinstance(acknowledged, int) and isinstance(last, int) and 0 <= acknowledged <= last <= acknowledged + MOST
    return (acknowledged, last) if sound else (0, 0)


def _expected(reader: Reader, acknowledged: int, last: int) -> list[int]:
    """Which events there should be: all that were not acknowledged, and what else is there."""
    try:
        there = [sequence for sequence in reader.sequences() if sequence > acknowledged]
    except LogError:  # the table's pages are damaged: try each
        there = []
    return sorted({*range(acknowledged + 1, last + 1), *there})
