"""Search and thresholds, against brute force and against what the threshold promises."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.matcher import NOBODY, Calibration, Gallery, effective_fpir, threshold

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


@pytest.mark.parametrize("probe", [np.full(32, np.nan), np.full(32, np.inf), np.zeros(16), np.full(32, 10.0)])
def test_a_probe_that_is_no_embedding_matches_nobody(probe: np.ndarray) -> None:
    gallery = Gallery(units(np.random.default_rng(1), 5), ("a", "b", "c", "d", "e"), 1)
    with np.errstate(invalid="ignore"):
        assert gallery.search(probe.astype(np.float32), 0.1) is None


def test_nobody_enrolled_is_nobody_found() -> None:
    assert threshold(TABLE, 0.01, 0) == NOBODY
    assert Gallery(np.zeros((0, 32), np.float32), (), 1).search(np.zeros(32, np.float32), 0.1) is None


@given(st.floats(1e-4, 0.3), st.integers(1, 100_000))
def test_the_threshold_gives_the_rate_it_was_asked_for(fpir: float, templates: int) -> None:
    assert effective_fpir(TABLE, threshold(TABLE, fpir, templates), templates) == pytest.approx(fpir, rel=1e-6)


def test_a_growing_list_raises_the_threshold_past_the_table() -> None:
    at = [threshold(TABLE, 0.01, count) for count in (1, 10, 100, 10_000)]
    assert at == pytest.approx([0.3, 0.4, 0.5, 0.7], abs=1e-3)
