"""How reports of drills reach a gate, and what becomes of files that are none."""

from pathlib import Path

from edge.drillbook import DrillSource, leave, passed_at
from edge.events import DrillReport
from edge.facts import DrillDone
from tests.adapters.brokers import until


def test_a_report_of_a_drill_that_is_none_is_set_aside_and_ends_no_gate(tmp_path: Path) -> None:
    good, told = DrillReport("in", "main", True, True, 300.0, {}), list[object]()
    folder = leave(tmp_path, good, 1e9).parent
    for name, content in (("1.json", b'{"a": ' * 9_000), ("2.told", b"[" * 9_000), ("\u00b2.json", b"{}")):
        (folder / name).write_bytes(content)
    source = DrillSource(tmp_path, told.append)
    source.start()
    until(lambda: told)
    source.stop()
    source.join(5)
    assert told == [DrillDone(1e9, good)] and passed_at(tmp_path) == 1e9
    assert {path.name for path in folder.iterdir()} == {"1.bad", "2.bad", "\u00b2.bad", "1000000000.told"}
