"""The command `compare`: settings in, a table out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tracer_env.cli.folders import print_table
from tracer_env.cli.options import (
    ConfigOption,
    DifferenceOption,
    DryRunOption,
    ExecutorOption,
    FormatOption,
    JsonOption,
    LimitOption,
    MaxCostOption,
    MaxTokensOption,
    OfflineOption,
    OutOption,
    PathOption,
    ResumeOption,
    ScenarioOption,
    SeedOption,
    SetOption,
    SpeakerOption,
    SplitOption,
    TrustOption,
    billed_on,
    continued,
    embedded,
    print_config,
    resolved_config,
    resumable,
    settings_data,
)
from tracer_env.cli.transferring import (
    TestOnOption,
    TrainOnOption,
    is_transfer,
    print_plan,
    show_transfer,
    variants_asked,
)
from tracer_env.display.formats import check_format
from tracer_env.errors import ConfigError
from tracer_env.runs.still_open import check_difference
from tracer_env.settings import merge
from tracer_env.specs import split_list
from tracer_env.terminal.bars import reporting
from tracer_env.terminal.screen import complain, say, say_json

if TYPE_CHECKING:
    from tracer_env.runs.compared import Comparison
    from tracer_env.runs.config import Config

__all__ = ["compare_command"]


QuestionsArgument = Annotated[
    str | None, typer.Argument(help="Your own questions: a .jsonl or .csv file, or a folder with train and test.")
]
MethodsOption = Annotated[
    str | None,
    typer.Option(
        "--methods",
        help="Methods, comma separated; settings as debate:agents=3,rounds=2, casts as proposer=A+reviewer=B.",
    ),
]
EpisodesOption = Annotated[
    int | None, typer.Option("--train-episodes", help="Episodes each learned controller trains on the train split.")
]
TasksOption = Annotated[
    int | None,
    typer.Option("--train-tasks", help="Tasks of the train split whose trees cfr_plus and its kin are trained on."),
]
BaselineOption = Annotated[
    str | None, typer.Option("--baseline", help="Method the others are paired with (default: the first named).")
]
EqualOption = Annotated[
    str | None,
    typer.Option("--equal-tokens", help="Set every method to spend as many tokens a task as this one, on train tasks."),
]
WorldsOption = Annotated[
    int | None, typer.Option("--worlds", help="How often each task is played, each time with other luck.")
]
SeedsOption = Annotated[
    str | None,
    typer.Option("--seeds", help="Train and play once under each, as 0,1,2; rows show means and how far they stray."),
]
OnErrorOption = Annotated[
    str | None,
    typer.Option("--on-error", help="When a part fails: stop (to be continued), or skip and record the episode."),
]
RetryOption = Annotated[
    bool, typer.Option("--retry-failed", help="With --resume: play again the tasks on which an episode failed.")
]


def compare_command(
    questions: QuestionsArgument = None,
    scenario: ScenarioOption = None,
    path: PathOption = None,
    split: SplitOption = None,
    speaker: SpeakerOption = None,
    methods: MethodsOption = None,
    train_episodes: EpisodesOption = None,
    train_tasks: TasksOption = None,
    baseline: BaselineOption = None,
    equal_tokens: EqualOption = None,
    limit: LimitOption = None,
    worlds: WorldsOption = None,
    seed: SeedOption = None,
    seeds: SeedsOption = None,
    settings: SetOption = None,
    config: ConfigOption = None,
    out: OutOption = None,
    resume: ResumeOption = None,
    executor: ExecutorOption = None,
    max_tokens: MaxTokensOption = None,
    max_cost: MaxCostOption = None,
    on_error: OnErrorOption = None,
    retry_failed: RetryOption = False,
    offline: OfflineOption = False,
    trust_code: TrustOption = False,
    difference: DifferenceOption = None,
    train_on: TrainOnOption = None,
    test_on: TestOnOption = None,
    form: FormatOption = "table",
    as_json: JsonOption = False,
    dry_run: DryRunOption = False,
) -> None:
    """Train what has to be trained, play all methods on the same tasks, and print the table."""
    check_format(form)
    check_difference(difference)
    what = _one_of(questions, scenario)
    data = settings_data(config, settings, what, speaker, path=path, split=split, limit=limit, seed=seed)
    data = merge(data, "training", episodes=train_episodes, tasks=train_tasks)
    if retry_failed and resume is None:
        raise ConfigError("--retry-failed goes with --resume RUN, the folder whose failed episodes are to be played")
    listed = {"methods": split_list(methods) if methods else None, "seeds": _numbers(seeds)}
    more = {"baseline": baseline, "equal_tokens": equal_tokens, "worlds": worlds, "on_error": on_error}
    data = billed_on(merge(data, "evaluation", **listed, **more), executor, max_tokens, max_cost)
    resolved = resolved_config(embedded(continued(data, config, resume, trust_code)), out, resume)
    resolved.check_unhooked("compare")
    if train_on is not None or test_on is not None or is_transfer(resume):
        if dry_run:
            return print_plan(resolved, *variants_asked(train_on, test_on, resolved, resume, trust_code), as_json)
        return show_transfer(resolved, train_on, test_on, out, resume, trust_code, form, as_json)
    if dry_run:
        from tracer_env.runs.foresight import check_comparison

        return print_config(check_comparison(resolved, trust_code), as_json)
    result = _compared(resolved, out, resume, trust_code, retry_failed, offline)
    if as_json:
        return say_json(result.to_data(difference))
    return _show(result, difference) if form == "table" else print_table(result.run, form)


def _one_of(questions: str | None, scenario: str | None) -> str | None:
    """Return what is asked, which is said once."""
    if questions is not None and scenario is not None:
        raise ConfigError(f"{questions} and --scenario {scenario} both say what is asked; give one of them")
    return scenario if questions is None else questions


def _compared(
    config: Config, out: Path | None, resume: Path | None, trust_code: bool, retry_failed: bool, offline: bool
) -> Comparison:
    """Train and play, with a bar and with the way to go on where it is interrupted; print what it warns of."""
    from tracer_env.runs.comparing import compare

    with reporting() as reporter, resumable("compare", resume):
        result = compare(
            config,
            out=out,
            resume=resume,
            trust_code=trust_code,
            retry_failed=retry_failed,
            offline=offline,
            reporter=reporter,
        )
    for warning in result.warnings:
        complain(f"warning: {warning}")
    return result


def _numbers(seeds: str | None) -> list[int] | None:
    """Read whole numbers that stand between commas."""
    if seeds is None:
        return None
    try:
        return [int(each) for each in seeds.split(",")]
    except ValueError:
        raise ConfigError(f"--seeds takes whole numbers between commas, such as 0,1,2, got {seeds!r}") from None


def _show(result: Comparison, difference: float | None) -> None:
    """Print the table, and where the run lies."""
    from tracer_env.runs.learning import costs

    print_table(result.run, difference=difference)
    say()
    say(f"run     {result.run.path}")
    say(f"report  {result.run.path / 'report.html'}")
    say(f"replay  {result.replay_command}")
    if result.spent is not None:
        say(f"billed  {result.spent.line()}")
    for cost in costs(result.training, result.run.config.evaluation.seeds):
        say(f"train   {cost}")
    if result.failed:
        say(f"failed  {result.failed} episodes; play them again with: {result.retry_command}")
