"""Why a door changed its mode, and what a gate says of itself: words that people act on."""

from msgspec import structs

from edge.areas import AreaRules
from edge.door import DoorRules
from edge.doorevents import (
    AccessDenied,
    AccessGranted,
    AccessNotTaken,
    AccessTaken,
    DoorFault,
    DoorModeChanged,
    DoorOpenTooLong,
    DoorTamper,
    FireReleased,
)
from edge.effects import Emit, Pulse, Settle, Show
from edge.events import CameraFault, DrillFault, GateStarted
from edge.factors import EntryRules
from edge.facts import (
    CameraReported,
    Heartbeat,
    InputChanged,
    InputLost,
    PinEntered,
    PlacesKnown,
    Recorded,
    Started,
    TrackEnded,
    Wake,
)
from edge.gate import Gate, GateRules, Step
from edge.permits import PermitRules
from edge.schedule import Calendar, Schedule
from edge.sight import SightRules
from edge.terms import CommandKind, DoorMode, Input, Lamp, Now, Place, RelayOutcome, Status, View
from tests.core.doors import Bench, accessed, idle, order, taken
from tests.core.test_gate import LIST
from tests.core.worlds import World, access_rules, events, gate_rules, view


def test_a_block_for_a_time_ends_at_its_second_and_says_so() -> None:
    bench = Bench()
    idle(bench)
    order(bench, CommandKind.BLOCK, 1, 5)
    bench.tick(5.999)
    assert bench.door.mode is DoorMode.BLOCKED
    assert events(bench.tick(6)) == [DoorModeChanged(DoorMode.LOCKED, DoorMode.BLOCKED, "block is over")]
    assert not bench.door.blocked and bench.open(7), "and people pass again"


def test_a_relay_that_fails_in_an_opening_is_the_cause_of_the_mode() -> None:
    bench = Bench()
    accessed(bench)
    told = events(bench.relay(2, RelayOutcome.REFUSED), DoorModeChanged)
    assert told == [DoorModeChanged(DoorMode.LOCKED, DoorMode.ACCESSED, "fault")]


def test_who_is_granted_at_a_door_that_stands_open_moves_the_time_of_the_lamp() -> None:
    bench = Bench()
    idle(bench)
    order(bench, CommandKind.UNLOCK, 1)
    bench.relay(1.01, RelayOutcome.STARTED)
    assert Show("main", Lamp.GRANTED) in bench.open(2)
    bench.open(4)
    opening = bench.door.opening
    assert opening and opening.deadline == opening.until == 7.0, "three seconds from the last one"


def test_a_gate_without_liveness_says_so_at_its_start_and_in_its_state() -> None:
    world = World()
    (started,) = events(world.at(1, Started("boot", "pack", False, {"eye": "1"}, "digest")), GateStarted)
    assert started == GateStarted("boot", "pack", "unavailable", {"eye": "1"}, "digest")
    assert world.gate.state().liveness == "unavailable"


def test_before_its_start_a_gate_is_nobody_and_nothing_is_due() -> None:
    gate = Gate(GateRules({}, {}, access_rules()))
    assert gate.step(Wake(), Now(1.0, 1e6)) == Step([], None)
    state = gate.state()
    assert (state.boot, state.pack, state.liveness) == ("", "", "unavailable")


def test_a_picture_of_another_size_than_the_site_wants_is_a_fault_of_its_camera() -> None:
    world = World(structs.replace(gate_rules(), sights={"entrance": SightRules(1920, 1080)}))
    world.at(0, Started("boot", "zoo", True))
    small = View(1280, 720, 0.5, 0.2, 0.0, 1.0)
    for at in range(1, 30):
        world.at(at, CameraReported("entrance", Status.STREAMING, view=small))
    assert [event.active for event in events(world.effects, CameraFault)] == [True]  # type: ignore[attr-defined]


def test_a_drill_that_was_never_held_is_overdue() -> None:
    world = World(structs.replace(gate_rules(), drill_every_s=60.0))
    world.at(0, Started("boot", "zoo", True))
    assert events(world.at(1, Heartbeat()), DrillFault) == [DrillFault(True, "no drill was passed in time")]


def test_why_the_inputs_are_lost_is_told() -> None:
    world = World()
    assert events(world.at(1, InputLost("main", "No such device"))) == [DoorFault(True, "inputs", "No such device")]


def test_an_eye_that_goes_on_with_a_settled_track_is_told_again() -> None:
    world = World()
    for at, fact in enumerate((Started("boot", "zoo", True), LIST, InputChanged("main", Input.CONTACT, False))):
        world.at(at / 10, fact)
    for number in range(3):
        world.at(1 + number / 10, view(1 + number / 10))
    world.at(1.5, view(1.5))
    assert world.at(1.6, view(1.6)) == [Settle("entrance", 1)]


def test_votes_before_a_stream_was_lost_do_not_count_after_it() -> None:
    world = World()
    for fact in (Started("boot", "zoo", True), LIST, InputChanged("main", Input.CONTACT, False)):
        world.at(0, fact)
    for at in (1.0, 1.1):
        world.at(at, view(at))
    world.at(1.15, CameraReported("entrance", Status.STALLED))
    world.at(1.2, CameraReported("entrance", Status.STREAMING))
    world.at(1.3, view(1.3))
    assert not events(world.effects, AccessGranted)


def test_the_lamp_stays_while_somebody_else_is_looked_at_and_another_doors_people_are_no_reason() -> None:
    rules = structs.replace(
        gate_rules(),
        doors={name: DoorRules(pulse_s=3.0, held_open_s=20.0) for name in ("main", "back")},
        cameras={"entrance": "main", "second": "main", "yard": "back"},
    )
    world = World(rules)
    for fact in (Started("boot", "zoo", True), LIST):
        world.at(0, fact)
    for camera in ("entrance", "second", "yard"):
        world.at(1, structs.replace(view(1, None), camera=camera))
    assert world.at(1.1, TrackEnded("entrance", 1)) == [], "the second camera still looks"
    assert world.at(1.2, TrackEnded("second", 1)) == [Show("main", Lamp.IDLE)], "the yard is another door"


def test_what_is_due_at_once_at_several_places_is_all_done() -> None:
    """A PIN that nobody came to, and a door that has been held open."""
    world = World(structs.replace(gate_rules(), entry={"main": EntryRules(second_factor_s=18.0)}))
    for fact in (Started("boot", "zoo", True), LIST, InputChanged("main", Input.CONTACT, False)):
        world.at(0, fact)
    world.at(1.0, InputChanged("main", Input.CONTACT, True))
    world.at(3.5, PinEntered("main", "pad", "1"))
    told = events(world.at(21.5, Wake()))
    assert {type(event) for event in told} >= {AccessDenied, DoorOpenTooLong}


# The door -----------------------------------------------------------------------------------------------------------


def test_who_is_granted_while_the_leaf_of_an_unlocked_door_is_open_has_taken_it_at_once() -> None:
    bench = Bench()
    idle(bench)
    order(bench, CommandKind.UNLOCK, 1)
    bench.relay(1.01, RelayOutcome.STARTED)
    bench.contact(1.5, True)
    assert events(bench.open(2), AccessTaken) == [AccessTaken("ann")]


def test_of_two_who_were_granted_one_who_did_not_pass_is_waited_for_half_a_second() -> None:
    bench = Bench()
    taken(bench)
    bench.contact(2.2, False)
    bench.open(2.5, "bob")
    assert not events(bench.relay(4, RelayOutcome.ENDED), AccessNotTaken)
    assert bench.door.opening is not None
    assert events(bench.contact(4.3, True), AccessTaken) == [AccessTaken("bob")], "a hand on the door"


def test_a_leaf_that_opens_while_released_keeps_the_opening_for_who_else_is_granted() -> None:
    bench = Bench()
    taken(bench)
    assert bench.door.opening is not None
    bench.contact(2.2, False)
    bench.relay(4, RelayOutcome.ENDED)
    assert bench.door.opening is None


def test_a_leaf_that_opens_just_after_the_relay_let_go_ends_the_opening() -> None:
    bench = Bench()
    accessed(bench)
    bench.relay(4, RelayOutcome.ENDED)
    bench.contact(4.3, True)
    assert bench.door.opening is None and not events(bench.tick(4.6), AccessNotTaken)


def test_an_order_is_the_cause_of_the_mode_that_it_makes() -> None:
    bench = Bench()
    accessed(bench)
    order(bench, CommandKind.LOCK_DOWN, 2)
    assert events(bench.said, DoorModeChanged)[-1] == DoorModeChanged(
        DoorMode.LOCKED_DOWN, DoorMode.ACCESSED, "command"
    )
    held = Bench()
    accessed(held)
    order(held, CommandKind.UNLOCK, 2)
    told = events(held.said, DoorModeChanged)[-1]
    assert (told.mode, told.cause) == (DoorMode.UNLOCKED, "command")  # type: ignore[attr-defined]


def test_inputs_that_are_lost_take_a_disagreement_of_the_relay_with_them_in_time() -> None:
    bench = Bench()
    accessed(bench)
    bench.press(1.1, Input.FEEDBACK, False)
    bench.tick(2.0)
    assert "feedback" in bench.door.faults
    bench.lose(2.5)
    assert "feedback" not in bench.door.faults
    bench.tick(5.0)


def test_who_does_not_use_a_door_that_stands_unlocked_is_told_when_their_time_is_over() -> None:
    bench = Bench()
    idle(bench)
    order(bench, CommandKind.UNLOCK, 1)
    bench.relay(1.01, RelayOutcome.STARTED)
    bench.open(2)
    assert not events(bench.tick(4.9), AccessNotTaken)
    assert events(bench.tick(5.1), AccessNotTaken) == [AccessNotTaken("ann")]


def test_a_door_that_its_schedule_moves_while_another_is_looked_at_is_not_forgotten() -> None:
    """The gate wakes for its guard's answer, too. At 20 s this world's clock shows 13:47, the minute 827."""
    rules = structs.replace(
        gate_rules(),
        doors={name: DoorRules(pulse_s=3.0, held_open_s=20.0) for name in ("main", "back")},
        permits=PermitRules(calendar=Calendar("UTC", frozenset(), {"day": Schedule((((827, 900),),) * 7)})),
        unlocked={"back": "day"},
    )
    world = World(rules)
    for at, fact in ((0, Started("boot", "zoo", True)), (1, LIST), (19, Wake())):
        world.at(at, fact)
    assert any(isinstance(effect, Pulse) for effect in world.at(20.5, view(20.5)))
    wake = world.wake
    world.at(20.5, Wake())
    assert wake == world.wake


def test_where_no_contact_tells_who_passed_whoever_is_let_in_is_taken_to_be_inside() -> None:
    world = World(structs.replace(gate_rules(), areas={"hall": AreaRules()}, into={"entrance": "hall"}))
    for fact in (Started("boot", "zoo", True), LIST):
        world.at(0, fact)
    for number in range(3):
        world.at(1 + number / 10, view(1 + number / 10))
    world.at(1.3, Recorded(1, True))
    assert world.gate.areas.inside() == {"hall": ["ann"]}


def test_supply_tamper_and_fire_are_told_of_their_door_with_their_end_and_once() -> None:
    bench = Bench()
    failed, mended = (DoorFault(active, "supply", "the lock's supply has failed") for active in (True, False))
    for which, begun, over in (
        (Input.SUPPLY, failed, mended),
        (Input.TAMPER, DoorTamper(True), DoorTamper(False)),
        (Input.FIRE, FireReleased(True), FireReleased(False)),
    ):
        assert bench.press(1, which) == [Emit("door/main", begun)] and bench.press(2, which) == []
        assert bench.press(3, which, False) == [Emit("door/main", over)] and bench.press(4, which, False) == []


def test_a_pulse_that_ends_and_one_that_is_kept_up_are_the_causes_of_their_modes() -> None:
    bench = Bench()
    accessed(bench)
    ended = events(bench.relay(4, RelayOutcome.ENDED), DoorModeChanged)
    assert ended == [DoorModeChanged(DoorMode.LOCKED, DoorMode.ACCESSED, "relock")]
    order(bench, CommandKind.UNLOCK, 5)
    held = events(bench.relay(5.01, RelayOutcome.STARTED), DoorModeChanged)
    assert held == [DoorModeChanged(DoorMode.UNLOCKED, DoorMode.LOCKED, "hold")]


def test_who_is_granted_just_after_the_relay_let_go_gets_a_pulse_of_their_own() -> None:
    bench = Bench()
    accessed(bench)
    bench.relay(4, RelayOutcome.ENDED)
    assert any(isinstance(effect, Pulse) for effect in bench.open(4.2, "bob"))


def test_where_everybody_was_before_a_start_is_known_after_it() -> None:
    world = World(structs.replace(gate_rules(), areas={"hall": AreaRules()}))
    assert world.at(1, PlacesKnown({"ann": Place("hall", 1e6)})) == []
    assert world.gate.areas.inside() == {"hall": ["ann"]}


def test_a_gate_with_a_schedule_asks_to_be_woken_for_the_next_minute() -> None:
    day = PermitRules(calendar=Calendar("UTC", frozenset(), {"day": Schedule((((827, 900),),) * 7)}))
    rules = structs.replace(gate_rules(), unlocked={"main": "day"}, permits=day)
    step = Gate(rules).step(Heartbeat(), Now(10.0, 600_015.0))
    assert step.wake == 10.0 + 45.0
