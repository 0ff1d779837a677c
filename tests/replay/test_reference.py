"""The gate says to the examples what it said when they were recorded."""

from tests.replay.reference import REFERENCE, told


def test_the_gate_says_what_it_said() -> None:
    then, now = REFERENCE.read_text().splitlines(), list(told())
    for number, (line, said) in enumerate(zip(then, now, strict=False), start=1):
        assert said == line, f"line {number}; if it is meant so: python -m tests.replay.reference"
    assert len(now) == len(then)
