import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.link import Link
from edge.terms import ALIVE, Status

DOWN = [status for status in Status if status not in ALIVE]


def waits(link: Link, times: int) -> list[float]:
    """How long a link that never comes up waits before each try."""
    now, found = 0.0, []
    for _ in range(times):
        link.tried()
        link.failed(Status.REFUSED, now)
        found.append(wait(link, now))
        now += found[-1]
    return found


def wait(link: Link, now: float) -> float:
    assert link.next_try is not None
    return link.next_try - now


def test_waits_twice_as_long_each_time_up_to_the_longest() -> None:
    for waited, full in zip(waits(Link(2.0, seed=7), 8), [0.5, 1, 2, 4, 8, 15, 15, 15], strict=True):
        assert 0.75 * full <= waited <= full


def test_gates_that_lost_the_same_peer_do_not_return_at_once() -> None:
    assert waits(Link(2.0, seed=1), 5) != waits(Link(2.0, seed=2), 5)


def test_tries_at_once_when_new_and_not_again_while_trying() -> None:
    link = Link(2.0)
    assert link.due(0.0)
    link.tried()
    assert not link.due(1e9)
    assert link.wake_at is None


@pytest.mark.parametrize("status", DOWN)
def test_the_reason_stays_until_it_is_up_again(status: Status) -> None:
    link = Link(2.0)
    assert link.failed(status, 1.0, "why")
    link.tried()
    assert (link.status, link.detail) == (status, "why")
    assert not link.failed(status, 2.0, "why"), "the same failure again is no news"
    assert link.up(3.0)
    assert (link.status, link.detail) == (Status.STREAMING, "")


def test_silence_makes_it_stalled_and_a_sign_of_life_does_not() -> None:
    link = Link(2.0)
    link.up(10.0)
    link.alive(11.5)
    assert not link.expire(13.4)
    assert link.is_up
    assert link.wake_at == 13.5
    assert link.expire(13.5)
    assert link.status is Status.STALLED
    assert link.due(14.1)


def test_a_peer_that_answers_and_dies_at_once_is_not_hammered() -> None:
    link, now, waited = Link(2.0), 0.0, 0.0
    for _ in range(6):
        now += waited
        link.up(now)
        link.failed(Status.ENDED, now)
        waited = wait(link, now)
    assert waited > 10
    link.up(now)
    link.failed(Status.ENDED, now + 60)
    assert wait(link, now + 60) <= 0.5, "it was up for long, so it begins anew"


@given(st.lists(st.tuples(st.sampled_from(["tried", "up", "failed", "alive", "expire"]), st.floats(0, 5)), max_size=60))
def test_it_is_always_up_or_trying_or_has_a_time_to_try(trace: list[tuple[str, float]]) -> None:
    link, now, trying = Link(1.0), 0.0, False
    for what, passed in trace:
        now += passed
        match what:
            case "tried" if not link.is_up:
                link.tried()
                trying = True
            case "up":
                link.up(now)
                trying = False
            case "failed":
                link.failed(Status.ENDED, now)
                trying = False
            case "alive" if link.is_up:
                link.alive(now)
            case "expire":
                link.expire(now)
        assert link.is_up or trying or link.next_try is not None
        assert not (link.is_up and link.next_try is not None)
        assert link.next_try is None or link.next_try <= now + 15
