"""Who may pass: what people show at a door, joined into attempts and judged. Pure; the time is an argument.

An attempt begins with a face, a pass or a card and gathers what else the door or the pass asks for. Then the record
(validity, levels, schedules), anti-passback, the sluice and the second person have their say.
"""

from collections.abc import Collection

from edge.access import DOUBTS, Access, Decision
from edge.areas import Areas
from edge.attempts import Attempts
from edge.door import REFUSED_S, Door
from edge.doorevents import AccessDenied, AntiPassbackViolation
from edge.effects import Effect, Emit
from edge.factors import Attempt, EntryRules, alongside, has_pin, lacking, late, obtainable, useful
from edge.facts import CardRead, PassShown, PinEntered, Recorded
from edge.grants import Grants, Refused, use
from edge.keypads import Keypads, duress, enter
from edge.objections import Objections
from edge.permits import Permits
from edge.terms import Factor, Lamp, Now, Reason
from edge.turn import Turns
from edge.visit import Visits

Effects = list[Effect]


class Entry:
    """The attempts at every door of a gate."""

    def __init__(
        self,
        rules: dict[str, EntryRules],
        doors: dict[str, Door],
        access: Access,
        permits: Permits,
        areas: Areas,
        attempts: Attempts,
        grants: Grants,
        into: dict[str, str],
    ) -> None:
        self.rules = {name: rules.get(name, EntryRules()) for name in doors}
        self._doors, self._access = doors, access
        self.attempts, self.grants, self._into = attempts, grants, into
        self._open: list[Attempt] = []
        """Attempts that lack something: of each person one at each side of a door."""
        self._first: list[Attempt] = []
        """Who waits for a second person at their side of a door."""
        self.keypads = Keypads(self.rules, into)
        self._turns = Turns()
        self.visits = Visits(permits.rules.trust_clock)
        self._objections = Objections(doors, attempts, permits, self.visits, areas, grants)

    @property
    def deadline(self) -> float:
        due = min(self.grants.deadline, self.attempts.deadline, self.keypads.deadline)
        if not (self._open or self._first):
            return due
        return min(due, *(attempt.until for attempt in (*self._open, *self._first)))

    # What is shown ----------------------------------------------------------------------------------------------

    def face(self, decision: Decision, door: str, now: Now) -> Effects:
        """A face was recognised, or is to be refused."""
        person, reason = decision.person, decision.reason
        if person and (reason is None or reason in DOUBTS) and self.grants.recent(door, person, now.mono):
            return []
        attempt = self._attempt(door, decision.camera, person, Factor.FACE, decision.captured, now.mono)
        attempt.follow(decision.camera, decision.track)
        attempt.evidence = decision.evidence
        attempt.permit, attempt.doubt = decision.permit or attempt.permit, reason
        attempt.since, attempt.told = min(attempt.since, decision.since), attempt.told or decision.again
        if reason is not None and reason not in DOUBTS:
            return self._refuse(attempt, reason, now.mono)
        if Factor.HEAD_TURN in useful(attempt, self.rules[door]):
            self._turn(attempt, decision, now.mono)
        return self._judge(attempt, now)

    def _turn(self, attempt: Attempt, decision: Decision, now: float) -> None:
        """Ask for a head turn, or see whether this view shows it."""
        if attempt.turn is None:
            attempt.turn = self._turns.ask(decision.camera, decision.track, decision.captured, now)
        if attempt.turn:
            attempt.turn.see(decision.evidence.quality.yaw)
            if attempt.turn.done and Factor.HEAD_TURN not in attempt.factors:
                attempt.factors.append(Factor.HEAD_TURN)

    def card(self, fact: CardRead, now: Now) -> Effects:
        """A card was read."""
        person = fact.permit.person if fact.permit else ""
        if person and self.grants.recent(fact.door, person, now.mono):
            return []
        attempt = self._attempt(fact.door, fact.source, person, Factor.CARD, now.mono, now.mono)
        attempt.permit = fact.permit or attempt.permit
        if not person:
            return self._refuse(attempt, Reason.CREDENTIAL_NOT_FOUND, now.mono)
        if late(fact.heard, now.mono):
            return self._refuse(attempt, Reason.STALE, now.mono)
        return self._judge(attempt, now)

    def shown(self, fact: PassShown, now: Now) -> Effects:
        """A pass was read; it ages as a face does."""
        if not self._access.fresh(fact.read, now.mono):
            return []
        person = fact.shown.person if fact.shown else ""
        if person and self.grants.recent(fact.door, person, now.mono):
            return []
        attempt = self._attempt(fact.door, fact.source, person, Factor.PASS, fact.read, now.mono)
        attempt.shown, attempt.permit = fact.shown, fact.permit or attempt.permit
        if fact.shown is None or fact.problem is not None:
            return self._refuse(attempt, fact.problem or Reason.PASS_INVALID, now.mono, fact.detail)
        # A PIN of a record lasts, and a clock that may be wrong ends none.
        if fact.shown.pin and not attempt.permit and now.trusted:
            attempt.ends = now.mono + fact.shown.valid_until - now.utc
        return self._judge(attempt, now)

    def pin(self, fact: PinEntered, now: Now) -> Effects:
        """A PIN was typed: it belongs to whoever waits at this door, or to who comes next."""
        here = self._begun(fact.door, self._into.get(fact.source, ""), now.mono)
        waiting = [each for each in here if Factor.PIN not in each.factors and has_pin(each)]
        if late(fact.heard, now.mono):
            return self.keypads.late(fact, waiting, now.mono)
        for attempt in waiting:
            if enter(attempt, fact, now.mono):
                return [*duress(attempt, fact), *self._judge(attempt, now)]
        owner = self.keypads.owner(fact, now.mono)
        told = duress(owner.attempt, fact) if owner else []
        if waiting and not (owner and owner.passed):
            return [*told, *self._wrong(waiting, now.mono)]
        if not self.attempts.blocked(fact.door, ""):
            self.keypads.keep(fact, owner, now.mono)
        return told

    def _wrong(self, waiting: list[Attempt], now: float) -> Effects:
        """A PIN that is nobody's who waits. It was compared with those of all of them, so it counts against each.

        Whoever is blocked by it waits no longer, so no more are compared.
        """
        effects = self._refuse(waiting[-1], Reason.INVALID_PIN, now)
        others = {each.person: each for each in waiting if each.person != waiting[-1].person}
        for each in others.values():
            effects += self.attempts.refused(each.door, each.person, Reason.INVALID_PIN, now, ends=each.ends)
        self._open = [each for each in self._open if not self.attempts.blocked(each.door, each.person)]
        return effects

    def _attempt(self, door: str, source: str, person: str, factor: Factor, at: float, now: float) -> Attempt:
        """The attempt that what was shown `at` belongs to, or a new one."""
        into = self._into.get(source, "")
        known = next((each for each in self._begun(door, into, now) if person and each.person == person), None)
        if known is None:
            until = now + self.rules[door].second_factor_s
            return Attempt(door, source, person, now, at, until, [factor], into=into)
        known.fresh, known.into = max(known.fresh, at), known.into or into
        if factor not in known.factors:
            known.factors.append(factor)
        return known

    def _begun(self, door: str, into: str, now: float) -> list[Attempt]:
        """The attempts at this side of a door to which more may come: none whose time is over, told or not."""
        here = [each for each in self._open if each.door == door and alongside(each.into, into)]
        return [each for each in here if now < each.until]

    # Judging ----------------------------------------------------------------------------------------------------

    def _judge(self, attempt: Attempt, now: Now) -> Effects:
        """Grant it, refuse it, or wait for what it lacks."""
        if reason := self._objections.against(attempt, now):
            return self._refuse(attempt, reason, now.mono)
        early = self._early(attempt, now.mono)
        if self.attempts.blocked(attempt.door, attempt.person):  # that PIN was one wrong one too many
            return [*early, *self._refuse(attempt, Reason.CREDENTIAL_NOT_ENABLED, now.mono)]
        rules = self.rules[attempt.door]
        missing = lacking(attempt, rules)
        if missing and not obtainable(attempt, rules):
            return [*early, *self._refuse(attempt, missing, now.mono)]
        if missing:
            self._open += [] if attempt in self._open else [attempt]
            return [*early, *self._ask(attempt)]
        self._drop(attempt)
        return early + (self._together(attempt, rules, now) if rules.people > 1 else self._grant([attempt], now))

    def _drop(self, attempt: Attempt) -> None:
        """It lacks nothing any more, or is over."""
        self._open = [each for each in self._open if each is not attempt]
        self._first = [each for each in self._first if each is not attempt]

    def _ask(self, attempt: Attempt) -> Effects:
        """Show what is still wanted."""
        door, turn = self._doors[attempt.door], attempt.turn
        if turn is None or turn.failed:
            return door.look()
        return door.show(Lamp.TURN_LEFT if turn.left else Lamp.TURN_RIGHT, attempt.until)

    def _early(self, attempt: Attempt, now: float) -> Effects:
        """A PIN that was typed before its owner was recognised counts now; of who has or needs none it is no guess."""
        typed = self.keypads.waiting(attempt, now)
        if typed is None:
            return []
        mine = enter(attempt, typed.fact, now)
        guess = has_pin(attempt) and lacking(attempt, self.rules[attempt.door])
        if not mine and (typed.owned or not guess):
            return []
        self.keypads.drop(typed)
        if not mine:
            return self._refuse(attempt, Reason.INVALID_PIN, now)
        return [] if typed.told else duress(attempt, typed.fact)

    def _together(self, attempt: Attempt, rules: EntryRules, now: Now) -> Effects:
        """The two-person rule: the first one waits for somebody else, and may not pass any more when they come."""
        waiting = [each for each in self._first if each.door == attempt.door and alongside(each.into, attempt.into)]
        first, effects = waiting[0] if waiting else None, Effects()
        if first and first.person != attempt.person and now.mono < first.until:
            self._first.remove(first)
            if not (reason := self._objections.against(first, now)):
                return self._grant([first, attempt], now)
            effects = self._refuse(first, reason, now.mono)
            first = None
        if first is None:
            attempt.until = now.mono + rules.second_person_s
            self.keypads.passed(attempt, now.mono)
            self._first.append(attempt)
        return effects + self._doors[attempt.door].look()

    def _grant(self, people: list[Attempt], now: Now) -> Effects:
        effects = self.grants.begin(people, now.mono)
        for attempt in people:
            self.attempts.granted(attempt.door, attempt.person, Factor.PIN in attempt.factors)
            self.keypads.passed(attempt, now.mono)
            if self._objections.offends(attempt, now) == "soft":
                violation = AntiPassbackViolation(attempt.person, attempt.into, False)
                effects.append(Emit(f"door/{attempt.door}", violation))
            self.visits.granted(attempt.shown, now)
        return effects

    def _refuse(self, attempt: Attempt, reason: Reason, now: float, detail: str = "") -> Effects:
        """Say no: once per track for a face, now and then to a pass that is held up."""
        door = self._doors[attempt.door]
        told = self.keypads.known(attempt, now)
        if self._said(attempt, reason, now):
            return told
        took, factors = (now - attempt.since) * 1000, tuple(attempt.factors)
        event = AccessDenied(reason, attempt.evidence, took, attempt.person, factors, attempt.credential, detail)
        effects: Effects = [*told, Emit(f"door/{door.name}", event), *door.show(Lamp.REFUSED, now + REFUSED_S)]
        if reason is Reason.ANTI_PASSBACK:
            effects.append(Emit(f"door/{door.name}", AntiPassbackViolation(attempt.person, attempt.into, True)))
        turned = attempt.turn is not None
        return effects + self.attempts.refused(door.name, attempt.person, reason, now, turned, attempt.ends)

    def _said(self, attempt: Attempt, reason: Reason, now: float) -> bool:
        """Whether that was said already; then it is no attempt of its own either."""
        if reason is Reason.INVALID_PIN:
            return False
        self._drop(attempt)
        if attempt.track is not None:
            self._access.tell(attempt.source, attempt.track)
            return attempt.told
        if Factor.PASS not in attempt.factors:
            return False
        return self.visits.repeated(attempt.door, attempt.credential, reason, now)

    # Time and answers -------------------------------------------------------------------------------------------

    def recorded(self, fact: Recorded, now: Now) -> Effects:
        return self._settled(self.grants.recorded(fact, now), now.mono)

    def _settled(self, told: tuple[Effects, Refused], now: float) -> Effects:
        effects, refused = told
        for attempt, reason in refused:
            attempt.told = False  # each grant has its end
            effects = effects + use(attempt, stands=False) + self._refuse(attempt, reason, now)
        return effects

    def restart(self, now: float) -> Effects:
        """The whitelist changed: what was shown before counts no longer, nor does a grant that opened nothing yet."""
        self._open.clear()
        self._first.clear()
        return self._settled(([], self.grants.restart()), now)

    def revoked(self, passes: Collection[str], now: float) -> Effects:
        """These passes count no longer: nor does what has begun with one of them."""
        effects = self._settled(([], self.grants.revoked(passes)), now)
        for attempt in [each for each in (*self._open, *self._first) if each.credential in passes]:
            effects = effects + self._refuse(attempt, Reason.CREDENTIAL_NOT_ENABLED, now)
        return effects

    def tick(self, now: Now) -> Effects:
        """Whatever is due: grants without a record, attempts that nothing more came to, blocks that are over."""
        mono = now.mono
        effects = self._settled(self.grants.tick(now), mono)
        for attempt in [each for each in self._open if mono >= each.until]:
            missing = lacking(attempt, self.rules[attempt.door]) or Reason.SECOND_FACTOR_MISSING
            effects += self._refuse(attempt, missing, mono)
        for attempt in [each for each in self._first if mono >= each.until]:
            effects += self._refuse(attempt, Reason.SECOND_PERSON_MISSING, mono)
        for typed in self.keypads.over(mono):
            nobody = Attempt(typed.door, typed.source, "", mono, mono, mono, [Factor.PIN])
            effects += self._refuse(nobody, Reason.CREDENTIAL_NOT_FOUND, mono)
        return effects + self.attempts.tick(mono)
