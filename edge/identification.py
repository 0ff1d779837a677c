"""Open-set identification (ISO/IEC 19795-1), on the product's own chain and at the threshold that it would use.

In each draw a part of the people is enrolled with their first picture; all other pictures are searched. A mated probe
that was not found, or whose person has no template, is a miss; a stranger who was not found is taken for nobody.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from edge import plots, rates, still
from edge.collection import Collection
from edge.errors import EdgeError
from edge.faces import Vision
from edge.matcher import Calibration, Gallery, Vector
from edge.still import Advance, Templates

FPIRS = (0.1, 0.01)

Counts = NDArray[np.int64]


class Identification(Struct, frozen=True):
    """Means over the draws, with intervals of 95 % over people; of mated probes over the draws that have any.

    `not_found` counts pictures without a usable face, `unreadable` is among them; `loose` those that are in no
    person's directory, which are nobody's and left out. `fpir_at_configured` is what
    really results at the threshold that the gate would use for `fpir_wanted`.
    """

    pack: str
    draws: int
    people: int
    images: int
    not_found: int
    unreadable: int
    loose: int
    n_enrolled: int
    n_mated: float
    n_nonmated: float
    rank1: float
    fnir_at_fpir: dict[str, float]
    fnir_at_fpir_interval: dict[str, rates.Interval]
    fpir_wanted: float
    threshold: float
    fpir_at_configured: float
    fpir_interval: rates.Interval
    fnir_at_configured: float
    fnir_at_configured_interval: rates.Interval


class Faces(NamedTuple):
    """Every picture: its person (n,), its template (n, D), whether there is one (n,), and the first of each person."""

    person: Counts
    templates: Vector
    there: NDArray[np.bool_]
    first: Counts


class Draw(NamedTuple):
    """One choice of who is enrolled, as it was searched."""

    search: rates.Search
    mated: Counts
    """The person of each mated probe."""
    strangers: Counts
    """The person of each non-mated probe."""
    alike: list[Counts]
    """For each non-mated probe, which enrolled people reach the configured threshold."""
    threshold: float


def _searched(draws: list[Draw]) -> list[Draw]:
    """The draws in which somebody enrolled is searched for; EdgeError when there is none."""
    found = [each for each in draws if len(each.mated)]
    if not found:
        hint = "give more people two pictures, or enrol more of them: --enrolled-share"
        raise EdgeError("of nobody who was enrolled is there another picture to search for", hint)
    return found


def identify(
    images: Path, vision: Vision, fpir: float, draws: int, share: float, seed: int, advance: Advance
) -> tuple[Identification, list[Draw]]:
    """The figures of DIR/PERSON/PICTURE, and the draws that they come from."""
    with Collection(images) as collection:
        people = collection.people()
        if len(people) < 2:
            hint = "each person's pictures belong in a directory of their own: DIR/PERSON/PICTURE.jpg"
            raise EdgeError("{images} holds pictures of {count} people", hint, images=images, count=len(people))
        names = [name for person in people.values() for name in person]
        loose = len(collection.names) - len(names)
        found = still.templates(collection, names, vision, advance)
    faces = _faces(people, found, vision.dimension)
    enrolled = min(max(round(share * len(people)), 1), len(people) - 1)
    rng = np.random.default_rng(seed)
    calibration = vision.pack.manifest.calibration
    drawn = [draw(faces, rng.permutation(len(people))[:enrolled], calibration, fpir) for _ in range(draws)]
    counts = (len(people), len(names), len(names) - len(found.found), found.unreadable, loose, enrolled)
    return figures(vision.pack.manifest.id, counts, fpir, drawn), drawn


def draw_curves(directory: Path, result: Identification, draws: list[Draw]) -> None:
    """FNIR against FPIR, with the rate at the configured threshold, and the scores of the first draw."""
    draws = _searched(draws)
    curve = rates.mean_curve([each.search for each in draws])
    mark = (result.fpir_at_configured, result.fpir_interval)
    search, at = draws[0].search, draws[0].threshold
    across, down = plots.Axis("FPIR", len(search.best)), plots.Axis("FNIR", len(search.mated))
    plots.det(directory / "identification-det.png", curve, across, down, mark)
    plots.distributions(directory / "identification-scores.png", search.best, search.mated, at)


def _faces(people: dict[str, list[str]], found: Templates, dimension: int) -> Faces:
    rows = [(person, name) for person, names in enumerate(people.values()) for name in names]
    nobody = np.zeros(dimension, np.float32)
    person = np.array([who for who, _ in rows])
    templates = np.stack([found.found.get(name, nobody) for _, name in rows])
    there = np.array([name in found.found for _, name in rows])
    return Faces(person, templates, there, np.unique(person, return_index=True)[1])


def draw(faces: Faces, enrolled: Counts, calibration: Calibration, fpir: float) -> Draw:
    """Enrol these people with their first pictures and search all others."""
    usable = enrolled[faces.there[faces.first[enrolled]]]
    matrix = faces.templates[faces.first[usable]]
    gallery = Gallery(matrix, tuple(str(person) for person in usable), 0)
    at = gallery.strangers(calibration, fpir).threshold(fpir)
    column = np.full(len(faces.first), -1)
    column[usable] = np.arange(len(usable))
    known = np.isin(faces.person, enrolled)
    probes = np.ones(len(known), bool)
    probes[faces.first[enrolled]] = False
    mated, strangers = np.flatnonzero(known & probes), np.flatnonzero(~known)
    scores = _scores(faces, strangers, matrix)
    alike = [usable[row >= at] for row in scores]
    own, rival = _mated(faces, mated, matrix, column[faces.person[mated]])
    search = rates.Search(own, rival, scores.max(axis=1, initial=-np.inf))
    return Draw(search, faces.person[mated], faces.person[strangers], alike, at)


def _scores(faces: Faces, probes: Counts, matrix: Vector) -> rates.Scores:
    scores = (faces.templates[probes] @ matrix.T).astype(np.float64)
    scores[~faces.there[probes]] = -np.inf
    return scores


def _mated(faces: Faces, probes: Counts, matrix: Vector, column: Counts) -> tuple[rates.Scores, rates.Scores]:
    """The scores of each probe with its own person, -inf without a template, and with the best of all others."""
    scores = _scores(faces, probes, matrix)
    rows, enrolled = np.arange(len(probes)), column >= 0
    own = np.full(len(probes), -np.inf)
    own[enrolled] = scores[rows[enrolled], column[enrolled]]
    scores[rows[enrolled], column[enrolled]] = -np.inf
    return own, scores.max(axis=1, initial=-np.inf)


def figures(pack: str, counts: tuple[int, ...], fpir: float, draws: list[Draw]) -> Identification:
    people, images, not_found, unreadable, loose, enrolled = counts
    searches = [each.search for each in draws]
    searched = _searched(draws)
    misses = {f"{rate:g}": [each.search.fnir_at(rate) for each in searched] for rate in FPIRS}
    false = [search.fpir(each.threshold) for search, each in zip(searches, draws, strict=True)]
    refused = [each.search.fnir(each.threshold) for each in searched]
    levels = {f"{rate:g}": [rates.threshold_at(each.search.best, rate) for each in searched] for rate in FPIRS}
    return Identification(
        pack=pack,
        draws=len(draws),
        people=people,
        images=images,
        not_found=not_found,
        unreadable=unreadable,
        loose=loose,
        n_enrolled=enrolled,
        n_mated=float(np.mean([len(search.mated) for search in searches])),
        n_nonmated=float(np.mean([len(search.best) for search in searches])),
        rank1=float(np.mean([each.search.first.mean() for each in searched])),
        fnir_at_fpir={rate: float(np.mean(found)) for rate, found in misses.items()},
        fnir_at_fpir_interval={rate: _missed(searched, people, at) for rate, at in levels.items()},
        fpir_wanted=fpir,
        threshold=float(np.mean([each.threshold for each in draws])),
        fpir_at_configured=float(np.mean(false)),
        fpir_interval=mistaken(draws, people),
        fnir_at_configured=float(np.mean(refused)),
        fnir_at_configured_interval=_missed(searched, people, [each.threshold for each in searched]),
    )


def mistaken(draws: list[Draw], people: int) -> rates.Interval:
    """The interval of the FPIR: a person left out is missing as a stranger and as somebody enrolled."""
    events, trials = np.zeros((2, len(draws), people))
    for row, each in enumerate(draws):
        np.add.at(trials[row], each.strangers, 1)
        for stranger, alike in zip(each.strangers, each.alike, strict=True):
            events[row, stranger] += len(alike) > 0
            if len(alike) == 1:
                events[row, alike[0]] += 1
    hits = np.array([sum(len(alike) > 0 for alike in each.alike) for each in draws])
    return rates.clustered(float((hits / trials.sum(axis=1)).mean()), rates.left_out(hits, events, trials))


def _missed(draws: list[Draw], people: int, thresholds: list[float]) -> rates.Interval:
    """The interval of the FNIR over the people who were searched for, at given thresholds."""
    events, trials = np.zeros((2, len(draws), people))
    for row, (each, at) in enumerate(zip(draws, thresholds, strict=True)):
        np.add.at(trials[row], each.mated, 1)
        np.add.at(events[row], each.mated, ~(each.search.first & (each.search.mated >= at)))
    total = events.sum(axis=1)
    return rates.clustered(float((total / trials.sum(axis=1)).mean()), rates.left_out(total, events, trials))
