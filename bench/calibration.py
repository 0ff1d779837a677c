"""The [calibration] table of a pack, measured: false-match rate against score on pairs of different people.

    python bench/calibration.py EMBEDDINGS.npz zoo

The file holds `identity` (n,), `country` (n,) and one array (n, D) for each embedder. Only pairs from the same country
count: they are the strangers that a gate confuses first. Rates with fewer than `LEAST_PAIRS` pairs behind them are
not measured but extrapolated along the tail (log rate against score); `measured_down_to` says from where.
"""

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float64]

EMBEDDERS = {"registry": ["mobilefacenet"], "zoo": ["retail0095", "mobilefacenet"]}
RATES = (1e-1, 3e-2, 1e-2, 3e-3, 1e-3, 3e-4, 1e-4, 1e-5, 1e-6)
LEAST_PAIRS = 20
TAIL = (1e-2, 1e-4)
"""Between these rates the tail is fitted."""


def impostor_scores(path: Path, embedders: list[str]) -> Scores:
    """Dot products of the overall unit vectors, each pair once."""
    with np.load(path) as data:
        parts = [data[name] / np.linalg.norm(data[name], axis=1, keepdims=True) for name in embedders]
        identity, country = data["identity"], data["country"]
    vectors = np.hstack(parts) / np.sqrt(len(parts))
    first, second = np.triu_indices(len(vectors), 1)
    strangers = (identity[first] != identity[second]) & (country[first] == country[second])
    scores: Scores = (vectors @ vectors.T)[first[strangers], second[strangers]].astype(np.float64)
    return scores


def table(scores: Scores) -> tuple[list[float], float]:
    """The score at each of RATES, and the lowest rate that was measured."""
    least = next(rate for rate in reversed(RATES) if rate * len(scores) >= LEAST_PAIRS)
    fitted = np.geomspace(*TAIL, 20)
    slope = np.polyfit(np.log(fitted), np.quantile(scores, 1 - fitted), 1)[0]
    measured = [float(np.quantile(scores, 1 - rate)) for rate in RATES if rate >= least]
    last = measured[-1]
    return measured + [last + slope * np.log(rate / least) for rate in RATES if rate < least], least


def main(path: Path, pack: str) -> None:
    scores = impostor_scores(path, EMBEDDERS[pack])
    points, least = table(scores)
    print("[calibration]")
    print('population = "Japanese and Korean public figures, web photos years apart, pairs of the same country"')
    print(f"comparisons = {len(scores)}")
    print(f"scores = [{', '.join(f'{score:.4f}' for score in points)}]")
    print(f"fmr = [{', '.join(f'{rate:g}' for rate in RATES)}]")
    print(f"measured_down_to = {least:g}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
