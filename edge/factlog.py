"""The log of a gate's facts and effects, and its replay: the same facts give the same effects, byte for byte.

JSON lines: the first holds the gate's rules, every other one a time, a fact and the effects it had. A log holds
match results, never embeddings.
"""

import contextlib
import functools
import io
import logging
import operator
import queue
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import msgspec
from msgspec import Raw, Struct

from edge import files
from edge.config import Config
from edge.effects import Effect
from edge.errors import StoreError
from edge.facts import Fact
from edge.gate import Gate, GateRules, Step
from edge.terms import Now

FORMAT = 2
WAITING = 10_000
"""Most lines in memory, while the disk does not answer."""
LONGEST_LINE = 16_000_000
"""Bytes of a log: what has none so far is no log, and would fill the memory."""

log = logging.getLogger(__name__)


class Head(Struct, frozen=True):
    format: int
    rules: GateRules


class Line(Struct, frozen=True):
    now: Now
    fact: Raw
    effects: Raw


class FactLog(threading.Thread):
    """Writes a log in a thread of its own; whatever becomes of it, the gate goes on.

    It begins anew, since a replay starts from an empty gate; the log before is kept as `PATH.1`. For the same reason
    it is the beginning that is kept: at `largest` bytes the log ends. So it does when it cannot be written or the
    disk does not keep up, and each is said once.
    """

    def __init__(self, path: Path, rules: GateRules, largest: int) -> None:
        super().__init__(name="fact log", daemon=True)
        self._path, self._rules, self._left = path, rules, largest
        self._encoder = msgspec.json.Encoder()
        self._queue: queue.Queue[tuple[Now, Fact, list[Effect]] | None] = queue.Queue(WAITING)
        self.ended = False
        """No line is added any more."""
        self.start()

    @classmethod
    def of(cls, config: Config, rules: GateRules) -> Self | None:
        """The one of a gate whose configuration wants it."""
        largest = config.gate.fact_log_mib * 2**20
        return cls(config.state / "facts.jsonl", rules, largest) if config.gate.fact_log else None

    def write(self, now: Now, fact: Fact, step: Step) -> None:
        """Have a line written; never blocks."""
        if not self.ended:
            try:
                self._queue.put_nowait((now, fact, step.effects))
            except queue.Full:
                self._end("the disk does not keep up")

    def close(self, timeout_s: float = 2.0) -> None:
        """Write what waits, if the disk lets it be written."""
        with contextlib.suppress(queue.Full):
            self._queue.put(None, timeout=timeout_s)
        self.join(timeout_s)

    def run(self) -> None:
        try:
            with contextlib.suppress(FileNotFoundError):
                self._path.replace(self._path.with_name(f"{self._path.name}.1"))
            files.make(self._path)
            with self._path.open("wb", buffering=0) as file:
                self._add(file, Head(FORMAT, self._rules))
                while not self.ended and (entry := self._queue.get()):
                    now, fact, effects = entry
                    encode = self._encoder.encode
                    self._add(file, Line(now, Raw(encode(fact)), Raw(encode(effects))))
        except OSError as error:
            self._end(error.strerror or str(error))

    def _add(self, file: io.RawIOBase, line: Struct) -> None:
        """Add a line; one that was cut off, or is the last, ends the log."""
        text = self._encoder.encode(line) + b"\n"
        self._left -= len(text)
        if self._left < 0:
            self._end("it has reached its limit (gate.fact_log_mib)")
        elif file.write(text) != len(text):
            self._end("No space left on device")

    def _end(self, why: str) -> None:
        if not self.ended:
            self.ended = True
            log.warning("the fact log %s ends here until the gate is started again: %s", self._path, why)


class Difference(Struct, frozen=True):
    """A line whose effects are not what they were."""

    line: int
    fact: Raw
    logged: Raw
    replayed: Raw


class Replay(Struct, frozen=True):
    facts: int
    effects: int
    differences: list[Difference]


def replay(path: Path) -> Replay:
    """Feed a log's facts to a new gate and compare; StoreError when it is not a fact log of this version."""
    lines = _lines(path)
    head = _decode(path, 1, next(lines, b""), Head)
    if head.format != FORMAT:
        raise StoreError("{path} has format {format}, this version replays {known}", path=path, format=head.format,
                         known=FORMAT)  # fmt: skip
    if (unknown := _unknown(head.rules)) is not None:
        why = f"its rules name what is not there: {unknown}"
        raise StoreError("{path}, line 1: not a fact log: {why}", path=path, why=why)
    gate, facts, effects, differences = Gate(head.rules), 0, 0, []
    for number, text in enumerate(lines, start=2):
        line = _decode(path, number, text, Line)
        step = gate.step(_decode(path, number, bytes(line.fact), _any_fact()), line.now)
        replayed = msgspec.json.encode(step.effects)
        facts, effects = facts + 1, effects + len(step.effects)
        if replayed != bytes(line.effects):
            differences.append(Difference(number, line.fact, line.effects, Raw(replayed)))
    return Replay(facts, effects, differences)


def _unknown(rules: GateRules) -> Exception | None:
    """Which door, schedule or time zone these rules name that is none; the rules themselves take that for granted."""
    beside = [other for door in rules.doors.values() for other in door.interlock]
    levels = [level.schedule for level in rules.permits.levels.values()]
    try:
        for door in filter(None, (*rules.cameras.values(), *rules.unlocked, *beside)):
            _door = rules.doors[door]
        for schedule in (*rules.unlocked.values(), *levels):
            rules.permits.calendar.open(schedule, 0.0)
    except (LookupError, ValueError, OSError) as error:  # those of ZoneInfo among them
        return error
    return None


def _lines(path: Path) -> Iterator[bytes]:
    """The whole lines of a log; the last one may be cut off by a power failure and is left out then."""
    try:
        with files.begin(path) as file:
            while line := file.readline(LONGEST_LINE):
                if line.endswith(b"\n") or len(line) == LONGEST_LINE:
                    yield line
    except OSError as error:
        raise StoreError("{path} cannot be read: {why}", path=path, why=error.strerror) from error


def _decode(path: Path, number: int, text: bytes, kind: Any) -> Any:
    try:
        return msgspec.json.decode(text, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise StoreError("{path}, line {line}: not a fact log: {why}", path=path, line=number, why=error) from error


@functools.cache
def _any_fact() -> Any:
    return functools.reduce(operator.or_, Fact.__subclasses__())
