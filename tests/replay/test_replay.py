"""A fact log replays to the same effects, and says where it does not."""

import resource
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from edge.door import DoorRules
from edge.errors import StoreError
from edge.factlog import FactLog, replay
from edge.facts import Heartbeat, Recorded, Started, WhitelistLoaded
from edge.gate import Gate
from edge.permits import Level, PermitRules
from edge.schedule import Calendar, Schedule
from edge.terms import Now
from tests.core.worlds import gate_rules, view

DAY = {"day": Schedule(week=(((0, 1440),),) * 7)}


def record(path: Path) -> Path:
    """A gate that grants, logged."""
    rules = gate_rules()
    gate, log = Gate(rules), FactLog(path, rules, 2**20)
    story = [Started("boot", "zoo", True), WhitelistLoaded(1, 1, 0.5, 0.01)]
    story += [view(1 + index * 0.04) for index in range(3)]
    for index, fact in enumerate([*story, Recorded(1, True)]):
        now = Now(1 + index * 0.04, 1e9 + index / 3)
        log.write(now, fact, gate.step(fact, now))
    log.close()
    assert not log.is_alive()
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


@pytest.mark.parametrize("utc", ["1e308", "-1e308", "1e18", "253402300799", "-1"])
def test_a_time_that_no_clock_shows_is_named_by_its_line(tmp_path: Path, utc: str) -> None:
    path = record(tmp_path / "facts.jsonl")
    path.write_text(path.read_text().replace('"utc":1000000001.0', f'"utc":{utc}'))
    with pytest.raises(StoreError, match=r"line 5: not a fact log: .* `\$\.now\.utc`"):
        replay(path)


def test_rules_that_no_configuration_can_have_are_named(tmp_path: Path) -> None:
    path = record(tmp_path / "facts.jsonl")
    path.write_text(path.read_text().replace('"chatter_changes":30', '"chatter_changes":-1'))
    with pytest.raises(StoreError, match=r"line 1: not a fact log: .*chatter_changes"):
        replay(path)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"cameras": {"entrance": "gone"}}, "gone"),
        ({"doors": {"main": DoorRules(3.0, 20.0, interlock=("gone",))}}, "gone"),
        ({"unlocked": {"gone": "always"}}, "gone"),
        ({"unlocked": {"main": "gone"}}, "gone"),
        ({"permits": PermitRules({"staff": Level(frozenset(("main",)), "gone")})}, "gone"),
        (
            {"unlocked": {"main": "day"}, "permits": PermitRules(calendar=Calendar("Nowhere/Gone", schedules=DAY))},
            "Gone",
        ),
    ],
)
def test_rules_that_name_what_is_not_there_are_named(tmp_path: Path, change: dict[str, Any], named: str) -> None:
    """A time zone, say, that the machine does not know on which a log is replayed."""
    path = tmp_path / "facts.jsonl"
    FactLog(path, structs.replace(gate_rules(), **change), 2**20).close()
    with pytest.raises(StoreError, match=rf"line 1: not a fact log: its rules .*{named}"):
        replay(path)


def test_a_log_ends_at_its_limit_with_a_whole_line_and_says_so_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "facts.jsonl"
    write(path, largest=4000, facts=200)
    assert path.stat().st_size <= 4000 and path.read_bytes().endswith(b"\n")
    assert 5 < replay(path).facts < 200
    assert [record.getMessage() for record in caplog.records] == [
        f"the fact log {path} ends here until the gate is started again: it has reached its limit (gate.fact_log_mib)"
    ]


def test_a_log_on_a_full_disk_ends_and_what_is_there_replays(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path, before = tmp_path / "facts.jsonl", resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4000, before[1]))
    try:
        write(path, largest=2**20, facts=200)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert path.stat().st_size == 4000
    assert 5 < replay(path).facts < 200
    assert [record.getMessage().partition("again: ")[2] for record in caplog.records] == ["No space left on device"]


def test_a_log_that_cannot_be_made_stops_nobody(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "state").write_text("in the way")
    write(tmp_path / "state" / "facts.jsonl", largest=2**20, facts=3)
    assert "again: Not a directory" in caplog.text


def test_the_log_of_the_run_before_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "facts.jsonl"
    write(path, largest=2**20, facts=3)
    first = path.read_bytes()
    write(path, largest=2**20, facts=9)
    assert path.with_name("facts.jsonl.1").read_bytes() == first
    assert replay(path).facts == 9


def write(path: Path, largest: int, facts: int) -> None:
    """Log a gate that hears nothing but its own pulse."""
    rules = gate_rules()
    gate, log = Gate(rules), FactLog(path, rules, largest)
    for number in range(facts):
        now = Now(number, 1e9 + number)
        log.write(now, Heartbeat(), gate.step(Heartbeat(), now))
    log.close()
