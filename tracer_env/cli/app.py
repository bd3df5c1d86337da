"""The command line: parse, call, print.

Results go to stdout (with ``--json`` exactly one JSON document), everything else to stderr. Exit codes: 0 done,
1 our mistake or the machine's failure (a full disk), 2 the user's, 130 interrupted, 143 and 129 ended by SIGTERM and
SIGHUP. A user's mistake is one line; ``--debug`` shows the traceback.
"""

from __future__ import annotations

import errno
import json
import os
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from tracer_env.cli.comparing import compare_command, report_command
from tracer_env.cli.options import (
    ConfigOption,
    DebugOption,
    JsonOption,
    PathOption,
    ScenarioOption,
    SeedOption,
    SetOption,
    SpeakerOption,
    SplitOption,
    TrustOption,
    embedded,
    print_config,
    settings_data,
)
from tracer_env.cli.training import train_command
from tracer_env.cli.trees import add_tree_commands
from tracer_env.errors import PartError, TracerEnvError, UnknownNameError
from tracer_env.runs.config import Config
from tracer_env.runs.config import schema as settings_schema
from tracer_env.storage.endings import Stopped, failure, stoppable
from tracer_env.terminal.narrow import printable
from tracer_env.terminal.plain import command as command_line
from tracer_env.terminal.screen import Screen, complain, say, say_json, say_json_list

__all__ = ["app", "entry", "main"]

_COMPLETING = "_TRACER_ENV_COMPLETE"

app = typer.Typer(
    name="tracer-env",
    help="Simulate dialogues of cooperating language models, compare and train who speaks when, replay episodes.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.callback(invoke_without_command=True)
def root(
    version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False,
    debug: DebugOption = False,
) -> None:
    """Options that stand before the command; ``--debug`` is read by `main`."""
    if version:
        from tracer_env import __version__

        print(__version__)
        raise typer.Exit


app.command("compare", short_help="Play methods on the same tasks, and print the table.")(compare_command)
app.command("train", short_help="Train a controller, a language model, or both.")(train_command)


@app.command("play", short_help="Play one episode, turn by turn.")
def play_command(
    scenario: ScenarioOption = None,
    path: PathOption = None,
    split: SplitOption = None,
    speaker: SpeakerOption = None,
    controller: Annotated[
        str, typer.Option("--controller", "--method", help="Who decides: a name, a trained file, or `human`.")
    ] = "until_approved",
    task: Annotated[str | None, typer.Option("--task", help="Id of the task (default: the first).")] = None,
    world: Annotated[int, typer.Option("--world", help="Which draw of the luck.")] = 0,
    seed: SeedOption = None,
    settings: SetOption = None,
    config: ConfigOption = None,
    trust_code: TrustOption = False,
    as_json: JsonOption = False,
) -> None:
    """Play one episode and show it turn by turn."""
    data = settings_data(config, settings, scenario, speaker, path=path, split=split, seed=seed)
    resolved = Config.from_data(embedded(data))
    from tracer_env.runs.live import play

    console = None if as_json else Screen()
    transcript = play(resolved, controller, task, world, console, trust_code=trust_code)
    if as_json:
        say_json(json.loads(transcript.to_json()))


@app.command("replay", short_help="Walk through the episodes of a run.")
def replay_command(
    run: Annotated[Path, typer.Argument(help="Run folder.")],
    episode: Annotated[str | None, typer.Option("--episode", help="Task id or number of the episode.")] = None,
    method: Annotated[str | None, typer.Option("--method", help="Only episodes of this method.")] = None,
    only: Annotated[str | None, typer.Option("--only", help="flips, wrong or disagreements.")] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", help="Of a run under several seeds: which (default: first).")
    ] = None,
    speed: Annotated[float, typer.Option("--speed", help="Turns a second; 0 shows an episode at once.")] = 0.0,
    export: Annotated[
        Path | None, typer.Option("--export", help="Write the first chosen episode to a .html or .svg file.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show the episodes of a run: with keys when a terminal is attached, plain otherwise."""
    from tracer_env.display.pictures import export as write_picture
    from tracer_env.runs.live import chosen_episodes
    from tracer_env.runs.replaying import replay

    chosen = chosen_episodes(run, method, episode, only, seed)
    if as_json:
        return say_json_list(json.loads(transcript.to_json()) for transcript in chosen)
    if export is not None:
        write_picture(chosen[:1], export)
        say(str(export))
        return None
    replay(chosen, speed=speed)
    return None


app.command("report", short_help="Write a run's report.html again.")(report_command)


@app.command("verify", short_help="Check a run against its episodes, or repair it.")
def verify_command(
    run: Annotated[Path, typer.Argument(help="Run folder.")],
    repair: Annotated[
        bool, typer.Option("--repair", help="Take out episodes that stand there twice, where they are equal.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Check that a run is complete and follows from its settings, and every metric from its episodes."""
    from tracer_env.runs.verifying import repair_run, verify

    if repair:
        done = repair_run(run)
        if as_json:
            return say_json({"repaired": True, "run": str(run), **asdict(done)})
        say(f"repaired: {run} {done}")
        return None
    found = verify(run)
    if as_json:
        return say_json({"verified": True, "run": str(run), "unchecked": list(found.unchecked), **found.metrics})
    say(f"verified: {len(found.metrics['rows'])} rows of {run} follow from its episodes")
    for each in found.unchecked:
        say(f"not checked: {each}")
    return None


@app.command("config", short_help="Print settings, or their JSON schema.")
def config_command(
    settings: SetOption = None,
    config: ConfigOption = None,
    schema: Annotated[bool, typer.Option("--schema", help="Print their JSON schema, for editors.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Print the settings of a run, defaults and all, or what they may be."""
    if schema:
        return say_json(settings_schema())
    return print_config(Config.from_data(settings_data(config, settings, None, None)), as_json)


@app.command("list", short_help="List the names of parts, and what settings can be.")
def list_command(
    kind: Annotated[str | None, typer.Argument(help="scenario, speaker, controller, ...")] = None,
    as_json: JsonOption = False,
) -> None:
    """List the registered names, the hooks and what settings can name."""
    from tracer_env.compositions import part_names
    from tracer_env.registry import KINDS, OURS, registered, resolve

    listed, _ = resolve("trainer", OURS["training_names"])
    more = listed()
    if kind is not None and kind not in {**KINDS, **more}:
        raise UnknownNameError("kind of part", kind, {**KINDS, **more})
    names = {each: list(registered(each)) for each in KINDS} | more
    names["information parts, joined by +"] = part_names()
    names = {each: entries for each, entries in names.items() if kind in (None, each, each.split()[0])}
    if as_json:
        return say_json(names)
    for each, entries in names.items():
        if isinstance(entries, dict):
            say("\n".join(f"{each}: {signature}" for signature in entries.values()))
        else:
            say(f"{each}: {', '.join(entry + ('...' if entry.endswith(':') else '') for entry in entries)}")
    return None


@app.command("doctor", short_help="Say what is installed and which data is there.")
def doctor_command(as_json: JsonOption = False) -> None:
    """Say what is installed, which extras are missing, and which data is reachable."""
    from tracer_env.cli.doctor import examine

    found = examine()
    if as_json:
        return say_json(found)
    say(f"tracer-env {found['tracer_env']}, Python {found['python']}")
    say("core    " + ", ".join(f"{name} {version}" for name, version in found["core"].items()))
    for name, extra in found["extras"].items():
        state = f"missing {', '.join(extra['missing'])}: {extra['install']}" if extra["missing"] else "installed"
        say(f"extra   {name}: {state}")
    say(f"data    TRACER_ENV_DATA is {found['data_folder'] or 'not set'}")
    for name, splits in found["data"].items():
        say(f"data    {name}: " + ", ".join(_reached(split, place) for split, place in splits.items()))
    return None


def _reached(split: str, place: str) -> str:
    return f"{split} {place}" if place == "not reachable" else f"{split} from {place}"


@printable()
def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments) or ["--help"]
    debug = "--debug" in given
    given = [argument for argument in given if argument != "--debug"]
    try:
        command = typer.main.get_command(app)
        if _COMPLETING in os.environ:  # the shell asks what may follow
            command.main(given, "tracer-env", complete_var=_COMPLETING)
        with stoppable(), command.make_context("tracer-env", given) as context:
            command.invoke(context)
            sys.stdout.flush()
        return 0
    except typer.Exit as ended:
        return ended.exit_code
    except PartError as error:
        return _failed(error, f"{error}{_going_on(error)}", error.exit_code, debug)
    except TracerEnvError as error:
        return _failed(error, str(error), error.exit_code, debug)
    except (KeyboardInterrupt, EOFError, typer.Abort) as error:
        with suppress(OSError):  # the terminal may have gone
            if not hasattr(error, "told"):
                complain("interrupted")
        return error.exit_code if isinstance(error, Stopped) else 130
    except BrokenPipeError:  # the reader of a pipe has gone
        sys.stderr.close()
        return 0
    except SystemExit as ended:  # a part of the user's has had enough
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except (OSError, MemoryError) as error:
        return _failed(error, _unprinted(error) or failure(error), 1, debug)
    except Exception as error:
        if hasattr(error, "format_message"):  # the parser's own complaints: unknown flags, wrong types
            return _failed(error, error.format_message(), 2, debug)
        return _failed(
            error, f"{type(error).__name__}: {error} (a bug: please report it; --debug shows where)", 1, debug
        )


def entry() -> None:
    """Run the command line as a program; what it was started without (``>&-``) is open all the same, on nothing."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # else the first file of a run would get its number
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115 - open until the end
    sys.exit(main())


def _going_on(error: PartError) -> str:
    """Return how to continue the run that a part of the user's has ended."""
    folder = getattr(error, "run_folder", None)
    return "" if folder is None else f"; when it is mended, continue with {command_line('--resume', folder)}"


def _failed(error: BaseException, message: str, code: int, debug: bool) -> int:
    with suppress(OSError):  # stderr may lie on the disk that is full
        if debug:
            complain("".join(traceback.format_exception(error)).rstrip("\n"))
        complain(f"error: {' '.join(map(str.strip, message.splitlines()))}")
    return code


def _unprinted(error: OSError | MemoryError) -> str | None:
    """Return what to say when stdout takes nothing any more, and give up on it; files fail with their names."""
    if not isinstance(error, OSError) or error.filename is not None or error.errno not in _UNPRINTED:
        return None
    sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - open until the interpreter ends
    return f"the results cannot be printed: {error.strerror}; give another place for stdout"


_UNPRINTED = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF)


add_tree_commands(app)
