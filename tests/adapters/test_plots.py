"""The pictures of error rates show something also where nothing went wrong, and where all scores are the same."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from edge import plots
from edge.rates import Interval, trade_off

GENUINE, IMPOSTOR = (121, 78, 31), (17, 90, 197)
"""In BGR."""

pytestmark = pytest.mark.filterwarnings("error")


def drawn(path: Path, colour: tuple[int, int, int]) -> int:
    """How many pixels have this colour, or nearly."""
    image = cv2.imread(str(path)).astype(int)
    return int((np.abs(image - colour).max(axis=2) < 60).sum())


def test_people_whom_nothing_confuses_still_have_a_curve(tmp_path: Path) -> None:
    curve = trade_off(np.linspace(0.8, 0.9, 30), np.linspace(0.1, 0.2, 300))
    across, down = plots.Axis("FMR", 300), plots.Axis("FNMR", 30)
    plots.det(tmp_path / "det.png", curve, across, down, (0.0, Interval(0.0, 0.012)))
    assert drawn(tmp_path / "det.png", GENUINE) > 1000  # along both axes, not only in the legend
    assert list(across.ticks.values()) == ["0", "1 %", "10 %", "100 %"]


@pytest.mark.parametrize("count", [1, 4])
def test_scores_that_are_all_the_same_are_a_bar(tmp_path: Path, count: int) -> None:
    plots.distributions(tmp_path / "scores.png", np.full(count, 0.4), np.array([]), 0.7)
    bar = cv2.imread(str(tmp_path / "scores.png")).astype(int) - (136, 172, 226)  # the colour, half transparent
    assert (np.abs(bar).max(axis=2) < 40).sum() > 500
