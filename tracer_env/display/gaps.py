"""The gap matrix of a transfer: a row a variant trained on, a column a variant tested on, as table and heat map.

A cell is the accuracy less that of the controller which the column itself taught, with its paired 95% interval; the
own one stands with its accuracy. Shades say how much is lost or gained, in characters where there is no colour.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from tracer_env.errors import ConfigError, MissingExtraError
from tracer_env.storage.files import write_with
from tracer_env.terminal.plain import visible

__all__ = ["check_picture", "draw_gaps", "gap_records", "gap_tables"]

_STEPS = (0.01, 0.03, 0.06, 0.1)
_SHADES = (" ", "░", "▒", "▓", "█")
_LOST, _GAINED = (178, 70, 50), (40, 130, 90)


def gap_tables(found: Mapping[str, Any]) -> Iterator[Table]:
    """Yield a table for each method; variants are numbered, and told below."""
    numbers = {name: str(place) for place, name in enumerate(found["train_on"], 1)}
    for one in found["methods"]:
        table = Table(
            title=f"{visible(one['method'])}: trained on row, tested on column", title_justify="left", box=None
        )
        table.add_column("", justify="right")
        for name in found["test_on"]:
            table.add_column(numbers[name], justify="right", no_wrap=True)
        for name in found["train_on"]:
            table.add_row(numbers[name], *(_cell(one["cells"][name][column]) for column in found["test_on"]))
        told = [f"{number}  {visible(name)}" for name, number in numbers.items()]
        unseen = sum(cell["unseen"] for cells in one["cells"].values() for cell in cells.values())
        if unseen:
            told.append(
                "?: share of choices under a key that the table had never met, answered as its untrained rows are"
            )
        table.caption, table.caption_justify = Text("\n".join(told)), "left"
        yield table


def gap_records(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a record for each cell."""
    return [
        {"method": one["method"], "trained_on": row, "tested_on": column, **cell}
        for one in found["methods"]
        for row, cells in one["cells"].items()
        for column, cell in cells.items()
    ]


def _cell(cell: Mapping[str, Any]) -> Text:
    gap, unseen = cell["paired_difference"], ""
    if cell["unseen"]:
        unseen = f"\n?{cell['unseen'] / cell['choices']:.0%}"
    if gap is None:
        return Text(f"own {cell['accuracy']:.3f}{unseen}", "bold")
    ends = cell["paired_difference_ci"]
    told = "" if ends is None else f"\n[{ends[0]:+.2f}, {ends[1]:+.2f}]"
    steps = sum(abs(gap) >= step for step in _STEPS)
    rgb = _LOST if gap < 0 else _GAINED
    shaded = f"{_SHADES[steps]} {gap:+.3f}" if round(gap, 3) else "  0.000"
    style = f"white on rgb({','.join(str(round(part * (0.45 + 0.13 * steps))) for part in rgb)})" if steps else ""
    return Text((shaded + told + unseen).replace("-", "−"), style)


def check_picture(path: Path) -> None:
    """Raise ConfigError for a name without .svg or .png, MissingExtraError without matplotlib."""
    if path.suffix not in (".svg", ".png"):
        raise ConfigError(f"the heat map is an .svg or .png file, got {str(path)!r}")
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("the heat map of a transfer", "matplotlib", "plots") from error


def draw_gaps(found: Mapping[str, Any], path: Path) -> None:
    """Draw the heat maps of all methods side by side into a file; raises what `check_picture` does."""
    check_picture(path)
    import matplotlib as mpl
    from matplotlib.figure import Figure

    rows, columns, methods = found["train_on"], found["test_on"], found["methods"]
    with mpl.rc_context({"svg.hashsalt": "tracer-env", "svg.fonttype": "none"}):
        figure = Figure(
            figsize=((2.2 + 1.1 * len(columns)) * len(methods), 1.8 + 0.6 * len(rows)), layout="constrained"
        )
        for axes, one in zip(figure.subplots(1, len(methods), squeeze=False)[0], methods, strict=True):
            gaps = [[one["cells"][row][column]["paired_difference"] or 0.0 for column in columns] for row in rows]
            image = axes.imshow(gaps, cmap="PuOr", vmin=-0.2, vmax=0.2, aspect="auto")
            axes.set_xticks(range(len(columns)), columns, rotation=20, ha="right")
            axes.set_yticks(range(len(rows)), rows)
            axes.set(xlabel="tested on", ylabel="trained on", title=one["method"])
            for place, row in enumerate(rows):
                for across, column in enumerate(columns):
                    cell = one["cells"][row][column]
                    gap = cell["paired_difference"]
                    words = f"own\n{cell['accuracy']:.3f}" if gap is None else f"{gap:+.3f}"
                    axes.text(across, place, words, ha="center", va="center", fontsize=9)
        figure.colorbar(image, ax=figure.axes, label="accuracy less that of the column's own controller")
        kind, metadata = path.suffix[1:], {"Date": None} if path.suffix == ".svg" else {"Software": "tracer-env"}
        write_with(path, lambda name: figure.savefig(name, format=kind, metadata=metadata))
