"""A head turn, asked for when it is unsure whether a face is alive."""

import pytest
from msgspec import structs

from edge.attempts import AttemptRules
from edge.door import DoorRules
from edge.doorevents import AccessDenied, AccessGranted, RepeatedRefusals
from edge.effects import Show
from edge.factors import Attempt, EntryRules
from edge.facts import CameraReported, FaceSeen, TrackEnded, Wake, WhitelistLoaded
from edge.gate import GateRules
from edge.liveness import LivenessRules
from edge.presence import Cues
from edge.terms import Factor, Lamp, Reason, Status
from edge.turn import Turn, Turns
from tests.core.worlds import GOOD, World, access_rules, candidate, events

ASKS = EntryRules(second_factors=frozenset((Factor.HEAD_TURN,)), second_factor_s=5.0)


@pytest.mark.parametrize("left", [True, False])
@pytest.mark.parametrize(
    ("yaws", "done", "failed"),
    [
        ([0, 5, 15, 25], True, False),
        ([25, 0, 25], True, False),
        ([25, 30], False, False),  # never looked ahead
        ([0, 15, 19], False, False),
        ([0, -25, 0, 25], False, True),
        ([0, 25, -25], True, False),
    ],
)
def test_the_side_that_was_asked_for_from_ahead_and_at_once(
    left: bool, yaws: list[float], done: bool, failed: bool
) -> None:
    turn = Turn(left)
    for yaw in yaws:
        turn.see(yaw if left else -yaw)
    assert (turn.done, turn.failed) == (done, failed)


def test_a_track_is_asked_once_and_both_sides_come_up() -> None:
    turns = Turns()
    assert {turn.left for track in range(40) if (turn := turns.ask("a", track, 5.1 + track, 9.0))} == {True, False}
    assert turns.ask("a", 3, 7.0, 9.5) is None
    assert turns.ask("b", 3, 7.0, 9.5) is not None


def gate(rules: EntryRules = ASKS, attempts: AttemptRules | None = None) -> World:
    doors = {"main": DoorRules(pulse_s=3.0, held_open_s=20.0)}
    access = access_rules(liveness=LivenessRules())
    most = attempts or AttemptRules()
    world = World(
        GateRules(doors, dict.fromkeys(("entrance", "hall"), "main"), access, entry={"main": rules}, attempts=most)
    )
    world.at(0, WhitelistLoaded(1, 2, 0.5, 0.01))
    world.effects.clear()
    return world


def show(
    world: World, at: float, yaws: list[float], live: float = 0.7, track: int = 1, camera: str = "entrance"
) -> float:
    for yaw in yaws:
        world.at(at, CameraReported(camera, Status.STREAMING))
        quality, cues = structs.replace(GOOD, yaw=yaw), Cues((live,), 0.05, 0.0)
        world.at(at, FaceSeen(camera, track, at - 0.05, at - 0.2, quality, cues, candidate()))
        at += 0.1
    return at


def asked(world: World) -> float:
    """1 when the person is shown to turn to their left, -1 for the right."""
    lamps = [effect.lamp for effect in world.effects if isinstance(effect, Show)]
    (lamp,) = [lamp for lamp in lamps if lamp in (Lamp.TURN_LEFT, Lamp.TURN_RIGHT)]
    return 1.0 if lamp is Lamp.TURN_LEFT else -1.0


def reasons(world: World) -> list[Reason]:
    return [event.reason for event in events(world.effects, AccessDenied)]  # type: ignore[attr-defined]


def test_an_unsure_face_that_turns_as_it_is_asked_passes() -> None:
    w = gate()
    at = show(w, 1, [0.0] * 15)
    assert not events(w.effects)
    show(w, at, [10 * asked(w), 28 * asked(w)])
    (event,) = events(w.effects, AccessGranted)
    assert event.factors == (Factor.FACE, Factor.HEAD_TURN)  # type: ignore[attr-defined]


def test_the_wrong_side_is_refused_and_not_asked_again() -> None:
    w = gate()
    at = show(w, 1, [0.0] * 15)
    side = asked(w)
    show(w, at, [-28 * side, 0.0, 28 * side, 0.0, -28 * side, 0.0])
    assert reasons(w) == [Reason.LIVENESS_UNSURE] and not events(w.effects, AccessGranted)


def test_who_does_not_turn_in_time_is_refused() -> None:
    w = gate()
    at = show(w, 1, [0.0] * 70)
    assert reasons(w) == [Reason.LIVENESS_UNSURE]
    show(w, at, [28 * asked(w)])
    assert not events(w.effects, AccessGranted)


def test_what_is_an_attack_is_asked_nothing() -> None:
    w = gate()
    show(w, 1, [0.0] * 20, live=0.1)
    assert reasons(w) == [Reason.PRESENTATION_ATTACK]
    assert not [e for e in w.effects if isinstance(e, Show) and e.lamp in (Lamp.TURN_LEFT, Lamp.TURN_RIGHT)]


@pytest.mark.parametrize(("live", "reason"), [(0.99, Reason.SECOND_FACTOR_MISSING), (0.7, Reason.LIVENESS_UNSURE)])
def test_a_head_turn_is_no_second_factor_where_one_is_always_asked_for(live: float, reason: Reason) -> None:
    w = gate(structs.replace(ASKS, always=True))
    show(w, 1, [0.0, 28, 0.0, -28] * 5, live=live)
    assert not events(w.effects, AccessGranted) and reasons(w) == [reason]
    assert not [e for e in w.effects if isinstance(e, Show) and e.lamp in (Lamp.TURN_LEFT, Lamp.TURN_RIGHT)]


def test_what_one_track_did_is_nothing_that_another_one_did() -> None:
    """Two photographs: one looks ahead, the other to the side."""
    w = gate()
    at = show(w, 1, [0.0] * 15)
    side = asked(w)
    w.at(at, TrackEnded("entrance", 1))
    show(w, at + 0.5, [28.0 * side] * 15, track=2)
    assert not events(w.effects, AccessGranted)


def test_a_track_is_not_asked_again_however_long_it_lasts() -> None:
    w = gate()
    at = show(w, 1, [0.0] * 15)
    side = asked(w)
    show(w, at, [-28.0 * side, 0.0])
    w.effects.clear()
    show(w, at + 0.3, [0.0] * 700)
    assert not [each for each in w.effects if isinstance(each, Show) and each.lamp in (Lamp.TURN_LEFT, Lamp.TURN_RIGHT)]


def test_a_wrong_turn_is_a_guess_and_there_are_only_so_many() -> None:
    w = gate(attempts=AttemptRules(most=3))
    at = 1.0
    for track in range(1, 4):
        w.effects.clear()
        at = show(w, at, [0.0] * 15, track=track)
        at = show(w, at, [-28.0 * asked(w)] * 3, track=track)
        w.at(at, TrackEnded("entrance", track))
    assert events(w.effects, RepeatedRefusals)


def test_which_side_is_asked_for_nobody_knows_who_knows_the_track() -> None:
    sides = set()
    for number in range(20):
        w = gate()
        show(w, 1.0 + number / 7, [0.0] * 15)
        sides.add(asked(w))
    assert sides == {1.0, -1.0}


def test_a_track_of_one_camera_was_not_asked_because_that_of_another_was() -> None:
    w = gate()
    at = show(w, 1, [0.0] * 15)
    w.at(at, TrackEnded("entrance", 1))
    w.at(at + 10.0, Wake())
    w.effects.clear()
    show(w, at + 10.0, [0.0] * 15, camera="hall")
    assert asked(w)


def test_nobody_is_shown_to_turn_any_longer_than_they_are_waited_for() -> None:
    w = gate()
    at = show(w, 1, [0.0] * 15)
    w.at(at, WhitelistLoaded(2, 1, 0.5, 0.01))
    w.at(at + ASKS.second_factor_s, Wake())
    assert [each.lamp for each in w.effects if isinstance(each, Show)][-1] in (Lamp.IDLE, Lamp.LOOK)


@pytest.mark.parametrize(("track", "kept"), [(1, True), (2, False)])
def test_of_what_was_shown_only_the_turn_is_of_one_track(track: int, kept: bool) -> None:
    shown = [Factor.CARD, Factor.FACE, Factor.HEAD_TURN]
    attempt = Attempt("main", "entrance", "ann", 0.0, 0.0, 9.0, shown, track=1, turn=Turn(True, done=True))
    attempt.follow("entrance", track)
    assert attempt.factors == (shown if kept else shown[:2]) and (attempt.turn is not None) is kept
    assert attempt.track == track
