"""1:N search: exact, over several templates a person, with a threshold that follows from what a site wants.

A score is the dot product of two unit vectors. The threshold is derived from the wanted false-positive
identification rate (FPIR, ISO/IEC 19795-1) and the number of templates; no score is a constant anywhere.
"""

import math

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from edge.terms import Candidate

Vector = NDArray[np.float32]

NOBODY = 2.0
"""The threshold of an empty whitelist: no dot product of unit vectors reaches it."""


ROUNDING = 1e-3
"""How far the squared length of a unit vector in float32 may be from one."""


class Calibration(Struct, frozen=True):
    """False-match rate against score, measured on impostor pairs of one population.

    `scores` ascend and `fmr` descends; beyond the last measured rate the line through the last two points
    (log FMR against score) is followed, and `measured_down_to` says where that begins.
    """

    population: str
    comparisons: int
    scores: tuple[float, ...]
    fmr: tuple[float, ...]
    measured_down_to: float

    def score_at(self, fmr: float) -> float:
        """The score that impostors reach with the rate `fmr`."""
        logs = [math.log(rate) for rate in self.fmr]
        return _line(math.log(fmr), logs, list(self.scores))

    def fmr_at(self, score: float) -> float:
        """The rate with which impostors reach `score`."""
        logs = [math.log(rate) for rate in self.fmr]
        return min(1.0, math.exp(_line(score, list(self.scores), logs)))


def _line(x: float, xs: list[float], ys: list[float]) -> float:
    """Piecewise-linear through (xs, ys), which may ascend or descend; straight on beyond both ends."""
    if xs[0] > xs[-1]:
        xs, ys = xs[::-1], ys[::-1]
    right = min(max(int(np.searchsorted(xs, x)), 1), len(xs) - 1)
    left = right - 1
    return ys[left] + (x - xs[left]) * (ys[right] - ys[left]) / (xs[right] - xs[left])


def threshold(calibration: Calibration, fpir: float, templates: int) -> float:
    """The score above which strangers are taken for somebody with the rate `fpir`, each template being one try."""
    if templates == 0:
        return NOBODY
    fmr = -math.expm1(math.log1p(-fpir) / templates)
    return calibration.score_at(fmr)


def effective_fpir(calibration: Calibration, score: float, templates: int) -> float:
    """The rate with which strangers are taken for somebody at the threshold `score`."""
    if templates == 0:
        return 0.0
    return -math.expm1(templates * math.log1p(-min(calibration.fmr_at(score), 1 - 1e-12)))


def _unit(vector: Vector) -> bool:
    """Whether its length is one, which no vector's is that holds NaN or infinity."""
    with np.errstate(over="ignore", invalid="ignore"):
        return abs(float(vector @ vector) - 1) < ROUNDING


class Gallery:
    """Every usable template of one whitelist revision.

    `matrix` is (n, D) float32 with unit rows, `owners` names the person of each row.
    """

    def __init__(self, matrix: Vector, owners: tuple[str, ...], revision: int) -> None:
        if len(matrix) != len(owners):
            raise ValueError(f"{len(matrix)} templates, {len(owners)} owners")
        self.revision = revision
        self.people = tuple(dict.fromkeys(owners))
        self._matrix = np.ascontiguousarray(matrix, dtype=np.float32)
        place = {person: index for index, person in enumerate(self.people)}
        self._owner = np.array([place[owner] for owner in owners], dtype=np.int32)

    def __len__(self) -> int:
        return len(self._matrix)

    @property
    def dimension(self) -> int:
        return int(self._matrix.shape[1])

    def search(self, probe: Vector, at_least: float) -> Candidate | None:
        """The best-matching person for a unit vector (D,), or None when nobody reaches `at_least`.

        `margin` is the distance to the best template of anybody else. A probe that is no unit vector matches nobody:
        a longer one would reach any threshold.
        """
        if not len(self._matrix) or probe.shape != (self.dimension,) or not _unit(probe):
            return None
        scores = self._matrix @ probe
        best = int(np.argmax(scores))
        score = float(scores[best])
        if not score >= at_least:  # also when it is not a number
            return None
        scores[self._owner == self._owner[best]] = -1.0
        margin = score - float(scores.max())
        return Candidate(self.people[self._owner[best]], score, margin, at_least, self.revision)
