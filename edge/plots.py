"""Pictures of error rates and scores. Their words are the abbreviations of ISO/IEC 19795-1, the same everywhere."""

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import cycle
from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from edge.errors import EdgeError
from edge.rates import Interval, Point, Scores

SIZE = (6.4, 4.8)
DPI = 120
BARS = 80
GENUINE, IMPOSTOR = "#1f4e79", "#c55a11"
COLOURS = (GENUINE, "#548235", "#7030a0", "#bf9000", "#00808a", "#a23b72", "#7f7f7f")
MOST_INSIDE = 2
"""The names of more curves would hide what they name."""
LINES = ("-", "--", "-.", ":")
"""Of curves that may lie on each other."""
APART = 0.05
"""Scores that are all the same are drawn in the middle of so much on either side."""


class Axis(NamedTuple):
    """An error rate, and how many trials it was counted in."""

    name: str
    trials: int

    @property
    def least(self) -> float:
        """Where a rate of zero is drawn, since a logarithm has none: at half an error."""
        return 0.5 / max(self.trials, 1)

    @property
    def label(self) -> str:
        return f"{self.name} (n = {self.trials:,})"

    @property
    def ticks(self) -> dict[float, str]:
        decades = [10.0**power for power in range(math.ceil(math.log10(2 * self.least)), 1)]
        return {self.least: "0"} | {rate: f"{100 * rate:g} %" for rate in decades}

    def on(self, rates: Iterable[float]) -> list[float]:
        return [max(rate, self.least) for rate in rates]


def det(path: Path, points: Sequence[Point], x: Axis, y: Axis, mark: tuple[float, Interval] | None = None) -> None:
    """The DET curve on logarithmic axes; `mark` is the rate on `x` at the threshold in use, with its interval."""
    curves(path, {"DET": points}, x, y, mark)


def curves(
    path: Path,
    named: Mapping[str, Sequence[Point]],
    x: Axis,
    y: Axis,
    mark: tuple[float, Interval] | None = None,
) -> None:
    """Several of them, each by its name."""
    figure = Figure(SIZE, DPI, layout="constrained")
    plot = figure.subplots()
    for (name, points), colour, line in zip(named.items(), cycle(COLOURS), cycle(LINES), strict=False):
        across, down = x.on(point.false_accepts for point in points), y.on(point.false_rejects for point in points)
        plot.loglog(across, down, color=colour, linestyle=line, linewidth=1.8, label=name, clip_on=False, zorder=3)
    if mark:
        rate, (low, high) = mark
        told = f"{x.name} {rate:.2%} ({low:.2%} - {high:.2%})"
        plot.axvspan(*x.on((low, high)), color=IMPOSTOR, alpha=0.15, linewidth=0)
        plot.axvline(*x.on([rate]), color=IMPOSTOR, linewidth=1.2, label=told)
    plot.set_xlim(x.least, 1)
    plot.set_ylim(y.least, 1)
    plot.set_xticks(list(x.ticks), list(x.ticks.values()))
    plot.set_yticks(list(y.ticks), list(y.ticks.values()))
    for side in (plot.xaxis, plot.yaxis):
        side.set_minor_formatter(NullFormatter())
    plot.set_xlabel(x.label)
    plot.set_ylabel(y.label)
    plot.grid(True, which="both", linewidth=0.4, alpha=0.5)
    if len(named) > MOST_INSIDE:
        figure.legend(loc="outside upper center", ncols=2)
    else:
        plot.legend()
    _save(figure, path)


def distributions(path: Path, impostors: Scores, genuine: Scores, threshold: float | None = None) -> None:
    """Two histograms, each of unit area, and the threshold between them; scores that are infinite are left out."""
    figure = Figure(SIZE, DPI, layout="constrained")
    plot = figure.subplots()
    kinds = (("impostor", impostors, IMPOSTOR), ("genuine", genuine, GENUINE))
    finite = [(label, scores[np.isfinite(scores)], colour) for label, scores, colour in kinds]
    every = np.concatenate([scores for _, scores, _ in finite])
    low, high = (float(every.min()), float(every.max())) if len(every) else (-1.0, 1.0)
    if high - low < APART / BARS:
        low, high = low - APART, high + APART
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
