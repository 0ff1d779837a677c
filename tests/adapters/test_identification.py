"""What is said of an identification when few people have a second picture."""

import numpy as np
import pytest

from edge.errors import EdgeError
from edge.identification import Faces, draw, figures
from edge.matcher import Calibration

TABLE = Calibration("test", 1000, (0.2, 0.4, 0.6, 0.8), (1e-1, 1e-2, 1e-3, 1e-4), 1e-3)
PERSON = np.array([0, 0, 0, 1, 2, 3, 4])
FACES = Faces(PERSON, np.eye(5, dtype=np.float32)[PERSON], np.ones(7, bool), np.array([0, 3, 4, 5, 6]))
COUNTS = (5, 7, 0, 0, 0, 2)


def test_rates_of_mated_probes_are_means_of_the_draws_that_have_any() -> None:
    draws = [draw(FACES, np.array(enrolled), TABLE, 0.01) for enrolled in ([0, 1], [1, 2], [3, 4])]
    found = figures("test", COUNTS, 0.01, draws)
    assert (found.rank1, found.fnir_at_configured, found.fnir_at_fpir) == (1.0, 0.0, {"0.1": 0.0, "0.01": 0.0})
    assert (found.draws, found.n_mated) == (3, pytest.approx(2 / 3))
    assert found.fnir_at_configured_interval.low == 0.0


def test_draws_without_a_mated_probe_are_an_error_that_says_what_is_missing() -> None:
    draws = [draw(FACES, np.array([1, 2]), TABLE, 0.01)]
    with pytest.raises(EdgeError, match="another picture"):
        figures("test", COUNTS, 0.01, draws)
