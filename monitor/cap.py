"""An alarm as a CAP 1.2 alert (OASIS Common Alerting Protocol), for those who answer emergencies.

Identifier and time of the first alert follow from the alarm alone, so that what is sent later can refer to it.
"""

import xml.etree.ElementTree as ET
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from edge.i18n import speaking
from monitor.retold import retelling
from monitor.terms import Alarm, Priority
from monitor.words import detailed, place, word

NAMESPACE = "urn:oasis:names:tc:emergency:cap:1.2"
MEDIA_TYPE = "application/cap+xml"
LANGUAGES = {"zh_CN": "zh-CN", "en": "en-GB"}
SEVERITY = {Priority.URGENT: "Extreme", Priority.HIGH: "Severe", Priority.MEDIUM: "Moderate", Priority.LOW: "Minor"}
URGENCY = {Priority.URGENT: "Immediate", Priority.HIGH: "Expected", Priority.MEDIUM: "Future", Priority.LOW: "Future"}
SUSPECTED = ("TailgatingSuspected", "PresentationAttack", "Duress")
FAULTS = ("Fault", "Lost", "Stepped", "GateOffline", "gap", "break", "conflict")


class Issuer(NamedTuple):
    """Who sends the alert: `sender` is unique in the world (a name of the DNS), `title` what people call the site."""

    sender: str
    title: str
    zone: ZoneInfo


def alert(alarm: Alarm, issuer: Issuer, test: bool = False) -> bytes:
    """The alert, or once the alarm is closed what cancels it; UTF-8 XML in the order of the schema."""
    over = alarm.closed is not None
    first, sent = f"alarm-{alarm.number}-{alarm.raised:.0f}", _time(alarm.raised, issuer.zone)
    root = ET.Element("alert", xmlns=NAMESPACE)
    _add(root, identifier=f"{first}-closed" if over else first, sender=issuer.sender)
    _add(root, sent=_time(alarm.closed or alarm.raised, issuer.zone), status="Test" if test else "Actual")
    _add(root, msgType="Cancel" if over else "Alert", scope="Restricted", restriction="responders of the site")
    if over:
        _add(root, references=f"{issuer.sender},{first},{sent}")
    for language in LANGUAGES:
        _info(root, alarm, issuer, language)
    document: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return document


def _info(root: ET.Element, alarm: Alarm, issuer: Issuer, language: str) -> None:
    translate = speaking(language)
    event, where = translate(word(alarm.key.kind)), place(alarm.key, translate)
    info = ET.SubElement(root, "info")
    _add(info, language=LANGUAGES[language], category=_category(alarm.key.kind), event=event)
    _add(info, urgency=URGENCY[alarm.priority] if alarm.active else "Past", severity=SEVERITY[alarm.priority])
    _add(info, certainty="Possible" if alarm.key.kind in SUSPECTED else "Observed")
    _add(info, onset=_time(alarm.raised, issuer.zone), senderName=issuer.title, headline=f"{event}: {where}")
    if description := _clean(detailed(alarm.key.kind, alarm.detail, retelling(language))).strip():
        _add(info, description=description)
    _add(ET.SubElement(info, "area"), areaDesc=f"{issuer.title}, {where}")


def _category(kind: str) -> str:
    if kind == "FireReleased":
        return "Fire"
    return "Infra" if kind.endswith(FAULTS) else "Security"


def _add(parent: ET.Element, **texts: str) -> None:
    for name, text in texts.items():
        ET.SubElement(parent, name).text = _clean(text)


def _clean(text: str) -> str:
    """Without characters that XML 1.0 cannot hold: these texts come from the network."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def _time(at: float, zone: ZoneInfo) -> str:
    """As CAP wants it (3.3.2): whole seconds, and the zone in digits, which for UTC are -00:00."""
    text = datetime.fromtimestamp(at, zone).isoformat(timespec="seconds")
    return text.removesuffix("+00:00") + "-00:00" if text.endswith("+00:00") else text
