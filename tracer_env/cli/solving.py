"""What train --trees does: the trees of a folder solved, and what came of it printed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from tracer_env.cli.options import print_formatted, repeatable
from tracer_env.display.tables import number_table, with_interval
from tracer_env.errors import ConfigError, did_you_mean
from tracer_env.registry import OURS, resolve
from tracer_env.settings import with_settings
from tracer_env.terminal.bars import reporting
from tracer_env.terminal.screen import Screen, say, say_json

__all__ = ["train_on_folder"]

_TREE_SETTINGS = ("credit", "information", "starts", "batch")


def train_on_folder(
    trees: Path,
    method: str,
    iterations: int | None,
    limit: int | None,
    seed: int | None,
    settings: list[str] | None,
    out: Path | None,
    form: str,
    as_json: bool,
    elsewhere: Mapping[str, object],
) -> None:
    """Solve the trees of a folder: what ``train --trees`` does."""
    from tracer_env.runs.folder import numbered_folder
    from tracer_env.trees.tree import DialogueTrees

    for flag, value in {**elsewhere, "--limit": limit}.items():
        if value is not None:
            raise ConfigError(f"{flag} does not go with --trees: the trees hold their tasks, speaker and rules")
    chosen, logistic = with_settings({}, settings or []), method == "logistic"
    for name in chosen:
        if name not in _TREE_SETTINGS and not logistic:
            raise ConfigError(f"with --trees there is no setting {name!r}{did_you_mean(name, _TREE_SETTINGS)}")
    loaded = DialogueTrees.load(trees)
    place = numbered_folder(trees.resolve().name, method) if out is None else out
    file = place if place.suffix == ".json" else place / f"{method}.json"
    with _unless_empty(place), reporting() as reporter, repeatable("train", "--trees", trees, "--method", method):
        start = 0 if seed is None else seed
        if logistic:
            climb, _ = resolve("trainer", OURS["train_logistic_on_trees"])
            asked = {} if iterations is None else {"steps": iterations}
            result = climb(loaded, seed=start, reporter=reporter, out=file, **asked, **chosen)
        else:
            train, _ = resolve("trainer", OURS["train_on_trees"])
            steps = 1000 if iterations is None else iterations
            result = train(loaded, method, steps, start, reporter=reporter, out=file, **chosen)
    if as_json:
        return say_json(result)
    if form != "table":
        held_out = result["held_out"]
        records = held_out["rows"] if held_out else result.get("policy_table", [])
        return print_formatted(form, _solved(result), records)
    return _print_weights(result) if logistic else _print_solution(result)


@contextmanager
def _unless_empty(place: Path) -> Iterator[None]:
    """Leave no empty folder behind when the work inside fails."""
    try:
        yield
    except BaseException:
        with suppress(OSError):
            place.rmdir()
            place.parent.rmdir()
        raise


def _print_weights(result: Mapping[str, Any]) -> None:
    """Print what a logistic controller came to."""
    for table in _solved(result):
        Screen().print(table)
    taught = result["trained_on"]
    say(f"value {result['value']:.4f} on the {taught['tasks']:,} tasks that were trained on (split {taught['split']})")
    if "controller" in result:
        say(f"controller  {result['controller']}")
    if result["held_out"] is None:
        say(_NOTHING_HELD_OUT)


_NOTHING_HELD_OUT = "no task was held out; compare --methods until_approved,FILE plays the controller on the test split"


def _print_solution(result: Mapping[str, Any]) -> None:
    """Print what was solved: held-out figures first, then those of the trees that were trained on."""
    console, taught, regret = Screen(), result["trained_on"], result["average_regret"]
    for table in _solved(result):
        console.print(table)
    for line in (
        f"on the {taught['tasks']:,} tasks that were trained on (split {taught['split']}):",
        f"value {result['value']:.4f}   optimum in these keys {result['optimum']['value']:.4f}   "
        f"clairvoyant {result['clairvoyant']:.4f}   gap {result['gap']:.5f}",
        f"average regret first {regret['first']:.5f}, last {regret['last']:.5f} (per {regret['per']})",
        f"{result['iterations_per_second']:,.0f} iterations/s on {result['trees']:,} trees, {result['nodes']:,} nodes; "
        f"{result['distinct_trees']:,} distinct trees, {result['key_patterns']:,} key patterns",
        *([f"controller  {result['controller']}"] if "controller" in result else []),
    ):
        say(line)
    console.print(Text(_SOLUTION, "dim"))
    if result["held_out"] is None:
        say(_NOTHING_HELD_OUT)


_SOLUTION = (
    "state: agent/role/what it saw; reach: how often it comes up; P(speak): of the average policy; "
    "gain: of SPEAK over SKIP; clairvoyant: knows all that will be said, a bound; gap: what the policy is below the "
    "optimum in its keys"
)


def _solved(result: Mapping[str, Any]) -> list[Table]:
    """Return the tables of a training on trees: held-out figures first, then what was learned where that is a table."""
    held_out = [] if result["held_out"] is None else [_held_out(result["held_out"])]
    return [*held_out, _policy(result), _credits(result)] if "policy_table" in result else held_out


def _held_out(found: Mapping[str, Any]) -> Table:
    """Return the figures that may be reported."""
    title = f"on {found['tasks']:,} held-out tasks (split {found['split']}), none of them trained on"
    table = number_table(title, "controller", ("accuracy", "tokens a task", "vs until_approved"))
    for row in found["rows"]:
        table.add_row(
            row["controller"],
            with_interval(row),
            _with(row["tokens_per_task"], row["tokens_half_width"], ",.0f"),
            _with(row["difference"], row["difference_half_width"], "+.3f"),
        )
    return table


def _with(value: float | None, half_width: float | None, form: str) -> str:
    """Return a figure with half of its 95% interval."""
    if value is None:
        return "–"
    return f"{value:{form}}" + ("" if half_width is None else f" ± {half_width:{form.replace('+', '')}}")


def _policy(result: Mapping[str, Any]) -> Table:
    title = f"{result['method']}, credit {result['credit']}"
    table = number_table(title, "information state", ("reach", "P(speak)", "gain", "regret"))
    for row in result["policy_table"]:
        advantage = "–" if row["advantage"] is None else f"{row['advantage']:+.3f}"
        cells = (f"{row.get('reach', 0):.3f}", f"{row['speak_average']:.3f}", advantage, f"{row['average_regret']:.4f}")
        table.add_row(row["key"], *cells)
    return table


def _credits(result: Mapping[str, Any]) -> Table:
    title = "what SPEAK is worth over SKIP: the paper's one-step value, and exactly"
    table = number_table(title, "information state", ("one-step", "exact", "same sign"))
    for row in result["credit_table"]:
        one, exact = row["one_step"], row["exact"]
        cells = ["–" if value is None else f"{value:+.3f}" for value in (one, exact)]
        table.add_row(row["key"], *cells, {True: "yes", False: "no", None: "–"}[row["same_sign"]])
    return table
