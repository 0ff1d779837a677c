"""Pictures of error rates and scores. Their words are the abbreviations of ISO/IEC 19795-1, the same everywhere."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from edge.errors import EdgeError
from edge.rates import Interval, Point, Scores

SIZE = (6.4, 4.8)
DPI = 120
BARS = 80


def det(path: Path, points: Sequence[Point], axes: tuple[str, str], mark: tuple[float, Interval] | None = None) -> None:
    """The DET curve on logarithmic axes, named (x, y); `mark` is a rate on the x axis with its interval."""
    figure = Figure(SIZE, DPI, layout="constrained")
    plot = figure.subplots()
    drawn = [(x, y) for _, x, y in points if x > 0 and y > 0]
    plot.loglog(*zip(*drawn, strict=True) if drawn else ([], []), color="#1f4e79", linewidth=1.8)
    if mark:
        rate, (low, high) = mark
        plot.axvspan(max(low, 1e-7), max(high, 1e-7), color="#c55a11", alpha=0.15, linewidth=0)
        plot.axvline(max(rate, 1e-7), color="#c55a11", linewidth=1.2)
    plot.set_xlabel(axes[0])
    plot.set_ylabel(axes[1])
    plot.grid(True, which="both", linewidth=0.4, alpha=0.5)
    _save(figure, path)


def distributions(path: Path, impostors: Scores, genuine: Scores, threshold: float | None = None) -> None:
    """Two histograms, each of unit area, and the threshold between them; scores that are infinite are left out."""
    figure = Figure(SIZE, DPI, layout="constrained")
    plot = figure.subplots()
    kinds = (("impostor", impostors, "#c55a11"), ("genuine", genuine, "#1f4e79"))
    finite = [(label, scores[np.isfinite(scores)], colour) for label, scores, colour in kinds]
    every = np.concatenate([scores for _, scores, _ in finite])
    low, high = (float(every.min()), float(every.max())) if len(every) else (-1.0, 1.0)
    bins = np.linspace(low, high, BARS + 1).tolist()
    for label, scores, colour in finite:
        if len(scores):
            plot.hist(scores, bins=bins, density=True, color=colour, alpha=0.55, label=f"{label} ({len(scores):,})")
    if threshold is not None:
        plot.axvline(threshold, color="#333333", linestyle="--", linewidth=1.2, label=f"threshold {threshold:.3f}")
    plot.set_xlabel("score")
    plot.set_ylabel("density")
    plot.legend()
    _save(figure, path)


def _save(figure: Figure, path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path)
    except OSError as error:
        raise EdgeError("{path} cannot be written: {why}", path=path, why=error.strerror) from error
