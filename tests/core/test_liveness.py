"""The verdict about a track: what each kind of evidence may do and what it may not."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from edge.doorevents import AccessDenied, AccessGranted, PresentationAttack
from edge.facts import CameraReported, FaceSeen, TrackEnded, WhitelistLoaded
from edge.liveness import PATTERN, LivenessRules, Watch
from edge.presence import Company, Cues, Infrared, Motion, Several, Verdict
from edge.terms import Reason, Status
from tests.core.worlds import GOOD, World, events, gate_rules, view

RULES = LivenessRules()
MOVES, TAKEN_ALONG, STILL = {"shift": 0.05, "carried": 0.05}, {"shift": 0.05, "carried": 0.95}, {"shift": 0.002}
NOTHING: dict[str, Any] = {}


def watched(live: float, seconds: float, pace: float = 0.1, **cues: Any) -> Watch:
    watch = Watch()
    for index in range(round(seconds / pace) + 1):
        watch.see(Cues((live,), **cues), 10 + index * pace)
    return watch


@pytest.mark.parametrize(
    ("live", "seconds", "cues", "verdict"),
    [
        (0.99, 0.3, MOVES, Verdict.LIVE),
        (0.92, 1.0, MOVES, Verdict.LIVE),
        (0.88, 9.0, MOVES, Verdict.UNSURE),
        (0.99, 0.1, MOVES, Verdict.UNSURE),  # two views are too few
        (0.99, 0.9, NOTHING, Verdict.UNSURE),
        (0.99, 1.0, NOTHING, Verdict.LIVE),
        (0.92, 9.0, NOTHING, Verdict.UNSURE),
        (0.99, 9.0, {"border": 0.9}, Verdict.UNSURE),
        (0.99, 9.0, {**MOVES, "border": 0.9}, Verdict.LIVE),
        (0.92, 9.0, {**MOVES, "border": 0.9}, Verdict.UNSURE),
        (0.99, 9.0, {**MOVES, "pattern": 39.0}, Verdict.LIVE),
        (0.99, 9.0, {**MOVES, "pattern": 40.0}, Verdict.UNSURE),
        (0.99, 9.0, {"pattern": 40.0}, Verdict.UNSURE),
        (0.45, 9.0, {**MOVES, "pattern": 40.0}, Verdict.UNSURE),
        (0.1, 9.0, {**MOVES, "pattern": 40.0}, Verdict.ATTACK),
        (0.99, 9.0, TAKEN_ALONG, Verdict.UNSURE),
        (0.99, 9.0, STILL, Verdict.UNSURE),
        (0.45, 9.0, MOVES, Verdict.UNSURE),
        (0.45, 9.0, TAKEN_ALONG, Verdict.ATTACK),
        (0.45, 9.0, STILL, Verdict.ATTACK),
        (0.1, 9.0, MOVES, Verdict.ATTACK),
        (0.1, 0.9, MOVES, Verdict.UNSURE),
        (0.99, 1.0, {**MOVES, "infrared": Infrared.FACE}, Verdict.LIVE),
        (0.99, 0.9, {**MOVES, "infrared": Infrared.NONE}, Verdict.UNSURE),
        (0.99, 1.0, {**MOVES, "infrared": Infrared.NONE}, Verdict.ATTACK),
        (0.99, 9.0, {**MOVES, "infrared": Infrared.UNKNOWN}, Verdict.UNSURE),
    ],
)
def test_what_a_face_must_show(live: float, seconds: float, cues: dict[str, Any], verdict: Verdict) -> None:
    assert watched(live, seconds, **cues).found(RULES).verdict is verdict


def test_without_networks_there_is_no_verdict() -> None:
    watch = Watch()
    watch.see(Cues(shift=0.1, carried=0.0), 1.0)
    assert watch.found(RULES).verdict is Verdict.UNAVAILABLE


def test_a_face_that_was_an_attack_stays_one() -> None:
    watch = watched(0.1, 2.0)
    assert watch.found(RULES).verdict is Verdict.ATTACK
    for index in range(500):
        watch.see(Cues((1.0,), **MOVES), 13 + index * 0.1)
    assert watch.found(RULES).verdict is Verdict.ATTACK


def test_who_stood_still_and_then_moves_is_live() -> None:
    watch = watched(0.97, 3.0, **STILL)
    assert watch.found(RULES).motion is Motion.STILL
    watch.see(Cues((0.97,), **MOVES), 13.1)
    assert watch.found(RULES).verdict is Verdict.LIVE


def test_a_long_way_says_more_about_motion_than_many_short_ones() -> None:
    """Somebody who stands, hardly moves for a while as the picture trembles, and then comes two steps nearer."""
    watch = watched(0.97, 1.0, shift=0.01, carried=0.9)
    assert watch.found(RULES).motion is Motion.CARRIED
    for index in range(2):
        watch.see(Cues((0.97,), shift=0.5, carried=0.0), 11.1 + index * 0.1)
    assert watch.found(RULES).motion is Motion.OWN


def test_behind_a_lattice_a_site_asks_for_no_pattern() -> None:
    watch, behind = Watch(), structs.replace(RULES, pattern_at_least=1e9)
    for index in range(RULES.votes):
        watch.see(Cues((0.99,), **MOVES, pattern=570.0), 10 + index * 0.1)
    assert (watch.found(RULES).verdict, watch.found(behind).verdict) == (Verdict.UNSURE, Verdict.LIVE)


def test_who_showed_a_screens_pattern_once_is_not_live_after_it() -> None:
    watch = watched(0.99, 0.4, **MOVES)
    watch.see(Cues((0.99,), **MOVES, pattern=80.0), 10.5)
    for index in range(100):
        watch.see(Cues((0.99,), **MOVES, pattern=5.0), 11 + index * 0.1)
    found = watch.found(RULES)
    assert (found.verdict, found.pattern) == (Verdict.UNSURE, 80.0)


CUES = st.builds(
    Cues,
    st.tuples(st.floats(0, 1), st.floats(0, 1)),
    st.none() | st.floats(0, 2),
    st.none() | st.floats(0, 1),
    st.none() | st.floats(0, 1),
    pattern=st.none() | st.floats(0, 100),
)


@given(st.lists(st.tuples(CUES, st.floats(0, 1)), max_size=30))
def test_nobody_is_live_below_what_motion_of_its_own_asks_for(views: list[tuple[Cues, float]]) -> None:
    watch, now, values = Watch(), 5.0, [0.0]
    for cues, pause in views:
        now += pause
        watch.see(cues, now)
        values = [*values[len(values) == 1 and values == [0.0] :], *cues.appearance]
        found = watch.found(RULES)
        if found.verdict is Verdict.LIVE:
            assert found.views >= RULES.votes and sum(values) / len(values) >= RULES.live_moving - 1e-9
        assert found.motion is not Motion.CARRIED or found.verdict in (Verdict.UNSURE, Verdict.ATTACK)


@given(st.lists(st.tuples(CUES, st.floats(0, 1)), max_size=30))
def test_what_speaks_of_a_screen_never_lends_life_and_a_pattern_takes_it_for_good(
    views: list[tuple[Cues, float]],
) -> None:
    """The same views with and without an outline and a pattern."""
    whole, bare, now, worst = Watch(), Watch(), 5.0, 0.0
    for cues, pause in views:
        now += pause
        whole.see(cues, now)
        bare.see(structs.replace(cues, border=None, pattern=None), now)
        worst = max(worst, cues.pattern or 0.0)
        if whole.found(RULES).verdict is Verdict.LIVE:
            assert worst < PATTERN and bare.found(RULES).verdict is Verdict.LIVE
        else:
            bare.found(RULES)  # an attack stays one, for whoever was asked


def gate(**rules: Any) -> World:
    world = World(gate_rules(**{"liveness": RULES, **rules}))
    world.at(0, CameraReported("entrance", Status.STREAMING))
    world.at(0, WhitelistLoaded(1, 2, 0.5, 0.01))
    world.effects.clear()
    return world


def show(world: World, at: float, seconds: float, live: float, person: str | None = "ann", track: int = 1) -> None:
    for index in range(round(seconds / 0.1)):
        now = at + index * 0.1
        world.at(now, CameraReported("entrance", Status.STREAMING))
        seen = view(now, person, track)
        world.at(now, type(seen)("entrance", track, now - 0.1, at, GOOD, Cues((live,), **MOVES), seen.candidate))


@pytest.mark.parametrize("accepted", [False, True])
def test_a_face_without_any_verdict_passes_only_where_the_site_accepts_that(accepted: bool) -> None:
    w = gate(without_liveness=accepted, unrecorded=True)
    for tenth in range(10):
        w.at(1 + tenth / 10, view(1 + tenth / 10, live=None))
    reasons = [event.reason for event in events(w.effects, AccessDenied)]  # type: ignore[attr-defined]
    assert bool(events(w.effects, AccessGranted)) is accepted
    assert reasons == ([] if accepted else [Reason.LIVENESS_UNAVAILABLE])


def test_an_attack_is_an_alarm_that_ends_when_the_picture_is_gone() -> None:
    w = gate()
    show(w, 1, 3, live=0.1)
    show(w, 4, 3, live=0.1, track=2)
    assert [event.reason for event in events(w.effects, AccessDenied)] == [Reason.PRESENTATION_ATTACK] * 2  # type: ignore[attr-defined]
    assert events(w.effects, PresentationAttack) == [PresentationAttack(True, "entrance")]
    w.at(7, TrackEnded("entrance", 1))
    assert len(events(w.effects, PresentationAttack)) == 1
    w.at(7, TrackEnded("entrance", 2))
    assert events(w.effects, PresentationAttack)[1:] == [PresentationAttack(False, "entrance")]


@pytest.mark.parametrize(("carried", "view_number"), [(1.0, 6), (None, 11)])
def test_doubt_is_told_as_soon_as_the_surroundings_go_along_and_else_after_a_while(
    carried: float | None, view_number: int
) -> None:
    w = gate()
    for number in range(1, 21):
        now = 1 + number * 0.1
        seen = FaceSeen("entrance", 1, now, 1.1, GOOD, Cues((0.8,), shift=0.05, carried=carried), view(now).candidate)
        w.at(now, seen)
        denied = events(w.effects, AccessDenied)
        assert bool(denied) == (number >= view_number)
    assert [event.reason for event in denied] == [Reason.LIVENESS_UNSURE]  # type: ignore[attr-defined]


def test_an_attack_ends_with_its_camera() -> None:
    w = gate()
    show(w, 1, 3, live=0.1)
    w.at(4, CameraReported("entrance", Status.STALLED))
    assert [event.active for event in events(w.effects, PresentationAttack)] == [True, False]


def test_a_living_stranger_lends_no_life_to_a_photograph() -> None:
    """The photograph of somebody enrolled has its votes; then a living face in the same track, then it again."""
    w = gate()
    show(w, 1, 2, live=0.6)
    show(w, 3, 20, live=1.0, person=None)
    show(w, 23, 1, live=0.6)
    assert not events(w.effects, AccessGranted)


def test_life_before_the_person_was_known_does_not_count() -> None:
    w = gate()
    show(w, 1, 20, live=1.0, person=None)
    show(w, 21, 1, live=0.6)
    assert not events(w.effects, AccessGranted)


@pytest.mark.parametrize(
    ("several", "company", "reason"),
    [
        (Several.NEAREST, Company(1, nearest=True), None),
        (Several.REFUSE, Company(1, nearest=True), Reason.NOT_ALONE),
        (Several.REFUSE, Company(0, nearest=True), None),
        (Several.BOTH, Company(1, nearest=False), None),
    ],
)
def test_of_several_people_those_may_pass_whom_the_site_wants(
    several: Several, company: Company, reason: Reason | None
) -> None:
    w = gate(several=several, liveness=LivenessRules(votes=1, live_moving=0.8))
    for index in range(8):
        w.at(1 + index * 0.04, view(1 + index * 0.04, company=company))
    told = [event.reason for event in events(w.effects, AccessDenied)]  # type: ignore[attr-defined]
    assert told == ([reason] if reason else []) and bool(events(w.effects, AccessGranted)) is (reason is None)


def test_who_stands_behind_the_nearest_is_neither_let_in_nor_refused() -> None:
    w = gate(several=Several.NEAREST)
    for index in range(50):
        w.at(1 + index * 0.04, view(1 + index * 0.04, company=Company(1, nearest=False)))
    assert not events(w.effects, AccessGranted) and not events(w.effects, AccessDenied)


def test_who_was_not_alone_passes_once_alone_for_as_many_views_as_anybody() -> None:
    """One frame in which the other was not found is not enough."""
    w = gate(several=Several.REFUSE, liveness=LivenessRules(votes=1, live_moving=0.8))
    for index in range(8):
        w.at(1 + index * 0.04, view(1 + index * 0.04, company=Company(1)))
    w.at(1.4, view(1.4))
    w.at(1.44, view(1.44, company=Company(1)))
    for index in range(3):
        assert not events(w.effects, AccessGranted)
        w.at(1.5 + index * 0.04, view(1.5 + index * 0.04))
    assert events(w.effects, AccessGranted)


@pytest.mark.parametrize(("shown", "verdict"), [(8, Verdict.LIVE), (4, Verdict.UNSURE), (1, Verdict.ATTACK)])
def test_a_face_is_missed_in_infrared_now_and_then(shown: int, verdict: Verdict) -> None:
    watch = Watch()
    for index in range(10):
        infrared = Infrared.FACE if index < shown else Infrared.NONE
        watch.see(Cues((0.99,), 0.05, 0.05, infrared=infrared), index * 0.2)
    found = watch.found(RULES)
    assert (found.verdict, found.infrared) == (verdict, shown / 10)
