"""The log of a gate's facts and effects, and its replay: the same facts give the same effects, byte for byte.

JSON lines: the first holds the gate's rules, every other one a time, a fact and the effects it had. A log holds
match results, never embeddings.
"""

import functools
import operator
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Raw, Struct

from edge import files
from edge.errors import StoreError
from edge.facts import Fact
from edge.gate import Gate, GateRules, Step
from edge.terms import Now

FORMAT = 2


class Head(Struct, frozen=True):
    format: int
    rules: GateRules


class Line(Struct, frozen=True):
    now: Now
    fact: Raw
    effects: Raw


class FactLog:
    """Appends to a log; begins it anew, since a replay starts from an empty gate."""

    def __init__(self, path: Path, rules: GateRules) -> None:
        files.make(path)
        self._file = path.open("wb", buffering=0)
        self._encoder = msgspec.json.Encoder()
        self._write(Head(FORMAT, rules))

    def write(self, now: Now, fact: Fact, step: Step) -> None:
        encode = self._encoder.encode
        self._write(Line(now, Raw(encode(fact)), Raw(encode(step.effects))))

    def close(self) -> None:
        self._file.close()

    def _write(self, line: Struct) -> None:
        self._file.write(self._encoder.encode(line) + b"\n")


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
    gate, facts, effects, differences = Gate(head.rules), 0, 0, []
    for number, text in enumerate(lines, start=2):
        line = _decode(path, number, text, Line)
        step = gate.step(_decode(path, number, bytes(line.fact), _any_fact()), line.now)
        replayed = msgspec.json.encode(step.effects)
        facts, effects = facts + 1, effects + len(step.effects)
        if replayed != bytes(line.effects):
            differences.append(Difference(number, line.fact, line.effects, Raw(replayed)))
    return Replay(facts, effects, differences)


def _lines(path: Path) -> Iterator[bytes]:
    """The whole lines of a log; the last one may be cut off by a power failure and is left out then."""
    try:
        with path.open("rb") as file:
            yield from (line for line in file if line.endswith(b"\n"))
    except OSError as error:
        raise StoreError("{path} cannot be read: {why}", path=path, why=error.strerror) from error


def _decode(path: Path, number: int, text: bytes, kind: Any) -> Any:
    try:
        return msgspec.json.decode(text, type=kind)
    except msgspec.MsgspecError as error:
        raise StoreError("{path}, line {line}: not a fact log: {why}", path=path, line=number, why=error) from error


@functools.cache
def _any_fact() -> Any:
    return functools.reduce(operator.or_, Fact.__subclasses__())
