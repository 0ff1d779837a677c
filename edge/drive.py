"""The relay of one door as the gate sees it: what was asked of the guard, what became of it, and what is amiss.

One release is a pulse. A door that stays released is a pulse that the next one renews while it lasts: the guard never
promises longer than its hard limit, and a gate that hangs or dies lets go. Pure; times are monotonic.
"""

import math
from enum import Enum

from edge.doorevents import DoorFault
from edge.effects import Effect, Emit, Pulse, Relock
from edge.errors import in_english
from edge.facts import RelayReported
from edge.terms import RelayOutcome

ANSWER_S = 0.5
"""How long the relay guard may take to report what it was asked to report, and a feedback contact to follow."""
RETRY_S = 1.0
"""Between two attempts to release a door that should be released and is not."""

Effects = list[Effect]


class Turn(Enum):
    """What a report or the time means for whoever waits at the door."""

    NONE = 0
    STARTED = 1
    ENDED = 2
    LOST = 3  # the relay let go or never moved, and nobody will say more
    REFUSED = 4  # it has certainly not moved


class Faults(dict[str, str]):
    """What is amiss with a door, by source: in what words. Each is told when it begins and when it is over.

    What lasts is told again after one that is over, so that nobody who counts doors takes this one for sound.
    """

    def __init__(self, door: str) -> None:
        super().__init__()
        self._subject = f"door/{door}"

    def fail(self, source: str, detail: str) -> Effects:
        known = source in self
        self[source] = detail
        return [] if known else [Emit(self._subject, DoorFault(True, source, detail))]

    def mend(self, source: str) -> Effects:
        detail = self.pop(source, None)
        if detail is None:
            return []
        over = DoorFault(False, source, detail)
        return [Emit(self._subject, told) for told in (over, *(DoorFault(True, *each) for each in self.items()))]


class Drive:
    """Asks for pulses. `deadline` says when `tick` must be called next."""

    def __init__(self, door: str, limit_s: float, faults: Faults, boot: str = "") -> None:
        self.door, self.boot = door, boot
        self.energised = self.away = self.holding = False
        self.let_go_at = -math.inf
        """When the relay let go last."""
        self._limit_s, self._faults = limit_s, faults
        self._count = 0
        self._asked: dict[str, float] = {}
        """Pulses that the guard may still speak of, the newest last, and their ends."""
        self._answer_by = self._renew_at = self._differs_at = math.inf
        self.silent = False
        """Whether the guard has been asked and has said nothing for too long: nobody knows what the relay does."""
        self._relocks = False
        self._feedback: bool | None = None
        self.deadline = math.inf

    @property
    def pending(self) -> bool:
        """Whether a pulse was asked for within the time that the guard has for its answer."""
        return bool(self._asked) and not self.energised and not self.silent

    @property
    def released(self) -> bool:
        """Whether the relay is energised and was not told to let go."""
        return self.energised and not self._relocks

    @property
    def pulse(self) -> str:
        """The pulse asked for last, "" when none is under way."""
        return next(reversed(self._asked), "")

    @property
    def until(self) -> float:
        """When that pulse ends."""
        return self._asked.get(self.pulse, -math.inf)

    # What is asked ----------------------------------------------------------------------------------------------

    def once(self, seconds: float, now: float) -> Effects:
        """Release for so long; a pulse that the guard never answered may go on as this one."""
        return self._ask(now + min(seconds, self._limit_s), now)

    def hold(self, now: float) -> Effects:
        """Stay released until `relock`."""
        if self.holding:
            return []
        self.holding = True
        return [] if self.away else self._ask(now + self._limit_s, now)

    def relock(self) -> Effects:
        """Let go now. The guard is told in any case: it may know of a pulse that was given up here."""
        self.holding, self._relocks, self._renew_at = False, bool(self._asked), math.inf
        self._plan()
        return [Relock(self.door)]

    def _ask(self, until: float, now: float) -> Effects:
        self._count += 1
        before, pulse = self.pulse, f"{self.boot}-{self.door}-{self._count}"
        if len(self._asked) > 1:
            del self._asked[next(iter(self._asked))]
        self._asked[pulse] = until
        self._answer_by, self._renew_at, self.silent = now + ANSWER_S, math.inf, False
        self._plan()
        return [Pulse(self.door, pulse, until, before)]

    # What is told -----------------------------------------------------------------------------------------------

    def told(self, report: RelayReported, now: float) -> tuple[Turn, Effects]:
        """What the guard says of a pulse, or of the relay as a whole (AVAILABLE, UNAVAILABLE)."""
        self.silent = False
        match report.outcome:
            case RelayOutcome.AVAILABLE:
                self.away = False
                again = self._ask(now + self._limit_s, now) if self.holding and not self._asked else []
                return Turn.NONE, [*self._faults.mend("relay"), *again]
            case RelayOutcome.UNAVAILABLE:
                self.away = True
                return self._lose(report.detail, now)
        if report.pulse not in self._asked:
            return Turn.NONE, []
        match report.outcome:
            case RelayOutcome.STARTED | RelayOutcome.BUSY:
                return self._started(report, now)
            case RelayOutcome.ENDED:
                return self._ended(report.pulse, now)
        if report.pulse != self.pulse:
            return Turn.NONE, []
        unmoved = report.outcome is RelayOutcome.REFUSED and not self.energised
        turn, effects = self._lose(report.detail, now)
        return Turn.REFUSED if unmoved else turn, effects

    def _started(self, report: RelayReported, now: float) -> tuple[Turn, Effects]:
        """The pulse began. BUSY: one asked for earlier goes on instead, though nobody said that it began."""
        if report.outcome is RelayOutcome.BUSY and len(self._asked) > 1:
            del self._asked[report.pulse]
        elif report.pulse != self.pulse:  # late: what is said of the newest one is still to come
            return self._energise(now, self._answer_by)
        return self._energise(now, self.until + ANSWER_S)

    def _energise(self, now: float, answer_by: float) -> tuple[Turn, Effects]:
        before, self.energised = self.energised, True
        self._answer_by = answer_by
        if self.holding:
            self._renew_at = max(now, self.until - self._limit_s / 2)
        self._compare(now)
        return Turn.NONE if before else Turn.STARTED, self._faults.mend("relay")

    def _ended(self, pulse: str, now: float) -> tuple[Turn, Effects]:
        effects = self._faults.mend("relay") if pulse == self.pulse or self._relocks else []
        turn = Turn.ENDED if self.energised else Turn.LOST
        if pulse == self.pulse:
            self._let_go(now)
            return turn, effects
        del self._asked[pulse]  # a newer one was asked for since: it goes on, or begins when this has let go
        if not self._relocks:
            return Turn.NONE, []
        self._rest(now)
        return turn, effects

    def _lose(self, why: str, now: float) -> tuple[Turn, Effects]:
        under_way = bool(self._asked)
        self._let_go(now)
        return Turn.LOST if under_way else Turn.NONE, self._faults.fail("relay", why)

    def _rest(self, now: float) -> None:
        if self.energised:
            self.let_go_at = now
        self.energised = self._relocks = False
        self._compare(now)

    def _let_go(self, now: float) -> None:
        self._rest(now)
        self._asked.clear()
        self._answer_by = math.inf
        self._renew_at = now + RETRY_S if self.holding and not self.away else math.inf
        self._plan()

    # Feedback and time ------------------------------------------------------------------------------------------

    def feedback(self, active: bool | None, now: float) -> Effects:
        """What the relay's second contact says; None when it cannot be read."""
        self._feedback = active
        self._compare(now)
        return self._agree()

    def _compare(self, now: float) -> None:
        differs = self._feedback is not None and self._feedback != self.energised
        self._differs_at = min(self._differs_at, now + ANSWER_S) if differs else math.inf
        self._plan()

    def _agree(self) -> Effects:
        differs = self._feedback is not None and self._feedback != self.energised
        return [] if differs else self._faults.mend("feedback")

    def _plan(self) -> None:
        self.deadline = min(self._answer_by, self._renew_at, self._differs_at)

    def tick(self, now: float) -> tuple[Turn, Effects]:
        """Whatever is due: an answer that did not come, a renewal, a contact that disagrees."""
        turn, effects = Turn.NONE, self._agree()
        if now >= self._differs_at:
            self._differs_at = math.inf
            wrong = "the feedback contact says not released though it should be"
            if self._feedback:
                wrong = "the feedback contact says released though nobody asked"
            effects += self._faults.fail("feedback", in_english(wrong))
        if now >= self._answer_by:
            turn, failed = self._overdue(now)
            effects += failed
        if now >= self._renew_at:
            effects += self._ask(now + self._limit_s, now)
        self._plan()
        return turn, effects

    def _overdue(self, now: float) -> tuple[Turn, Effects]:
        """The guard may still answer until the pulse would be over: then it counts, and mends the fault.

        Until then a relay that was energised is taken to be so: a guard that is slow has not let go.
        """
        why = in_english("the relay guard does not answer")
        if now >= self.until + ANSWER_S:
            lost = self._lose(why, now)
            self.silent = True
            return lost
        self._answer_by, self.silent = self.until + ANSWER_S, True
        if self.holding and self.energised:
            self._renew_at = now + RETRY_S
        return Turn.NONE, self._faults.fail("relay", why)
