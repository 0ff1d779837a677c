"""The [calibration] table of a pack, measured: false-match rate against score on pairs of different people.

    python -m bench.calibration EMBEDDINGS.npz zoo

The file holds `identity` (n,), `country` (n,) and one array (n, D) for each embedder. Only pairs from the same country
count: they are the strangers that a gate confuses first. Rates with fewer than `LEAST_PAIRS` pairs behind them are
not measured but extrapolated along the tail (log rate against score); `measured_down_to` says from where.

Intervals come from a bootstrap over people, not pairs: a person who looks like many is in many pairs. `spread` and
`prior_people` are what `edge.matcher.Calibration` says; both are measured on random lists of LISTED people.
"""

import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge.matcher import Calibration, Strangers

Scores = NDArray[np.float64]

EMBEDDERS = {"registry": ["mobilefacenet"], "zoo": ["retail0095", "mobilefacenet"]}
RATES = (0.5, 0.3, 1e-1, 3e-2, 1e-2, 3e-3, 1e-3, 3e-4, 1e-4, 1e-5, 1e-6)
LEAST_PAIRS = 20
TAIL = (1e-2, 1e-4)
"""Between these rates the tail is fitted."""
SAME_PHOTO = 0.99
"""Two photos that score more are one, filed under two names."""
RESAMPLED, LISTED, LISTS = 200, 100, 50
SHARES = (0.02, 0.1)
"""Where the spread of best scores is measured, from their middle."""


class People(NamedTuple):
    """Unit vectors (n, D), whose they are (n,), and from which country (n,)."""

    vectors: NDArray[np.float32]
    identity: NDArray[Any]
    country: NDArray[Any]

    def part(self, chosen: NDArray[Any]) -> "People":
        return People(self.vectors[chosen], self.identity[chosen], self.country[chosen])


def load(path: Path, embedders: list[str]) -> People:
    """The overall unit vectors; of people of whom a photo is also filed under another name, only one."""
    with np.load(path) as data:
        parts = [data[name] / np.linalg.norm(data[name], axis=1, keepdims=True) for name in embedders]
        people = People(np.hstack(parts) / np.sqrt(np.float32(len(parts))), data["identity"], data["country"])
    scores = people.vectors @ people.vectors.T
    twice = (scores > SAME_PHOTO) & (people.identity[:, None] > people.identity)
    return people.part(~np.isin(people.identity, people.identity[twice.any(axis=1)]))


def impostor_scores(people: People) -> Scores:
    """Scores of each pair of different people of one country."""
    first, second = np.triu_indices(len(people.vectors), 1)
    strangers = people.identity[first] != people.identity[second]
    strangers &= people.country[first] == people.country[second]
    scores: Scores = (people.vectors @ people.vectors.T)[first[strangers], second[strangers]].astype(np.float64)
    return scores


def table(scores: Scores) -> tuple[list[float], float]:
    """The score at each of RATES, and the lowest rate that was measured."""
    least = next(rate for rate in reversed(RATES) if rate * len(scores) >= LEAST_PAIRS)
    fitted = np.geomspace(*TAIL, 20)
    slope = np.polyfit(np.log(fitted), np.quantile(scores, 1 - fitted), 1)[0]
    measured = [float(np.quantile(scores, 1 - rate)) for rate in RATES if rate >= least]
    last = measured[-1]
    return measured + [last + slope * np.log(rate / least) for rate in RATES if rate < least], least


def calibrated(people: People, population: str = "") -> Calibration:
    """The table without its intervals, its spread and its prior."""
    scores = impostor_scores(people)
    points, least = table(scores)
    count = len(np.unique(people.identity))
    return Calibration(population, len(scores), tuple(points), RATES, least, people=count)


def intervals(people: People, calibration: Calibration) -> tuple[list[float], list[float]]:
    """The 95 % interval of the rate at each score of the table, over people drawn with replacement."""
    rng, names = np.random.default_rng(0), np.unique(people.identity)
    places = {name: np.flatnonzero(people.identity == name) for name in names}
    found = []
    for _ in range(RESAMPLED):
        chosen = rng.choice(names, len(names))
        again = people.part(np.concatenate([places[name] for name in chosen]))
        drawn = calibrated(again)
        found.append([drawn.fmr_at(score) for score in calibration.scores])
    low, high = np.quantile(found, [0.025, 0.975], axis=0)
    return low.tolist(), high.tolist()


def spread(people: People, calibration: Calibration) -> tuple[float, float]:
    """How much wider best scores against a list spread than independent tries, and their standard deviation.

    One photo a person: LISTED are enrolled, the others are strangers.
    """
    rng, first = np.random.default_rng(0), np.unique(people.identity, return_index=True)[1]
    strangers = Strangers(calibration, LISTED)
    tries = [strangers.threshold(share) - strangers.threshold(0.5) for share in SHARES]
    factors, deviations = [], []
    for _ in range(LISTS):
        order = rng.permutation(first)
        best = (people.vectors[order[LISTED:]] @ people.vectors[order[:LISTED]].T).max(axis=1)
        steps = np.quantile(best, 1 - np.array(SHARES)) - np.median(best)
        factors.append(steps / tries)
        deviations.append(best.std())
    return float(np.mean(factors)), float(np.mean(deviations))


def prior(people: People, deviation: float) -> float:
    """How many people's median of best scores is as uncertain by chance as populations are different."""
    countries = [people.part(people.country == name) for name in np.unique(people.country)]
    middles = [np.quantile(impostor_scores(part), 1 - TAIL[0]) for part in countries]
    return float(np.pi / 2 * deviation**2 / np.var(middles, ddof=1))


def main(path: Path, pack: str) -> None:
    people = load(path, EMBEDDERS[pack])
    found = calibrated(people)
    low, high = intervals(people, found)
    factor, deviation = spread(people, found)
    print("[calibration]")
    print('population = "Japanese and Korean public figures, web photos years apart, pairs of the same country"')
    print(f"people = {found.people}")
    print(f"comparisons = {found.comparisons}")
    for name, values, form in (
        ("scores", found.scores, ".4f"), ("fmr", RATES, "g"), ("fmr_low", low, ".2g"), ("fmr_high", high, ".2g")
    ):  # fmt: skip
        print(f"{name} = [{', '.join(format(value, form) for value in values)}]")
    print(f"measured_down_to = {found.measured_down_to:g}")
    print(f"spread = {factor:.2f}")
    print(f"prior_people = {prior(people, deviation):.1f}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
