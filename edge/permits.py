"""Where and when a person's record lets them pass: validity, levels, schedules. Pure; the time is an argument."""

from msgspec import Struct, field

from edge.schedule import ALWAYS, Calendar
from edge.terms import Now, Permit, Reason


class Level(Struct, frozen=True):
    """What an access level opens: doors, while `schedule` is in force."""

    doors: frozenset[str]
    schedule: str = ALWAYS


class PermitRules(Struct, frozen=True):
    levels: dict[str, Level] = {}
    """By name. Where there are none, whoever is enrolled may pass every door at any time."""
    calendar: Calendar = field(default_factory=Calendar)
    trust_clock: bool = False
    """Whether times count although the clock is not synchronised; otherwise what depends on them is refused."""


class Permits:
    """Answers for every person; `open` also for doors that stand unlocked by schedule."""

    def __init__(self, rules: PermitRules) -> None:
        self.rules = rules

    def trusted(self, now: Now) -> bool:
        return now.trusted or self.rules.trust_clock

    def open(self, schedule: str, now: Now) -> bool:
        """Whether a schedule is in force by the clock as it is."""
        return self.rules.calendar.open(schedule, now.utc)

    def against(self, permit: Permit | None, door: str, now: Now, with_pass: bool = False) -> Reason | None:
        """Why this person may not pass this door now, if anything of their record says so.

        `with_pass`: a pass names the gate, so a record without any level does not forbid the door.
        """
        if permit is not None and (permit.valid_from is not None or permit.valid_until is not None):
            reason = self.window(permit.valid_from, permit.valid_until, now)
            if reason:
                return reason
        named = with_pass and permit is not None and not permit.levels
        return self._levels(permit, door, now) if self.rules.levels and not named else None

    def window(self, start: float | None, end: float | None, now: Now) -> Reason | None:
        """Why a time of validity (UTC seconds) does not hold now."""
        if not self.trusted(now):
            return Reason.CLOCK_UNTRUSTED
        if start is not None and now.utc < start:
            return Reason.CREDENTIAL_NOT_ACTIVE
        return Reason.CREDENTIAL_EXPIRED if end is not None and now.utc >= end else None

    def _levels(self, permit: Permit | None, door: str, now: Now) -> Reason | None:
        known = [self.rules.levels[name] for name in (permit.levels if permit else ()) if name in self.rules.levels]
        schedules = {level.schedule for level in known if door in level.doors}
        if not schedules:
            return Reason.UNAUTHORIZED
        if ALWAYS in schedules:
            return None
        if not self.trusted(now):
            return Reason.CLOCK_UNTRUSTED
        return None if any(self.open(each, now) for each in schedules) else Reason.NOT_PERMITTED_AT_THIS_TIME
