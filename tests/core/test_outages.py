"""What the gate makes of parts that fail: the list, an eye, a camera, the broker."""

from msgspec import structs

from edge.doorevents import AccessDenied, AccessGranted
from edge.events import BrokerFault, CameraFault, WhitelistFault
from edge.facts import BrokerReported, CameraReported, Started, TrackEnded, Wake, WhitelistLoaded
from edge.terms import Reason, Status, View
from tests.core.test_gate import LIST, look, reasons, world
from tests.core.worlds import World, events, gate_rules, view


def test_an_unusable_whitelist_shuts_everybody_out_and_is_told_once() -> None:
    w = world()
    for at in (1, 2):
        w.at(at, WhitelistLoaded(1, 0, 2.0, 0.0, "corrupt"))
    look(w, 3, 8)
    assert reasons(w) == [Reason.WHITELIST_UNAVAILABLE]
    assert len(events(w.effects, WhitelistFault)) == 1


def test_an_eye_that_falls_silent_is_a_camera_fault_and_its_votes_are_gone() -> None:
    w = world()
    look(w, 1, 2)
    w.at(3, Wake())
    assert w.gate.state().cameras["entrance"].status is Status.SILENT
    w.at(8, Wake())
    w.at(9, CameraReported("entrance", Status.STREAMING))
    assert [event.active for event in events(w.effects, CameraFault)] == [True, False]  # type: ignore[attr-defined]


def test_a_stream_that_shows_nothing_of_use_is_a_camera_fault_and_stops_no_decision() -> None:
    w = world()
    dark = View(1920, 1080, brightness=0.01, contrast=0.01, glare=0.0, sharpness=0.5)
    for second in range(30):
        w.at(1 + second, CameraReported("entrance", Status.STREAMING, view=dark if second < 16 else None))
    (fault,) = events(w.effects, CameraFault)
    assert (fault.active, fault.status) == (True, Status.TOO_DARK)  # type: ignore[attr-defined]
    assert w.gate.state().cameras["entrance"].status is Status.TOO_DARK
    look(w, 31, 3)
    assert events(w.effects, AccessGranted)


def test_a_camera_without_a_door_is_watched_over_and_opens_nothing() -> None:
    w = World(structs.replace(gate_rules(), cameras={"entrance": "main", "yard": ""}))
    w.at(0, Started("boot", "zoo", True))
    w.at(0, LIST)
    for number in range(6):
        w.at(1 + number / 25, structs.replace(view(1 + number / 25, "ann"), camera="yard"))
    w.at(2, TrackEnded("yard", 1))
    w.at(2, CameraReported("yard", Status.ENDED))
    assert not events(w.effects, AccessGranted) and not events(w.effects, AccessDenied)
    w.at(7, CameraReported("yard", Status.ENDED))
    assert [event.status for event in events(w.effects, CameraFault)].count(Status.ENDED) == 1  # type: ignore[attr-defined]


def test_a_broker_that_has_answered_before_the_start_is_not_missed() -> None:
    w = World(gate_rules())
    w.at(0, BrokerReported(Status.CONNECTED))
    w.at(0, Started("boot", "zoo", True))
    for second in range(1, 30):
        w.at(second, Wake())
    assert not events(w.effects, BrokerFault)


def test_a_short_outage_of_the_broker_is_no_fault_and_a_long_one_is_told_once() -> None:
    w = world()
    for at, status in ((1, Status.CONNECTED), (2, Status.REFUSED), (3, Status.CONNECTED), (4, Status.REFUSED)):
        w.at(at, BrokerReported(status))
    assert not events(w.effects)
    for at in (8.9, 9.1, 20):
        w.at(at, BrokerReported(Status.REFUSED))
    assert [event.active for event in events(w.effects, BrokerFault)] == [True]  # type: ignore[attr-defined]
