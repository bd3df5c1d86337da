"""What the commands share: their options, and how settings from file, flags and ``--set`` become a config."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import RenderableType

from tracer_env.display.formats import as_csv, as_latex, as_markdown
from tracer_env.errors import ConfigError, RunFolderError
from tracer_env.intake.toml_files import read_toml
from tracer_env.parts.trust import code_named, layered
from tracer_env.runs.config import Config
from tracer_env.settings import merge, with_settings
from tracer_env.terminal.plain import command as command_line
from tracer_env.terminal.screen import complain, say, say_json

__all__ = [
    "ConfigOption",
    "DifferenceOption",
    "DryRunOption",
    "ExecutorOption",
    "FormatOption",
    "JsonOption",
    "LimitOption",
    "MaxCostOption",
    "MaxTokensOption",
    "OfflineOption",
    "OutOption",
    "PathOption",
    "ResumeOption",
    "ScenarioOption",
    "SeedOption",
    "SetOption",
    "SpeakerOption",
    "SplitOption",
    "TrustOption",
    "billed_on",
    "continued",
    "embedded",
    "print_config",
    "print_formatted",
    "repeatable",
    "resolved_config",
    "resumable",
    "settings_data",
    "trusting",
]

ScenarioOption = Annotated[str | None, typer.Option("--scenario", help="Name of the tasks; see `tracer-env list`.")]
PathOption = Annotated[str | None, typer.Option("--path", help="File or folder the scenario's rows are read from.")]
SplitOption = Annotated[str | None, typer.Option("--split", help="Split: train, tune to choose on, test (default).")]
SpeakerOption = Annotated[str | None, typer.Option("--speaker", help="Who speaks, or proposer=NAME,reviewer=NAME.")]
LimitOption = Annotated[int | None, typer.Option("--limit", help="Only the first N tasks.")]
SeedOption = Annotated[int | None, typer.Option("--seed", help="Seed of all randomness (default: 0).")]
ExecutorOption = Annotated[
    str | None,
    typer.Option("--executor", help="Where work is done: process (this one), or ray; settings: --set executor.KEY=..."),
]
SetOption = Annotated[list[str] | None, typer.Option("--set", help="A setting, e.g. rules.max_turns=7. May repeat.")]
ConfigOption = Annotated[Path | None, typer.Option("--config", help="TOML file with settings.")]
MaxTokensOption = Annotated[
    int | None, typer.Option("--max-tokens", help="Stop when servers have billed so many tokens; --resume goes on.")
]
MaxCostOption = Annotated[
    float | None, typer.Option("--max-cost", help="Stop when that is spent, by the prices of the speaker.")
]
OutOption = Annotated[Path | None, typer.Option("--out", help="Run folder to make (default: runs/...).")]
ResumeOption = Annotated[Path | None, typer.Option("--resume", help="Run folder to continue.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]
FormatOption = Annotated[str, typer.Option("--format", help="Of the tables: table, csv, latex or markdown.")]
DifferenceOption = Annotated[
    float | None,
    typer.Option("--difference", help="How many tasks would show a difference of this size (default: the one seen)."),
]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Print the resolved settings and stop.")]
OfflineOption = Annotated[
    bool, typer.Option("--offline", help="Ask no model: what the store of utterances has not ends the run.")
]
TrustOption = Annotated[
    bool, typer.Option("--trust-code", help="Let the files given here name code that is imported and run.")
]


def settings_data(
    config: Path | None,
    settings: list[str] | None,
    scenario: str | None,
    speaker: str | None,
    *,
    path: str | None = None,
    split: str | None = None,
    limit: int | None = None,
    seed: int | None = None,
) -> dict[str, Any]:
    """Return the user's own settings as nested data: the file's, under the flags, under ``--set``."""
    data = read_toml(config) if config is not None else {}
    data = merge(data, "scenario", name=scenario, path=path, split=split, limit=limit)
    data = merge(data, "speaker", name=speaker)
    if seed is not None:
        data = {**data, "seed": seed}
    return with_settings(data, settings or [])


def billed_on(
    data: dict[str, Any], executor: str | None, max_tokens: int | None, max_cost: float | None
) -> dict[str, Any]:
    """Return the settings with where work is done, and how much of it may be billed."""
    return merge(merge(data, "executor", name=executor), "budget", max_tokens=max_tokens, max_cost=max_cost)


def continued(
    data: dict[str, Any], config: Path | None, resume: Path | None, trust_code: bool, method: str | None = None
) -> dict[str, Any]:
    """Return the user's own settings, where a run is continued on top of what it was started with.

    What differs shows as a difference later; ``method`` is a trainer that the user names. Raises TrustError when the
    folder names code on its own word. A config file of the user takes the place of the folder's.
    """
    if resume is None or config is not None:
        return data
    if not (resume / "config.toml").is_file():
        raise RunFolderError(f"{resume} is not a run folder: it has no config.toml")
    return layered(read_toml(resume / "config.toml"), data, resume, trust_code, merge(data, "training", method=method))


def resolved_config(data: dict[str, Any], out: Path | None, resume: Path | None) -> Config:
    """Return the checked config; raises ConfigError when both a new and an old run folder are asked for."""
    if out is not None and resume is not None:
        raise ConfigError("--out makes a new run folder and --resume continues one; give only one of them")
    return Config.from_data(data)


def embedded(data: dict[str, Any]) -> dict[str, Any]:
    """Return the settings with the package's own recording where nothing is said of a scenario or a speaker."""
    if data.get("speaker") or set(data.get("scenario", {})) - {"split", "limit"}:
        return data
    return merge(merge(data, "scenario", name="recorded"), "speaker", name="recorded")


def print_config(config: Config, as_json: bool) -> None:
    """Print the settings as TOML, or as JSON."""
    say_json(config.to_data()) if as_json else say(config.to_toml(), end="")


def print_formatted(form: str, parts: Iterable[RenderableType], records: Iterable[Mapping[str, Any]]) -> None:
    """Print tables for another program: ``records`` as CSV, the tables among ``parts`` in the other forms."""
    write = {"latex": as_latex, "markdown": as_markdown}
    say(as_csv(records) if form == "csv" else write[form](parts), end="")


def trusting(folder: Path) -> list[str]:
    """Return the option without which a run of one's own that names code, or a server, is not continued."""
    with suppress(OSError, ConfigError):
        kept = [file for name in ("config.toml", "settings.toml") if (file := folder / name).is_file()]
        return ["--trust-code"] if any(code_named(read_toml(file)) for file in kept) else []
    return []


@contextmanager
def resumable(command: str, resume: Path | None) -> Iterator[None]:
    """Say how to continue when the work inside is interrupted in a folder that can be continued."""
    try:
        yield
    except KeyboardInterrupt as error:
        folder = getattr(error, "run_folder", resume)
        if folder is not None and any((folder / name).is_file() for name in ("config.toml", "growing.json")):
            with suppress(OSError, ConfigError):  # the terminal or the folder may have gone
                line = command_line("tracer-env", command, "--resume", folder, *trusting(folder))
                complain(f"interrupted; continue with: {line}")
            error.__dict__["told"] = True
        raise


@contextmanager
def repeatable(command: str, *arguments: str | Path) -> Iterator[None]:
    """Say how to begin again when the work inside, which writes nothing before its end, is interrupted."""
    try:
        yield
    except KeyboardInterrupt as error:
        with suppress(OSError):  # the terminal may have gone
            again = command_line("tracer-env", command, *arguments)
            complain(f"interrupted; nothing was written; begin again with: {again}")
        error.__dict__["told"] = True
        raise
