"""The command line: parse, call, print.

Results go to stdout (with ``--json`` exactly one JSON document), everything else to stderr. Exit codes: 0 done,
1 our mistake or the machine's failure (a full disk), 2 the user's, 3 a budget is used up, 130 interrupted, 143 and 129
ended by SIGTERM and SIGHUP. A user's mistake is one line; ``--debug`` shows the traceback.
"""

from __future__ import annotations

import errno
import os
import sys
import traceback
from collections.abc import Collection, Sequence
from contextlib import suppress
from typing import Annotated

import typer

from tracer_env.cli.commands import COMMANDS, function_of
from tracer_env.code_files import own_line
from tracer_env.errors import BudgetReached, EndpointError, PartError, TracerEnvError
from tracer_env.storage.endings import Stopped, failure, stoppable
from tracer_env.terminal.narrow import printable
from tracer_env.terminal.plain import command as command_line

__all__ = ["application", "entry", "main"]

_COMPLETING = "_TRACER_ENV_COMPLETE"


def application(named: Collection[str] = tuple(COMMANDS)) -> typer.Typer:
    """Return the commands; those that are not among ``named`` can be listed, not run."""
    app = typer.Typer(
        name="tracer-env",
        help="Simulate dialogues of cooperating language models, compare and train who speaks when, replay episodes.",
        no_args_is_help=True,
        context_settings={"help_option_names": ["-h", "--help"]},
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )
    app.callback(invoke_without_command=True)(_root)
    for name, (_, phrase) in COMMANDS.items():
        app.command(name, short_help=phrase)(function_of(name) if name in named else _listed)
    return app


def _root(
    version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> None:
    """Options that stand before the command; ``--debug`` is read by `main`."""
    if version:
        from tracer_env import __version__

        print(__version__)
        raise typer.Exit


def _listed() -> None:
    """Stand for a command that was not named."""


@printable()
def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments) or ["--help"]
    debug = "--debug" in given
    given = [argument for argument in given if argument != "--debug"]
    try:
        completing = _COMPLETING in os.environ
        command = typer.main.get_command(application() if completing else application(given))
        if completing:  # the shell asks what may follow
            command.main(given, "tracer-env", complete_var=_COMPLETING)
        with stoppable(), command.make_context("tracer-env", given) as context:
            command.invoke(context)
            sys.stdout.flush()
        return 0
    except typer.Exit as ended:
        return ended.exit_code
    except (PartError, EndpointError, BudgetReached) as error:
        return _failed(error, f"{error}{_going_on(error)}", error.exit_code, debug)
    except TracerEnvError as error:
        return _failed(error, str(error), error.exit_code, debug)
    except (KeyboardInterrupt, EOFError, typer.Abort) as error:
        from tracer_env.terminal.screen import complain

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
        own = own_line(error)
        fault = (
            f"its own fault, in {own}: --debug shows where" if own else "a bug: please report it; --debug shows where"
        )
        return _failed(error, f"{type(error).__name__}: {error} ({fault})", 1, debug)


def entry() -> None:
    """Run the command line as a program; what it was started without (``>&-``) is open all the same, on nothing."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # else the first file of a run would get its number
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115 - open until the end
    sys.exit(main())


def _going_on(error: TracerEnvError) -> str:
    """Return how to continue the run that a part of the user's, a server or a budget has ended."""
    folder = getattr(error, "run_folder", None)
    if folder is None:
        return ""
    from tracer_env.cli.options import trusting

    on = command_line("--resume", folder, *trusting(folder))
    if isinstance(error, BudgetReached):
        return f"; go on with a larger one: {on} {error.option} MORE"
    return f"; when it is mended, continue with {on}"


def _failed(error: BaseException, message: str, code: int, debug: bool) -> int:
    from tracer_env.terminal.screen import complain

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
