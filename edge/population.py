"""What a list of enrolled people says of itself: genuine and impostor scores, who is hard to tell apart, its table."""

import math
from typing import NamedTuple

import numpy as np
from msgspec import Struct, structs
from numpy.typing import NDArray

from edge.matcher import Calibration, Gallery, Likeness, Strangers
from edge.rates import Interval, Scores, Z, accepted, wilson

MOST_TEMPLATES = 2000
"""Of so many at most, evenly chosen, other people's are compared; two million pairs tell enough."""
LEAST_PAIRS = 20
"""A rate with fewer pairs of people behind it is not measured."""
FAR = 1e-2
"""A table must be measured down to this rate before it may be put into use: what lies beyond is extrapolated."""
SHOWN = 20
"""Pairs of people, and people, that are named at most."""


class Alike(Struct, frozen=True):
    """Two people whose best pair of templates reaches the threshold, and its score."""

    people: tuple[str, str]
    score: float


class Spread(Struct, frozen=True):
    """A distribution of scores: how many, and its 5th, 50th, 95th and 99th percentile."""

    count: int
    p5: float
    p50: float
    p95: float
    p99: float


class Report(Struct, frozen=True):
    """Operating threshold and effective rates with their intervals of 95 %, and who is hard to tell apart."""

    pack: str
    calibration: str
    revision: int
    people: int
    templates: int
    fpir_wanted: float
    threshold: float
    threshold_interval: Interval
    threshold_of_table: float
    effective_fpir: float
    effective_fpir_interval: Interval
    fmr: float
    fmr_interval: Interval
    fnmr: float | None
    fnmr_interval: Interval | None
    impostor: Spread | None
    genuine: Spread | None
    alike: list[Alike]
    unlike_themselves: list[str]
    """People of whom two templates do not reach the threshold: enrol them again."""
    threshold_before: float | None = None
    """With the table that was in use until this one was put there."""


class Pairs(NamedTuple):
    """Scores of pairs of templates of so many different `people`, and of one person's with who that is."""

    impostor: Scores
    people: int
    genuine: Scores
    person: NDArray[np.int32]


def pairs(gallery: Gallery) -> Pairs:
    """Every pair once: those of different people among MOST_TEMPLATES templates, those of one person among all."""
    chosen = np.unique(np.linspace(0, len(gallery) - 1, min(len(gallery), MOST_TEMPLATES)).astype(int))
    matrix, owner = gallery.matrix[chosen], gallery.owner[chosen]
    first, second = np.triu_indices(len(chosen), 1)
    others = owner[first] != owner[second]
    scores = (matrix @ matrix.T)[first, second][others].astype(np.float64)
    return Pairs(scores, len(np.unique(owner)), *_genuine(gallery))


def _genuine(gallery: Gallery) -> tuple[Scores, NDArray[np.int32]]:
    """Every pair of one person's templates once, and whose it is."""
    order = np.argsort(gallery.owner, kind="stable")
    owner, scores, person = gallery.owner[order], [np.zeros(0)], [np.zeros(0, np.int32)]
    for apart in range(1, int(np.bincount(owner).max(initial=0))):
        first = np.flatnonzero(owner[apart:] == owner[:-apart])
        one, other = gallery.matrix[order[first]], gallery.matrix[order[first + apart]]
        scores.append(np.einsum("ij,ij->i", one, other).astype(np.float64))
        person.append(owner[first])
    return np.concatenate(scores), np.concatenate(person)


def report(gallery: Gallery, calibration: Calibration, kind: str, pack: str, fpir: float) -> tuple[Report, Pairs]:
    """Everything that the list tells; `kind` says whose table `calibration` is."""
    gallery = gallery.compact()
    found = pairs(gallery)
    likeness = gallery.likeness(fpir)
    strangers = Strangers(calibration, len(gallery), likeness)
    at = strangers.threshold(fpir)
    bounds = [Strangers(calibration, len(gallery), each) for each in _bounds(gallery, likeness, fpir)]
    mates = len(np.unique(found.person))
    fnmr = 1 - accepted(found.genuine, at) if len(found.genuine) else None
    fmr = accepted(found.impostor, at)
    return Report(
        pack=pack,
        calibration=kind,
        revision=gallery.revision,
        people=len(gallery.people),
        templates=len(gallery),
        fpir_wanted=fpir,
        threshold=at,
        threshold_interval=_ordered([each.threshold(fpir) for each in bounds]),
        threshold_of_table=Strangers(calibration, len(gallery)).threshold(fpir),
        effective_fpir=strangers.fpir(at),
        effective_fpir_interval=_ordered([each.fpir(at) for each in bounds]),
        fmr=fmr,
        fmr_interval=wilson(fmr, found.people),
        fnmr=fnmr,
        fnmr_interval=None if fnmr is None else wilson(fnmr, mates),
        impostor=_spread(found.impostor),
        genuine=_spread(found.genuine),
        alike=_alike(gallery, at),
        unlike_themselves=[gallery.people[each] for each in np.unique(found.person[found.genuine < at])][:SHOWN],
    ), found


def least_people(calibration: Calibration) -> int:
    """So many are needed to measure a table as far as FAR at the rates of `calibration`."""
    rate = max((rate for rate in calibration.fmr if rate <= FAR), default=FAR)
    return math.ceil((1 + math.sqrt(1 + 8 * LEAST_PAIRS / rate)) / 2)


def own_table(found: Pairs, calibration: Calibration, population: str, people: int) -> Calibration:
    """The table of at least `least_people`: measured as far as their pairs reach, then as steep as `calibration`.

    It moves from `calibration` by the weight that so many people have, and its floor stays there: docs/decisions/0010.
    """
    known = people * (people - 1) / 2  # several templates of the same two people are no further pairs
    weight = people / (people + calibration.prior_people)
    least = min(rate for rate in calibration.fmr if rate * known >= LEAST_PAIRS)
    scores = []
    for rate, score in zip(calibration.fmr, calibration.scores, strict=True):
        reached = max(rate, least)
        moved = float(np.quantile(found.impostor, 1 - reached)) - calibration.score_at(reached)
        scores.append(score + weight * moved)
    bounds = [wilson(rate, people) for rate in calibration.fmr]
    return structs.replace(
        calibration,
        population=population,
        comparisons=len(found.impostor),
        people=people,
        scores=tuple(scores),
        measured_down_to=least,
        fmr_low=tuple(bound.low for bound in bounds),
        fmr_high=tuple(bound.high for bound in bounds),
        floor=calibration.floor or calibration.scores,
    )


def _bounds(gallery: Gallery, likeness: Likeness | None, fpir: float) -> list[Likeness | None]:
    """The likeness at both ends of what chance allows: the order statistics about its quantile."""
    if likeness is None:
        return [None, None]
    rows = gallery.sample()
    looked_at = len(np.unique(gallery.owner[rows]))
    half = Z * float(np.sqrt(likeness.share * (1 - likeness.share) / looked_at))
    shares = (min(1.0, likeness.share + half), max(0.0, likeness.share - half))
    best = gallery.best_of_others(rows)
    return [likeness._replace(score=float(np.quantile(best, 1 - share))) for share in shares]


def _ordered(values: list[float]) -> Interval:
    return Interval(min(values), max(values))


def _spread(scores: Scores) -> Spread | None:
    if not len(scores):
        return None
    return Spread(len(scores), *np.quantile(scores, [0.05, 0.5, 0.95, 0.99]).tolist())


def _alike(gallery: Gallery, at: float) -> list[Alike]:
    """The pairs of people that reach the threshold, most alike first; none when nobody does."""
    found: dict[tuple[str, str], float] = {}
    for row, column, score in gallery.above(at):
        one, other = sorted((gallery.people[gallery.owner[row]], gallery.people[gallery.owner[column]]))
        found[one, other] = max(score, found.get((one, other), -1.0))
    ranked = sorted(found.items(), key=lambda item: -item[1])
    return [Alike(people, score) for people, score in ranked[:SHOWN]]
