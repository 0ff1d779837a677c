"""A pass at a moment: its window, its uses, and a clock that is not trusted."""

import pytest
from msgspec import structs

from edge.doorevents import AccessDenied, AccessGranted
from edge.facts import CameraReported, PassShown, Started, Wake, WhitelistLoaded
from edge.terms import Factor, Now, Pass, Permit, Reason, Status
from edge.visit import refusal
from tests.core.worlds import World, events, view

SHOWN = Pass("k7m2", "k7m2", "desk", valid_from=1_000.0, valid_until=2_000.0, uses=2)


@pytest.mark.parametrize(
    ("at", "used", "reason"),
    [
        (999.9, 0, Reason.CREDENTIAL_NOT_ACTIVE),
        (1_000.0, 0, None),
        (1_999.9, 1, None),
        (2_000.0, 0, Reason.CREDENTIAL_EXPIRED),
        (1_500.0, 2, Reason.PASS_USED),
        (1_500.0, 3, Reason.PASS_USED),
    ],
)
def test_a_pass_counts_from_its_first_second_to_before_its_last_and_as_often_as_it_says(
    at: float, used: int, reason: Reason | None
) -> None:
    shown = Pass("k7m2", "k7m2", "desk", 1_000.0, 2_000.0, uses=2, used=used)
    found = refusal(shown, Now(0.0, at))
    assert (found[0] if found else None) == reason


def test_while_the_clock_is_not_trusted_the_site_says_what_a_window_means() -> None:
    lost = Now(0.0, 0.0, trusted=False)
    refused = refusal(SHOWN, lost)
    assert refused and refused[0] is Reason.CLOCK_UNTRUSTED
    assert refusal(SHOWN, lost, without_clock=True) is None
    used = Pass("k7m2", "k7m2", "desk", 1_000.0, 2_000.0, uses=1, used=1)
    found = refusal(used, lost, without_clock=True)
    assert found and found[0] is Reason.PASS_USED


def test_a_pass_without_a_limit_is_never_used_up() -> None:
    assert refusal(Pass("k7m2", "k7m2", "desk", 0.0, 9.0, None, used=10_000), Now(0.0, 1.0)) is None


def visit() -> World:
    world = World()
    world.at(0, Started("boot", "zoo", True))
    world.at(0, WhitelistLoaded(1, 2, 0.5, 0.01))
    world.at(0, CameraReported("entrance", Status.STREAMING))
    return world


def come(world: World, at: float) -> None:
    """A visitor whose record only counts together with the pass of the same id."""
    for index in range(30):
        moment = at + index * 0.04
        world.at(moment, structs.replace(view(moment, "k7m2"), permit=Permit("k7m2", with_pass=True)))


def show(world: World, at: float) -> None:
    shown = Pass("k7m2", "k7m2", "desk", 0.0, 2e9, uses=1, face=True)
    world.at(at, PassShown("main", "entrance", at - 0.1, shown))


def test_the_face_of_a_visitor_opens_nothing_without_the_pass_nor_the_pass_without_the_face() -> None:
    for what in (come, show):
        world = visit()
        what(world, 1.0)
        world.at(60.0, Wake())
        assert not events(world.effects, AccessGranted)
        (refused,) = events(world.effects, AccessDenied)
        assert isinstance(refused, AccessDenied) and refused.reason is Reason.SECOND_FACTOR_MISSING


@pytest.mark.parametrize("first", ["face", "pass"])
def test_face_and_pass_of_a_visitor_open_together_in_either_order(first: str) -> None:
    world = visit()
    for what in (come, show) if first == "face" else (show, come):
        what(world, 1.0 if what is (come if first == "face" else show) else 3.0)
    (granted,) = events(world.effects, AccessGranted)
    assert isinstance(granted, AccessGranted)
    assert (granted.credential, set(granted.factors)) == ("k7m2", {Factor.FACE, Factor.PASS})
