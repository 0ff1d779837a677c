"""One track: whose views count beside other faces, how old they may be, and what is forgotten."""

import pytest
from msgspec import structs

from edge.access import AHEAD_S, FORGOTTEN_S, Access
from edge.facts import FaceSeen
from edge.liveness import LivenessRules
from edge.presence import Company, Cues, Several
from edge.terms import Permit, Reason
from tests.core.worlds import GOOD, access_rules, candidate, view

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


def stands(access: Access, cues: Cues, views: int, every: float) -> list[int]:
    """Which views of somebody who stands there, numbered from 1, brought a verdict."""
    times = [1.0 + index * every for index in range(views)]
    facts = [FaceSeen("east", 1, at, 1.0, GOOD, cues, candidate()) for at in times]
    return [number for number, fact in enumerate(facts, start=1) if access.seen(fact, None, 0.5, fact.captured)]


def test_a_stranger_is_told_of_once_however_long_they_stay() -> None:
    access = Access(access_rules())
    told = [access.seen(view(1 + i / 25, person=None), None, 0.5, 1 + i / 25) for i in range(30)]
    assert [each.reason for each in told if each] == [Reason.CREDENTIAL_NOT_FOUND]


def test_a_doubt_that_lasts_is_told_from_the_first_view_that_shows_it() -> None:
    patient = LivenessRules(votes=1, live_at_least=0.95, watch_s=1.0, attack_below_unmoving=0.5)
    held = Cues((0.5,), shift=0.05, carried=1.0)  # in a hand, and just too lifelike for an attack
    assert stands(Access(access_rules(liveness=patient)), held, 8, 0.015625) == [6, 7, 8]
    barely = Cues((0.4375,), shift=0.05, carried=1.0)  # that may still prove to be one
    assert stands(Access(access_rules(liveness=patient)), barely, 8, 0.015625) == []
    doubtful = Cues((0.875,))
    assert stands(Access(access_rules(liveness=patient)), doubtful, 8, 0.125) == []
    assert stands(Access(access_rules(liveness=patient)), doubtful, 9, 0.125) == [9], "watched for a second"


def test_a_decision_says_what_it_rests_on_and_names_nobody_who_is_not_meant() -> None:
    access = Access(access_rules())
    assert (access.pack, access.digest) == ("", "")
    access.pack, access.digest = "zoo", "sha"
    known = [structs.replace(view(1 + i / 25), permit=Permit("ann")) for i in range(6)]
    ends = [access.seen(fact, Reason.WHITELIST_UNAVAILABLE, 0.5, fact.captured) for fact in known]
    refused, *more = [each for each in ends if each]
    assert (refused.person, refused.permit, more) == ("", None, [])
    assert (refused.evidence.pack, refused.evidence.models) == ("zoo", "sha")
    passes = access.seen(structs.replace(known[5], track=2), None, 0.5, known[5].captured)
    assert passes is None
    granted = [access.seen(structs.replace(fact, track=2), None, 0.5, fact.captured) for fact in known[:2]][-1]
    assert granted and (granted.person, granted.permit) == ("ann", Permit("ann"))


def test_what_is_seen_after_another_list_still_counts_for_liveness() -> None:
    access = Access(access_rules())
    for index in range(2):
        access.seen(view(1 + index / 25, live=0.05), None, 0.5, 1 + index / 25)
    access.restart()
    for index in range(2, 8):
        access.seen(view(1 + index / 25, person=None, live=0.05), None, 0.5, 1 + index / 25)
    assert access.attacked("entrance")


def test_an_attack_stays_one_when_the_list_changes() -> None:
    access = Access(access_rules(liveness=LivenessRules()))
    for index in range(30):
        if index == 15:
            assert access.attacked("entrance")
            access.restart()
        live = 0.1 if index < 15 else 0.99
        told = access.seen(
            structs.replace(view(1 + index / 10), cues=Cues((live,), 0.05, 0.0)), None, 0.5, 1 + index / 10
        )
        assert told is None or told.reason is not None
