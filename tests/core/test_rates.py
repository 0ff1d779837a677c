"""Error rates against counting by hand, and their intervals against the simulation of what they promise."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge import rates

SCORES = st.lists(st.floats(-1, 1), min_size=1, max_size=60).map(np.array)


def test_wilson_is_the_interval_of_the_literature() -> None:
    """Newcombe (1998), table I: 81 of 263, 15 of 148, 0 of 20, 1 of 29."""
    for events, trials, low, high in ((81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0, 0.1611)):
        assert rates.wilson(events / trials, trials) == pytest.approx((low, high), abs=1e-4)
    assert rates.wilson(1 / 29, 29) == pytest.approx((0.0061, 0.1718), abs=1e-4)
    assert rates.wilson(0.0, 0) == (0.0, 1.0)


@given(st.integers(1, 300), st.floats(0, 1))
def test_an_interval_holds_the_rate_that_it_is_of(trials: int, share: float) -> None:
    rate = round(share * trials) / trials
    low, high = rates.wilson(rate, trials)
    assert 0 <= low <= rate <= high <= 1


def test_people_who_come_many_times_are_not_many_trials() -> None:
    """40 people with 50 probes each who are always or never accepted: 40 trials, not 2,000."""
    events = np.where(np.arange(40) < 4, 50.0, 0.0)[np.newaxis]
    trials = np.full((1, 40), 50.0)
    left_out = rates.left_out(events.sum(axis=1), events, trials)
    low, high = rates.clustered(0.1, left_out)
    assert (low, high) == pytest.approx(rates.wilson(0.1, 40), abs=0.01)
    assert high - low > 5 * (rates.wilson(0.1, 2000).high - rates.wilson(0.1, 2000).low)


def test_the_clustered_interval_holds_what_it_promises() -> None:
    """Of 300 collections whose people differ, nine in ten and more have the true rate in their interval."""
    rng, true, covered = np.random.default_rng(5), 0.05, 0
    for _ in range(300):
        each = rng.beta(0.5, 0.5 * (1 - true) / true, 150)
        trials = rng.integers(1, 8, 150).astype(float)[np.newaxis]
        events = rng.binomial(trials.astype(int), each).astype(float)
        rate = float(events.sum() / trials.sum())
        low, high = rates.clustered(rate, rates.left_out(events.sum(axis=1), events, trials))
        covered += low <= true <= high
    assert covered >= 270


def test_pairs_of_one_person_are_not_many_trials() -> None:
    """Of 40 people with 50 pairs each four are never recognised: 40 trials, not 2,000."""
    people = np.repeat(np.arange(40), 50)
    missed = rates.without_each(people < 4, np.stack([people, people], axis=1))
    assert missed == pytest.approx([150 / 1950] * 4 + [200 / 1950] * 36)
    assert rates.clustered(0.1, missed) == pytest.approx(rates.wilson(0.1, 40), abs=0.01)


def test_a_pair_of_two_people_goes_with_either_of_them() -> None:
    people = np.array([[0, 1], [1, 2], [2, 0], [3, 4]])
    left = rates.without_each(np.array([True, False, False, False]), people)
    assert left == pytest.approx([0, 0, 1 / 2, 1 / 3, 1 / 3])
    assert rates.without_each(np.array([True]), np.array([[7, 8]])).tolist() == [0, 0]


def test_the_interval_of_pairs_holds_what_it_promises() -> None:
    """Of 300 collections whose people differ, nine in ten and more have the true rate in their interval."""
    rng, covered = np.random.default_rng(6), 0
    for _ in range(300):
        wrong = rng.beta(0.2, 3.8, 100)  # one in twenty
        people = rng.integers(0, 100, (600, 2))
        events = rng.random(600) < wrong[people].mean(axis=1)
        low, high = rates.clustered(float(events.mean()), rates.without_each(events, people))
        covered += low <= 0.05 <= high
    assert covered >= 270


@given(SCORES, st.floats(0, 1))
def test_a_threshold_is_the_lowest_that_keeps_the_rate(impostors: np.ndarray, rate: float) -> None:
    at = rates.threshold_at(impostors, rate)
    assert rates.accepted(impostors, at) <= rate + 1e-9
    if np.isfinite(at):
        below = impostors[impostors < at].max()
        assert rates.accepted(impostors, below) > rate


def test_a_missing_face_is_wrong_whatever_the_threshold() -> None:
    same = np.array([True, True, False, False] * 10)
    scores = np.where(same, 0.9, 0.1)
    folds = rates.folds_of(same, 10)
    assert rates.judged(scores, same, folds).all()
    scores[0], scores[2] = -np.inf, np.inf
    assert np.flatnonzero(~rates.judged(scores, same, folds)).tolist() == [0, 2]
    assert rates.threshold_at(scores[~same], 0.01) == np.inf  # not even one in 20 may be wrong: nobody is accepted


def test_folds_have_their_share_of_both_kinds() -> None:
    same = np.array([True] * 40 + [False] * 60)
    folds = rates.folds_of(same, 10)
    assert [int((folds[same] == fold).sum()) for fold in range(10)] == [4] * 10
    assert [int((folds[~same] == fold).sum()) for fold in range(10)] == [6] * 10


@given(SCORES, SCORES)
def test_the_curve_trades_one_error_for_the_other(genuine: np.ndarray, impostors: np.ndarray) -> None:
    points = rates.trade_off(genuine, impostors)
    assert points == sorted(points)
    for before, after in pairwise(points):
        assert after.false_accepts <= before.false_accepts and after.false_rejects >= before.false_rejects


def test_a_curve_of_many_scores_stands_where_one_kind_has_none_that_is_finite() -> None:
    many, missing = np.linspace(0, 1, 600), np.full(3, np.inf)
    assert {point.false_accepts for point in rates.trade_off(many, missing)} == {1.0}
    assert {point.false_rejects for point in rates.trade_off(-missing, many)} == {1.0}


def test_a_probe_counts_as_found_only_as_itself() -> None:
    """Mated: found; found, but somebody else is more similar; below the threshold; face not found."""
    mated = np.array([0.9, 0.8, 0.5, -np.inf])
    search = rates.Search(mated, np.array([0.2, 0.85, 0.1, -np.inf]), np.array([0.1, 0.2, 0.6, -np.inf]))
    assert search.first.tolist() == [True, False, True, False]
    assert search.fnir(0.7) == 0.75 and search.fpir(0.55) == 0.25
    assert search.fnir_at(0.1) == 0.75 and search.fnir_at(0.25) == 0.5
