"""Charts as SVG, made here: no script draws on the page, and none is needed to read one."""

from collections.abc import Sequence
from html import escape
from typing import NamedTuple

WIDTH, HEIGHT, LEFT, BELOW, ABOVE = 640, 200, 44, 24, 10
LABELLED = 4
"""Of so many labels one is shown where the chart is small."""
LINE = 30
"""The height of a row: what it is called and its number, and its bar below them."""
STEPS = (4.0, 5.0, 6.0, 8.0, 12.0, 16.0, 20.0, 24.0, 32.0)


class Bar(NamedTuple):
    """A column of parts, from the bottom up or side by side."""

    label: str
    parts: Sequence[float]


class Row(NamedTuple):
    """A horizontal bar, with what is said of its value."""

    label: str
    value: float
    said: str


def bars(title: str, data: Sequence[Bar], names: Sequence[str], grouped: bool = False) -> str:
    """Columns with a scale, stacked or grouped; `names` say what the parts are, to who cannot see it as well."""
    highest = max if grouped else sum
    top = _top(max((highest(bar.parts) for bar in data), default=0))
    step = (WIDTH - LEFT) / max(1, len(data))
    drawn = [_grid(top)]
    for number, bar in enumerate(data):
        x = LEFT + number * step
        drawn += _column(bar, names, x + step * 0.15, step * 0.7, top, grouped)
        if number % max(1, len(data) // 10) == 0:
            name = "below" if number % LABELLED == 0 else "below between"
            drawn.append(f'<text x="{x + step / 2:.1f}" y="{HEIGHT - 6}" class="{name}">{escape(bar.label)}</text>')
    return _svg(title, HEIGHT, drawn)


def _column(bar: Bar, names: Sequence[str], x: float, width: float, top: float, grouped: bool) -> list[str]:
    drawn, y = [], float(HEIGHT - BELOW)
    wide = width / len(bar.parts) if grouped else width
    for place, value in enumerate(bar.parts):
        high = value / top * (HEIGHT - BELOW - ABOVE)
        y = HEIGHT - BELOW - high if grouped else y - high
        said = escape(f"{bar.label} {names[place]}: {round(value, 1):g}")
        left = x + place * wide if grouped else x
        drawn.append(
            f'<rect class="part{place}" x="{left:.1f}" y="{y:.1f}" width="{wide:.1f}" '
            f'height="{high:.1f}"><title>{said}</title></rect>'
        )
    return drawn


def rows(title: str, data: Sequence[Row], largest: float = 0.0) -> str:
    """Horizontal bars, one below the other; the longest is the largest value, or `largest`."""
    top = largest or max((row.value for row in data), default=0.0) or 1.0
    drawn = []
    for number, row in enumerate(data):
        y = number * LINE
        wide = min(1.0, row.value / top) * WIDTH
        drawn.append(
            f'<text x="0" y="{y + 14}" class="name">{escape(row.label)}</text>'
            f'<rect class="bed" x="0" y="{y + 18}" width="{WIDTH}" height="6" rx="3"/>'
            f'<rect class="part0" x="0" y="{y + 18}" width="{wide:.1f}" height="6" rx="3"/>'
            f'<text x="{WIDTH}" y="{y + 14}" class="left">{escape(row.said)}</text>'
        )
    return _svg(title, max(1, len(data)) * LINE, drawn, " rows", "; ".join(f"{row.label}: {row.said}" for row in data))


def _svg(title: str, height: int, drawn: Sequence[str], kind: str = "", described: str = "") -> str:
    head = f'<svg class="chart{kind}" viewBox="0 0 {WIDTH} {height}" role="img"><title>{escape(title)}</title>'
    told = f"<desc>{escape(described)}</desc>" if described else ""
    return f"{head}{told}{''.join(drawn)}</svg>"


def _grid(top: float) -> str:
    lines, room = [], HEIGHT - BELOW - ABOVE
    for quarter in range(5):
        y = HEIGHT - BELOW - room * quarter / 4
        lines.append(f'<line x1="{LEFT}" x2="{WIDTH}" y1="{y:.1f}" y2="{y:.1f}"/>')
        lines.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" class="left">{top * quarter / 4:g}</text>')
    return f'<g class="grid">{"".join(lines)}</g>'


def _top(largest: float) -> float:
    """A round number not below the largest value, that four steps divide well."""
    scale = 1.0
    while True:
        for step in STEPS:
            if step * scale >= largest and (scale > 1 or step not in (5.0, 6.0)):
                return step * scale
        scale *= 10
