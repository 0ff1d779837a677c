"""The gate: whole stories told in facts, and the invariants over random traces."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from edge.doorevents import AccessDenied, AccessGranted, AccessTaken, DoorOpenTooLong
from edge.effects import Pulse, Settle
from edge.events import ThresholdChanged
from edge.facts import (
    BrokerReported,
    CameraReported,
    FaceSeen,
    Fact,
    Heartbeat,
    InputChanged,
    InputLost,
    Recorded,
    RelayReported,
    Started,
    StorageReported,
    TrackEnded,
    Wake,
    WhitelistLoaded,
)
from edge.grants import RECORD_S
from edge.terms import Input, Reason, RelayOutcome, Status, Storage
from tests.core.worlds import World, candidate, events, gate_rules, view

LIST = WhitelistLoaded(revision=1, people=2, threshold=0.5, effective_fpir=0.01)


def world(**changes: Any) -> World:
    world = World(gate_rules(**changes))
    world.at(0, Started("boot", "zoo", True))
    world.at(0, LIST)
    world.at(0, CameraReported("entrance", Status.STREAMING))
    world.at(0, InputChanged("main", Input.CONTACT, False))
    world.effects.clear()
    return world


def test_another_calibration_table_is_an_event_of_its_own() -> None:
    w = world()
    w.at(1, structs.replace(LIST, threshold=0.6, calibration="site 2026-11-24T12:00:00Z"))
    w.at(2, structs.replace(LIST, revision=2, threshold=0.6, calibration="site 2026-11-24T12:00:00Z"))
    w.at(3, structs.replace(LIST, revision=2))
    told = events(w.effects, ThresholdChanged)
    assert [(each.previous, each.calibration, each.threshold) for each in told] == [  # type: ignore[attr-defined]
        ("pack", "site 2026-11-24T12:00:00Z", 0.6), ("site 2026-11-24T12:00:00Z", "pack", 0.5)
    ]  # fmt: skip
    assert w.gate.state().whitelist.calibration == "pack"


def test_a_table_that_was_told_of_is_no_change_after_a_start_or_a_fault_of_the_list() -> None:
    w, own = World(gate_rules()), structs.replace(LIST, calibration="site 2026-11-24T12:00:00Z")
    w.at(0, Started("boot", "zoo", True, calibration=own.calibration))
    w.at(0, own)
    w.at(1, WhitelistLoaded(0, 0, 2.0, 0.0, "damaged"))
    w.at(2, own)
    assert events(w.effects, ThresholdChanged) == []
    w.at(3, Started("boot", "zoo", True))
    w.at(3, own)
    assert len(events(w.effects, ThresholdChanged)) == 1, "it changed while the gate was away"


def pulses(world: World) -> list[Pulse]:
    return [effect for effect in world.effects if isinstance(effect, Pulse)]


def reasons(world: World) -> list[Reason]:
    return [event.reason for event in events(world.effects, AccessDenied)]  # type: ignore[attr-defined]


def look(world: World, at: float, views: int, **how: Any) -> None:
    for index in range(views):
        world.at(at + index * 0.04, view(at + index * 0.04, **how))


def test_three_votes_are_recorded_before_the_relay_moves() -> None:
    w = world()
    look(w, 1, 2)
    assert not events(w.effects)
    look(w, 1.08, 1)
    assert [type(event) for event in events(w.effects)] == [AccessGranted] and not pulses(w)
    w.at(1.1, Recorded(1, True))
    (pulse,) = pulses(w)
    assert pulse.until == pytest.approx(4.1)
    w.at(1.11, RelayReported("main", RelayOutcome.STARTED, pulse.pulse))
    w.at(2, InputChanged("main", Input.CONTACT, True))
    assert events(w.effects, AccessTaken) == [AccessTaken("ann")]


@pytest.mark.parametrize(("unrecorded", "opens"), [(True, 1), (False, 0)])
def test_a_slow_disk_follows_its_row_after_250_ms(unrecorded: bool, opens: int) -> None:
    w = world(unrecorded=unrecorded)
    look(w, 1, 3)
    assert w.wake == pytest.approx(1.08 + RECORD_S)
    w.at(1.08 + RECORD_S, Wake())
    w.at(2, Recorded(1, True))  # late: it was decided without
    assert len(pulses(w)) == opens
    assert reasons(w) == ([] if unrecorded else [Reason.NOT_RECORDED])


def test_a_record_that_comes_after_the_gate_was_stopped_opens_nothing() -> None:
    w = world()
    look(w, 1, 3)
    w.at(9, Recorded(1, True))
    assert not pulses(w) and reasons(w) == [Reason.STALE]


@pytest.mark.parametrize("age", [1.5, -0.5, float("nan")])
def test_a_view_that_is_old_or_from_the_future_is_no_vote(age: float) -> None:
    w = world()
    look(w, 1, 10, age=age)
    assert not w.effects


def test_a_stranger_is_refused_once_and_may_still_turn_out_to_be_somebody() -> None:
    w = world()
    look(w, 1, 20, person=None)
    assert reasons(w) == [Reason.CREDENTIAL_NOT_FOUND]
    look(w, 2, 3)
    assert events(w.effects, AccessGranted)


def test_another_face_in_the_same_track_starts_the_votes_again() -> None:
    w = world()
    look(w, 1, 2, person="ann")
    look(w, 1.1, 2, person="bob")
    look(w, 1.2, 1, person="ann")
    assert not events(w.effects, AccessGranted)


@pytest.mark.parametrize(
    ("live", "reason"),
    [(0.1, Reason.PRESENTATION_ATTACK), (0.5, Reason.LIVENESS_UNSURE), (None, Reason.LIVENESS_UNAVAILABLE)],
)
def test_liveness_is_a_veto(live: float | None, reason: Reason) -> None:
    w = world()
    look(w, 1, 8, live=live)
    assert reasons(w) == [reason] and not events(w.effects, AccessGranted)


def test_without_liveness_the_configuration_may_accept() -> None:
    w = world(without_liveness=True)
    look(w, 1, 3, live=None)
    assert events(w.effects, AccessGranted)


def test_the_same_person_is_not_let_in_twice_within_the_cooldown() -> None:
    w = world()
    for ticket, (track, at) in enumerate(((1, 1.0), (2, 3.0), (3, 8.0)), start=1):
        w.at(at, CameraReported("entrance", Status.STREAMING))
        look(w, at, 3, track=track)
        w.at(at + 0.1, Recorded(ticket, True))
        w.at(at + 0.1, Recorded(2, True))
    assert len(events(w.effects, AccessGranted)) == 2
    assert {effect.track for effect in w.effects if isinstance(effect, Settle)} == {1, 3}


def test_a_new_track_within_the_cooldown_earns_a_grant_when_that_is_over() -> None:
    w = world()
    look(w, 1, 3)
    w.at(1.1, Recorded(1, True))
    look(w, 4, 60, track=2)
    assert len(events(w.effects, AccessGranted)) == 2


@pytest.mark.parametrize("reason", [Reason.NOT_RECORDED, Reason.STALE])
def test_a_grant_that_came_to_nothing_is_earned_again_by_later_views(reason: Reason) -> None:
    w = world(unrecorded=False)
    look(w, 1, 3)
    w.at(1.2, Recorded(1, False)) if reason is Reason.NOT_RECORDED else w.at(2.5, Recorded(1, True))
    assert reasons(w) == [reason] and not any(isinstance(effect, Settle) for effect in w.effects)
    w.at(2.9, CameraReported("entrance", Status.STREAMING))
    look(w, 3.3, 1)  # storage is given two seconds
    w.at(3.4, Recorded(2, True))
    assert len(pulses(w)) == 1
    assert Settle("entrance", 1) in w.effects


def test_a_revocation_in_mid_track_takes_the_votes_with_it() -> None:
    w = world()
    look(w, 1, 2)
    w.at(1.1, WhitelistLoaded(2, 1, 0.5, 0.01))
    look(w, 1.12, 2)
    assert not events(w.effects, AccessGranted)


def test_votes_alone_do_not_open_for_a_view_that_matches_nobody() -> None:
    w = world()
    look(w, 1, 4, live=0.5)
    look(w, 1.2, 30, live=1.0, person=None)
    assert not events(w.effects, AccessGranted)


FACTS = st.one_of(
    st.builds(
        lambda age, live, who, track: ("view", age, live, who, track),
        st.floats(-1, 3),
        st.sampled_from([None, 0.0, 0.5, 1.0]),
        st.sampled_from([None, "ann", "bob"]),
        st.integers(1, 3),
    ),
    st.sampled_from(
        [Wake(), Heartbeat(), TrackEnded("entrance", 1), InputLost("main", "gone"), TrackEnded("nowhere", 9)]
    ),
    st.builds(InputChanged, st.sampled_from(["main", "other"]), st.sampled_from(Input), st.booleans()),
    st.builds(CameraReported, st.sampled_from(["entrance", "other"]), st.sampled_from(Status)),
    st.builds(BrokerReported, st.sampled_from(Status)),
    st.builds(Recorded, st.integers(1, 5), st.booleans()),
    st.builds(lambda outcome: ("relay", outcome), st.sampled_from(RelayOutcome)),
    st.builds(StorageReported, st.sampled_from(Storage), st.just(0), st.just(10)),
    st.builds(
        WhitelistLoaded, st.integers(1, 3), st.just(2), st.just(0.5), st.just(0.01), st.sampled_from(["", "corrupt"])
    ),
)


@settings(max_examples=300)
@given(st.lists(st.tuples(st.floats(0.0, 2.0), FACTS), max_size=80))
def test_only_fresh_live_votes_and_the_exit_button_move_the_relay(trace: list[tuple[float, Any]]) -> None:
    w, now = world(), 10.0
    eligible: dict[str, float] = {}
    for pause, what in trace:
        now += pause
        fact = concrete(w, what, now)
        if isinstance(fact, FaceSeen) and fact.candidate and sum(fact.cues.appearance) > 0 and now - fact.captured <= 1:
            eligible[fact.candidate.person] = fact.captured
        for effect in w.at(now, fact):
            if isinstance(effect, Pulse):
                assert effect.until <= now + 3.0
                button = isinstance(fact, InputChanged) and fact.input is Input.EXIT_BUTTON and fact.active
                assert button or any(now - at <= 1 + RECORD_S for at in eligible.values())


def concrete(world: World, what: Any, now: float) -> Fact:
    if isinstance(what, tuple) and what[0] == "view":
        _, age, live, who, track = what
        return view(now, who, track, live, age)
    if isinstance(what, tuple):
        return RelayReported("main", what[1], world.gate.doors["main"].drive.pulse)
    assert isinstance(what, Fact)
    return what


def test_a_candidate_carries_what_explains_it() -> None:
    w = world()
    look(w, 1, 3)
    (granted,) = events(w.effects, AccessGranted)
    evidence = granted.evidence  # type: ignore[attr-defined]
    assert (evidence.pack, evidence.votes, evidence.score, evidence.revision) == ("zoo", 3, candidate().score, 1)
    assert evidence.frame_age_ms == pytest.approx(100)


def test_what_is_due_at_the_second_that_a_gate_asked_for_is_done_then() -> None:
    w = world()
    w.at(5, InputChanged("main", Input.CONTACT, False))
    w.at(6, InputChanged("main", Input.CONTACT, True))
    w.at(26, Wake())
    assert events(w.effects, DoorOpenTooLong) == [DoorOpenTooLong(True, 20.0)]
    assert w.wake is None or w.wake > 26
