"""Who is to be told of an alarm: rules over what it is, how severe, when, and for how long nobody answers.

Pure. What follows from the rules is compared with what was told already, so that a crash, a rule that is new or the end
of quiet hours needs nothing of its own: whoever should know by now and was not told is told.
"""

import re
from collections.abc import Iterator, Set
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal, NamedTuple

from msgspec import Meta, Struct, field

from edge.errors import Phrase
from edge.i18n import N_
from edge.strict import Problem
from monitor.terms import DAY_S, Alarm, is_at
from monitor.words import KINDS

HOURS = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Hours = Annotated[str, Meta(pattern=f"^({HOURS.pattern})?$", description=N_('hours of a day, such as "22:00-07:00"'))]
Severity = Annotated[int, Meta(ge=1, le=1001)]
LOCAL = re.compile(r"http://(127\.0\.0\.1|localhost|\[::1\])[:/]")


class Cause(StrEnum):
    """Why somebody is told."""

    REPORTED = "reported"  # a rule says so, at once
    UNACKNOWLEDGED = "unacknowledged"  # a rule says so, since nobody has acknowledged it for some time
    UNANSWERED = "unanswered"  # nobody has acknowledged it in time
    UNCLOSED = "unclosed"  # it was acknowledged, and is not closed in time
    CLOSED = "closed"  # whoever was told is told that it is over
    TEST = "test"


class Telling(NamedTuple):
    """That a level is told of an alarm, and why; once for each time that the alarm is raised."""

    level: str
    cause: Cause


class Level(Struct, forbid_unknown_fields=True):
    """Who is told of alarms, and how. Levels stand in their order: an overdue alarm is told to one after the other."""

    name: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,39}$", description=N_("letters, such as guard_post"))]
    """`guard_post`, `security_company`, `property_office`, `police_liaison`, `duty_leader`, or another."""
    title: str = ""
    """As people call it, where it is none of these."""
    topic: str = ""
    """An MQTT topic of the room's broker that its notices are published on."""
    webhook: str = ""
    """An address that notices are posted to, signed as standardwebhooks.com says."""
    webhook_secret_file: str = ""
    """The secret of that signature: `whsec_` and Base64 of at least 24 bytes."""
    webhook_format: Literal["json", "cap"] = "json"
    """What is posted: our JSON, or a CAP 1.2 alert."""
    email: list[str] = []
    """Addresses that are written to, by the server of `[mail]`; with a CAP 1.2 alert when it is urgent."""
    language: Literal["zh_CN", "en"] = "zh_CN"
    """The language of its texts."""
    quiet: Hours = ""
    """When it is told nothing that can wait, on the site's clock; it is told afterwards what is then still open."""
    quiet_below: Severity = 801
    """What can wait: less severe alarms than this."""

    def problems(self) -> Iterator[Problem]:
        if not (self.topic or self.webhook or self.email):
            yield "name", Phrase("cannot be told: give it a topic, a webhook or an email address")
        if set(self.topic) & set("+#\0"):
            yield "topic", Phrase("must be one topic, without + and #")
        if self.webhook and not (self.webhook.startswith("https://") or LOCAL.match(self.webhook)):
            yield "webhook", Phrase("must begin with https://")
        if self.webhook and not self.webhook_secret_file:
            yield "webhook_secret_file", Phrase("is needed with webhook")
        for address in self.email:
            if not re.fullmatch(r"[^\s@,;<>]+@[^\s@,;<>]+", address):
                yield "email", Phrase("{address} is no address", address=address[:40])


class Rule(Struct, forbid_unknown_fields=True):
    """When which levels are told. Without any rule the first level is told of everything at once."""

    tell: list[str]
    """The names of the levels."""
    kinds: list[str] = []
    """Of which alarms, by the names of their events, such as `DoorForcedOpen`; of all without any."""
    gates: list[str] = []
    """At which gates, as `SITE/GATE`, or by a name that is meant at every site; at all without any."""
    severity: Severity = 1
    """From which severity on: above 400 is medium, above 600 high, above 800 urgent."""
    unacknowledged_s: Annotated[float, Meta(ge=0, le=31 * DAY_S)] = 0.0
    """For how long nobody has acknowledged it; 0 is at once."""
    hours: Hours = ""
    """At which hours of the site's clock; at all without any."""
    days: list[Day] = []
    """On which days; on all without any."""

    def problems(self) -> Iterator[Problem]:
        for kind in self.kinds:
            if kind not in KINDS:
                yield "kinds", Phrase("{kind} is no kind of alarm; an example: DoorForcedOpen", kind=kind[:40])

    @property
    def cause(self) -> Cause:
        return Cause.UNACKNOWLEDGED if self.unacknowledged_s else Cause.REPORTED

    def fits(self, alarm: Alarm, now: float, local: datetime) -> bool:
        """Whether it holds of an open alarm at a time; `local` is that on the site's clock."""
        key = alarm.key
        at_it = not self.gates or any(is_at(key, gate) for gate in self.gates)
        of_it = at_it and (not self.kinds or key.kind in self.kinds)
        awaited = self.unacknowledged_s == 0 or (
            alarm.acknowledged is None and now - alarm.raised >= self.unacknowledged_s
        )
        in_days = not self.days or DAYS[local.weekday()] in self.days
        return of_it and awaited and alarm.severity >= self.severity and in_days and is_within(self.hours, local)


class Linkage(Struct, frozen=True):
    """The levels in their order, and the rules."""

    levels: list[Level] = field(default_factory=list)
    rules: list[Rule] = field(default_factory=list)

    def due(self, alarm: Alarm, told: Set[Telling], now: float, local: datetime) -> list[Telling]:
        """Who should know of the alarm by now and was not `told` since it was raised, in the order of the levels."""
        wanted = set(self._closing(told) if alarm.closed is not None else self._open(alarm, now, local))
        left = [level for level in self.levels if not _waits(level, alarm, local)]
        return [Telling(level.name, cause) for level in left for cause in Cause
                if (level.name, cause) in wanted - told]  # fmt: skip

    def _open(self, alarm: Alarm, now: float, local: datetime) -> Iterator[Telling]:
        if alarm.shelved_until is not None or alarm.suppressed:
            return
        rules = self.rules or [Rule(tell=[level.name for level in self.levels[:1]])]
        for rule in rules:
            if rule.fits(alarm, now, local):
                yield from (Telling(name, rule.cause) for name in rule.tell)
        cause = Cause.UNANSWERED if alarm.acknowledged is None else Cause.UNCLOSED
        yield from (Telling(level.name, cause) for level in self.levels[1 : alarm.escalation + 1])

    def _closing(self, told: Set[Telling]) -> Iterator[Telling]:
        yield from (Telling(level, Cause.CLOSED) for level, _ in told)


def _waits(level: Level, alarm: Alarm, local: datetime) -> bool:
    return bool(level.quiet) and alarm.severity < level.quiet_below and is_within(level.quiet, local)


def is_within(hours: str, local: datetime) -> bool:
    """Whether a time of day is within hours, the last minute not included; `""` is always, 22:00-07:00 over night."""
    if not (found := HOURS.fullmatch(hours)):
        return True
    a, b, c, d = map(int, found.groups())
    begin, end, at = 60 * a + b, 60 * c + d, 60 * local.hour + local.minute
    return begin <= at < end if begin < end else at >= begin or at < end
