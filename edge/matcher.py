"""1:N search: exact, over several templates a person, with a threshold that follows from what a site wants.

A score is the dot product of two unit vectors. The threshold is derived from the wanted false-positive
identification rate (FPIR, ISO/IEC 19795-1), the number of templates, the pack's calibration table, and from how alike
the enrolled people are themselves; no score is a constant anywhere. docs/decisions/0010 says why and how well.
"""

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from edge.terms import Candidate

Vector = NDArray[np.float32]

NOBODY = 2.0
"""The threshold of an empty whitelist: no dot product of unit vectors reaches it."""


ROUNDING = 1e-3
"""How far the squared length of a unit vector in float32 may be from one."""


TAIL = 20
"""So many of the enrolled are above the score that the list itself vouches for; fewer would be chance."""
LOOKED_AT = 500
"""Most templates that are compared with all others to see how alike people are."""
CHUNK = 50


class Calibration(Struct, frozen=True):
    """False-match rate against score, measured on impostor pairs of one population.

    `scores` ascend and `fmr` descends; beyond the last measured rate the line through the last two points
    (log FMR against score) is followed, and `measured_down_to` says where that begins. `fmr_low` and `fmr_high` are
    the 95 % interval of each rate over the `people` who were measured.

    `spread` is how much wider best scores against a list are spread, from stranger to stranger, than independent
    tries would have it. Populations differ as much as the middle of `prior_people` people differs by chance: so many
    of a list's own weigh as much as the table.

    `floor` holds scores at the same rates under which no threshold goes; without it `scores` are their own. A site's
    table has those of the pack.
    """

    population: str
    comparisons: int
    scores: tuple[float, ...]
    fmr: tuple[float, ...]
    measured_down_to: float
    people: int = 0
    fmr_low: tuple[float, ...] = ()
    fmr_high: tuple[float, ...] = ()
    spread: float = 1.0
    prior_people: float = 4.0
    floor: tuple[float, ...] = ()

    def score_at(self, fmr: float) -> float:
        """The score that impostors reach with the rate `fmr`."""
        logs = [math.log(rate) for rate in self.fmr]
        return _line(math.log(fmr), logs, list(self.scores))

    def floor_at(self, fmr: float) -> float:
        """The score under which no threshold for this rate may go."""
        logs = [math.log(rate) for rate in self.fmr]
        return _line(math.log(fmr), logs, list(self.floor or self.scores))

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


class Likeness(NamedTuple):
    """How alike the people of a list are: so large a `share` of them reaches `score` against `templates` of others."""

    people: int
    templates: float
    share: float
    score: float


class Strangers:
    """How strangers score against a list of `templates`.

    The table says where the middle of their best scores lies and how they spread from there, as if each template
    were an independent try, times `spread`. Those who are enrolled are themselves strangers to each other: where the
    list is large enough to tell (`likeness`), they say where the table's curve belongs.
    """

    def __init__(self, calibration: Calibration, templates: int, likeness: Likeness | None = None) -> None:
        self._calibration, self._templates = calibration, templates
        if not templates:
            return
        middle = self._tries(0.5, templates)
        self._from, self._score = middle, middle
        if likeness:
            self._from = self._tries(likeness.share, likeness.templates)
            expected = middle + calibration.spread * (self._from - middle)
            weight = likeness.people / (likeness.people + calibration.prior_people)
            self._score = expected + weight * (likeness.score - expected)

    def threshold(self, fpir: float) -> float:
        """The score that strangers reach with the rate `fpir`; never below that of a list of one, as the pack has it.

        So a list of people who are nothing like any population lowers it no further.
        """
        if not self._templates:
            return NOBODY
        step = self._calibration.spread * (self._tries(fpir, self._templates) - self._from)
        return max(self._score + step, self._calibration.floor_at(fpir))

    def fpir(self, score: float) -> float:
        """The rate with which strangers are taken for somebody at the threshold `score`."""
        if not self._templates:
            return 0.0
        tries = self._from + (score - self._score) / self._calibration.spread
        return -math.expm1(self._templates * math.log1p(-min(self._calibration.fmr_at(tries), 1 - 1e-12)))

    def _tries(self, share: float, templates: float) -> float:
        """The score that the best of so many independent tries reaches with the rate `share`."""
        return self._calibration.score_at(-math.expm1(math.log1p(-share) / templates))


def _unit(vector: Vector) -> bool:
    """Whether its length is one, which no vector's is that holds NaN or infinity."""
    with np.errstate(over="ignore", invalid="ignore"):
        return abs(float(vector @ vector) - 1) < ROUNDING


def _chunks(rows: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    return np.split(rows, range(CHUNK, len(rows), CHUNK))


class Gallery:
    """Every usable template of one whitelist revision.

    `matrix` is (n, D) float32 with unit rows, `owners` names the person of each row; `owner` (n,) is the place of that
    person in `people`.
    """

    def __init__(self, matrix: Vector, owners: tuple[str, ...], revision: int) -> None:
        if len(matrix) != len(owners):
            raise ValueError(f"{len(matrix)} templates, {len(owners)} owners")
        self.revision = revision
        self.people = tuple(dict.fromkeys(owners))
        self.matrix = np.ascontiguousarray(matrix, dtype=np.float32)
        place = {person: index for index, person in enumerate(self.people)}
        self.owner = np.array([place[owner] for owner in owners], dtype=np.int32)
        self._usable = len(self.matrix)

    @classmethod
    def of(cls, matrix: Vector, owner: NDArray[np.int32], names: tuple[str, ...], revision: int) -> "Gallery":
        """A gallery of rows whose owners are given as places in `names`, -1 for nobody."""
        made = cls.__new__(cls)
        made.revision, made.people = revision, names
        made.matrix, made.owner = matrix, owner
        made._usable = int((owner >= 0).sum())
        return made

    def __len__(self) -> int:
        return self._usable

    def __contains__(self, person: str) -> bool:
        """Whether there is a template of this person; `people` may still name who was removed."""
        return any(self.people[place] == person for place in np.unique(self.owner[self.owner >= 0]))

    def compact(self) -> "Gallery":
        """The same without the rows and names of who was removed."""
        usable = np.flatnonzero(self.owner >= 0)
        owners = tuple(self.people[place] for place in self.owner[usable])
        return Gallery(self.matrix[usable], owners, self.revision)

    @property
    def dimension(self) -> int:
        return int(self.matrix.shape[1])

    def likeness(self, fpir: float) -> Likeness | None:
        """How alike these people are, looked at as near to `fpir` as they are many; None of fewer than two."""
        usable = np.flatnonzero(self.owner >= 0)
        people = len(np.unique(self.owner[usable]))
        if people < 2:
            return None
        rows = self.sample()
        best = self.best_of_others(rows)
        share = min(0.5, max(fpir, TAIL / len(rows)))
        others = len(usable) - float(np.bincount(self.owner[usable])[self.owner[rows]].mean())
        return Likeness(people, others, share, float(np.quantile(best, 1 - share)))

    def strangers(self, calibration: Calibration, fpir: float) -> Strangers:
        """How strangers score against this list."""
        return Strangers(calibration, len(self), self.likeness(fpir))

    def sample(self) -> NDArray[np.int64]:
        """The rows that stand for all, evenly chosen."""
        usable = np.flatnonzero(self.owner >= 0)
        return usable[np.unique(np.linspace(0, len(usable) - 1, min(len(usable), LOOKED_AT)).astype(np.int64))]

    def best_of_others(self, rows: NDArray[np.int64]) -> Vector:
        """The best score of each of these templates with anybody else's."""
        return np.concatenate([self._with_others(part).max(axis=1) for part in _chunks(rows)])

    def above(self, at_least: float) -> Iterator[tuple[int, int, float]]:
        """Pairs of templates of different people that reach a score: two rows and the score, each pair once."""
        for part in _chunks(np.arange(len(self.matrix))):
            scores = self._with_others(part)
            for row, column in np.argwhere(scores >= at_least):
                if part[row] < column:
                    yield int(part[row]), int(column), float(scores[row, column])

    def _with_others(self, rows: NDArray[np.int64]) -> Vector:
        scores: Vector = self.matrix[rows] @ self.matrix.T
        scores[self.owner[rows][:, None] == self.owner] = -1.0
        return scores

    def search(self, probe: Vector, at_least: float) -> Candidate | None:
        """The best-matching person for a unit vector (D,), or None when nobody reaches `at_least`.

        `margin` is the distance to the best template of anybody else. A probe that is no unit vector matches nobody:
        a longer one would reach any threshold.
        """
        if not self._usable or probe.shape != (self.dimension,) or not _unit(probe):
            return None
        scores = self.matrix @ probe
        best = int(np.argmax(scores))
        score = float(scores[best])
        if not score >= at_least or self.owner[best] < 0:  # also when it is not a number
            return None
        scores[self.owner == self.owner[best]] = -1.0
        margin = score - float(scores.max())
        return Candidate(self.people[self.owner[best]], score, margin, at_least, self.revision)
