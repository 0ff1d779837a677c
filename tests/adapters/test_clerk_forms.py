"""What a workstation says of people, also one that was taken over: the desk keeps what forms make of it, or nothing."""

import math
from datetime import date

import msgspec
import numpy as np
import pytest

from edge.enrolled import Applicant, Bounds, Consent, Edit
from edge.matcher import Vector
from edge.requests import (
    Admit,
    Change,
    Done,
    Refused,
)
from edge.whitelist import Whitelist
from tests.adapters.rooms import CONSENT, PACK, Room


@pytest.mark.parametrize(
    ("change", "dimension", "pack", "rows"),
    [
        ({}, PACK.dimension, PACK.id, np.full((1, PACK.dimension), np.nan)),
        ({}, PACK.dimension, PACK.id, np.ones((1, PACK.dimension))),
        ({}, PACK.dimension, PACK.id, np.zeros((9, PACK.dimension))),
        ({}, PACK.dimension, PACK.id, np.zeros((1, 7))),
        ({}, 8, PACK.id, np.zeros((1, 8))),
        ({}, PACK.dimension, "other-1", np.zeros((1, PACK.dimension))),
        ({"name": "a\nb"}, 0, PACK.id, None),
        ({"name": ""}, 0, PACK.id, None),
        ({"consent": Consent("", "entry", CONSENT.retain_until)}, 0, PACK.id, None),
        ({"consent": Consent("f", "entry", date(2020, 1, 1))}, 0, PACK.id, None),
        ({"bounds": Bounds(valid_from=2e9, valid_until=1e9)}, 0, PACK.id, None),
    ],
)  # fmt: skip
def test_a_workstation_that_was_taken_over_enrols_nothing_that_forms_would_not(
    room: Room, change: dict[str, object], dimension: int, pack: str, rows: Vector | None
) -> None:
    applicant = msgspec.structs.replace(Applicant("Ann", CONSENT), **change)
    content = b"" if rows is None else rows.astype("<f4").tobytes()
    assert isinstance(room.ask("front", Admit(applicant, pack, dimension, content)), Refused)
    assert room.people.people(date.today()) == []


@pytest.mark.parametrize(
    "change",
    [
        {"name": "a\nb"},
        {"name": ""},
        {"number": "7\x1b[2J"},
        {"number": "7 "},  # somebody else's, spelled otherwise
        {"bounds": Bounds(valid_from=2e9, valid_until=1e9)},
        {"bounds": Bounds(valid_until=1e9)},
        {"bounds": Bounds(valid_until=math.inf)},
        {"bounds": Bounds(valid_from=math.nan)},
        {"bounds": Bounds(valid_from=1e300)},
        {"bounds": Bounds(("lobby", ""))},
        {"bounds": Bounds(host="a\nb")},
    ],
)  # fmt: skip
def test_what_forms_would_not_take_is_refused_of_an_applicant_and_of_a_change(
    room: Room, change: dict[str, object]
) -> None:
    bob = room.enroll("Bob").person
    told = room.ask("front", Change(bob.id, bob.revision, Edit(number="7")), "r0")
    ann = room.enroll("Ann").person
    applicant = msgspec.structs.replace(Applicant("Eve", CONSENT), **change)
    for place, ask in enumerate((Change(ann.id, ann.revision, Edit(**change)), Admit(applicant, PACK.id, 0, b""))):
        assert isinstance(told, Done) and isinstance(room.ask("front", ask, f"r{place + 1}"), Refused), ask
    assert room.people.people(date.today()) == [told.person, ann]


@pytest.mark.parametrize(
    "edit",
    [
        Edit(consent=""),
        Edit(purpose="a\nb"),
        Edit(retain_until=date(2020, 1, 1)),
        Edit(card="a card"),
        Edit(pin="a\nb"),
        Edit(duress="a\nb"),
    ],
)
def test_nor_is_it_of_what_is_changed_alone(room: Room, edit: Edit) -> None:
    ann = room.enroll().person
    assert isinstance(room.ask("front", Change(ann.id, ann.revision, edit)), Refused)
    assert room.people.person(ann.id, date.today()) == ann


LONG = date(2099, 1, 1)


def test_what_is_kept_is_what_forms_make_of_it(room: Room) -> None:
    bounds = Bounds(("lobby ",), 2e9, 3e9, " Li\n", with_pass=True)
    consent = Consent(" form  12", "entry\n", LONG)
    enrolled = room.ask("front", Admit(Applicant("Ann\n", consent, "7 ", bounds, "a  twin"), PACK.id, 0, b""))
    edit = Edit("Ann\n", "7 ", " form  12", "entry\n", LONG, bounds, card="c-1 ", pin="")
    bob = room.enroll("Bob").person
    free = room.ask("front", Change(bob.id, bob.revision, msgspec.structs.replace(edit, number="8 ")), "r2")
    for number, told in (("7", enrolled), ("8", free)):
        assert isinstance(told, Done)
        person = told.person
        assert (person.name, person.number, person.consent, person.purpose) == ("Ann", number, "form 12", "entry")
        assert person.bounds == Bounds(("lobby",), 2e9, 3e9, "Li", with_pass=True)
    assert isinstance(enrolled, Done) and enrolled.person.another == "a twin"
    assert isinstance(free, Done) and free.person.card == "C-1"
    nothing = room.ask("front", Change(bob.id, free.person.revision, Edit(number="", card="", bounds=Bounds())), "r3")
    assert isinstance(nothing, Done) and (nothing.person.number, nothing.person.card) == ("", "")
    assert nothing.person.bounds == Bounds() and nothing.person.name == "Ann"


def test_of_a_visitor_whose_time_is_over_all_else_can_be_changed(room: Room) -> None:
    """The validity is sent along with the levels; it is not what is changed."""
    past = Bounds(("lobby",), valid_until=1e9, host="Li")
    ann = Whitelist.of(room.config, room.credentials, write=True).admit_faceless(
        Applicant("Ann", CONSENT, bounds=past), PACK.id
    )
    moved = msgspec.structs.replace(past, levels=("lab",), host="Wang")
    told = room.ask("front", Change(ann.id, ann.revision, Edit(bounds=moved)))
    assert isinstance(told, Done) and told.person.bounds == moved
    for place, end in enumerate((1e9 + 1, 1e9 - 1)):
        other = msgspec.structs.replace(past, valid_until=end)
        ask = Change(ann.id, told.person.revision, Edit(bounds=other))
        assert isinstance(room.ask("front", ask, f"r{place + 2}"), Refused)
