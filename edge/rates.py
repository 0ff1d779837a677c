"""Error rates of recognition, after ISO/IEC 19795-1, and how far they can be trusted.

A rate comes with the interval that the number of people behind it allows. What could not be compared is in every
denominator: a score of -inf is never accepted, one of +inf always, so a missing face can be made to count as wrong.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float64]
Flags = NDArray[np.bool_]

Z = 1.959963984540054
"""Of the normal distribution, for intervals of 95 %."""
GRID = 1 - np.arange(0, 4, 0.01) / 2
"""Thresholds of LFW's protocol as it is usually run: squared distances 0, 0.01, ... of unit vectors, as scores."""


class Interval(NamedTuple):
    low: float
    high: float


class Point(NamedTuple):
    """One operating point: the rates of false acceptance and false rejection at a threshold."""

    threshold: float
    false_accepts: float
    false_rejects: float


def wilson(rate: float, trials: float) -> Interval:
    """The 95 % score interval (Wilson, 1927) of a rate that was seen in so many independent trials."""
    if trials <= 0:
        return Interval(0.0, 1.0)
    middle = (rate + Z**2 / (2 * trials)) / (1 + Z**2 / trials)
    half = Z / (1 + Z**2 / trials) * math.sqrt(rate * (1 - rate) / trials + Z**2 / (4 * trials**2))
    return Interval(max(0.0, min(rate, middle - half)), min(1.0, max(rate, middle + half)))  # rounding leaves none out


def clustered(rate: float, left_out: Scores) -> Interval:
    """The 95 % interval of a rate over people who are not independent trials.

    `left_out` (people,) holds the rate without each one of them. Its jackknife variance says how many independent
    trials would be as uncertain (Korn and Graubard, 1998), and never more than there are people.
    """
    people = len(left_out)
    if people < 2:
        return Interval(0.0, 1.0)
    variance = (people - 1) / people * float(((left_out - left_out.mean()) ** 2).sum())
    trials = rate * (1 - rate) / variance if variance > 0 else people
    return wilson(rate, min(trials, people))


def left_out(total: Scores, events: Scores, trials: Scores) -> Scores:
    """A mean rate over draws, without each person: (people,).

    `total` (draws,) counts the events; `events` and `trials` (draws, people) those that go with a person. Who took
    part in no draw is left out of the result.
    """
    there = (events + trials).any(axis=0)
    rest = trials.sum(axis=1)[:, None] - trials
    without = np.divide(total[:, None] - events, rest, out=np.zeros_like(rest), where=rest > 0)
    found: Scores = without[:, there].mean(axis=0)
    return found


def without_each(events: Flags, people: NDArray[np.int64]) -> Scores:
    """The rate of an event over pairs, without the pairs of each person in turn: (people,).

    `people` (pairs, 2) holds who they are of, twice the same for a pair of one person. With a pair of two go both, so
    that it counts twice in the jackknife: the interval of such pairs is too wide rather than too narrow.
    """
    members, places = np.unique(people, return_inverse=True)
    first, second = places.reshape(people.shape).T
    other = first != second

    def of_each(flags: Flags) -> Scores:
        counted = np.zeros(len(members))
        np.add.at(counted, first, flags)
        np.add.at(counted, second[other], flags[other])
        return counted

    rest = len(events) - of_each(np.ones_like(events))
    found: Scores = np.divide(float(events.sum()) - of_each(events), rest, out=np.zeros_like(rest), where=rest > 0)
    return found


def threshold_at(impostors: Scores, rate: float) -> float:
    """The lowest threshold at which at most the share `rate` of impostor scores is at or above it."""
    allowed = int(rate * len(impostors) + 1e-9)
    if allowed >= len(impostors):
        return -math.inf
    refused = np.sort(impostors)[len(impostors) - allowed - 1]
    return float(np.nextafter(refused, math.inf))


def accepted(scores: Scores, threshold: float) -> float:
    """The share of scores at or above a threshold; of none at all, nothing."""
    return float((scores >= threshold).mean()) if len(scores) else 0.0


def trade_off(genuine: Scores, impostors: Scores, most: int = 500) -> list[Point]:
    """The DET curve: at most so many operating points, the false accepts falling."""
    ranked = np.unique(np.concatenate([genuine, impostors]))
    ranked = ranked[np.isfinite(ranked)]
    if len(ranked) > most:
        tail = np.unique(_quantiles(impostors, 1 - np.geomspace(1, 1e-7, most)))
        ranked = np.unique(np.concatenate([tail, _quantiles(genuine, np.linspace(0, 1, most))]))
    return [Point(float(t), accepted(impostors, t), 1 - accepted(genuine, t)) for t in ranked]


def _quantiles(scores: Scores, shares: Scores) -> Scores:
    """Of the finite scores; none when there are none."""
    finite = scores[np.isfinite(scores)]
    return np.quantile(finite, shares) if len(finite) else finite


def folds_of(same: Flags, count: int) -> NDArray[np.int64]:
    """Folds for pairs that come without: each has its share of the pairs of one person and of two."""
    folds = np.empty(len(same), np.int64)
    for kind in (True, False):
        places = np.flatnonzero(same == kind)
        folds[places] = np.arange(len(places)) % count
    return folds


def judged(scores: Scores, same: Flags, folds: NDArray[np.int64]) -> Flags:
    """Which pairs are judged right, those of each fold at the threshold of GRID that is best on all others."""
    found = np.empty(len(same), np.bool_)
    right = (scores >= GRID[:, None]) == same
    for fold in np.unique(folds):
        others = right[:, folds != fold]
        best = int(others.mean(axis=1).argmax()) if others.size else 0
        found[folds == fold] = right[best, folds == fold]
    return found


class Search(NamedTuple):
    """What searching one enrolled list gave: scores of (probes,), -inf where no face was found.

    `mated` is the score of the own person's best template, and `rival` of the best of anybody else; a stranger has
    `best`, of the most similar person.
    """

    mated: Scores
    rival: Scores
    best: Scores

    @property
    def first(self) -> Flags:
        """Whether a mated probe is most similar to its own person."""
        return (self.mated > self.rival) & np.isfinite(self.mated)

    def fpir(self, threshold: float) -> float:
        return accepted(self.best, threshold)

    def fnir(self, threshold: float) -> float:
        """The share of mated probes that are not accepted as themselves."""
        return 1 - float((self.first & (self.mated >= threshold)).mean())

    def fnir_at(self, fpir: float) -> float:
        return self.fnir(threshold_at(self.best, fpir))


def mean_curve(searches: Sequence[Search], most: int = 300) -> list[Point]:
    """FNIR against FPIR, each draw at its own threshold (the highest is told), averaged at equal FPIR."""
    rates = np.geomspace(1 / max(len(search.best) for search in searches), 1, most)
    points = []
    for rate in rates:
        thresholds = [threshold_at(search.best, float(rate)) for search in searches]
        misses = [search.fnir(at) for search, at in zip(searches, thresholds, strict=True)]
        points.append(Point(max(thresholds), float(rate), float(np.mean(misses))))
    return points
