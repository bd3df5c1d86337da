"""The command train: controllers from dialogues or trees, and language models."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from tracer_env.cli.options import (
    ConfigOption,
    DryRunOption,
    ExecutorOption,
    FormatOption,
    JsonOption,
    LimitOption,
    MaxCostOption,
    MaxTokensOption,
    OutOption,
    ResumeOption,
    ScenarioOption,
    SeedOption,
    SetOption,
    SpeakerOption,
    TrustOption,
    billed_on,
    continued,
    print_config,
    print_formatted,
    resolved_config,
    resumable,
    settings_data,
)
from tracer_env.cli.solving import train_on_folder
from tracer_env.cli.sweeping import GridOption, SweepSeedsOption, is_sweep, train_many
from tracer_env.display.formats import check_format
from tracer_env.display.tables import number_table
from tracer_env.errors import ConfigError, RunFolderError
from tracer_env.registry import OURS, registered, resolve, trains_language
from tracer_env.settings import merge
from tracer_env.terminal.bars import reporting
from tracer_env.terminal.screen import Screen, complain, say, say_json

if TYPE_CHECKING:
    from tracer_env.runs.config import Config

__all__ = ["train_command"]

MethodOption = Annotated[
    str | None,
    typer.Option(
        "--method",
        "--controller",
        help="What to train: gspo, grpo, magrpo, maporl or tracer with a language model; regret_matching (default) or "
        "regret_matching_plus; with --trees also cfr and the others.",
    ),
]
TrainPathOption = Annotated[
    str | None, typer.Option("--path", help="File of the train split, or folder of the splits.")
]
StepsOption = Annotated[
    int | None,
    typer.Option(
        "--steps",
        "--iterations",
        help="Steps of a language model's training (default 40), else episodes (10,000 simulated, 100 with a model).",
    ),
]
TreesOption = Annotated[
    Path | None, typer.Option("--trees", help="Folder of dialogue trees to solve instead of playing.")
]


def train_command(
    method: MethodOption = None,
    scenario: ScenarioOption = None,
    path: TrainPathOption = None,
    speaker: SpeakerOption = None,
    steps: StepsOption = None,
    trees: TreesOption = None,
    limit: LimitOption = None,
    seed: SeedOption = None,
    seeds: SweepSeedsOption = None,
    grid: GridOption = None,
    settings: SetOption = None,
    config: ConfigOption = None,
    out: OutOption = None,
    resume: ResumeOption = None,
    executor: ExecutorOption = None,
    max_tokens: MaxTokensOption = None,
    max_cost: MaxCostOption = None,
    trust_code: TrustOption = False,
    form: FormatOption = "table",
    as_json: JsonOption = False,
    dry_run: DryRunOption = False,
) -> None:
    """Train on the train split: a controller, a language model, or both (tracer); or solve dialogue trees.

    A controller's training prints its regret and its policy table. Methods gspo and grpo (one role), magrpo and maporl
    (a whole team) and tracer train what a language model says (--speaker nano, smollm2 or hf:PATH) and leave adapters
    in the run folder. They take --set gspo.KEY=VALUE (num_generations, learning_rate, finetune, reward, role, ...),
    KEY=VALUE of their own section (tracer.variant, magrpo.returns, maporl.alpha0, ...) and
    hooks.KIND=FILE.py:NAME; --dry-run shows all, `tracer-env list` what they can be. --resume DIR continues
    a run, with a larger --steps if you like; code that its config names needs --trust-code, or to be named again.
    --seeds 0,1,2 and --grid KEY=a,b train once for each combination, by the workers of --executor.

    With --trees: methods cfr, cfr_plus, dcfr, predictive_rm_plus, hedge, external_mccfr, outcome_mccfr and
    regret_matching; --steps counts iterations (default 1000); --set takes credit, information, starts. Method
    logistic takes price, starts, ridge, products, policy.
    """
    check_format(form)
    if trees is not None:
        refused = {"--scenario": scenario, "--speaker": speaker, "--path": path, "--config": config, "--resume": resume}
        refused |= {"--seeds": seeds, "--grid": " ".join(grid) if grid else None, "--executor": executor}
        return train_on_folder(
            trees, _tree_method(method, dry_run), steps, limit, seed, settings, out, form, as_json, refused
        )
    data = continued(settings_data(config, settings, scenario, speaker, seed=seed), config, resume, trust_code, method)
    chosen, trainer = _trainer(data, method, resume)
    with_model = trains_language(chosen)  # they show their own progress
    data = merge(data, "training", path=path, limit=limit, episodes=None if with_model else steps)
    data = merge(data, "gspo", max_steps=steps if with_model else None)
    data = billed_on(data, executor, max_tokens, max_cost)
    if is_sweep(seeds, grid, resume):
        return train_many(data, chosen, seeds, grid, out, resume, trust_code, form, as_json, dry_run)
    asked = resolved_config(data, out, resume)
    resolved = _settled(asked, chosen) if with_model else asked
    if dry_run:
        return print_config(_foreseen(resolved, chosen), as_json)
    with reporting(wanted=not with_model) as reporter, resumable("train", resume):
        result = trainer(resolved, method=chosen, out=out, resume=resume, reporter=reporter)
    if result is not None:  # None: this is one of several processes, and not the first
        _print(result, with_model, form, as_json)


def _print(result: Mapping[str, Any], with_model: bool, form: str, as_json: bool) -> None:
    """Print what was trained, in the form that is asked for."""
    if as_json:
        return say_json(result)
    if form != "table":
        return print_formatted(form, _tables(result, with_model), _records(result, with_model))
    return _print_language(result) if with_model else _print_controller(result)


def _tree_method(method: str | None, dry_run: bool) -> str:
    """Return the method that solves trees; raises ConfigError for what only training on a scenario has."""
    if dry_run:
        raise ConfigError("--dry-run shows the settings of training on a scenario, not with --trees; leave it out")
    chosen = method or "regret_matching"
    if trains_language(chosen):
        raise ConfigError(f"--trees does not go with --method {chosen}, which trains a language model on a scenario")
    return chosen


def _settled(asked: Config, method: str) -> Config:
    """Return the settings of a language model's training, written out; raises ConfigError for a budget."""
    if (asked.budget.max_tokens, asked.budget.max_cost) != (None, None):
        raise ConfigError(f"method {method} trains a model on this machine, which nobody bills; leave the budget out")
    settle, _ = resolve("trainer", OURS["training_settings"])
    settled: Config = settle(asked, method)
    return settled


def _foreseen(asked: Config, method: str) -> Config:
    """Return the settings of a training that could begin; raises what it would be refused for."""
    check, _ = resolve("trainer", OURS["training_checks"])
    checked: Config = check(asked, method)
    return checked


def _trainer(data: dict[str, Any], method: str | None, resume: Path | None) -> tuple[str, Callable[..., Any]]:
    """Return the method, asked for or recorded, and its trainer; a new run records any method but the usual one."""
    training = data.get("training", {})
    recorded = training.get("method") if isinstance(training, Mapping) else None
    if resume is not None and None not in (method, recorded) and method != recorded:
        raise RunFolderError(
            f"{resume} was started with method {recorded} and cannot be continued with {method}; leave out --method"
        )
    chosen = str(method or recorded or "regret_matching")
    if chosen not in registered("trainer") and chosen in registered("controller"):
        _refuse_controller(chosen)
    trainer, _ = resolve("trainer", chosen)
    if resume is None and chosen != "regret_matching" and isinstance(training, Mapping):
        data["training"] = {**training, "method": chosen}
    return chosen, trainer


def _refuse_controller(name: str) -> None:
    """Raise ConfigError for a controller that no run of `train` teaches, and say what does where something does."""
    source = getattr(resolve("controller", name)[0], "learns_from", None)
    if source not in (None, "trees", "play"):
        raise ConfigError(
            f"{name} learns from {source} while compare prepares: name it in compare --methods, which trains it on the "
            "train split and leaves its file in the run's folder"
        )
    if source == "trees":
        raise ConfigError(
            f"{name} learns from dialogue trees: name it in compare --methods, which grows those of the train split, "
            f"or grow some (tracer-env expand --split train --out DIR) and take train --trees DIR --method {name}"
        )
    raise ConfigError(f"{name} is a controller that learns nothing; train one of: {', '.join(registered('trainer'))}")


def _records(result: Mapping[str, Any], with_model: bool) -> list[dict[str, Any]]:
    """Return a record for each policy that was trained, or for each information state of a controller."""
    if not with_model:
        return list(result["policy_table"])
    return [{"policy": policy, **courses} for policy, courses in result["policies"].items()]


def _tables(result: Mapping[str, Any], with_model: bool) -> list[Table]:
    if not with_model:
        return [_policy(result["policy_table"], f"{result['method']} after {result['episodes']:,} episodes")]
    steps = result["steps"]
    few = steps < 20
    keys = ("first", "last") if few else ("mean_of_first_ten", "mean_of_last_ten")
    span = "first and last step" if few else "means over the first and the last ten steps"
    tables = [_courses(result, f"{result['method']} after {steps:,} steps: {span}", keys)]
    if result["dialogues"] is not None:
        table = number_table("its dialogues", "measure", ("first", "last"))
        for name, course in result["dialogues"].items():
            table.add_row(name.replace("_", " "), *(_cell(_DIALOGUES[name], course[key]) for key in keys))
        tables += [table, _policy(result["policy_table"], "when to speak")]
    if result["held_out"] is not None and result["held_out"]["rows"]:
        shown, _ = resolve("trainer", OURS["base_and_trained"])
        tables.append(shown(result["held_out"]))
    return tables


def _print_language(result: Mapping[str, Any]) -> None:
    console = Screen()
    for table in _tables(result, with_model=True):
        console.print(table)
    console.print(Text(_LANGUAGE + (_SETTLED if result["config"].get("tracer", {}).get("settle") else ""), "dim"))
    kind = "adapter" if result["config"]["gspo"]["finetune"].startswith("lora") else "model"
    for name, folder in result["adapters"].items():
        trained = "" if name in result["trained"] else " (not trained)"
        say(f"{kind:<11} {folder}{trained}")
    if result["controller"] is not None:
        say(f"controller  {result['controller']}")
    say(f"metrics     {result['metrics']}")
    say(f"use it      {result['command']}")
    _judge(result)


_LANGUAGE = (
    "reward: what an utterance earned; unparsable: no answer or verdict could be read; clipped "
    "(metrics): utterances whose ratio left the bounds, and whose gradient was cut"
)
_SETTLED = "; settle: the tables were solved again on trees of the final speakers"


def _judge(result: Mapping[str, Any]) -> None:
    """Say that nothing was learned where no reward told candidates apart, and end as what failed does."""
    found = result["held_out"]
    if found is not None and found["reason"]:
        say(f"held out    nothing: {found['reason']}")
    for policy, signal in result["signal"].items():
        if signal["differed"]:
            continue
        told = f"no signal: in none of the {signal['groups']:,} groups of {policy} did the candidates' rewards differ"
        if (result["policies"][policy]["accuracy"]["mean_of_last_ten"] or 0.0) >= _SOLVED:
            complain(f"{told}; they are solved already, take harder tasks")
            continue
        complain(f"{told}, so nothing was learned; take tasks that the model sometimes solves, or another reward")
        raise typer.Exit(1)


_SOLVED = 0.8
"""An accuracy at which equal rewards are good news."""


_SHOWN = {
    "reward": ("reward", "{:+.2f}"),
    "accuracy": ("accuracy", "{:.1%}"),
    "unparsable": ("unparsable", "{:.0%}"),
    "completion_length": ("tokens", "{:.1f}"),
}
_DIALOGUES = {
    "dialogue_accuracy": "{:.1%}",
    "calls_per_task": "{:.2f}",
    "tokens_per_task": "{:.1f}",
    "speak_rate": "{:.1%}",
    "average_regret": "{:.4f}",
}
"""How the measures are headed and written."""


def _courses(result: Mapping[str, Any], title: str, keys: tuple[str, str]) -> Table:
    table = number_table(title, "policy", [heading for heading, _ in _SHOWN.values()])
    for policy, courses in result["policies"].items():
        cells = [" → ".join(_cell(form, courses[name][key]) for key in keys) for name, (_, form) in _SHOWN.items()]
        table.add_row(policy, *cells)
    return table


def _cell(form: str, value: float | None) -> str:
    return "–" if value is None else form.format(value)


def _print_controller(result: Mapping[str, Any]) -> None:
    for table in _tables(result, with_model=False):
        Screen().print(table)
    regret = result["average_regret"]
    slope = "not fitted" if regret["slope"] is None else f"{regret['slope']:.2f}"
    curve = result["average_regret_curve"]
    shown = curve[:: max(1, len(curve) // 8)]
    say("average regret by episode  " + "   ".join(f"{at:,}: {value:.5f}" for at, value in shown))
    say(f"first {regret['first']:.5f}, last {regret['last']:.5f}, log-log slope {slope}")
    say(f"controller  {result['controller']}")


def _policy(rows: list[dict[str, Any]], title: str) -> Table:
    table = number_table(title, "information state", ("visits", "P(speak)", "now", "regret"))
    for row in rows:
        table.add_row(
            row["key"],
            f"{row['visits']:,}",
            f"{row['speak_average']:.3f}",
            f"{row['speak_current']:.3f}",
            f"{row['average_regret']:.5f}",
        )
    return table
