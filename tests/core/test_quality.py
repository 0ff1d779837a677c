"""Which faces are good enough, and what their owners are told first."""

import math

import pytest
from msgspec import structs

from edge.quality import QualityGate, Shortcoming
from edge.terms import Quality

GOOD = Quality(eye_distance_px=50, sharpness=0.4, yaw=0, pitch=0, brightness=0.5)
GATE = QualityGate(least_eye_distance_px=40)


@pytest.mark.parametrize(
    ("change", "shortcoming"),
    [
        ({"eye_distance_px": 39.9}, Shortcoming.TOO_SMALL),
        ({"yaw": -60}, Shortcoming.TURNED_AWAY),
        ({"yaw": 36}, Shortcoming.TURNED_AWAY),
        ({"pitch": 50}, Shortcoming.LOOKS_UP_OR_DOWN),
        ({"pitch": -31}, Shortcoming.LOOKS_UP_OR_DOWN),
        ({"brightness": 0.02}, Shortcoming.TOO_DARK),
        ({"brightness": 0.99}, Shortcoming.TOO_BRIGHT),
        ({"sharpness": 0.01}, Shortcoming.BLURRED),
        ({"eyes": 0.1}, Shortcoming.EYES_COVERED),
        ({"mouth": 0.1}, Shortcoming.MOUTH_COVERED),
        ({"brightness": 0.02, "sharpness": 0.01}, Shortcoming.TOO_DARK),
    ],
)
def test_a_bad_face_is_refused_for_what_is_wrong_with_it(change: dict[str, float], shortcoming: Shortcoming) -> None:
    assert GATE.shortcoming(GOOD) is None and GATE.passes(GOOD)
    bad = structs.replace(GOOD, **change)
    assert GATE.shortcoming(bad) is shortcoming and not GATE.passes(bad)


@pytest.mark.parametrize("field", Quality.__struct_fields__)
def test_what_is_no_number_is_not_good(field: str) -> None:
    assert not GATE.passes(structs.replace(GOOD, **{field: math.nan}))


@pytest.mark.parametrize(
    "change",
    [
        {"eye_distance_px": 42},
        {"sharpness": 0.13},
        {"yaw": -33},
        {"pitch": 28},
        {"brightness": 0.15},
        {"brightness": 0.9},
    ],
)
def test_a_face_near_a_limit_has_less_in_reserve_than_one_in_the_middle(change: dict[str, float]) -> None:
    near = GATE.reserve(structs.replace(GOOD, **change))
    assert 0 < near < 0.15 < GATE.reserve(GOOD) < 1
