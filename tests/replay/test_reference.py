"""The gate says to the examples what it said when they were recorded; a field that is new is no difference."""

import re
from typing import Any

import msgspec

from tests.replay.reference import REFERENCE, told

JSON = re.compile(r"[\[{].*")


def agrees(then: Any, now: Any) -> bool:
    if isinstance(then, dict) and isinstance(now, dict):
        return all(key in now and agrees(value, now[key]) for key, value in then.items())
    return bool(then == now)


def same(then: str, now: str) -> bool:
    was, now_is = JSON.search(then), JSON.search(now)
    if then == now or not (was and now_is):
        return then == now
    return then[: was.start()] == now[: now_is.start()] and agrees(
        msgspec.json.decode(was[0]), msgspec.json.decode(now_is[0])
    )


def test_the_gate_says_what_it_said() -> None:
    then, now = REFERENCE.read_text().splitlines(), list(told())
    for number, (line, said) in enumerate(zip(then, now, strict=False), start=1):
        assert same(line, said), f"line {number}; if it is meant so, python -m tests.replay.reference: {line} / {said}"
    assert len(now) == len(then)
