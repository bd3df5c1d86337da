"""What a training run shows while it goes on: a panel on the terminal, or a line now and then.

    with training_panel(total=40) as panel:
        for step in ...:
            panel.show(step, metrics, alarms.look(step, metrics))

All of it goes to stderr. A terminal gets a panel that is redrawn in place; a file or a pipe gets one plain
line about every ten seconds, and each alarm at once; nobody gets anything when it is not wanted.
Metrics are shown by name (``MEASURES``); ``proposer/reward`` stands in the column of the policy ``proposer``.
Those that are missing, None or not finite are left out.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Protocol

from rich.console import Group, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from tracer_env.terminal.screen import Screen, complain

__all__ = ["MEASURES", "LivePanel", "PlainLines", "Silence", "TrainingPanel", "duration", "sparkline", "training_panel"]

Metrics = Mapping[str, float | int | None]

MEASURES = {
    "reward": ("reward", "{:+.3f}"),
    "accuracy": ("accuracy", "{:.1%}"),
    "unparsable": ("unparsable", "{:.1%}"),
    "ratio_mean": ("sequence ratio", "{:.4f}"),
    "clip_fraction": ("clipped", "{:.1%}"),
    "entropy": ("entropy", "{:.4f}"),
    "kl": ("KL to base", "{:.4f}"),
    "completion_length": ("tokens a completion", "{:.1f}"),
    "loss": ("loss", "{:+.4f}"),
    "skipped_steps": ("skipped steps", "{:.0f}"),
    "tokens_per_second": ("tokens/s", "{:,.0f}"),
}
"""The metrics that are shown, in order: what each is called and how it is written.

``ratio_min`` and ``ratio_max`` stand beside ``ratio_mean``.
"""

_BARS = "▁▂▃▄▅▆▇█"
_PANEL = 100
_COURSE = 24
_EVERY = 10.0
_ALARMS_SHOWN = 3


class TrainingPanel(Protocol):
    """Is told the numbers of each step."""

    def show(self, step: int, metrics: Metrics, alarms: Sequence[str] = ()) -> None:
        """Show the metrics of ``step`` (counted from 1) and the alarms that are new with it."""
        ...


class Silence:
    """Shows nothing."""

    def show(self, step: int, metrics: Metrics, alarms: Sequence[str] = ()) -> None:
        """Do nothing."""


class PlainLines:
    """One line for the first step, the last, and about every ten seconds between; each alarm at once."""

    def __init__(
        self, total: int, write: Callable[[str], object] | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._write = write or complain
        self._left = _TimeLeft(total, clock)
        self._total, self._clock = total, clock
        self._last: float | None = None

    def show(self, step: int, metrics: Metrics, alarms: Sequence[str] = ()) -> None:
        for alarm in alarms:
            self._write(f"alarm: {alarm}")
        self._left.reach(step)
        now = self._clock()
        if self._last is not None and now - self._last < _EVERY and step < self._total:
            return
        self._last = now
        parts = [f"step {step} of {self._total}"]
        for policy, found in _by_policy(metrics).items():
            parts.append(f"{policy}: {_sentence(found)}" if policy else _sentence(found))
        left = self._left.text()
        self._write("; ".join([*parts, *([f"{left} left"] if left else [])]))


class LivePanel:
    """A panel with the last numbers of each policy, the course of the reward, the last alarms and the time left."""

    def __init__(self, total: int, live: Live, clock: Callable[[], float] = time.monotonic) -> None:
        self._total, self._live = total, live
        self._left = _TimeLeft(total, clock)
        self._rewards: dict[str, list[float]] = {}
        self._alarms: list[str] = []

    def show(self, step: int, metrics: Metrics, alarms: Sequence[str] = ()) -> None:
        self._left.reach(step)
        self._alarms = [*self._alarms, *alarms][-_ALARMS_SHOWN:]
        for name, value in metrics.items():
            policy, measure = _split(name)
            if measure == "reward" and value is not None and math.isfinite(value):
                self._rewards[policy] = [*self._rewards.get(policy, []), float(value)][-_COURSE:]
        self._live.update(self._drawn(step, _by_policy(metrics)), refresh=True)

    def _drawn(self, step: int, found: Mapping[str, Mapping[str, str]]) -> RenderableType:
        left = self._left.text()
        title = f"step {step} of {self._total}" + (f" · {left} left" if left else "")
        columns = [policy for policy in found if policy] or [""]
        parts: list[RenderableType] = [Padding(ProgressBar(self._total, step), 0), self._table(columns, found)]
        if columns != [""] and "" in found:
            parts.append(Text(_sentence(found[""]), style="dim"))
        parts += [Text(f"⚠ {alarm}", style="yellow") for alarm in self._alarms]
        return Panel(Group(*parts), title=title, border_style="blue", width=_PANEL)

    def _table(self, columns: Sequence[str], found: Mapping[str, Mapping[str, str]]) -> Table:
        table = Table.grid(padding=(0, 3, 0, 0))
        table.add_column(no_wrap=True, style="dim")
        for _ in columns:
            table.add_column()
        if columns != [""]:
            headings = (policy.replace("-", "-\n") if len(columns) > 2 else policy for policy in columns)
            table.add_row("policy", *(Text(heading, style="bold") for heading in headings))
        for name, (word, _) in MEASURES.items():
            texts = [found.get(policy, {}).get(name, "") for policy in columns]
            if any(texts):
                table.add_row(word, *texts)
        courses = [self._rewards.get(policy, []) for policy in columns]
        if any(len(values) > 1 for values in courses):
            bars = (Text(sparkline(values), style="green", no_wrap=True, overflow="crop") for values in courses)
            table.add_row("last rewards", *bars)
            table.add_row("", *(f"{min(values):+.2f} … {max(values):+.2f}" if values else "" for values in courses))
        return table


@contextmanager
def training_panel(total: int, wanted: bool = True) -> Iterator[TrainingPanel]:
    """Give what suits stderr: a panel on a terminal, lines elsewhere, silence when it is not wanted.

    The last state of the panel stays on the screen.
    """
    console = Screen(stderr=True)
    if not wanted:
        yield Silence()
        return
    if not console.is_terminal:
        yield PlainLines(total)
        return
    # stdout belongs to the caller: with --json a program reads it
    with Live(console=console, auto_refresh=False, redirect_stdout=False) as live:
        yield LivePanel(total, live)


def sparkline(values: Sequence[float]) -> str:
    """Return one bar a value, from the lowest to the highest of them; equal values give middle bars."""
    low, high = min(values, default=0.0), max(values, default=0.0)
    if low == high:
        return _BARS[3] * len(values)
    return "".join(_BARS[min(int((value - low) / (high - low) * len(_BARS)), len(_BARS) - 1)] for value in values)


def duration(seconds: float) -> str:
    """Return hours, minutes and seconds as people write them: 1:02:03, 2:03."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


class _TimeLeft:
    """The pace of the steps seen in this process, times the steps to come; a continued run starts anew."""

    def __init__(self, total: int, clock: Callable[[], float]) -> None:
        self._total, self._clock = total, clock
        self._began: tuple[int, float] | None = None
        self._last = (0, 0.0)

    def reach(self, step: int) -> None:
        self._last = (step, self._clock())
        if self._began is None:
            self._began = self._last

    def text(self) -> str:
        if self._began is None or self._last[0] <= self._began[0] or self._last[0] >= self._total:
            return ""
        pace = (self._last[1] - self._began[1]) / (self._last[0] - self._began[0])
        return duration(pace * (self._total - self._last[0]))


def _split(name: str) -> tuple[str, str]:
    policy, _, measure = name.rpartition("/")
    return policy, measure


def _by_policy(metrics: Metrics) -> dict[str, dict[str, str]]:
    """Return the written metrics by policy ("" for those of none), in the order of ``MEASURES``."""
    found: dict[str, dict[str, str]] = {}
    for policy in dict.fromkeys(_split(name)[0] for name in metrics):
        inside = f"{policy}/" if policy else ""
        texts = {
            name: _written(metrics, inside, name, form)
            for name, (_, form) in MEASURES.items()
            if _known(metrics.get(inside + name))
        }
        if texts:
            found[policy] = texts
    return found


def _sentence(found: Mapping[str, str]) -> str:
    return ", ".join(f"{MEASURES[name][0]} {text}" for name, text in found.items())


def _written(metrics: Metrics, inside: str, name: str, form: str) -> str:
    text = form.format(metrics[inside + name])
    low, high = (metrics.get(f"{inside}ratio_{end}") for end in ("min", "max"))
    if name == "ratio_mean" and _known(low) and _known(high):
        return f"{text} ({low:.3f} … {high:.3f})"
    return text


def _known(value: float | None) -> bool:
    return value is not None and math.isfinite(value)
