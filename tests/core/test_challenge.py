"""When a message can have arrived at the earliest: of now, of just before, or of while nobody looked."""

from edge.challenge import CHALLENGE_S, GRACE_S, Challenge

END = CHALLENGE_S + GRACE_S


def test_a_challenge_that_nobody_renewed_is_over_all_the_same() -> None:
    challenge = Challenge(0.0)
    assert challenge.accepts(challenge.text, END - 0.1) and not challenge.accepts(challenge.text, END)


def test_what_waited_while_nobody_looked_arrived_when_somebody_last_did_however_many_looks_it_takes_to_read_it() -> (
    None
):
    challenge = Challenge(0.0, still_s=1.0)
    before = challenge.text
    assert not challenge.renewed(1.0) and challenge.heard(before, 1.5) == 1.0, "who looks once a second does look"
    assert challenge.renewed(2.5) and challenge.text != before
    assert challenge.heard(before, 2.6) == 1.0 and challenge.heard(challenge.text, 2.6) == 2.5
    assert not challenge.renewed(3.0)
    assert challenge.heard(before, 3.1) == 1.0 and challenge.heard(challenge.text, 3.1) == 3.0
    assert challenge.heard(before, END) is None


def test_of_one_that_was_renewed_in_time_nothing_waits_longer_than_from_look_to_look() -> None:
    challenge = Challenge(0.0, still_s=CHALLENGE_S)
    before = challenge.text
    assert challenge.renewed(CHALLENGE_S) and not challenge.renewed(CHALLENGE_S + 1.0)
    assert challenge.heard(before, CHALLENGE_S + 2.0) == CHALLENGE_S + 1.0
