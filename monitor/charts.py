"""Bar charts as SVG, made here: no script draws on the page, and none is needed to read one."""

from collections.abc import Sequence
from html import escape
from typing import NamedTuple

WIDTH, HEIGHT, LEFT, BELOW, ABOVE = 640, 200, 44, 24, 10


class Bar(NamedTuple):
    """A bar of stacked parts, from the bottom up."""

    label: str
    parts: Sequence[float]


def bars(title: str, data: Sequence[Bar], names: Sequence[str]) -> str:
    """Stacked columns with a scale; `names` say what the parts are. The text of it is read to who cannot see it."""
    top = _top(max((sum(bar.parts) for bar in data), default=0))
    room = HEIGHT - BELOW - ABOVE
    step = (WIDTH - LEFT) / max(1, len(data))
    drawn = [_grid(top, room)]
    for number, bar in enumerate(data):
        x, y = LEFT + number * step, float(HEIGHT - BELOW)
        for place, value in enumerate(bar.parts):
            high = value / top * room
            y -= high
            said = escape(f"{bar.label} {names[place]}: {value:g}")
            drawn.append(
                f'<rect class="part{place}" x="{x + step * 0.15:.1f}" y="{y:.1f}" width="{step * 0.7:.1f}" '
                f'height="{high:.1f}"><title>{said}</title></rect>'
            )
        if number % max(1, len(data) // 10) == 0:
            drawn.append(f'<text x="{x + step / 2:.1f}" y="{HEIGHT - 6}" class="below">{escape(bar.label)}</text>')
    head = f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img"><title>{escape(title)}</title>'
    return f"{head}{''.join(drawn)}</svg>"


def _grid(top: float, room: float) -> str:
    lines = []
    for quarter in range(5):
        y = HEIGHT - BELOW - room * quarter / 4
        lines.append(f'<line x1="{LEFT}" x2="{WIDTH}" y1="{y:.1f}" y2="{y:.1f}"/>')
        lines.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" class="left">{top * quarter / 4:g}</text>')
    return f'<g class="grid">{"".join(lines)}</g>'


def _top(largest: float) -> float:
    """A round number not below the largest value, that four steps divide well."""
    size = 4.0
    while size < largest:
        size *= 2.5 if str(size)[0] == "4" else 2
    return size
