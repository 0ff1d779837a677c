"""What the page shows, without a browser: a word for everything, plans, charts, days and details."""

import inspect
import re
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from edge import chatter, door, drive, standing
from edge.errors import EdgeError
from edge.events import TABLE
from edge.fallbacks import TABLE as DEGRADED
from edge.i18n import speaking
from edge.terms import Input, Moment, Reason, Status
from edge.transport import Channel
from monitor import words
from monitor.charts import Bar, Row, bars, rows
from monitor.downtime import active_s
from monitor.figures import spans
from monitor.gates import Gates
from monitor.plan import Mark, Plan
from monitor.terms import Action, Check, Key, Priority, Stage, State
from monitor.words import KINDS, detailed, fielded, place, where, word


def test_everything_that_can_be_shown_has_a_name() -> None:
    assert [kind.__name__ for kind in TABLE if kind.__name__ not in KINDS] == [], "name it in monitor/words.py"
    assert DEGRADED.keys() <= words.DEGRADED.keys()
    own: dict[type, Any] = {Stage: words.STAGES, Reason: words.REASONS, Moment: words.MOMENTS}
    for names in (State, Stage, Action, Priority, Reason, Status, Moment):
        unnamed = [name for name in names if word(name, own.get(names, {})) == name and not name.islower()]
        assert unnamed == []
    assert all(check.awaited for check in Check)


def test_no_two_lists_that_are_looked_through_have_another_word_for_one_name() -> None:
    found = [(str(name), said) for names in words.EVERY for name, said in names.items()]
    assert len(dict(found)) == len(set(found))
    assert word(State.CLEARED) == "over, not acknowledged" and word(Stage.CLEARED, words.STAGES) == "over"


def test_gates_stand_in_the_order_of_the_numbers_in_their_names() -> None:
    places = [("hq", "gate-10"), ("hq", "gate-9"), ("hq", "archive"), ("annex", "2"), ("hq", "gate-9b"), ("hq", "gate")]
    names = [gate.name for gate in Gates(places).all()]
    assert names == ["2", "archive", "gate", "gate-9", "gate-9b", "gate-10"]


def test_a_plan_is_coloured_and_stripped_of_what_could_act(tmp_path: Path) -> None:
    file = tmp_path / "plan.svg"
    file.write_text(
        '<svg xmlns="http://www.w3.org/2000/svg" onload="x()"><script>x()</script><a href="javascript:x()"/>'
        '<rect id="hq/gate-1"/><path id="hq/gate-1/door/main"/></svg>'
    )
    marks = {"hq/gate-1": Mark("urgent", "gate <1>"), "hq/gate-1/door/main": Mark("open", "door main: open")}
    drawn = Plan(file).drawn(marks)
    assert "script" not in drawn and "onload" not in drawn
    assert '<a href="/gates/hq/gate-1" aria-label="gate &lt;1&gt;"><rect' in drawn and drawn.count("<a ") == 2
    assert 'class="place level-urgent"' in drawn and 'class="place level-open"><title>door main' in drawn


@pytest.mark.parametrize("text", ["", "<html/>", "<svg", '<!DOCTYPE x [<!ENTITY a "b">]><svg/>'])
def test_what_is_no_plan_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "plan.svg"
    file.write_text(text)
    with pytest.raises(EdgeError, match=r"plan|SVG"):
        Plan(file)


def test_a_chart_is_as_high_as_its_numbers_and_says_them() -> None:
    chart = bars("Passages <x>", [Bar("11-23", [30, 10]), Bar("11-24", [0, 0])], ["in", "out"])
    assert "<title>Passages &lt;x&gt;</title>" in chart and "<title>11-23 in: 30</title>" in chart
    assert chart.count("<rect") == 4 and 'height="0.0"' in chart
    grouped = bars("", [Bar("11-23", [30, 10])], ["in", "out"], grouped=True)
    heights = [float(each.split('"')[0]) for each in grouped.split('height="')[1:]]
    assert heights[1] == pytest.approx(heights[0] / 3, abs=0.1) and heights[0] == pytest.approx(166 * 30 / 32, abs=0.1)
    listed = rows("Why", [Row("<late>", 3, "3"), Row("other", 1, "1")])
    assert "<desc>&lt;late&gt;: 3; other: 1</desc>" in listed


def test_days_and_weeks_of_the_site_follow_each_other() -> None:
    now = datetime(2026, 3, 29, 12, 0, tzinfo=ZoneInfo("Europe/Berlin"))  # a day of 23 hours
    days, weeks = spans(False, now), spans(True, now)
    assert (len(days), len(weeks)) == (14, 12) and days[-1].until - days[-1].since == 23 * 3600
    for found in (days, weeks):
        assert [one.until for one in found[:-1]] == [other.since for other in found[1:]]
        assert found[-1].since <= now.timestamp() < found[-1].until
    assert (days[-1].label, weeks[-1].label) == ("03-29", "03-23")


def test_a_device_is_out_of_service_while_its_fault_is_there() -> None:
    story = [(Stage.RAISED, 100.0), (Stage.ACKNOWLEDGED, 110.0), (Stage.REALARMED, 120.0), (Stage.CLEARED, 130.0),
             (Stage.CLOSED, 150.0), (Stage.REOPENED, 180.0)]  # fmt: skip
    assert active_s([story], 0.0, 200.0) == 30.0 + 20.0
    assert active_s([story], 115.0, 190.0) == 15.0 + 10.0
    assert active_s([story[:1]], 0.0, 90.0) == 0.0
    other = [(Stage.RAISED, 125.0), (Stage.CLEARED, 190.0)]
    assert active_s([story, other], 0.0, 200.0) == active_s([other, story], 0.0, 200.0) == 100.0


def test_details_are_read_in_the_readers_language() -> None:
    chinese = speaking("zh_CN")
    assert detailed("", "status: covered, detail: contrast 0.012", chinese) == "状况: 被遮挡, 详情: contrast 0.012"
    assert detailed("", "state: slow, undelivered: 3, detail: a: b", chinese) == "状态: 缓慢, 未投递: 3, 详情: a: b"
    assert detailed("", "room: door 3 <b>", chinese) == "room: door 3 <b>"
    assert where("", chinese) == "" and where("reader/pad", chinese) == "读卡器 pad"


def test_every_field_of_an_alarm_has_a_word() -> None:
    chinese, is_alarm = speaking("zh_CN"), (lambda kind: TABLE[kind].channel is Channel.ALARM)
    fields = {field.name for kind in filter(is_alarm, TABLE) for field in msgspec.structs.fields(kind)} - {"active"}
    assert {name for name in fields if detailed("", f"{name}: 1", chinese).isascii()} == set()


def test_every_field_of_an_event_that_fits_on_a_line_has_a_word() -> None:
    fields = {field.name for kind in TABLE for field in msgspec.structs.fields(kind)}
    shown = fields - {"active", "jpeg", "models", "alarms", "evidence", "refused"}
    assert {name for name in shown if fielded([(name, 1)], speaking("zh_CN")).isascii()} == set()


def test_every_source_of_a_door_fault_has_a_word() -> None:
    chinese, rules = speaking("zh_CN"), "".join(inspect.getsource(each) for each in (chatter, door, drive, standing))
    sources = re.findall(r'aults\.fail\("(\w+)"', rules)
    assert {"relay", "inputs", "supply", "feedback", "orders"} <= set(sources)
    for source in [*sources, *(f"{each}_chatter" for each in Input)]:
        _, _, said = detailed("DoorFault", f"source: {source}", chinese).partition(": ")
        assert said and not said.isascii(), source


def test_the_place_of_a_door_fault_says_what_of_the_door_it_is() -> None:
    faults = [Key("hq", "lobby", "door/main", "DoorFault", source) for source in ("relay", "supply")]
    assert [place(fault, str) for fault in faults] == [
        "hq/lobby door main (relay)", "hq/lobby door main (supply of the lock)",
    ]  # fmt: skip
    assert place(faults[0], speaking("zh_CN"), {"hq/lobby": "大堂", "main": "正门"}) == "大堂 正门（继电器）"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("granted: 1, passed: 2", "放行人数: 1, 通过人数: 2"),
        ("open_s: 31.0", "已开秒数: 31.0"),
        ("area: hall, hard: True", "区域: hall, 防返传: 硬性，已拒绝"),
        ("source: contact_chatter, detail: x", "来源: 门磁不稳定, 详情: x"),
    ],
)
def test_fields_of_alarms_are_told_in_chinese(text: str, told: str) -> None:
    assert detailed("", text, speaking("zh_CN")) == told
