"""Why somebody may not pass a door now, whatever they show. Pure; the time is an argument."""

from edge.areas import Areas, Passback
from edge.attempts import Attempts
from edge.door import Door
from edge.factors import Attempt
from edge.grants import Grants
from edge.permits import Permits
from edge.terms import Now, Reason
from edge.visit import Visits


class Objections:
    """What the door, refused attempts, the record, the pass, anti-passback and the sluice say."""

    def __init__(
        self, doors: dict[str, Door], attempts: Attempts, permits: Permits, visits: Visits, areas: Areas, grants: Grants
    ) -> None:
        self._doors, self._attempts, self._permits = doors, attempts, permits
        self._visits, self._areas, self._grants = visits, areas, grants

    def against(self, attempt: Attempt, now: Now) -> Reason | None:
        """The first reason, if there is one."""
        door, person = attempt.door, attempt.person
        if not self._doors[door].usable:
            return Reason.DOOR_UNAVAILABLE
        if self._attempts.blocked(door, person):
            return Reason.CREDENTIAL_NOT_ENABLED
        return self._unpermitted(attempt, now) or self._misplaced(attempt, now)

    def offends(self, attempt: Attempt, now: Now) -> Passback:
        """How far anti-passback is: this person is in the area already, or on their way into it by another door."""
        if self._grants.entering(attempt):
            return self._areas.passback(attempt.into)
        return self._areas.violates(attempt.person, attempt.into, now)

    def _unpermitted(self, attempt: Attempt, now: Now) -> Reason | None:
        shown, permit = attempt.shown, attempt.permit
        if shown is None:
            return self._permits.against(permit, attempt.door, now)
        if refused := self._visits.against(shown, now):
            return refused
        return self._permits.against(permit, attempt.door, now, with_pass=True) if permit else None

    def _misplaced(self, attempt: Attempt, now: Now) -> Reason | None:
        if self.offends(attempt, now) == "hard":
            return Reason.ANTI_PASSBACK
        return Reason.INTERLOCKED if self._grants.interlocked(attempt.door) else None
