from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from edge.presence import Company
from edge.terms import Quality
from edge.track import GAP_S, UNSEEN_S, Tracker, Zone

SIZE = (1920, 1080)
FRAME = 0.04
GOOD = Quality(eye_distance_px=50, sharpness=0.4, yaw=0, pitch=0, brightness=0.5)


@dataclass
class Seen:
    """A face of a given width centred at (u, v); its eyes are half its width apart."""

    u: float
    v: float = 500.0
    width: float = 100.0
    landmarks: NDArray[np.float32] = field(init=False)

    def __post_init__(self) -> None:
        eyes = [[self.u - self.width / 4, self.v], [self.u + self.width / 4, self.v]]
        self.landmarks = np.array([*eyes, *[[self.u, self.v]] * 3], np.float32)

    @property
    def x(self) -> float:
        return self.u - self.width / 2

    @property
    def y(self) -> float:
        return self.v - self.height / 2

    @property
    def height(self) -> float:
        return self.width


def tracker(zone: Zone | None = None, enough: int = 3) -> Tracker[Seen]:
    return Tracker(zone or Zone(), enough)


def ids(following: Tracker[Seen], now: float) -> list[int]:
    return [track.id for track in following.wanted(now, *SIZE)]


def update(following: Tracker[Seen], faces: list[Seen], now: float) -> list[int]:
    """The ids of the tracks that end."""
    return sorted(track.id for track in following.update(faces, now))


def test_a_walking_face_is_one_track_and_two_faces_are_two() -> None:
    following = tracker()
    for n in range(50):
        assert update(following, [Seen(200 + 20 * n), Seen(1800 - 5 * n, 200)], n * FRAME) == []
        assert sorted(ids(following, n * FRAME)) == [1, 2]


def test_a_face_missed_for_a_moment_goes_on_and_one_gone_for_longer_does_not() -> None:
    following = tracker()
    following.update([Seen(500)], 0.0)
    following.update([], 0.3)
    following.update([Seen(520)], 0.5)
    assert ids(following, 0.5) == [1]
    assert update(following, [Seen(520)], 0.5 + UNSEEN_S + 0.01) == []  # no picture came in between
    assert update(following, [], 1.0 + 2 * UNSEEN_S) == [1]
    following.update([Seen(520)], 3.0)
    assert update(following, [Seen(520)], 3.0 + GAP_S + 0.01) == [2]
    assert ids(following, 3.0 + GAP_S + 0.01) == [3]


@pytest.mark.parametrize("jump", [Seen(700), Seen(500, width=180)])
def test_a_jump_that_no_person_makes_is_somebody_else(jump: Seen) -> None:
    following = tracker()
    following.update([Seen(500)], 0.0)
    following.update([jump], FRAME)
    assert ids(following, FRAME) == [2]


def test_at_another_size_of_the_picture_all_faces_are_others() -> None:
    following = tracker()
    assert following.update([Seen(500)], 0.0, SIZE) == following.update([Seen(500)], FRAME, SIZE) == []
    assert [track.id for track in following.update([Seen(500)], 2 * FRAME, (1280, 720))] == [1]
    assert ids(following, 2 * FRAME) == [2]


def test_two_faces_for_one_track_end_it() -> None:
    following = tracker()
    following.update([Seen(500)], 0.0)
    assert update(following, [Seen(460), Seen(540)], FRAME) == [1]
    assert sorted(ids(following, FRAME)) == [2, 3]


def test_two_tracks_for_one_face_end_both() -> None:
    """Somebody walks in front of somebody: whose face it is that stays cannot be told."""
    following = tracker()
    following.update([Seen(460), Seen(540)], 0.0)
    assert update(following, [Seen(500)], FRAME) == [1, 2]
    assert ids(following, FRAME) == [3]


def test_only_near_faces_in_the_zone_are_wanted() -> None:
    following = tracker(Zone(0.25, 0.0, 0.75, 1.0, least_eye_distance_px=40))
    following.update([Seen(960), Seen(100), Seen(1300, width=70)], 0.0)
    assert ids(following, 0.0) == [1]


def test_good_since_is_the_first_good_frame_not_the_first_frame() -> None:
    following = tracker()
    for now, sharpness in ((0.0, 0.01), (0.04, 0.4), (0.08, 0.4)):
        following.update([Seen(500)], now)
        (track,) = following.wanted(now, *SIZE)
        assert following.judge(track, Quality(50, sharpness, 0, 0, 0.5)) is (sharpness == 0.4)
    assert track.good_since == 0.04


def watch(following: Tracker[Seen], seconds: float, begin: float = 0.0) -> list[float]:
    """When a good face that stands still is viewed."""
    viewed = []
    for n in range(round(seconds / FRAME)):
        now = begin + n * FRAME
        following.update([Seen(500)], now)
        for track in following.wanted(now, *SIZE):
            following.judge(track, GOOD)
            following.viewed(track)
            viewed.append(now)
    return viewed


def test_news_brings_the_next_view_forward_while_an_answer_is_hurried() -> None:
    following, asked = tracker(enough=3), list[float]()
    watch(following, 3 * FRAME)

    def wanted(now: float, news: bool) -> bool:
        following.update([Seen(500)], now)
        return bool(following.wanted(now, *SIZE, lambda track: asked.append(now) is None and news))

    assert not wanted(3 * FRAME, False) and wanted(4 * FRAME, True)
    for frame in range(5, 100):
        wanted(frame * FRAME, False)
    asked.clear()
    (track,) = following.wanted(99 * FRAME, *SIZE)
    following.viewed(track)
    assert not wanted(100 * FRAME, True) and asked == [], "nothing is followed for a view that comes once a second"


def test_every_frame_is_viewed_until_there_are_enough_then_fewer_and_fewer() -> None:
    viewed = watch(tracker(enough=6), 10.0)
    assert np.diff(viewed[:6]) == pytest.approx(FRAME)
    assert np.diff(viewed[5:]).min() >= 0.1 - 1e-9
    assert 25 < len([now for now in viewed if now < 3]) < 36
    assert len([now for now in viewed if now >= 4]) <= 7


def test_a_settled_track_is_not_viewed_again() -> None:
    following = tracker()
    assert watch(following, 0.2)
    following.settle(1)
    assert watch(following, 5.0, begin=0.2) == []


def test_a_settled_track_is_looked_at_once_a_second_and_ends_for_who_has_stepped_in() -> None:
    following: Tracker[Seen] = Tracker(Zone(), 3, same=0.5, other=0.3)
    ann, bob, looked = towards(1, 0, 0), towards(0.2, 1, 0), list[float]()
    following.update([Seen(500)], 0.0)
    (track,) = following.wanted(0.0, *SIZE)
    following.resembles(track, ann)
    following.viewed(track)
    following.settle(track.id)
    for frame in range(1, 101):
        following.update([Seen(500)], frame * FRAME)
        for each in following.settled(frame * FRAME, *SIZE):
            looked.append(frame * FRAME)
            following.viewed(each)
            assert following.resembles(each, towards(0.4, 0, 1)), "a doubtful view of her ends nothing"
    assert looked == pytest.approx([1, 2, 3, 4])
    following.update([Seen(555)], 5.0)  # ann has gone, and bob stands where she was
    assert following.settled(5.0, *SIZE) == [track] and not following.resembles(track, bob)
    following.update([Seen(555)], 5.0 + FRAME)
    assert ids(following, 5.0 + FRAME) == [track.id + 1]


def test_a_settled_face_that_has_left_the_zone_is_not_looked_at() -> None:
    following = tracker(Zone(0.25, 0.0, 0.75, 1.0))
    following.update([Seen(500)], 0.0)
    following.settle(1)
    following.update([Seen(450)], 2 * FRAME)
    assert following.settled(2 * FRAME, *SIZE) == []


def test_a_face_that_came_nearer_is_viewed_at_once() -> None:
    following = tracker()
    watch(following, 0.4)
    size = 100.0
    for n in range(10, 13):
        size *= 1.12
        following.update([Seen(500, width=size)], n * FRAME)
    assert ids(following, 12 * FRAME) == [1]


def test_who_has_waited_longest_comes_first_then_the_nearest_and_last_who_has_had_enough_views() -> None:
    following = tracker(enough=1)
    following.update([Seen(300)], 0.0)
    following.judge(following.wanted(0.0, *SIZE)[0], GOOD)
    following.update([Seen(300), Seen(900, width=150), Seen(1500, width=200)], FRAME)
    assert ids(following, FRAME) == [1, 3, 2]
    following.viewed(following.wanted(FRAME, *SIZE)[0])
    following.update([Seen(300), Seen(900, width=150), Seen(1500, width=200)], 5 * FRAME)
    assert ids(following, 5 * FRAME) == [3, 2, 1]


def test_ids_are_never_used_twice() -> None:
    following: Tracker[Seen] = Tracker(Zone(), 3, first_id=1000)
    following.update([Seen(100)], 0.0)
    assert [track.id for track in following.clear()] == [1000]
    following.update([Seen(100)], FRAME)
    assert ids(following, FRAME) == [1001]


@given(st.lists(st.lists(st.tuples(st.floats(0, 1900), st.floats(30, 300)), max_size=5), max_size=25))
def test_every_track_ends_once_and_every_face_has_one(frames: list[list[tuple[float, float]]]) -> None:
    following, ended = tracker(), []
    for n, faces in enumerate(frames):
        seen = [Seen(x, width=width) for x, width in faces]
        ended += update(following, seen, n * FRAME)
        wanted = following.wanted(n * FRAME, *SIZE)
        assert sorted(id(track.face) for track in wanted) == sorted(id(face) for face in seen)
    ended += update(following, [], 1e6)
    assert len(following) == 0
    assert len(set(ended)) == len(ended)


def towards(*direction: float) -> NDArray[np.float32]:
    vector = np.array(direction, np.float32)
    return vector / np.linalg.norm(vector)  # type: ignore[no-any-return]


def test_a_face_that_becomes_another_ends_its_track_where_it_stands() -> None:
    following: Tracker[Seen] = Tracker(Zone(), 3, same=0.5)
    for n, likeness in enumerate([(1, 0, 0), (1, 0.3, 0), (1, -0.4, 0.2)]):
        following.update([Seen(500)], n * FRAME)
        (track,) = following.wanted(n * FRAME, *SIZE)
        assert following.resembles(track, towards(*likeness))
        following.viewed(track)
    following.update([Seen(501)], 3 * FRAME)
    (track,) = following.wanted(3 * FRAME, *SIZE)
    assert not following.resembles(track, towards(0.2, 1, 0))
    assert len(following) == 0
    following.update([Seen(501)], 4 * FRAME)
    assert ids(following, 4 * FRAME) == [track.id + 1]


def test_company_is_who_is_near_and_in_the_zone() -> None:
    following = tracker(Zone(0.0, 0.0, 0.5, 1.0, least_eye_distance_px=40))
    following.update([Seen(300, width=100), Seen(600, width=120), Seen(100, width=60), Seen(1500, width=200)], 0.0)
    far, near = sorted(following.wanted(0.0, *SIZE), key=lambda track: track.face.width)
    assert following.company(far, *SIZE) == Company(1, nearest=False)
    assert following.company(near, *SIZE) == Company(1, nearest=True)
