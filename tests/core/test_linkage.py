"""Who is told of an alarm: every rule by itself, levels one after the other, quiet hours; and the alert they get."""

import re
import xml.etree.ElementTree as ET
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace

from monitor.cap import NAMESPACE, Issuer, alert
from monitor.linkage import Cause, Level, Linkage, Rule, Telling, is_within
from monitor.terms import Alarm, Check, Key

GUARD, COMPANY, POLICE = (Level(name=name, topic="x") for name in ("guard_post", "security_company", "police_liaison"))
QUIET = Level(name="property_office", topic="x", quiet="22:00-07:00", quiet_below=801)
ZONE = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 11, 25, 23, 30, tzinfo=ZONE)  # a Wednesday
AT = NOW.timestamp()
FORCED = Alarm(
    number=7, key=Key("hq", "lobby", "door/main", "DoorForcedOpen"), severity=900, check=Check.LOOK, detail="a <b> & c",
    latched=False, opened=AT - 90, raised=AT - 90,
)  # fmt: skip
CALM = replace(FORCED, severity=300)


@pytest.mark.parametrize(
    ("rule", "holds"),
    [
        ({}, True),
        ({"kinds": ["DoorForcedOpen"]}, True),
        ({"kinds": ["DoorTamper"]}, False),
        ({"gates": ["lobby"]}, True),
        ({"gates": ["garden"]}, False),
        ({"gates": ["garden", "hq/lobby"]}, True),
        ({"gates": ["annex/lobby"]}, False),
        ({"gates": [""]}, False),
        ({"severity": 900}, True),
        ({"severity": 901}, False),
        ({"unacknowledged_s": 90.0}, True),
        ({"unacknowledged_s": 91.0}, False),
        ({"hours": "22:00-07:00"}, True),
        ({"hours": "07:00-22:00"}, False),
        ({"hours": "23:30-23:31"}, True),
        ({"hours": "23:00-23:30"}, False),
        ({"days": ["wed"]}, True),
        ({"days": ["mon", "thu"]}, False),
        ({"kinds": ["DoorForcedOpen"], "severity": 901}, False),
    ],
)
def test_a_rule_holds_when_all_of_it_does(rule: dict[str, object], holds: bool) -> None:
    linkage = Linkage([GUARD, POLICE], [Rule(tell=["police_liaison"], **rule)])  # type: ignore[arg-type]
    cause = Cause.UNACKNOWLEDGED if "unacknowledged_s" in rule else Cause.REPORTED
    expected = [Telling("police_liaison", cause)] if holds else []
    assert linkage.due(FORCED, frozenset(), AT, NOW) == expected


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({}, ["guard_post reported"]),
        ({"escalation": 1}, ["guard_post reported", "security_company unanswered"]),
        (
            {"escalation": 2},
            ["guard_post reported", "security_company unanswered", "police_liaison unanswered"],
        ),
        ({"escalation": 4, "acknowledged": AT}, ["guard_post reported", "security_company unclosed",
                                                 "police_liaison unclosed"]),
        ({"shelved_until": AT + 60}, []),
        ({"suppressed": True}, []),
        ({"closed": AT}, []),
    ],
)  # fmt: skip
def test_an_overdue_alarm_is_told_to_one_level_after_the_other(changed: dict[str, object], told: list[str]) -> None:
    linkage = Linkage([GUARD, COMPANY, POLICE])
    assert [" ".join(each) for each in linkage.due(replace(FORCED, **changed), frozenset(), AT, NOW)] == told


def test_nobody_is_told_twice_and_whoever_was_told_is_told_that_it_is_over() -> None:
    linkage = Linkage([GUARD, POLICE], [Rule(tell=["guard_post", "police_liaison"], severity=900)])
    first = linkage.due(FORCED, frozenset(), AT, NOW)
    assert len(first) == 2 and linkage.due(FORCED, set(first), AT, NOW) == []
    over = linkage.due(replace(FORCED, closed=AT), set(first[:1]), AT, NOW)
    assert over == [Telling("guard_post", Cause.CLOSED)]
    assert linkage.due(replace(FORCED, closed=AT), {*first[:1], *over}, AT, NOW) == []


def test_what_can_wait_waits_until_quiet_hours_are_over() -> None:
    linkage, morning = Linkage([QUIET]), datetime(2026, 11, 26, 7, 0, tzinfo=ZONE)
    assert linkage.due(CALM, frozenset(), AT, NOW) == []
    assert linkage.due(FORCED, frozenset(), AT, NOW) == [Telling("property_office", Cause.REPORTED)]
    assert linkage.due(CALM, frozenset(), morning.timestamp(), morning) == [Telling("property_office", Cause.REPORTED)]


@pytest.mark.parametrize(
    ("hours", "clock", "within"), [("", 3, True), ("00:00-24:00", 3, True), ("08:00-08:00", 8, True)]
)
def test_hours_that_are_none_are_all(hours: str, clock: int, within: bool) -> None:
    assert is_within(hours, NOW.replace(hour=clock)) is within


# The alert -----------------------------------------------------------------------------------------------------------

ALERT = ("identifier", "sender", "sent", "status", "msgType", "source", "scope", "restriction", "addresses", "code",
         "note", "references", "incidents", "info")  # fmt: skip
INFO = ("language", "category", "event", "responseType", "urgency", "severity", "certainty", "audience", "eventCode",
        "effective", "onset", "expires", "senderName", "headline", "description", "instruction", "web", "contact",
        "parameter", "resource", "area")  # fmt: skip
"""The order of elements in the schema of CAP 1.2, which is a sequence."""
WORDS = {
    "status": {"Actual", "Test"}, "msgType": {"Alert", "Cancel"}, "scope": {"Restricted"},
    "category": {"Fire", "Security", "Infra"}, "urgency": {"Immediate", "Expected", "Future", "Past"},
    "severity": {"Extreme", "Severe", "Moderate", "Minor"}, "certainty": {"Observed", "Possible"},
}  # fmt: skip
ISSUER = Issuer("gates.example.gov.cn", "政务中心", ZONE)


@pytest.mark.parametrize(
    "alarm",
    [FORCED, CALM, replace(FORCED, active=False), replace(FORCED, closed=AT, active=False),
     replace(FORCED, key=Key("hq", "x", "", "FireReleased")), replace(FORCED, detail="\x00\x1b[1m\ud7ff")],
)  # fmt: skip
def test_an_alert_is_as_the_schema_of_cap_has_it(alarm: Alarm) -> None:
    root = ET.fromstring(alert(alarm, ISSUER))
    assert root.tag == f"{{{NAMESPACE}}}alert"
    for element, order in ((root, ALERT), *((info, INFO) for info in root.findall(f"{{{NAMESPACE}}}info"))):
        places = [order.index(child.tag.partition("}")[2]) for child in element]
        assert places == sorted(places)
    for child in root.iter():
        name = child.tag.partition("}")[2]
        assert name not in WORDS or child.text in WORDS[name]
    text = {child.tag.partition("}")[2]: child.text or "" for child in root}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d", text["sent"])
    assert not set(text["identifier"] + text["sender"]) & set(" ,<&")
    assert len(root.findall(f"{{{NAMESPACE}}}info")) == 2


def test_what_cancels_an_alert_refers_to_it() -> None:
    first = ET.fromstring(alert(FORCED, ISSUER))
    last = ET.fromstring(alert(replace(FORCED, closed=AT + 60), ISSUER))
    parts = [first.findtext(f"{{{NAMESPACE}}}{name}") for name in ("sender", "identifier", "sent")]
    assert last.findtext(f"{{{NAMESPACE}}}references") == ",".join(map(str, parts))
    assert last.findtext(f"{{{NAMESPACE}}}identifier") != parts[1]
