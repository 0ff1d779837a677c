"""What moves a door besides people: commands of the monitoring room, and schedules by which it is unlocked. Pure."""

import math

from edge.areas import Areas
from edge.door import Door
from edge.doorevents import CommandAnswered
from edge.effects import Effect, Emit, KeepOrders
from edge.entry import Entry
from edge.errors import in_english
from edge.factors import late
from edge.facts import CommandReceived
from edge.orders import order
from edge.permits import Permits
from edge.standing import restore, standing
from edge.terms import CommandKind, Now, Standing

MINUTE_S = 60
TOO_LATE = in_english("it waited at the gate for too long; order it again if it is still wanted")
RELEASES = frozenset((CommandKind.OPEN, CommandKind.UNLOCK))
"""Not against another door of a sluice. To lock open is for an emergency and is taken all the same."""
SHUTTING = frozenset((CommandKind.LOCK, CommandKind.BLOCK, CommandKind.LOCK_DOWN))
"""A door that is ordered shut stays so until its schedule begins again, and is shut however late the order comes."""
KNOWN_AGAIN = SHUTTING | {CommandKind.UNBLOCK, CommandKind.RELEASE}
"""With one of these the room says what is to stand against a door of which that could not be read."""


class Control:
    """Commands and schedules of every door of a gate. `unlocked` says which schedule a door stands unlocked by.

    `shut_unread`: doors are locked down when what stood against them is not known.
    """

    def __init__(
        self,
        doors: dict[str, Door],
        entry: Entry,
        areas: Areas,
        permits: Permits,
        unlocked: dict[str, str],
        shut_unread: bool,
    ) -> None:
        self._doors, self._entry, self._areas, self._permits = doors, entry, areas, permits
        self._unlocked, self._shut_unread = unlocked, shut_unread
        self._minute = -1
        self._in_force: dict[str, bool] = {}
        self._waiting: set[str] = set()
        """Doors that their schedule would have unlocked and could not yet."""
        self._ends: dict[str, float] = {}
        """When blocks of before are over, UTC seconds; until the clock is trusted they last for what was left then."""
        self._kept: dict[str, Standing] | None = {}
        """What is on the disk; None when that must be written whatever it is."""
        self._unread = False
        """Whether that could not be read, and is left as it is."""
        self.deadline = math.inf
        """When the next minute begins, where a schedule may end or begin with it."""

    def start(self, orders: dict[str, Standing], unread: str, now: float) -> list[Effect]:
        """What stood against doors before the gate was started again still does; of doors that are gone, nothing.

        What cannot be read (`unread` says why) is left as it is until the room orders something.
        """
        if unread:
            why = in_english("what stood against it is not known: {why}", why=unread)
            orders = dict.fromkeys(self._doors, Standing(locked_down=self._shut_unread, unread=why))
        self._kept, self._unread = orders, bool(unread)
        effects: list[Effect] = []
        for name, known in orders.items():
            if door := self._doors.get(name):
                self._in_force[name] = known.relocked and name in self._unlocked
                if known.ends is not None:
                    self._ends[name] = known.ends
                effects += [*restore(door, known), *door.obey(now, "restart")]
        return effects

    def keep(self, now: Now) -> list[Effect]:
        """What stands against doors, when it is other than what was kept last."""
        if self._unread:
            return []
        found = {name: each for name in self._doors if (each := self._standing(name)) != Standing()}
        before, self._kept = self._kept, found
        return [] if found == before else [KeepOrders(found, now.mono, now.utc if now.trusted else None)]

    def _standing(self, name: str) -> Standing:
        return standing(self._doors[name], self._ends.get(name), self._relocked(name))

    def _relocked(self, name: str) -> bool:
        return self._in_force.get(name, False) and not (self._doors[name].scheduled or name in self._waiting)

    def command(self, fact: CommandReceived, now: float) -> list[Effect]:
        """Carry a command out and answer it; one for every door is accepted when one of them takes it.

        The answer then names the doors that did not.
        """
        names = [fact.door] if fact.door else list(self._doors)
        known = [name for name in names if name in self._doors]
        why = fact.problem or ("" if known else in_english("there is no door {door}", door=fact.door))
        if not why and fact.kind not in SHUTTING and late(fact.heard, now):
            why = TOO_LATE
        effects: list[Effect] = []
        refused: dict[str, str] = {}
        if not why and fact.kind is CommandKind.FORGIVE:
            self._areas.forgive(fact.person)
            effects += self._entry.attempts.forgive(fact.person)
        elif not why:
            answers = {name: self._order(name, fact, now) for name in known}
            refused = {name: against for name, (against, _) in answers.items() if against}
            why = refused[known[0]] if len(refused) == len(known) else ""
            effects += [effect for _, followed in answers.values() for effect in followed]
        subject = f"door/{fact.door}" if fact.door in self._doors else "gate"
        answer = CommandAnswered(
            id=fact.id,
            kind=fact.kind,
            operator=fact.operator,
            accepted=not why,
            why=why,
            by=fact.by,
            refused={} if fact.door else refused,
        )
        return [Emit(subject, answer), *effects]

    def _order(self, door: str, fact: CommandReceived, now: float) -> tuple[str, list[Effect]]:
        if fact.kind in RELEASES and self._entry.grants.interlocked(door):
            return in_english("another door of the sluice is open"), []
        against, followed = order(self._doors[door], fact.kind, fact.seconds, now)
        if fact.kind in SHUTTING and not against:
            self._waiting.discard(door)
        if fact.kind is CommandKind.BLOCK and not against:
            self._ends.pop(door, None)
        if fact.kind in KNOWN_AGAIN and not against and (mended := self._doors[door].faults.mend("orders")):
            self._kept, self._unread = None, False
            followed += mended
        return against, followed

    def schedules(self, now: Now) -> list[Effect]:
        """Doors that stand unlocked by schedule; a clock that is not trusted locks them but never unlocks them.

        They wait for a trusted clock, and those of a sluice, from minute to minute, until the others are shut.
        """
        ended = self._end_in_time(now) if self._ends and now.trusted else []
        if not self._unlocked or (now.mono < self.deadline and int(now.utc // MINUTE_S) == self._minute):
            return ended
        self._minute = int(now.utc // MINUTE_S)
        self.deadline = now.mono + MINUTE_S - now.utc % MINUTE_S
        effects = ended
        for name, schedule in self._unlocked.items():
            effects += self._turned(name, self._permits.open(schedule, now), now)
        return [*effects, *self.keep(now)]  # a door that was locked against its schedule hears nothing of its end

    def _end_in_time(self, now: Now) -> list[Effect]:
        """Have blocks of before end when they were to, and not only after all the time that was left."""
        for name, ends in self._ends.items():
            door, until = self._doors[name], now.mono + ends - now.utc
            if until < door.blocked_until:
                door.blocked_until = max(until, now.mono)
                door.plan()
        self._ends = {}
        return self.keep(now)

    def _turned(self, name: str, opens: bool, now: Now) -> list[Effect]:
        door, trusted = self._doors[name], self._permits.trusted(now)
        if opens != self._in_force.get(name, False) and (opens or trusted):  # a wrong clock ends no order against it
            self._in_force[name] = opens
            self._wait(name, opens and not (door.locked_down or door.blocked))
        if name in self._waiting and opens and trusted and not self._entry.grants.interlocked(name):
            self._wait(name, False)
            door.scheduled = True
        elif door.scheduled and not opens:
            self._wait(name, not trusted)
            door.scheduled = False
        else:
            return []
        return door.obey(now.mono, "schedule")

    def _wait(self, name: str, waits: bool) -> None:
        """What is ordered meanwhile is against the schedule all the same."""
        (self._waiting.add if waits else self._waiting.discard)(name)
