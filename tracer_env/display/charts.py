"""Charts: a few kinds of inline SVG, made by hand from numbers. No script, no style of their own.

Each function returns one ``<svg>`` element as a string. Colours come from the page through classes, so one
picture fits a light and a dark page: ``c0`` to ``c7`` for series, with ``again`` from the ninth on, ``axis``,
``grid``, ``mark``, ``muted``. Series are labelled where they are drawn, and labels that would collide are
moved apart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from math import ceil, floor, log10

from tracer_env.terminal.plain import visible
from tracer_env.types import Interval

__all__ = ["Point", "curves", "dots", "scatter", "stacked", "ticks"]

_WIDTH = 720
_COLORS = 8
_LABEL = 7.2  # rough width of a character at 13 px
_GAP = 15.0  # between the middles of two labels


@dataclass(frozen=True, slots=True)
class Point:
    """A named point with an optional interval in each direction."""

    label: str
    x: float
    y: float
    x_interval: Interval | None = None
    y_interval: Interval | None = None
    hollow: bool = False


@dataclass(frozen=True, slots=True)
class _Scale:
    """A range of values laid on a range of pixels, evenly or by powers of ten."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        low, high, here = self.low, self.high, value
        if self.log:
            low, high, here = log10(low), log10(high), log10(value)
        return self.start + (here - low) / (high - low) * (self.end - self.start)


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Return round numbers from ``low`` to ``high``, roughly ``about`` of them, a step of 1, 2 or 5 apart."""
    if not high > low:
        return [low]
    rough = (high - low) / about
    power = 10.0 ** floor(log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.7)
    first, last = ceil(low / step - 1e-9), floor(high / step + 1e-9)
    return [round(index * step, 12) for index in range(first, last + 1)]


def dots(items: Sequence[tuple[str, float, Interval | None]], title: str, reference: float | None = None) -> str:
    """Draw one row a name: a dot with whiskers, and the reference value as a dashed line."""
    bounds = [x for _, value, interval in items for x in (interval or (value, value))]
    low, high = _padded(min(bounds), max(bounds), 0.0, 1.0)
    left = _room([name for name, _, _ in items])
    height = 26 * len(items) + 34
    scale = _Scale(low, high, left, _WIDTH - 60)
    parts = [_vertical(scale(x), 4, height - 28, _number(x)) for x in ticks(low, high)]
    if reference is not None:
        parts.append(_line(scale(reference), 4, scale(reference), height - 28, "reference"))
    for row, (name, value, interval) in enumerate(items):
        y = 26 * row + 18
        parts.append(_text(left - 12, y + 4, name, "end"))
        if interval is not None:
            parts.append(_line(scale(interval[0]), y, scale(interval[1]), y, "whisker"))
        parts.append(f'<circle class="mark" cx="{scale(value):.1f}" cy="{y}" r="5"/>')
        parts.append(_text(_WIDTH - 48, y + 4, f"{value:.3f}", "start"))
    return _svg(height, title, parts)


def scatter(points: Sequence[Point], title: str, x_label: str, y_label: str) -> str:
    """Draw named points with whiskers; x starts at 0, so that twice as far is twice as much."""
    height, left, bottom = 340, 64, 44
    ends = [v for p in points for v in (p.y_interval or (p.y, p.y))]
    y_low, y_high = _padded(min(ends), max(ends), 0.0, 1.0)
    x_high = max((p.x_interval or (p.x, p.x))[1] for p in points) * 1.08 or 1.0
    x, y = _Scale(0.0, x_high, left, _WIDTH - 16), _Scale(y_low, y_high, height - bottom, 12)
    parts = _frame(x, y, ticks(0, x_high), ticks(y_low, y_high), x_label, y_label, height)
    labels = []
    for p in points:
        if p.x_interval is not None:
            parts.append(_line(x(p.x_interval[0]), y(p.y), x(p.x_interval[1]), y(p.y), "whisker"))
        if p.y_interval is not None:
            parts.append(_line(x(p.x), y(p.y_interval[0]), x(p.x), y(p.y_interval[1]), "whisker"))
        css = "mark hollow" if p.hollow else "mark"
        parts.append(f'<circle class="{css}" cx="{x(p.x):.1f}" cy="{y(p.y):.1f}" r="5"/>')
        wide = len(p.label) * _LABEL + 10
        side = "end" if x(p.x) + wide > _WIDTH - 8 else "start"
        labels.append((y(p.y) - 9, x(p.x) + (-9 if side == "end" else 9), p.label, side))
    for (_, place, label, side), at in zip(
        labels, _apart([label[0] for label in labels], 12, height - bottom), strict=True
    ):
        parts.append(_text(place, at + 4, label, side))
    return _svg(height, title, parts)


def curves(
    series: Mapping[str, Sequence[tuple[float, float]]], title: str, x_label: str, y_label: str, log: bool = False
) -> str:
    """Draw a line a series, named at its end; ``log`` makes both axes logarithmic (values above 0 only)."""
    height, left, bottom = 320, 72, 44
    xs = [x for line in series.values() for x, _ in line]
    ys = [y for line in series.values() for _, y in line]
    if log:
        (x_low, x_high), (y_low, y_high) = _decades(xs), _decades(ys)
    else:
        (x_low, x_high), (y_low, y_high) = (min(xs), max(max(xs), min(xs) + 1)), _padded(min(ys), max(ys), 0.0, 1.0)
    right = _WIDTH - _room(series) + 8
    x, y = _Scale(x_low, x_high, left, right, log), _Scale(y_low, y_high, height - bottom, 12, log)
    x_ticks = _powers(x_low, x_high) if log else [v for v in ticks(x_low, x_high, 8) if v == round(v)]
    parts = _frame(x, y, x_ticks, _powers(y_low, y_high) if log else ticks(y_low, y_high), x_label, y_label, height)
    ends = []
    for index, line in enumerate(series.values()):
        path = " ".join(f"{x(a):.1f},{y(b):.1f}" for a, b in line)
        parts.append(
            f'<polyline class="line c{index % _COLORS}{" again" if index >= _COLORS else ""}" points="{path}"/>'
        )
        ends.append(y(line[-1][1]))
    for index, (name, at) in enumerate(zip(series, _apart(ends, 12, height - bottom), strict=True)):
        parts.append(_text(right + 10, at + 4, name, "start", f"c{index % _COLORS}"))
    return _svg(height, title, parts)


def stacked(items: Sequence[tuple[str, Mapping[str, int]]], title: str) -> str:
    """Draw one bar a name, its parts in proportion; the parts are classes ``part-<name>`` of the page."""
    left = _room([name for name, _ in items])
    height, span = 26 * len(items) + 8, _WIDTH - 16 - left
    parts = []
    for row, (name, counts) in enumerate(items):
        y, at, total = 26 * row + 6, float(left), sum(counts.values()) or 1
        parts.append(_text(left - 12, y + 14, name, "end"))
        for part, count in counts.items():
            wide = span * count / total
            if count:
                box = f'x="{at:.1f}" y="{y}" width="{max(wide - 1, 0.5):.1f}" height="18" rx="2"'
                name_of_part = escape(part)
                parts.append(f'<rect class="part-{name_of_part}" {box}><title>{name_of_part}: {count}</title></rect>')
            if wide > 10 + _LABEL * len(f"{count:,}"):
                parts.append(_text(at + wide / 2, y + 13, f"{count:,}", "middle", "on-part"))
            at += wide
    return _svg(height, title, parts)


def _svg(height: float, title: str, parts: Sequence[str]) -> str:
    name = escape(visible(title))
    head = f'<svg viewBox="0 0 {_WIDTH} {height:g}" role="img" aria-label="{name}"><title>{name}</title>'
    return "\n".join([head, *parts, "</svg>"])


def _text(x: float, y: float, words: str, anchor: str, css: str = "") -> str:
    extra = f' class="{css}"' if css else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{extra}>{escape(visible(words))}</text>'


def _line(x1: float, y1: float, x2: float, y2: float, css: str) -> str:
    return f'<line class="{css}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _vertical(x: float, top: float, bottom: float, words: str) -> str:
    return _line(x, top, x, bottom, "grid") + _text(x, bottom + 17, words, "middle", "muted")


def _frame(
    x: _Scale, y: _Scale, x_ticks: Sequence[float], y_ticks: Sequence[float], x_label: str, y_label: str, height: int
) -> list[str]:
    parts = [_vertical(x(value), y.end, y.start, _number(value)) for value in x_ticks]
    for value in y_ticks:
        parts.append(_line(x.start, y(value), x.end, y(value), "grid"))
        parts.append(_text(x.start - 8, y(value) + 4, _number(value), "end", "muted"))
    middle = (y.start + y.end) / 2
    turned = f'<g transform="rotate(-90 14 {middle:.1f})">{_text(14, middle + 4, y_label, "middle", "muted")}</g>'
    return [*parts, _text((x.start + x.end) / 2, height - 6, x_label, "middle", "muted"), turned]


def _room(names: Mapping[str, object] | Sequence[str]) -> float:
    """Pixels for the longest of the names, within reason."""
    return min(max((len(visible(name)) for name in names), default=0), 30) * _LABEL + 24


def _padded(low: float, high: float, least: float, most: float) -> Interval:
    pad = max((high - low) * 0.06, 0.01)
    return max(least, low - pad), min(most, high + pad)


def _decades(values: Sequence[float]) -> Interval:
    low, high = floor(log10(min(values))), ceil(log10(max(values)))
    return 10.0**low, 10.0 ** max(high, low + 1)


def _powers(low: float, high: float) -> list[float]:
    return [10.0**power for power in range(round(log10(low)), round(log10(high)) + 1)]


def _apart(places: Sequence[float], top: float, bottom: float) -> list[float]:
    """Move places apart by at least a line's height, in order, and keep them within bounds if they fit."""
    order = sorted(range(len(places)), key=lambda i: places[i])
    moved = list(places)
    for before, after in pairwise(order):
        moved[after] = max(moved[after], moved[before] + _GAP)
    limit = bottom
    for index in reversed(order):
        moved[index] = min(moved[index], limit)
        limit = moved[index] - _GAP
    rise = max(0.0, top - min(moved, default=top))
    return [place + rise for place in moved]


def _number(value: float) -> str:
    if value and abs(value) < 0.001:
        return f"{value:.0e}".replace("e-0", "e−").replace("e-", "e−")
    return f"{value:,.10g}" if abs(value) >= 1 else f"{value:.3g}"
