"""The picture of a cost frontier: accuracy over tokens a task, as a PNG by matplotlib.

Three lines in order of tokens: what was learned (with 95% bars, and the price of a token at some of its points), the
optimum over the same keys, and the clairvoyant; and as named marks the baselines, and the methods that were played.
Drawn without any global state of
matplotlib.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tracer_env.errors import ConfigError, MissingExtraError
from tracer_env.storage.files import write_with
from tracer_env.storage.folders import unwritable

__all__ = ["draw"]

_LINES = (
    ("clairvoyant", "clairvoyant (knows what will be said)", "#8a8f98", "--", "."),
    ("optimum", "optimum over these keys", "#7fb3e6", "-", None),
    ("learned", "learned by CFR+, held-out tasks", "#1f5fa8", "-", "o"),
)
_MARK, _ORACLE, _PLAYED = "#c2571a", "#6b7078", "#7a3fa0"
_PRICES = 5  # named on the learned line
_PLACES = [(right, lift) for lift in (-11, 4, -22, 15, -33, 26, -44, 37, -55, 48) for right in (True, False)]
"""Where a name may stand: right or left of its mark, and how many points above it, best first."""


def draw(path: Path) -> Callable[[Mapping[str, Any]], None]:
    """Return what draws a frontier into the file ``path``.

    Raises MissingExtraError when matplotlib is not there, ConfigError for a name without ``.png``, both at once.
    """
    if path.suffix != ".png":
        raise ConfigError(f"the picture of a frontier is a .png file, got {str(path)!r}")
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError("the picture of a frontier", "matplotlib", "plots") from error

    def paint(data: Mapping[str, Any]) -> None:
        figure = Figure(figsize=(8.0, 5.0), dpi=150, layout="constrained")
        FigureCanvasAgg(figure)
        _fill(figure.add_subplot(), data)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_with(path, lambda name: figure.savefig(name, format="png", metadata={"Software": "tracer-env"}))
        except OSError as error:
            raise unwritable("the picture", path, error) from error

    return paint


def _fill(axes: Any, data: Mapping[str, Any]) -> None:
    for name, label, color, style, marker in _LINES:
        points = [point for _, point in _by_tokens(data["points"], name)]
        x, y = [p["tokens_per_task"] for p in points], [p["accuracy"] for p in points]
        if name == "learned":
            ends: list[Any] = [point["accuracy_ci"] or (point["accuracy"],) * 2 for point in points]
            down, up = ([abs(end[side] - at) for end, at in zip(ends, y, strict=True)] for side in (0, 1))
            wide = [point["tokens_half_width"] or 0.0 for point in points]
            axes.errorbar(x, y, yerr=(down, up), xerr=wide, fmt="none", ecolor=color, elinewidth=0.8, alpha=0.35)
        axes.plot(x, y, style, color=color, marker=marker, markersize=4.5, linewidth=1.8, label=label)
    for name, point in data["baselines"].items():
        color = _ORACLE if name == "oracle" else _MARK
        axes.plot(point["tokens_per_task"], point["accuracy"], "D", color=color, markersize=5.5)
    played = data["played"]["methods"] if "played" in data else {}
    for point in played.values():
        axes.plot(point["tokens_per_task"], point["accuracy"], "s", color=_PLAYED, markersize=5.5)
    axes.set_xlabel("tokens a task (prompt and completion); at the learned points: the price of a token, in accuracy")
    axes.set_ylabel("accuracy")
    axes.set_xlim(left=0)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.grid(color="#e4e6ea", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.figure.legend(frameon=False, loc="outside lower center", ncols=3, fontsize=9)
    tasks = f"{data['tasks']:,} tasks" + (f" in {data['worlds']} worlds" if data["worlds"] > 1 else "")
    who = f"{data['scenario'] or 'tasks'}, words of {data['speaker'] or 'recorded trees'}"
    axes.set_title(f"{who}: {tasks}", loc="left", fontsize=11, parse_math=False)
    _name(
        axes,
        {**data["baselines"], **{f"{name} (played)": point for name, point in played.items()}},
        _priced(data["points"]),
    )


def _by_tokens(points: Sequence[Mapping[str, Any]], name: str) -> list[tuple[float, Mapping[str, Any]]]:
    """Return one of the lines in order of tokens, each place once, with the price of a token that led to it first."""
    places: dict[tuple[float, float], tuple[float, Mapping[str, Any]]] = {}
    for point in points:
        at = point[name]["tokens_per_task"], point[name]["accuracy"]
        places.setdefault(at, (point["price"], point[name]))
    return [places[at] for at in sorted(places)]


def _priced(points: Sequence[Mapping[str, Any]]) -> list[tuple[str, Mapping[str, float]]]:
    """Return up to `_PRICES` learned points along the line, and the price of a token at each, in accuracy."""
    line = _by_tokens(points, "learned")
    count = min(_PRICES, len(line))
    chosen = sorted({round(step * (len(line) - 1) / max(1, count - 1)) for step in range(count)})
    return [(f"{line[place][0]:.2g} a token", line[place][1]) for place in chosen]


def _name(
    axes: Any, baselines: Mapping[str, Mapping[str, float]], prices: Sequence[tuple[str, Mapping[str, float]]]
) -> None:
    """Write baselines' names and prices beside their marks, each where no mark and no other word is, with a leader."""
    axes.figure.draw_without_rendering()  # settles the scales
    axes.autoscale(False)
    pixel = axes.figure.dpi / 72.0
    words = [(name, point, "#3c4047") for name, point in baselines.items()]
    words += [(told, point, _LINES[-1][2]) for told, point in prices]
    spots = [axes.transData.transform((p["tokens_per_task"], p["accuracy"])) for _, p, _ in words]
    taken = [(x - 5 * pixel, y - 5 * pixel, x + 5 * pixel, y + 5 * pixel) for x, y in spots]
    for (word, point, color), (x, y) in zip(words, spots, strict=True):
        wide, high = 4.9 * len(word) * pixel, 9.0 * pixel
        for right, lift in _PLACES:
            left = x + 8 * pixel if right else x - 8 * pixel - wide
            box = (left, y + lift * pixel, left + wide, y + lift * pixel + high)
            inside = box[0] > axes.bbox.x0 and box[2] < axes.bbox.x1 and box[1] > axes.bbox.y0 and box[3] < axes.bbox.y1
            if inside and not any(_meet(box, other) for other in taken):
                break
        taken.append(box)
        axes.annotate(
            word,
            (point["tokens_per_task"], point["accuracy"]),
            xytext=(8 if right else -8, lift),
            textcoords="offset points",
            ha="left" if right else "right",
            fontsize=8.5,
            color=color,
            parse_math=False,
            bbox={"facecolor": "white", "alpha": 0.75, "edgecolor": "none", "pad": 0.6},
            arrowprops={"arrowstyle": "-", "color": color, "linewidth": 0.6} if abs(lift) > 12 else None,
        )


def _meet(one: Sequence[float], other: Sequence[float]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
