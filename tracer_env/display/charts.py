"""Charts: a few kinds of inline SVG, made by hand from numbers. No script, no style of their own.

Each function returns one ``<svg>`` element as a string. Colours come from the page through classes, so one
picture fits a light and a dark page: ``c0`` to ``c7`` for series, with ``again`` from the ninth on, ``axis``,
``grid``, ``mark``, ``muted``. Lines are named at their ends, points numbered, and labels that would collide are
moved apart, with a leader to what they name. Each picture has a narrow form, whose letters are readable on a phone.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, log10

from tracer_env.display.spreading import apart, spread_out
from tracer_env.terminal.plain import visible
from tracer_env.types import Interval

__all__ = ["Point", "curves", "dots", "scatter", "stacked", "ticks"]

_WIDTH, _NARROW = 720, 360
_NUMBERED = 60  # points of a scatter
_COLORS = 8
_LABEL = 7.2  # rough width of a character at 13 px


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


def dots(
    items: Sequence[tuple[str, float, Interval | None]],
    title: str,
    reference: float | None = None,
    apart: Collection[str] = (),
    narrow: bool = False,
) -> str:
    """Draw one row a name: a dot with whiskers, and the reference value as a dashed line.

    Names in ``apart``, which stand last, are set off by a gap and have hollow dots. ``narrow`` is for phones: half as
    wide, each name above its row.
    """
    bounds = [x for _, value, interval in items for x in (interval or (value, value))]
    low, high = _padded(min(bounds), max(bounds), 0.0, 1.0)
    wide, step, lift = (_NARROW, 44, 18) if narrow else (_WIDTH, 26, 0)
    left = 8 if narrow else _room([name for name, _, _ in items])
    places, height = _rows([name for name, _, _ in items], step, apart)
    height += 28
    scale = _Scale(low, high, left, wide - (8 if narrow else 60))
    parts = [_vertical(scale(x), 4, height - 28, _number(x)) for x in ticks(low, high, 4 if narrow else 5)]
    if reference is not None:
        parts.append(_line(scale(reference), 4, scale(reference), height - 28, "reference"))
    for (name, value, interval), top in zip(items, places, strict=True):
        y = top + 18 + lift
        parts.append(
            _text(0, top + 16, _short(name), "start", "halo")
            if narrow
            else _text(left - 12, y + 4, _short(name), "end")
        )
        if interval is not None:
            parts.append(_line(scale(interval[0]), y, scale(interval[1]), y, "whisker"))
        css = "mark hollow" if name in apart else "mark"
        parts.append(f'<circle class="{css}" cx="{scale(value):.1f}" cy="{y:g}" r="5"/>')
        at = top + 16 if narrow else y + 4
        parts.append(_text(wide if narrow else wide - 48, at, f"{value:.3f}", "end" if narrow else "start", "halo"))
    return _svg(height, title, parts, wide)


def scatter(points: Sequence[Point], title: str, x_label: str, y_label: str, narrow: bool = False) -> str:
    """Draw points with whiskers, numbered from 1; x starts at 0, so that twice as far is twice as much.

    A number stands where no dot and no other number is, with a line to its dot where that is not the nearest one.
    Names belong in a legend; only the first 60 points have numbers.
    """
    height, left, bottom, wide = (320, 62, 44, _NARROW) if narrow else (340, 64, 44, _WIDTH)
    ends = [v for p in points for v in (p.y_interval or (p.y, p.y))]
    y_low, y_high = _padded(min(ends), max(ends), 0.0, 1.0)
    x_high = max((p.x_interval or (p.x, p.x))[1] for p in points) * 1.08 or 1.0
    x, y = _Scale(0.0, x_high, left, wide - 16), _Scale(y_low, y_high, height - bottom, 12)
    x_ticks = ticks(0, x_high, 3 if narrow else 5)
    parts = _frame(x, y, x_ticks, ticks(y_low, y_high), x_label, y_label, height)
    for p in points:
        if p.x_interval is not None:
            parts.append(_line(x(p.x_interval[0]), y(p.y), x(p.x_interval[1]), y(p.y), "whisker"))
        if p.y_interval is not None:
            parts.append(_line(x(p.x), y(p.y_interval[0]), x(p.x), y(p.y_interval[1]), "whisker"))
    spots = [(x(p.x), y(p.y)) for p in points]
    numbers = spread_out(spots[:_NUMBERED], (left, 8, wide - 8, height - bottom - 4))
    for (dot_x, dot_y), (at_x, at_y) in zip(spots, numbers, strict=False):
        parts.append(_line(dot_x, dot_y, at_x, at_y, "leader"))
    for number, (at_x, at_y) in enumerate(numbers, start=1):
        parts.append(_text(at_x, at_y + 4.5, str(number), "middle", "number"))
    for p, (dot_x, dot_y) in zip(points, spots, strict=True):
        css = "mark hollow" if p.hollow else "mark"
        name = escape(visible(p.label))
        parts.append(f'<circle class="{css}" cx="{dot_x:.1f}" cy="{dot_y:.1f}" r="5"><title>{name}</title></circle>')
    return _svg(height, title, parts, wide)


def curves(
    series: Mapping[str, Sequence[tuple[float, float]]],
    title: str,
    x_label: str,
    y_label: str,
    log: bool = False,
    narrow: bool = False,
) -> str:
    """Draw a line a series; ``log`` makes both axes logarithmic (values above 0 only).

    Each is named at its end; where it is ``narrow``, numbered from 1, for a legend.
    """
    height, left, bottom, wide = (320, 66, 44, _NARROW) if narrow else (320, 72, 44, _WIDTH)
    xs = [x for line in series.values() for x, _ in line]
    ys = [y for line in series.values() for _, y in line]
    if log:
        (x_low, x_high), (y_low, y_high) = _decades(xs), _decades(ys)
    else:
        (x_low, x_high), (y_low, y_high) = (min(xs), max(max(xs), min(xs) + 1)), _padded(min(ys), max(ys), 0.0, 1.0)
    names = [str(number) for number, _ in enumerate(series, start=1)] if narrow else list(series)
    right = wide - _room(names) + 8
    x, y = _Scale(x_low, x_high, left, right, log), _Scale(y_low, y_high, height - bottom, 12, log)
    about = 4 if narrow else 8
    x_ticks = _powers(x_low, x_high) if log else [v for v in ticks(x_low, x_high, about) if v == round(v)]
    parts = _frame(x, y, x_ticks, _powers(y_low, y_high) if log else ticks(y_low, y_high), x_label, y_label, height)
    ends = []
    for index, line in enumerate(series.values()):
        path = " ".join(f"{x(a):.1f},{y(b):.1f}" for a, b in line)
        parts.append(
            f'<polyline class="line c{index % _COLORS}{" again" if index >= _COLORS else ""}" points="{path}"/>'
        )
        ends.append((x(line[-1][0]), y(line[-1][1])))
    for index, (name, at) in enumerate(zip(names, apart([end for _, end in ends], 12, height - bottom), strict=True)):
        end_x, end_y = ends[index]
        if abs(at - end_y) > 1 or end_x < right - 1:
            parts.append(_line(end_x + 1, end_y, right + 9, at, "leader"))
        parts.append(_text(right + 10, at + 4, _short(name), "start", f"c{index % _COLORS}"))
    return _svg(height, title, parts, wide)


def stacked(
    items: Sequence[tuple[str, Mapping[str, int]]], title: str, apart: Collection[str] = (), narrow: bool = False
) -> str:
    """Draw one bar a name, its parts in proportion; the parts are classes ``part-<name>`` of the page.

    For ``apart`` and ``narrow`` see `dots`.
    """
    wide, step, lift = (_NARROW, 44, 18) if narrow else (_WIDTH, 26, 0)
    left = 0.0 if narrow else _room([name for name, _ in items])
    span = wide - (0 if narrow else 16) - left
    places, height = _rows([name for name, _ in items], step, apart)
    parts = []
    for (name, counts), top in zip(items, places, strict=True):
        y, at, total = top + 6 + lift, left, sum(counts.values()) or 1
        parts.append(
            _text(0, top + 18, _short(name), "start") if narrow else _text(left - 12, y + 14, _short(name), "end")
        )
        for part, count in counts.items():
            share = span * count / total
            if count:
                box = f'x="{at:.1f}" y="{y:g}" width="{max(share - 1, 0.5):.1f}" height="18" rx="2"'
                name_of_part = escape(part)
                parts.append(f'<rect class="part-{name_of_part}" {box}><title>{name_of_part}: {count}</title></rect>')
            if share > 10 + _LABEL * len(f"{count:,}"):
                parts.append(_text(at + share / 2, y + 13, f"{count:,}", "middle", "on-part"))
            at += share
    return _svg(height + 2, title, parts, wide)


def _rows(names: Sequence[str], step: int, apart: Collection[str]) -> tuple[list[float], float]:
    """Return where each row begins and where the last ends, with a gap before the first that is set apart."""
    places, at, gap = list[float](), 4.0, 12.0 if len(names) > 1 else 0.0
    for name in names:
        if name in apart and places:
            at, gap = at + gap, 0.0
        places.append(at)
        at += step
    return places, at


def _svg(height: float, title: str, parts: Sequence[str], wide: int) -> str:
    name = escape(visible(title))
    head = f'<svg viewBox="0 0 {wide} {height:g}" role="img" aria-label="{name}"><title>{name}</title>'
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


def _short(name: str) -> str:
    """A name of at most 30 characters, its middle cut away: its ends tell it from others."""
    shown = visible(name)
    return shown if len(shown) <= 30 else f"{shown[:14]}…{shown[-15:]}"


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


def _number(value: float) -> str:
    if value and abs(value) < 0.001:
        return f"{value:.0e}".replace("e-0", "e−").replace("e-", "e−")
    return f"{value:,.10g}" if abs(value) >= 1 else f"{value:.3g}"
