"""Small builders for the core's tests: rules, times, facts."""

from edge.access import AccessRules
from edge.door import DoorRules
from edge.effects import Effect, Emit
from edge.facts import FaceSeen, Fact
from edge.gate import Gate, GateRules, Step
from edge.liveness import LivenessRules
from edge.presence import Company, Cues
from edge.terms import Candidate, Now, Quality

GOOD = Quality(eye_distance_px=80.0, sharpness=1.0, yaw=0.0, pitch=0.0, brightness=0.5)


def access_rules(**changes: object) -> AccessRules:
    rules = {
        "votes": 3,
        "freshness_s": 1.0,
        "cooldown_s": 5.0,
        "refuse_after": 6,
        "liveness": LivenessRules(votes=1, live_at_least=0.8, live_moving=0.8, watch_s=0.1),
        "without_liveness": False,
        "unrecorded": True,
    }
    return AccessRules(**{**rules, **changes})  # type: ignore[arg-type]


def gate_rules(**changes: object) -> GateRules:
    doors = {"main": DoorRules(pulse_s=3.0, held_open_s=20.0)}
    return GateRules(doors, {"entrance": "main"}, access_rules(**changes))


def candidate(person: str = "ann", revision: int = 1) -> Candidate:
    return Candidate(person, score=0.8, margin=0.3, threshold=0.5, revision=revision)


def view(
    at: float,
    person: str | None = "ann",
    track: int = 1,
    live: float | None = 0.9,
    age: float = 0.1,
    company: Company = Company(),  # noqa: B008 - it is frozen
) -> FaceSeen:
    """A good view of a track that reaches the gate at `at`; its first good view is taken to be 0.2 s before."""
    who = candidate(person) if person else None
    cues = Cues() if live is None else Cues((live,), shift=0.05, carried=0.0)
    return FaceSeen("entrance", track, at - age, at - age - 0.2, GOOD, cues, who, company=company)


def events(effects: list[Effect], kind: type | None = None) -> list[object]:
    """The outgoing events among effects, all or of one kind."""
    found = [effect.event for effect in effects if isinstance(effect, Emit)]
    return [event for event in found if kind is None or isinstance(event, kind)]


class World:
    """A gate and a clock that only moves when told."""

    def __init__(self, rules: GateRules | None = None) -> None:
        self.gate = Gate(rules or gate_rules())
        self.effects: list[Effect] = []
        self.wake: float | None = None

    def at(self, mono: float, fact: Fact) -> list[Effect]:
        step: Step = self.gate.step(fact, Now(mono, 1_000_000 + mono))
        self.effects += step.effects
        self.wake = step.wake
        return step.effects
