"""Progress: nothing without a terminal, bars with one."""

from __future__ import annotations

import io

from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TextColumn

from tracer_env.terminal.bars import Bars, reporting
from tracer_env.terminal.progress import NoReporter


def test_nothing_is_reported_without_a_terminal() -> None:
    with reporting() as reporter:  # stderr of a test is no terminal
        assert isinstance(reporter, NoReporter)
        reporter.start("work", 3)
        reporter.reach(2, "half way")


def test_nothing_is_reported_when_nobody_wants_it() -> None:
    with reporting(wanted=False) as reporter:
        assert isinstance(reporter, NoReporter)


def test_bars_say_how_far_the_work_is() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=80)
    columns = (TextColumn("{task.description}"), MofNCompleteColumn(), TextColumn("{task.fields[note]}"))
    progress = Progress(*columns, console=console, auto_refresh=False)
    bars = Bars(progress)
    bars.start("first", 4, done=1)
    bars.reach(3, "almost")
    bars.start("second", 9)
    first, second = progress.tasks
    assert (first.description, first.completed, first.total, first.fields["note"]) == ("first", 3, 4, "almost")
    assert (second.description, second.completed, second.total) == ("second", 0, 9)


def test_a_terminal_gets_bars(monkeypatch) -> None:
    monkeypatch.setattr(
        "tracer_env.terminal.bars.Screen", lambda stderr: Console(file=io.StringIO(), force_terminal=True)
    )
    with reporting() as reporter:
        assert isinstance(reporter, Bars)
        reporter.start("work", 3)
        reporter.reach(3, "done")
