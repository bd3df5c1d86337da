"""Commands on dialogue trees: expand, train --trees, calibrate, frontier; see is in `seeing`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from tracer_env.cli.options import (
    ConfigOption,
    ExecutorOption,
    FormatOption,
    JsonOption,
    LimitOption,
    MaxCostOption,
    MaxTokensOption,
    OfflineOption,
    PathOption,
    ScenarioOption,
    SeedOption,
    SetOption,
    SpeakerOption,
    SplitOption,
    TrustOption,
    print_formatted,
    repeatable,
    resumable,
    settings_data,
)
from tracer_env.display.formats import check_format
from tracer_env.display.tables import number_table, with_interval
from tracer_env.errors import ConfigError, did_you_mean
from tracer_env.intake.toml_files import read_toml
from tracer_env.parts.trust import layered
from tracer_env.registry import OURS, resolve
from tracer_env.runs.config import Config
from tracer_env.settings import merge, with_settings
from tracer_env.terminal.bars import reporting
from tracer_env.terminal.plain import command
from tracer_env.terminal.screen import Screen, say, say_json

if TYPE_CHECKING:
    from tracer_env.trees.tree import DialogueTrees

__all__ = ["calibrate_command", "expand_command", "frontier_command", "train_on_folder"]


def expand_command(
    out: Annotated[Path | None, typer.Option("--out", help="Folder of trees to make.")] = None,
    scenario: ScenarioOption = None,
    path: PathOption = None,
    split: SplitOption = None,
    speaker: SpeakerOption = None,
    limit: LimitOption = None,
    worlds: Annotated[
        int | None, typer.Option("--worlds", help="How many draws of the luck for each task (default: 1).")
    ] = None,
    seed: SeedOption = None,
    settings: SetOption = None,
    config: ConfigOption = None,
    resume: Annotated[Path | None, typer.Option("--resume", help="Folder of trees to continue.")] = None,
    executor: ExecutorOption = None,
    max_tokens: MaxTokensOption = None,
    max_cost: MaxCostOption = None,
    offline: OfflineOption = False,
    trust_code: TrustOption = False,
    as_json: JsonOption = False,
) -> None:
    """Write down every choice on every task: dialogue trees, from which everything else is computed exactly."""
    from tracer_env.executors.seam import opened
    from tracer_env.parts.casting import make_scenario
    from tracer_env.runs.spending import billed
    from tracer_env.trees.run import SETTINGS, expand_run

    if (out is None) == (resume is None):
        raise ConfigError("expand needs either --out FOLDER for new trees or --resume FOLDER to continue")
    data = settings_data(config, settings, scenario, speaker, path=path, split=split, limit=limit, seed=seed)
    data = merge(merge(data, "evaluation", worlds=worlds), "executor", name=executor)
    data = merge(data, "budget", max_tokens=max_tokens, max_cost=max_cost)
    if resume is not None and config is None and (resume / SETTINGS).is_file():
        data = layered(read_toml(resume / SETTINGS), data, resume, trust_code, file=SETTINGS)
    asked = Config.from_data(data)
    asked.check_unhooked("expand")
    asked.check_seedless("expand")
    where = asked.scenario
    tasks = make_scenario(
        where.name, path=where.path, split=where.split, limit=where.limit, seed=asked.tasks_seed, **where.settings
    )
    folder = out or resume or Path()
    with (
        reporting() as reporter,
        resumable("expand", resume),
        opened(asked.executor) as doing,
        billed(voice := doing.speaker(asked.speaker.name, **asked.speaker.settings), asked.budget, folder) as account,
    ):
        trees = expand_run(
            tasks,
            voice,
            asked.rules,
            asked.seed,
            asked.evaluation.worlds,
            out=folder,
            resume=resume is not None,
            settings=asked.to_toml(),
            executor=doing,
            store=asked.speaker.store,
            offline=offline,
            reporter=reporter,
        )
    facts = _facts(trees, folder) | ({} if account is None else {"billed": account.spent.line()})
    if as_json:
        return say_json(facts)
    say("\n".join(f"{name:<18} {value}" for name, value in facts.items()))
    if trees.split != "train":
        say("train --trees holds out half of these tasks; trees of --split train teach with all of theirs")
    return None


def _facts(trees: DialogueTrees, folder: Path | None) -> dict[str, Any]:
    """Return what was grown, and where it lies."""
    return {
        "trees": str(folder),
        "tasks": len(trees.tasks),
        "worlds": trees.worlds,
        "turns": trees.rules.max_turns,
        "nodes": trees.nodes,
        "completion_tokens": sum(int(level.completion_tokens.sum()) for level in trees.levels),
        "speaker": trees.speaker,
        "seed": trees.seed,
        "split": trees.split,
    }


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


_FRONTIER = (
    "price a call: what a call costs, in accuracy; learned: trained on half of the tasks, scored on the other; optimum "
    "over keys: the best table on these very tasks; clairvoyant: knows all that will be said, a bound for everybody"
)
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


def calibrate_command(
    source: Annotated[Path, typer.Argument(help="Folder of trees, or run folder.")],
    out: Annotated[
        Path | None, typer.Option("--out", help="Preset file to write (default: beside the folder).")
    ] = None,
    form: FormatOption = "table",
    as_json: JsonOption = False,
) -> None:
    """Fit the simulated speaker to recorded dialogues; write a preset that `simulated:FILE` takes."""
    check_format(form)
    calibrate, _ = resolve("trainer", OURS["calibrate"])
    table, _ = resolve("trainer", OURS["calibration_table"])
    with reporting() as reporter, repeatable("calibrate", source):
        result = calibrate(source, out, reporter)
    if as_json:
        return say_json(result)
    if form != "table":
        return print_formatted(form, [table(result)], result["parameters"])
    Screen().print(table(result))
    say(f"preset   {result['file']}")
    say(f"use it   {command('--speaker', result['speaker'])}")
    return None


def frontier_command(
    trees: Annotated[Path, typer.Argument(help="Folder of trees.")],
    out: Annotated[Path | None, typer.Option("--out", help="PNG to write (default: beside the folder).")] = None,
    form: FormatOption = "table",
    as_json: JsonOption = False,
) -> None:
    """Sweep the price of a token, solve, and draw accuracy against tokens a task."""
    check_format(form)
    frontier, _ = resolve("trainer", OURS["frontier"])
    table, _ = resolve("trainer", OURS["frontier_table"])
    with reporting() as reporter, repeatable("frontier", trees):
        result = frontier(trees, out, reporter)
    if as_json:
        return say_json(result)
    if form != "table":
        return print_formatted(form, [table(result)], _points(result))
    Screen().print(table(result))
    Screen().print(Text(_FRONTIER, "dim"))
    say(f"picture  {result['picture']}")
    return None


def _points(result: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a record for each policy at each price, and for each fixed rule."""
    drawn = ("learned", "optimum", "clairvoyant")
    prices = ("price", "price_per_call")
    priced = [
        {"policy": name, **{price: point[price] for price in prices}, **point[name]}
        for point in result["points"]
        for name in drawn
    ]
    return [*priced, *({"policy": name, **point} for name, point in result["baselines"].items())]
