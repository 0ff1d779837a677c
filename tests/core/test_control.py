"""What a command is answered, whom it means, and schedules of more than one door."""

from typing import Any

import pytest
from msgspec import structs

from edge.attempts import AttemptRules
from edge.door import DoorRules
from edge.doorevents import CommandAnswered, DoorModeChanged
from edge.effects import Emit, Pulse
from edge.facts import CardRead, CommandReceived, InputChanged, PinEntered, RelayReported, Wake
from edge.terms import CommandKind, DoorMode, Input, Place, RelayOutcome
from tests.core.test_entry import ANN, world
from tests.core.test_guessing import STRICT
from tests.core.test_keypads import BOB
from tests.core.test_standing import SLUICE
from tests.core.worlds import World

COMMAND = CommandReceived("c1", "desk", CommandKind.OPEN, by="eve")
ANSWER = CommandAnswered("c1", CommandKind.OPEN, "desk", True, by="eve")


@pytest.mark.parametrize(
    ("changes", "subject", "answer"),
    [
        ({"door": "main"}, "door/main", {}),
        ({}, "gate", {}),
        ({"door": "yard"}, "gate", {"accepted": False, "why": "there is no door yard"}),
        ({"door": "main", "problem": "signed by nobody"}, "door/main", {"accepted": False, "why": "signed by nobody"}),
        ({"kind": CommandKind.FORGIVE}, "gate", {"kind": CommandKind.FORGIVE}),
    ],
)
def test_an_answer_says_what_was_asked_by_whom_and_where(
    changes: dict[str, Any], subject: str, answer: dict[str, Any]
) -> None:
    told, *followed = world().at(1, structs.replace(COMMAND, **changes))
    assert told == Emit(subject, structs.replace(ANSWER, **answer))
    assert any(isinstance(each, Pulse) for each in followed) is (not answer)


@pytest.mark.parametrize(("person", "heard"), [("ann", {"ann"}), ("", {"ann", "bob"})])
def test_only_whoever_is_forgiven_begins_anew(person: str, heard: set[str]) -> None:
    w = world(STRICT, attempts=AttemptRules(pins=1))
    for at, permit in ((1, ANN), (3, BOB)):
        w.at(at, CardRead("main", "reader", permit))
        w.at(at + 1, PinEntered("main", "pad", "1111"))
        w.gate.areas.places[permit.person] = Place("hall", 1_000_000.0)
    w.at(5, CommandReceived("c", "op", CommandKind.FORGIVE, person=person))
    blocked, people = w.gate.entry.attempts.blocked, {"ann", "bob"}
    assert {each for each in people if not blocked("main", each)} == heard == people - w.gate.areas.places.keys()


def test_every_door_of_a_schedule_is_unlocked_and_of_one_that_somebody_passes_it_is_told_by_what() -> None:
    rules = DoorRules(3.0, 20.0)
    both = {"main": rules, "side": rules}
    w = World(structs.replace(SLUICE, doors=both, unlocked=dict.fromkeys(both, "day")))
    for name, door in w.gate.doors.items():
        door.open("command", 0.0)
        door.relay(RelayReported(name, RelayOutcome.STARTED, door.drive.pulse), 0.1)
    w.at(1, Wake())
    told = {each.subject: each.event for each in w.effects if isinstance(each, Emit)}
    unlocked = DoorModeChanged(DoorMode.UNLOCKED, DoorMode.ACCESSED, "schedule")
    assert (told.get("door/main"), told.get("door/side")) == (unlocked, unlocked)


def test_what_shuts_no_door_does_not_keep_its_schedule_from_it() -> None:
    w = World(SLUICE)
    w.at(0, InputChanged("side", Input.CONTACT, True))
    w.at(0.1, InputChanged("main", Input.CONTACT, False))
    w.at(61, Wake())
    w.at(70, CommandReceived("c", "op", CommandKind.ACKNOWLEDGE, "main"))
    assert not w.gate.doors["main"].drive.holding, "somebody stands in the other door"
    w.at(80, InputChanged("side", Input.CONTACT, False))
    w.at(121, Wake())
    assert w.gate.doors["main"].drive.holding
