"""A fact log replays to the same effects, and says where it does not."""

from pathlib import Path

import pytest

from edge.errors import StoreError
from edge.factlog import FactLog, replay
from edge.facts import Recorded, Started, WhitelistLoaded
from edge.gate import Gate
from edge.terms import Now
from tests.core.worlds import gate_rules, view


def record(path: Path) -> Path:
    """A gate that grants, logged."""
    rules = gate_rules()
    gate, log = Gate(rules), FactLog(path, rules)
    story = [Started("boot", "zoo", True), WhitelistLoaded(1, 1, 0.5, 0.01)]
    story += [view(1 + index * 0.04) for index in range(3)]
    for index, fact in enumerate([*story, Recorded(1, True)]):
        now = Now(1 + index * 0.04, 1e9 + index / 3)
        log.write(now, fact, gate.step(fact, now))
    log.close()
    return path


def test_a_log_replays_to_the_same_effects(tmp_path: Path) -> None:
    result = replay(record(tmp_path / "facts.jsonl"))
    assert (result.facts, result.differences) == (6, [])
    assert result.effects > 4


def test_a_changed_fact_is_found_by_its_line(tmp_path: Path) -> None:
    path = record(tmp_path / "facts.jsonl")
    path.write_text(path.read_text().replace('"appearance":[0.9]', '"appearance":[0.1]'))
    assert [difference.line for difference in replay(path).differences] == [6, 7]


def test_a_line_that_a_power_cut_left_half_written_is_left_out(tmp_path: Path) -> None:
    path = record(tmp_path / "facts.jsonl")
    path.write_bytes(path.read_bytes()[:-20])
    assert replay(path).facts == 5


@pytest.mark.parametrize("content", [b"", b"hello\n", b'{"format": 99}\n'])
def test_what_is_no_fact_log_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(content)
    with pytest.raises(StoreError, match=r"x\.jsonl"):
        replay(path)
