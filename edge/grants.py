"""From a grant to the released door: record first, then the relay. Pure; times are monotonic seconds.

A grant whose record is not on the disk in time follows the row `storage_slow`. What was true when it was granted
must still be true then: the face fresh, the door usable, the other door of the sluice shut.
"""

import math
from collections.abc import Collection

from msgspec import Struct

from edge.access import Access
from edge.areas import Areas
from edge.door import Door
from edge.doorevents import AccessGranted
from edge.effects import Effect, Emit, Settle, UseSettled
from edge.factors import Attempt
from edge.facts import Recorded
from edge.opening import Passing
from edge.terms import Contact, Factor, Now, Reason

RECORD_S = 0.25
"""How long a grant waits for its record to be on the disk."""

AGAIN_S = 2.0
"""How long a person whose grant could not be recorded waits for the next attempt: storage is given time."""

Effects = list[Effect]


Refused = list[tuple[Attempt, Reason]]


class Waiting(Struct):
    """People who pass together once the record of each is on the disk."""

    people: list[Attempt]
    tickets: set[int]
    until: float


class Grants:
    """The grants of every door of a gate. `deadline` says when `tick` must be called next."""

    def __init__(self, doors: dict[str, Door], access: Access, areas: Areas) -> None:
        self._doors, self._access, self._areas = doors, access, areas
        self._waiting: dict[int, Waiting] = {}
        self.again_at: dict[tuple[str, str], float] = {}
        """By door and person: when somebody may be granted once more who was, or whose record of that failed."""
        self._tickets = 0
        self.deadline = math.inf

    def recent(self, door: str, person: str, now: float) -> bool:
        """Whether this person was granted at this door just now, or the record of that failed just now."""
        return now < self.again_at.get((door, person), -math.inf)

    def interlocked(self, door: str) -> bool:
        """Whether another door of the sluice is not known to be shut, or about to be released."""
        others = self._doors[door].rules.interlock
        if not others:
            return False
        soon = {waiting.people[0].door for waiting in self._waiting.values()}
        return any(other in soon or not self._doors[other].secure for other in others)

    def entering(self, attempt: Attempt) -> bool:
        """Whether this person is being let into the same area by another door, and has not been seen to go through."""
        others = self._doors.keys() - {attempt.door}
        granted = [each for waiting in self._waiting.values() for each in waiting.people if each.door in others]
        way = [(each.person, each.into) for each in granted]
        for opening in [self._doors[name].opening for name in others]:
            way += [(each.person, each.into) for each in opening.people if not each.taken] if opening else []
        return (attempt.person, attempt.into) in way

    def begin(self, people: list[Attempt], now: float) -> Effects:
        """Record the grant of everybody who passes together."""
        waiting = Waiting(people, set(), now + RECORD_S)
        self.again_at = {key: at for key, at in self.again_at.items() if now < at}
        effects: Effects = []
        for attempt in people:
            self._tickets += 1
            attempt.ticket = self._tickets
            self._waiting[self._tickets] = waiting
            waiting.tickets.add(self._tickets)
            self.again_at[attempt.door, attempt.person] = now + self._access.rules.cooldown_s
            if attempt.track is not None:
                self._access.wait(attempt.source, attempt.track, True)
            event = AccessGranted(attempt.person, attempt.evidence, tuple(attempt.factors), attempt.credential)
            effects.append(Emit(f"door/{attempt.door}", event, self._tickets))
        self.deadline = min(self.deadline, waiting.until)
        return effects

    def recorded(self, fact: Recorded, now: Now) -> tuple[Effects, Refused]:
        """The record of a grant is on the disk, or will not be."""
        waiting = self._waiting.get(fact.ticket)
        if waiting is None:
            return [], []
        waiting.tickets.discard(fact.ticket)
        if fact.ok and waiting.tickets:
            return [], []
        return self._release(waiting, fact.ok, now)

    def tick(self, now: Now) -> tuple[Effects, Refused]:
        effects: Effects = []
        refused: Refused = []
        while late := [each for each in self._waiting.values() if now.mono >= each.until]:
            told, more = self._release(late[0], False, now)
            effects, refused = effects + told, refused + more
        self._plan()
        return effects, refused

    def _release(self, waiting: Waiting, recorded: bool, now: Now) -> tuple[Effects, Refused]:
        """Open, unless something has become untrue meanwhile or the record is missing and must not be."""
        self._forget(waiting)
        reason = self._against(waiting.people, recorded, now.mono)
        if reason is None:
            return self._open(waiting.people, now), []
        refused = self._deny(waiting.people, reason)
        if reason is Reason.NOT_RECORDED:
            self.again_at.update({(each.door, each.person): now.mono + AGAIN_S for each in waiting.people})
        return [], refused

    def restart(self) -> Refused:
        """The whitelist changed: nobody passes on a grant of the one before, who may not be on it any more."""
        refused: Refused = []
        while self._waiting:
            waiting = next(iter(self._waiting.values()))
            self._forget(waiting)
            refused += self._deny(waiting.people, Reason.STALE)
        return refused

    def revoked(self, passes: Collection[str]) -> Refused:
        """These passes count no longer: nobody passes with one of them, nor alone where two were granted."""
        refused: Refused = []
        while ended := [each for each in self._waiting.values() if any(p.credential in passes for p in each.people)]:
            self._forget(ended[0])
            for attempt in ended[0].people:
                gone = attempt.credential in passes
                refused += self._deny(
                    [attempt], Reason.CREDENTIAL_NOT_ENABLED if gone else Reason.SECOND_PERSON_MISSING
                )
        return refused

    def _forget(self, waiting: Waiting) -> None:
        """These wait no longer, and their views count again."""
        for ticket in [ticket for ticket, each in self._waiting.items() if each is waiting]:
            del self._waiting[ticket]
        self._plan()
        for attempt in waiting.people:
            if attempt.track is not None:
                self._access.wait(attempt.source, attempt.track, False)

    def _deny(self, people: list[Attempt], reason: Reason) -> Refused:
        for attempt in people:
            self.again_at.pop((attempt.door, attempt.person), None)
        return [(attempt, reason) for attempt in people]

    def _against(self, people: list[Attempt], recorded: bool, now: float) -> Reason | None:
        last = people[-1]  # of two people the first may have waited for the second
        if not self._access.fresh(last.fresh, now, RECORD_S):
            return Reason.STALE
        counted = any(each.shown and each.shown.uses is not None for each in people)  # a use that is lost comes again
        if not recorded and (counted or not self._access.rules.unrecorded):
            return Reason.NOT_RECORDED
        if not self._doors[last.door].usable:
            return Reason.DOOR_UNAVAILABLE
        return Reason.INTERLOCKED if self.interlocked(last.door) else None

    def _open(self, people: list[Attempt], now: Now) -> Effects:
        """One opening for all of them; it is quick when it had to wait for nothing but a face."""
        extended = any(each.permit is not None and each.permit.extended for each in people)
        quick = len(people) == 1 and people[0].factors == [Factor.FACE]
        effects: Effects = []
        for attempt in people:
            door = self._doors[attempt.door]
            if door.contact is Contact.UNKNOWN:  # nobody will see them pass
                self._areas.moved(attempt.person, attempt.into, now)
            since, passing = attempt.since if quick else None, Passing(attempt.person, attempt.into)
            if not door.drive.energised:  # or they may pass with whoever was let in before
                passing.credential, passing.ticket = attempt.credential, attempt.ticket
            effects += door.open(str(attempt.factors[0]), now.mono, passing, since, extended)
            if attempt.track is not None:
                self._access.settle(attempt.source, attempt.track)
                effects.append(Settle(attempt.source, attempt.track))
            effects += use(attempt, stands=True)
        return effects

    def _plan(self) -> None:
        self.deadline = min((each.until for each in self._waiting.values()), default=math.inf)


def use(attempt: Attempt, stands: bool) -> Effects:
    """What becomes of the use of its pass, if it showed one."""
    return [UseSettled(attempt.credential, attempt.ticket, stands)] if attempt.credential else []
