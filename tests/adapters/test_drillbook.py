"""How reports of drills reach a gate, and what becomes of files that are none."""

from pathlib import Path

import pytest

from edge.drillbook import DrillSource, leave, passed_at
from edge.errors import StoreError
from edge.events import DrillReport
from edge.facts import DrillDone
from tests.adapters.brokers import until
from tests.conftest import fill

PASSED = DrillReport("in", "main", True, True, 300.0, {})


def test_a_report_of_a_drill_that_is_none_is_set_aside_and_ends_no_gate(tmp_path: Path) -> None:
    told = list[object]()
    folder = leave(tmp_path, PASSED, 1e9).parent
    for name, content in (("1.json", b'{"a": ' * 9_000), ("2.told", b"[" * 9_000), ("\u00b2.json", b"{}")):
        (folder / name).write_bytes(content)
    source = DrillSource(tmp_path, told.append)
    source.start()
    until(lambda: told)
    source.stop()
    source.join(5)
    assert told == [DrillDone(1e9, PASSED)] and passed_at(tmp_path) == 1e9
    assert {path.name for path in folder.iterdir()} == {"1.bad", "2.bad", "\u00b2.bad", "1000000000.told"}


def test_a_report_is_on_the_disk_with_its_name_before_the_drill_says_what_came_of_it(
    tmp_path: Path, synced: list[str]
) -> None:
    folder = leave(tmp_path, PASSED, 1e9).parent
    assert synced[0] == str(folder / ".1000000000.new.new") and synced[-1] == str(folder)
    synced.clear()
    source = DrillSource(tmp_path, lambda fact: None)
    source.start()
    until(lambda: synced)
    source.stop()
    source.join(5)
    assert [path.name for path in folder.iterdir()] == ["1000000000.told"] and synced == [str(folder)]


def test_of_a_report_for_which_there_is_no_room_nothing_stays(small_disk: Path) -> None:
    leave(small_disk, PASSED, 1e9)
    fill(small_disk / "filled")
    with pytest.raises(StoreError, match="No space left"):
        leave(small_disk, PASSED, 2e9)
    assert [path.name for path in (small_disk / "drills").iterdir()] == ["1000000000.json"]
