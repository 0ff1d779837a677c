"""What can still be had from an event log that cannot be used any more."""

import contextlib
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from edge.eventlog import LOST, LogError, Reader, translated
from edge.transport import Envelope

MOST = 1_000_000
"""No gate keeps so many events; a head that says so is damaged."""

_decoder = msgspec.json.Decoder(Envelope)


def set_aside(path: Path) -> tuple[list[Envelope], str]:
    """Move an unusable file away, keeping it; the events that can still be read from it, and a sentence on that."""
    aside = path.with_name(f"{path.name}.{datetime.now(UTC):%Y%m%dT%H%M%S%f}")
    with translated():
        for suffix in ("", "-wal", "-shm"):
            with contextlib.suppress(FileNotFoundError):
                path.with_name(path.name + suffix).rename(aside.with_name(aside.name + suffix))
    saved, total = _salvage(aside)
    return saved, f"{len(saved)} of {total} events carried over from {aside.name}"


def _salvage(path: Path) -> tuple[list[Envelope], int | str]:
    """The events of a damaged file that are whole, read one by one, and how many there should have been."""
    saved: list[Envelope] = []
    try:
        with contextlib.closing(Reader(path)) as reader:
            acknowledged, last = _head(reader)
            wanted = _expected(reader, acknowledged, last)
            for sequence in wanted:
                with contextlib.suppress(LogError):
                    rows = [row for row in reader.read(sequence - 1, 1) if row.sequence == sequence]
                    saved += [event for row in rows if (event := _decoder.decode(row.payload)).type != LOST]
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
