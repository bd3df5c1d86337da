"""The command expand: settings in, a folder of dialogue trees out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tracer_env.cli.options import (
    ConfigOption,
    ExecutorOption,
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
    billed_on,
    resumable,
    settings_data,
)
from tracer_env.errors import ConfigError
from tracer_env.intake.toml_files import read_toml
from tracer_env.parts.trust import layered
from tracer_env.runs.config import Config
from tracer_env.settings import merge
from tracer_env.terminal.bars import reporting
from tracer_env.terminal.screen import say, say_json

if TYPE_CHECKING:
    from tracer_env.trees.tree import DialogueTrees

__all__ = ["expand_command"]


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
    if (out is None) == (resume is None):
        raise ConfigError("expand needs either --out FOLDER for new trees or --resume FOLDER to continue")
    data = settings_data(config, settings, scenario, speaker, path=path, split=split, limit=limit, seed=seed)
    data = billed_on(merge(data, "evaluation", worlds=worlds), executor, max_tokens, max_cost)
    asked = _asked(data, config, resume, trust_code)
    facts = _grown(asked, out or resume or Path(), resume, offline)
    if as_json:
        return say_json(facts)
    say("\n".join(f"{name:<18} {value}" for name, value in facts.items()))
    if facts["split"] != "train":
        say("train --trees holds out half of these tasks; trees of --split train teach with all of theirs")
    return None


def _asked(data: dict[str, Any], config: Path | None, resume: Path | None, trust_code: bool) -> Config:
    """Return the checked settings: the user's own, on top of those of trees that are continued."""
    from tracer_env.trees.run import SETTINGS

    if resume is not None and config is None and (resume / SETTINGS).is_file():
        data = layered(read_toml(resume / SETTINGS), data, resume, trust_code, file=SETTINGS)
    asked = Config.from_data(data)
    asked.check_unhooked("expand")
    asked.check_seedless("expand")
    return asked


def _grown(asked: Config, folder: Path, resume: Path | None, offline: bool) -> dict[str, Any]:
    """Grow the trees, or those that are missing; return what was grown."""
    from tracer_env.executors.seam import opened
    from tracer_env.runs.spending import billed
    from tracer_env.runs.splits import scenario_of
    from tracer_env.trees.run import expand_run

    tasks = scenario_of(asked)
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
    return _facts(trees, folder) | ({} if account is None else {"billed": account.spent.line()})


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
