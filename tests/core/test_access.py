"""One track: whose views count beside other faces, how old they may be, and what is forgotten."""

import pytest
from msgspec import structs

from edge.access import AHEAD_S, FORGOTTEN_S, Access
from edge.facts import FaceSeen
from edge.presence import Company, Several
from edge.terms import Reason
from tests.core.worlds import access_rules, view

ALONE, NEAREST, BEHIND = Company(), Company(others=1, nearest=True), Company(others=1, nearest=False)


def verdicts(access: Access, company: Company, views: int = 8) -> list[Reason | str]:
    """What is told of one track, in order: the person, or why not."""
    seen = [access.seen(view(1 + i / 25, company=company), None, 0.5, 1 + i / 25) for i in range(views)]
    return [each.reason or each.person for each in seen if each]


@pytest.mark.parametrize(
    ("several", "company", "told"),
    [
        (Several.BOTH, BEHIND, "ann"),
        (Several.NEAREST, NEAREST, "ann"),
        (Several.NEAREST, BEHIND, None),
        (Several.REFUSE, ALONE, "ann"),
        (Several.REFUSE, NEAREST, Reason.NOT_ALONE),
    ],
)
def test_whoever_is_not_alone_passes_as_the_site_wants(
    several: Several, company: Company, told: Reason | str | None
) -> None:
    found = verdicts(Access(access_rules(several=several)), company)
    assert found[:1] == ([told] if told else [])


def test_a_door_that_cannot_open_is_the_reason_before_company() -> None:
    access = Access(access_rules(several=Several.REFUSE))
    told = [access.seen(view(1 + i / 25, company=NEAREST), Reason.DOOR_UNAVAILABLE, 0.5, 1 + i / 25) for i in range(8)]
    assert {each.reason for each in told if each} == {Reason.DOOR_UNAVAILABLE}


def test_a_view_is_fresh_up_to_its_limit_and_a_little_ahead() -> None:
    access = Access(access_rules(freshness_s=1.0))
    assert access.fresh(10.0, 11.0) and not access.fresh(10.0, 11.001)
    assert access.fresh(10.0, 11.25, 0.25) and not access.fresh(10.0, 11.26, 0.25)
    assert access.fresh(AHEAD_S, 0.0) and not access.fresh(AHEAD_S + 0.001, 0.0)


def look(access: Access, camera: str, track: int, at: float) -> object:
    seen: FaceSeen = structs.replace(view(at, track=track), camera=camera)
    return access.seen(seen, None, 0.5, at)


def test_a_track_that_waits_or_is_settled_gives_no_second_verdict() -> None:
    access = Access(access_rules())
    assert [bool(look(access, "east", 1, 1 + i / 25)) for i in range(4)] == [False, False, True, True]
    access.wait("east", 1, True)
    assert look(access, "east", 1, 1.2) is None and access.watched("east")
    access.wait("east", 1, False)
    assert look(access, "east", 1, 1.24)
    access.settle("east", 1)
    assert look(access, "east", 1, 1.28) is None and access.settled("east", 1)
    assert not access.watched("east") and not access.settled("east", 2) and not access.settled("west", 1)


def test_a_camera_that_is_lost_takes_its_tracks_with_it_and_no_other_camera_s() -> None:
    access = Access(access_rules())
    look(access, "east", 1, 1.0)
    look(access, "west", 1, 1.0)
    access.forget("east")
    assert not access.watched("east") and access.watched("west") and len(access) == 1


def test_another_list_ends_the_votes_and_an_old_track_is_forgotten() -> None:
    access = Access(access_rules())
    look(access, "east", 1, 1.0), look(access, "east", 1, 1.04)
    access.restart()
    assert [bool(look(access, "east", 1, 1.08 + i / 25)) for i in range(3)] == [False, False, True]
    look(access, "west", 2, 1.16 + FORGOTTEN_S)
    assert len(access) == 2
    look(access, "west", 3, 1.17 + FORGOTTEN_S)
    assert len(access) == 2, "the first one is over"
