"""Which deeds are judged: with a challenge of now, each message once."""

from edge.challenge import CHALLENGE_S, GRACE_S
from edge.requests import Docket, Head, Heard, Refused, Stale

NO = Refused("no")


def heard(challenge: str, digest: bytes = b"1") -> Heard:
    return Heard(Head("hq", "front", "r1", "key", challenge, 0.0), b"", b"", digest)


def test_a_message_is_judged_once_with_a_challenge_of_now() -> None:
    docket = Docket(0.0)
    first = heard(docket.challenge(0.0))
    assert docket.before(first, 1.0) is None
    docket.judged(first, NO)
    assert docket.before(first, 2.0) == NO and docket.before(heard(docket.challenge(2.0), b"2"), 2.0) is None
    assert docket.before(heard("", b"3"), 2.0) == docket.before(heard("made up", b"4"), 2.0) == Stale()


def test_one_that_comes_late_acts_no_more_and_is_forgotten() -> None:
    docket = Docket(0.0)
    old = heard(docket.challenge(0.0))
    late = heard(docket.challenge(0.0), b"2")
    docket.judged(old, NO)
    assert docket.challenge(CHALLENGE_S) != old.head.challenge
    assert docket.before(late, CHALLENGE_S + GRACE_S / 2) is None, "who has just read it"
    assert docket.before(late, CHALLENGE_S + GRACE_S) == Stale()
    docket.challenge(2 * CHALLENGE_S)
    assert docket.before(old, 2 * CHALLENGE_S) == Stale() and not docket._judged
    assert docket.before(heard(docket.challenge(2 * CHALLENGE_S)), 2 * CHALLENGE_S) is None


def test_what_was_held_back_from_a_desk_that_nobody_asked_meanwhile_acts_no_more() -> None:
    docket = Docket(0.0)
    late = heard(docket.challenge(0.0))
    assert docket.before(late, 8 * 3600.0) == Stale()
    assert docket.before(heard(docket.challenge(8 * 3600.0)), 8 * 3600.0) is None
