"""Which pictures of a camera are told with its fault: before, after, mended; and never more often than is useful."""

import base64
from itertools import count, pairwise

from hypothesis import given
from hypothesis import strategies as st

from edge.album import APART_S, Albums
from edge.effects import Emit
from edge.events import BrokerFault, CameraFault, CameraPictured
from edge.terms import Moment, Status

FRONT = "camera/front"


def fault(active: bool) -> Emit:
    return Emit(FRONT, CameraFault(active, Status.COVERED if active else Status.STREAMING, ""))


def seen(told: list[Emit]) -> list[tuple[Moment, bytes]]:
    """Which moments were told, and with which pictures."""
    assert all(each.subject == FRONT and isinstance(each.event, CameraPictured) for each in told)
    return [(each.event.moment, base64.b64decode(each.event.jpeg)) for each in told]  # type: ignore[attr-defined]


def test_a_covered_camera_is_shown_before_after_and_mended() -> None:
    albums = Albums(["front"])
    for number in range(4):
        assert albums.take("front", b"good%d" % number, True, number) == []
    assert albums.take("front", b"hand", False, 10.0) == []
    assert seen(albums.told(fault(True), 15.0)) == [(Moment.BEFORE, b"good2"), (Moment.AFTER, b"hand")]
    assert albums.take("front", b"hand again", False, 20.0) == []
    assert albums.told(fault(False), 30.0) == []
    assert albums.take("front", b"hand still", False, 31.0) == []
    assert seen(albums.take("front", b"clear", True, 35.0)) == [(Moment.MENDED, b"clear")]
    assert albums.take("front", b"clear again", True, 40.0) == []


def test_a_camera_that_went_silent_is_shown_as_it_was_and_after_only_if_a_picture_comes() -> None:
    albums = Albums(["front"])
    albums.take("front", b"good", True, 0.0)
    assert seen(albums.told(fault(True), 60.0)) == [(Moment.BEFORE, b"good")]
    assert seen(albums.take("front", b"black", False, 70.0)) == [(Moment.AFTER, b"black")]
    albums.told(fault(False), 80.0)
    assert seen(albums.take("front", b"good again", True, 81.0)) == [(Moment.MENDED, b"good again")]


def test_another_cameras_and_other_faults_show_nothing() -> None:
    albums = Albums(["front"])
    albums.take("front", b"good", True, 0.0)
    assert albums.take("back", b"good", True, 0.0) == []
    assert albums.told(Emit("camera/back", CameraFault(True, Status.ENDED, "")), 1.0) == []
    assert albums.told(Emit(FRONT, BrokerFault(True, Status.ENDED, "")), 1.0) == []


@given(st.lists(st.tuples(st.sampled_from(["good", "bad", "fault", "over"]), st.floats(0, 120))))
def test_however_it_flickers_each_moment_is_told_once_in_a_while_and_with_its_own_picture(
    steps: list[tuple[str, float]],
) -> None:
    albums, now, numbers = Albums(["front"]), 0.0, count()
    told: list[tuple[float, Moment]] = []
    for what, wait in steps:
        now += wait
        picture = f"{what}{next(numbers)}".encode()
        shown = (
            albums.take("front", picture, what == "good", now)
            if what in ("good", "bad")
            else albums.told(fault(what == "fault"), now)
        )
        for moment, jpeg in seen(shown):
            assert jpeg.startswith(b"bad" if moment is Moment.AFTER else b"good")
            told.append((now, moment))
    begun = [at for at, moment in told if moment is Moment.BEFORE]
    assert all(later - earlier >= APART_S for earlier, later in pairwise(begun))
    assert len([each for each in told if each[1] is Moment.MENDED]) <= 1 + now / APART_S
