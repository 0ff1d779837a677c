"""A pass at a moment: its window, its uses, and a clock that is not trusted."""

import pytest

from edge.terms import Now, Pass, Reason
from edge.visit import refusal

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
