"""Search and thresholds, against brute force and against what the threshold promises."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.matcher import NOBODY, Calibration, Gallery, Likeness, Strangers

TABLE = Calibration("test", 1000, (0.2, 0.3, 0.4, 0.5), (1e-1, 1e-2, 1e-3, 1e-4), 1e-3)


def units(rng: np.random.Generator, count: int, dimension: int = 32) -> np.ndarray:
    rows = rng.standard_normal((count, dimension)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def test_the_best_template_of_a_person_counts_and_the_margin_is_to_somebody_else() -> None:
    rng = np.random.default_rng(7)
    matrix = units(rng, 50)
    owners = tuple(f"p{index // 2}" for index in range(50))
    probe = matrix[11]
    found = Gallery(matrix, owners, 3).search(probe, 0.9)
    others = [float(row @ probe) for row, owner in zip(matrix, owners, strict=True) if owner != "p5"]
    assert found is not None and (found.person, found.revision, found.threshold) == ("p5", 3, 0.9)
    assert found.score == pytest.approx(1.0) and found.margin == pytest.approx(1.0 - max(others), abs=1e-5)


ROWS = units(np.random.default_rng(1), 5)


@pytest.mark.parametrize("probe", [np.full(32, np.nan), np.full(32, np.inf), np.zeros(16), 10 * ROWS[0], 0.5 * ROWS[0]])
def test_a_probe_that_is_no_embedding_matches_nobody(probe: np.ndarray) -> None:
    gallery = Gallery(ROWS, ("a", "b", "c", "d", "e"), 1)
    with np.errstate(invalid="ignore"):
        assert gallery.search(probe.astype(np.float32), 0.1) is None


def test_a_template_that_is_no_number_lets_nobody_in() -> None:
    rows = ROWS.copy()
    rows[2] = np.nan
    assert Gallery(rows, ("a", "b", "c", "d", "e"), 1).search(ROWS[0], 0.1) is None


def test_pairs_of_people_who_are_alike_are_told_once() -> None:
    rows = ROWS[[0, 0, 1, 0, 0]]  # of the owners one has two templates that are the same
    found = Gallery(rows, ("a", "a", "b", "c", "d"), 1).above(0.9)
    assert sorted((one, other) for one, other, _ in found) == [(0, 3), (0, 4), (1, 3), (1, 4), (3, 4)]


def test_nobody_enrolled_is_nobody_found() -> None:
    assert Strangers(TABLE, 0).threshold(0.01) == NOBODY and Strangers(TABLE, 0).fpir(0.5) == 0.0
    assert Gallery(np.zeros((0, 32), np.float32), (), 1).search(np.zeros(32, np.float32), 0.1) is None


LIKENESSES = st.none() | st.builds(
    Likeness, st.integers(2, 500), st.floats(1, 500), st.floats(0.02, 0.5), st.floats(0.3, 0.9)
)


@given(st.floats(1e-4, 0.3), st.integers(1, 100_000), LIKENESSES)
def test_the_threshold_gives_the_rate_it_was_asked_for_or_a_lower_one(
    fpir: float, templates: int, likeness: Likeness | None
) -> None:
    strangers = Strangers(TABLE, templates, likeness)
    at = strangers.threshold(fpir)
    if at > TABLE.score_at(fpir):
        assert strangers.fpir(at) == pytest.approx(fpir, rel=1e-6)
    else:
        assert strangers.fpir(at) <= fpir * (1 + 1e-6)


def test_a_growing_list_raises_the_threshold_past_the_table() -> None:
    at = [Strangers(TABLE, count).threshold(0.01) for count in (1, 10, 100, 10_000)]
    assert at == pytest.approx([0.3, 0.4, 0.5, 0.7], abs=1e-3)


def population(rng: np.random.Generator, count: int, alike: float) -> np.ndarray:
    """Templates of people who have the share `alike` of their looks in common."""
    rows = units(rng, count) * np.sqrt(1 - alike) + units(rng, 1) * np.sqrt(alike)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def measured(rows: np.ndarray) -> Calibration:
    first, second = np.triu_indices(len(rows), 1)
    scores = (rows @ rows.T)[first, second]
    rates = (0.5, 1e-1, 1e-2, 1e-3, 1e-4, 1e-5)
    return Calibration("these", len(scores), tuple(np.quantile(scores, 1 - np.array(rates)).tolist()), rates, 1e-5)


@pytest.mark.parametrize("alike", [0.05, 0.3])
def test_people_who_are_more_or_less_alike_than_the_table_are_met_at_the_wanted_rate(alike: float) -> None:
    """The table is of a population in between: alone it is wrong by far, the enrolled people put it right."""
    rng = np.random.default_rng(3)
    table = measured(population(rng, 1500, 0.15))
    people = population(rng, 2300, alike)
    gallery = Gallery(people[:300], tuple(map(str, range(300))), 1)
    best = (people[300:] @ people[:300].T).max(axis=1)
    wrong = float((best >= Strangers(table, 300).threshold(0.05)).mean())
    right = float((best >= gallery.strangers(table, 0.05).threshold(0.05)).mean())
    assert not 0.03 < wrong < 0.08
    assert 0.03 < right < 0.08


def test_several_templates_of_a_person_are_not_as_many_tries() -> None:
    rng = np.random.default_rng(4)
    people = population(rng, 200, 0.1)
    again = np.repeat(people, 4, axis=0) + 0.02 * rng.standard_normal((800, 32)).astype(np.float32)
    again /= np.linalg.norm(again, axis=1, keepdims=True)
    table = measured(population(rng, 1500, 0.1))
    once = Gallery(people, tuple(map(str, range(200))), 1)
    often = Gallery(again, tuple(str(index // 4) for index in range(800)), 1)
    at_once, at_often = (each.strangers(table, 0.01).threshold(0.01) for each in (once, often))
    assert at_often - at_once < (Strangers(table, 800).threshold(0.01) - at_once) / 2


def test_a_list_of_people_like_no_population_lowers_the_threshold_only_so_far() -> None:
    apart = Gallery(np.eye(32, dtype=np.float32), tuple(map(str, range(32))), 1)
    assert apart.strangers(TABLE, 0.01).threshold(0.01) == TABLE.score_at(0.01)


def test_one_person_says_nothing_about_strangers() -> None:
    rows = units(np.random.default_rng(2), 3)
    assert Gallery(rows, ("a", "a", "a"), 1).likeness(0.01) is None
