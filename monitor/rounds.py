"""What is done again and again: inspections and drills that become due, patrols with their checkpoints. Pure."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, NamedTuple
from zoneinfo import ZoneInfo

from msgspec import Meta, Struct

from edge.errors import Phrase
from edge.i18n import N_
from edge.strict import Problem
from monitor.terms import DAY_S

CLOCK = r"([01]\d|2[0-3]):[0-5]\d"
Clock = Annotated[str, Meta(pattern=f"^{CLOCK}$", description=N_('a time of the day, such as "22:00"'))]
PLACE = r"[a-z0-9][a-z0-9-]{0,30}/[a-z0-9][a-z0-9-]{0,30}"
Place = Annotated[str, Meta(pattern=f"^{PLACE}$", description=N_("a gate as SITE/GATE"))]
Name = Annotated[str, Meta(min_length=1, max_length=60)]
Days = Annotated[float, Meta(gt=0, le=3660)]


class Plan(Struct, frozen=True, forbid_unknown_fields=True):
    """An inspection round that comes round again; who has done it says so on the page."""

    name: Name
    """What people call it."""
    every_days: Days
    """It is overdue, and an alarm, when it was not done for so long."""
    gate: str = ""
    """The gate that it is about, as `SITE/GATE`, if it is about one."""

    def problems(self) -> Iterator[Problem]:
        if self.gate and not re.fullmatch(PLACE, self.gate):
            yield "gate", Phrase("is no gate: write SITE/GATE")


class DrillPlan(Struct, frozen=True, forbid_unknown_fields=True):
    """A drill that has to be passed again and again; the gate's own report says that it was."""

    name: Name
    """What people call it."""
    every_days: Days
    """It is overdue, and an alarm, when none was passed for so long."""
    gate: Place
    """The gate, as `SITE/GATE`."""


class Patrol(Struct, frozen=True, forbid_unknown_fields=True):
    """A round that guards walk: a passage of one of them at a gate is its checkpoint."""

    name: Name
    """What people call it."""
    at: Annotated[list[Clock], Meta(min_length=1)]
    """When it begins, on the site's clock, every day."""
    checkpoints: Annotated[list[Place], Meta(min_length=1)]
    """The gates that have to be passed, as `SITE/GATE`, in any order."""
    people: Annotated[list[str], Meta(min_length=1)]
    """Who walks it, by the ids of their enrolment; one of them at each gate is enough."""
    within_min: Annotated[float, Meta(ge=1, le=720)] = 60.0
    """How long it may take; a gate that nobody of them has passed by then is an alarm."""


class Kind(StrEnum):
    INSPECTION = "inspection"
    DRILL = "drill"


class Due(Struct, frozen=True):
    """One plan: when it was done last and by whom (empty for a machine), and when it has to be done again."""

    kind: Kind
    name: str
    gate: str
    last: float | None
    who: str
    due: float

    @property
    def subject(self) -> str:
        return f"{self.kind}/{self.name}"


class Round(NamedTuple):
    """One round of a patrol, in UTC seconds."""

    patrol: Patrol
    begins: float
    ends: float


def place_of(gate: str) -> tuple[str, str]:
    """Site and gate of `SITE/GATE`; both empty for none."""
    site, _, name = gate.partition("/")
    return site, name


def rounds(patrols: list[Patrol], since: float, until: float, zone: ZoneInfo) -> list[Round]:
    """The rounds that end after `since` and not after `until`, in the order of their ends."""
    first = datetime.fromtimestamp(since - DAY_S, zone).date()
    days = int((until - since) / DAY_S) + 3
    found = [
        Round(patrol, begins, begins + patrol.within_min * 60)
        for patrol in patrols
        for day in range(days)
        for begins in _begins(patrol, first + timedelta(days=day), zone)
    ]
    return sorted((each for each in found if since < each.ends <= until), key=lambda each: each.ends)


def _begins(patrol: Patrol, day: object, zone: ZoneInfo) -> Iterator[float]:
    for clock in patrol.at:
        yield datetime.fromisoformat(f"{day}T{clock}:00").replace(tzinfo=zone).timestamp()
