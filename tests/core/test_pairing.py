"""Faces of two frames, in widths of a face: who goes on, who is gone, and who may be somebody else."""

from dataclasses import dataclass

import pytest

from edge.pairing import Pairing, centre, pair
from tests.core.test_track import Seen

THEN = 100.0


@dataclass
class Before:
    face: Seen
    captured: float = THEN


def found(before: list[Seen], now: list[Seen], after: float) -> Pairing:
    return pair([Before(face) for face in before], now, THEN + after)


def test_the_centre_of_a_face() -> None:
    assert centre(Seen(300.0, 500.0)) == (300.0, 500.0)


@pytest.mark.parametrize(
    ("face", "after", "goes_on"),
    [
        (Seen(348.0), 0.04, True),
        (Seen(300.0, 548.0), 0.04, True),
        (Seen(350.0), 0.04, False),
        (Seen(300.0, 550.0), 0.04, False),
        (Seen(300.0, width=200.0), 0.04, False),
        (Seen(390.0), 9.0, True),
        (Seen(410.0), 9.0, False),
    ],
)
def test_a_face_moves_and_grows_only_so_far_however_long_it_was_not_seen(
    face: Seen, after: float, goes_on: bool
) -> None:
    assert found([Seen(300.0)], [face], after) == Pairing([(0, 0)] if goes_on else [], [])


@pytest.mark.parametrize(("other", "sure"), [(325.0, True), (324.0, False)])
def test_of_two_that_are_nearly_as_near_neither_is_taken(other: float, sure: bool) -> None:
    assert found([Seen(300.0)], [Seen(300.0), Seen(other)], 0.04) == Pairing(
        [(0, 0)] if sure else [], [] if sure else [0]
    )


def test_who_goes_on_does_so_whoever_is_gone() -> None:
    before = [Seen(300.0), Seen(900.0), Seen(1_500.0)]
    assert found(before, [Seen(1_500.0), Seen(900.0)], 0.04) == Pairing([(1, 1), (2, 0)], [])
