"""What `seeing` found, to be looked at: tables of 80 columns, and a picture as .svg or .png."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from tracer_env.display import charts
from tracer_env.display.style import STYLE
from tracer_env.display.tables import with_interval
from tracer_env.errors import ConfigError, MissingExtraError
from tracer_env.storage.files import write_text, write_with
from tracer_env.storage.folders import unwritable
from tracer_env.terminal.plain import visible

__all__ = ["drawing", "study_tables"]

Study = Mapping[str, Any]

_ROOM = 30  # characters beside a chart


def study_tables(data: Study) -> list[Table]:
    """Return the table of policies and that of signals."""
    return [_policies(data), _signals(data)]


def _policies(data: Study) -> Table:
    tasks = f"{data['tasks']:,} held-out tasks" + (f" × {data['worlds']} worlds" if data["worlds"] > 1 else "")
    price = f"; price {data['price']:g} a token" if data["price"] else ""
    table = _table(f"what a controller can see, on {tasks} ({data['held_out']}){price}")
    table.add_column("information", overflow="fold")
    for heading in ("states", "accuracy", "tokens", "of gap"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in data["rules"]:
        best = row["name"] == data["best_rule"]
        table.add_row(*_cells(row, f"{row['name']}{' (best fixed rule)' if best else ''}"), style="" if best else "dim")
    table.add_row()
    top = max(row["value"] for row in data["informations"])
    for row in data["informations"]:
        table.add_row(*_cells(row, row["name"]), style="bold" if row["value"] == top else "")
    table.add_row(*_cells(data["flexible"], "flexible learner, all features (no bound)"))
    table.add_row()
    table.add_row(*_cells(data["oracle"], "oracle: sees the gold answer"))
    table.add_row(*_cells(data["clairvoyant"], "clairvoyant: the bound"))
    return table


def _cells(row: Mapping[str, Any], name: str) -> tuple[Text, ...]:
    closed = row.get("gap_closed")
    told = (
        visible(name),
        f"{row['states']:,}" if "states" in row else "",
        with_interval(row),
        _with(row["tokens_per_task"], row["tokens_half_width"], ",.0f"),
        "" if closed is None else f"{closed:.0%}".replace("-", "−"),
    )
    return tuple(map(Text, told))


def _with(value: float, half: float | None, form: str) -> str:
    return f"{value:{form}}" + ("" if half is None else f" ±{half:{form}}")


def _signals(data: Study) -> Table:
    table = _table("how well each signal alone tells right proposals from wrong ones")
    for heading, side in (("signal", "left"), ("AUC", "right"), ("95%", "right"), ("told by", "right")):
        table.add_column(heading, justify=side, no_wrap=True)  # type: ignore[arg-type]  # literals all
    for row in data["signals"]:
        ends = row["area_ci"]
        table.add_row(
            f"{row['signal']} of a {row['of']}",
            "–" if row["area"] is None else f"{row['area']:.3f}",
            "" if ends is None else f"[{ends[0]:.3f}, {ends[1]:.3f}]",
            f"{row['told']:,} of {row['cases']:,}",
        )
    return table


def _table(title: str) -> Table:
    return Table(
        title=title, title_justify="left", title_style="", box=None, header_style="bold", pad_edge=False, padding=(0, 1)
    )


def drawing(path: Path) -> Callable[[Study], None]:
    """Return what draws a study into the file ``path``: accuracy of each information, the best rule as a line.

    Raises ConfigError for another suffix than .svg and .png, MissingExtraError for a .png without matplotlib, both at
    once.
    """
    if path.suffix == ".svg":
        return lambda data: _write(path, lambda: write_text(path, _svg(data)))
    if path.suffix != ".png":
        raise ConfigError(f"the picture of a study is a .png or an .svg file, got {str(path)!r}")
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError("the picture as .png", "matplotlib", "plots") from error

    def paint(data: Study) -> None:
        rows = _rows(data)
        figure = Figure(figsize=(8.0, 1.2 + 0.32 * len(rows)), dpi=150, layout="constrained")
        FigureCanvasAgg(figure)
        _fill(figure.add_subplot(), rows, data)
        save: dict[str, Any] = {"format": "png", "metadata": {"Software": "tracer-env"}}
        _write(path, lambda: write_with(path, lambda name: figure.savefig(name, **save)))

    return paint


def _write(path: Path, write: Callable[[], None]) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write()
    except OSError as error:
        raise unwritable("the picture", path, error) from error


def _rows(data: Study) -> list[Mapping[str, Any]]:
    best = next(row for row in data["rules"] if row["name"] == data["best_rule"])
    return [best, *data["informations"], data["flexible"], data["oracle"], data["clairvoyant"]]


def _interval(row: Mapping[str, Any]) -> tuple[float, float] | None:
    ends = row["accuracy_ci"]
    return None if ends is None else (ends[0], ends[1])


def _title(data: Study) -> str:
    return f"Accuracy by what the controller sees, {data['speaker'] or 'recorded trees'}, {data['tasks']:,} tasks"


def _svg(data: Study) -> str:
    rows = _rows(data)
    drawn = charts.dots([(_short(row), row["accuracy"], _interval(row)) for row in rows], _title(data), _rule(data))
    opened = drawn.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
    head, rest = opened.split(">", 1)
    return f"{head}><style>{STYLE}</style>{rest}\n"


def _short(row: Mapping[str, Any]) -> str:
    """Return the name with its tokens, or without them where the chart has no room for both."""
    both = f"{row['name']}, {row['tokens_per_task']:,.0f} tok."
    return both if len(both) <= _ROOM else str(row["name"])


def _rule(data: Study) -> float:
    return float(_rows(data)[0]["accuracy"])


def _fill(axes: Any, rows: Sequence[Mapping[str, Any]], data: Study) -> None:
    places = list(range(len(rows)))[::-1]
    axes.axvline(_rule(data), color="#8a8f98", linestyle="--", linewidth=1.0)
    values = [row["accuracy"] for row in rows]
    ends = [_interval(row) or (row["accuracy"], row["accuracy"]) for row in rows]
    reach = [[value - low for value, (low, _) in zip(values, ends, strict=True)]]
    reach.append([high - value for value, (_, high) in zip(values, ends, strict=True)])
    axes.errorbar(values, places, xerr=reach, fmt="o", color="#1f5fa8", elinewidth=1.2, markersize=5)
    axes.set_yticks(places, [f"{row['name']}, {row['tokens_per_task']:,.0f} tokens" for row in rows], fontsize=8.5)
    axes.set_xlabel("accuracy on held-out tasks, 95%")
    axes.grid(axis="x", color="#e4e6ea", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.set_title(_title(data), loc="left", fontsize=10)
