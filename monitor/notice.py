"""What a level is told of an alarm: a document for programs, a text for people, a CAP alert. Nothing personal."""

from datetime import datetime

import msgspec
from msgspec import Struct

from edge.errors import Phrase
from edge.i18n import speaking
from monitor import cap
from monitor.linkage import Cause, Level
from monitor.retold import retelling
from monitor.terms import Alarm, Check, Key
from monitor.words import detailed, place, word

NOBODY = Key("", "", "", "")


class Notice(Struct, frozen=True):
    """Kept as it was made, so that what is sent again is the same. `id` names it to whoever receives it twice."""

    id: str
    level: str
    cause: Cause
    alarm: Alarm
    after_s: float = 0.0
    """How long it was then since the alarm had been raised."""

    @property
    def because(self) -> Phrase:
        """Why it was made."""
        return Phrase(word(self.cause), seconds=int(self.after_s))


class Document(Struct, frozen=True):
    """What programs are sent, by MQTT and webhook. Times are UTC seconds; `text` is in the level's language."""

    id: str
    level: str
    cause: Cause
    alarm: int
    site: str
    gate: str
    subject: str
    kind: str
    source: str
    severity: int
    priority: str
    state: str
    raised: float
    detail: str
    text: str
    url: str


def trial(now: float) -> Alarm:
    """An alarm that is none, for trying how a level is told."""
    return Alarm(number=0, key=NOBODY, severity=1, check=Check.LOOK, detail="", latched=False, opened=now, raised=now)


class Writer(Struct, frozen=True):
    """Puts notices into words. `url` is where people reach the page, or empty."""

    issuer: cap.Issuer
    url: str

    def subject(self, notice: Notice, level: Level) -> str:
        """One line: how urgent, what, where."""
        translate, alarm = speaking(level.language), notice.alarm
        if notice.cause is Cause.TEST:
            return translate("Test notice from {site}").format(site=self.issuer.title)
        what, cause = translate(word(alarm.key.kind)), notice.because.render(translate)
        head = "{priority} alarm: {what}, {place}" if notice.cause is Cause.REPORTED else "{what}, {place}: {cause}"
        priority = translate(word(alarm.priority))
        return translate(head).format(priority=priority, what=what, place=place(alarm.key, translate), cause=cause)

    def text(self, notice: Notice, level: Level) -> str:
        """What people read."""
        translate, alarm = speaking(level.language), notice.alarm
        if notice.cause is Cause.TEST:
            return translate("This is a test. Nothing has happened, and nothing is to be done.")
        raised = datetime.fromtimestamp(alarm.raised, self.issuer.zone).strftime("%Y-%m-%d %H:%M:%S")
        lines = [
            self.subject(notice, level),
            translate("since {time}; now: {state}").format(time=raised, state=translate(word(alarm.state))),
            detailed(alarm.key.kind, alarm.detail, retelling(level.language)),
            self.link(alarm),
        ]
        return "\n".join(line for line in lines if line)

    def link(self, alarm: Alarm) -> str:
        return f"{self.url.rstrip('/')}/alarms/{alarm.number}" if self.url and alarm.number else ""

    def document(self, notice: Notice, level: Level) -> bytes:
        """A `Document` as JSON."""
        alarm = notice.alarm
        made = Document(
            id=notice.id, level=notice.level, cause=notice.cause, alarm=alarm.number, site=alarm.key.site,
            gate=alarm.key.gate, subject=alarm.key.subject, kind=alarm.key.kind, source=alarm.key.source,
            severity=alarm.severity, priority=alarm.priority, state=alarm.state, raised=alarm.raised,
            detail=alarm.detail, text=self.text(notice, level), url=self.link(alarm),
        )  # fmt: skip
        return msgspec.json.encode(made)

    def cap(self, notice: Notice) -> bytes:
        return cap.alert(notice.alarm, self.issuer, notice.cause is Cause.TEST)
