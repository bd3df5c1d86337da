"""Calibration: the simulated speaker that says what a recorded one said, as far as it can.

    calibrate(trees)                       fits all parameters of `Simulation` to dialogue trees
    calibrate(transcripts)                 or to the episodes of a run
    command.calibrate_command(path, out)   the same from a folder, and the preset file written

Every parameter is fitted by maximum likelihood (`answers`, `fit`; lengths and prompts in `tokens`) or,
for what speakers tell of their own words, by ranks and moments (`signals`), with errors that let the utterances of one
task depend on each other, and a table of observed against expected counts (`checks`). A parameter that nothing was said
about keeps the default and is marked "not identified". The preset file is read by ``simulated:FILE.toml``.

What a simulation cannot carry over: that two worlds of one task resemble each other more than two tasks of
the same difficulty do, and anything that hangs on the content of a text.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from tracer_env.agents.speakers.simulated.rates import Simulation
from tracer_env.annotations import nearest
from tracer_env.episodes.transcript import Transcript
from tracer_env.errors import ConfigError
from tracer_env.rules import Rules
from tracer_env.settings import keys
from tracer_env.statistics.quantiles import t_quantile
from tracer_env.storage.files import write_text
from tracer_env.storage.folders import unwritable
from tracer_env.trainers.calibration.checks import Cell, Overall, check_fit
from tracer_env.trainers.calibration.events import events_of
from tracer_env.trainers.calibration.fit import Estimate, fit_rates
from tracer_env.trainers.calibration.signals import fit_signals
from tracer_env.trainers.calibration.tokens import fit_tokens
from tracer_env.trees.tree import DialogueTrees

__all__ = ["WIDE", "Calibration", "calibrate", "preset_file"]

SCHEMA = 1
WIDE = t_quantile(0.975, 1e9)
"""Half of a 95% interval, in standard errors of many tasks."""


@dataclass(frozen=True)
class Calibration:
    """A fitted simulation, its estimates with their errors, and how well it fits."""

    simulation: Simulation
    estimates: tuple[Estimate, ...]
    cells: tuple[Cell, ...]
    overall: Overall | None
    log_likelihood: float  # of answers and verdicts
    tasks: int
    events: int
    left_out: int  # utterances whose grade timed out, or that spoke about one that did

    def __getitem__(self, name: str) -> Estimate:
        """Return the estimate of a parameter."""
        return next(estimate for estimate in self.estimates if estimate.name == name)

    def to_data(self) -> dict[str, Any]:
        """Return everything as plain data."""
        return {
            "schema": SCHEMA,
            "tasks": self.tasks,
            "events": self.events,
            "left_out": self.left_out,
            "log_likelihood": self.log_likelihood,
            "preset": asdict(self.simulation),
            "parameters": [asdict(estimate) for estimate in self.estimates],
            "goodness_of_fit": [asdict(cell) for cell in self.cells],
            "overall": asdict(self.overall) if self.overall else None,
        }

    def to_toml(self) -> str:
        """Return the preset file, each line with half of its 95% interval behind it."""
        lines = [f"# fitted to {self.events} utterances of {self.tasks} tasks"]
        for line, field in zip(self.simulation.to_toml().splitlines(), fields(Simulation), strict=True):
            found = self[field.name]
            half = "" if found.standard_error is None else f"+- {WIDE * found.standard_error:.2g}"
            lines.append(f"{line}  # {', '.join(filter(None, (half, found.note)))}".rstrip(" #"))
        return "\n".join(lines) + "\n"

    def save(self, path: str | Path) -> Path:
        """Write the preset file; raises ConfigError for a name without ``.toml`` or a place that cannot be written."""
        target = preset_file(path)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            write_text(target, self.to_toml())
        except OSError as error:
            raise unwritable("the preset file", target, error) from error
        return target


def calibrate(
    source: DialogueTrees | Iterable[Transcript], rules: Rules | None = None, defaults: Simulation | None = None
) -> Calibration:
    """Fit the simulated speaker to trees or to episodes.

    ``rules`` are those the episodes were played under (their history window enters the prompt lengths); trees
    know theirs. ``defaults`` are what unidentified parameters keep. Raises ConfigError when there is nothing to read.
    """
    kept, events = defaults or Simulation(), events_of(source, rules)
    rates = fit_rates(events, kept)
    fitted = (*rates.estimates, *fit_tokens(events, kept), *fit_signals(events, kept))
    found = {estimate.name: estimate for estimate in fitted}
    estimates = tuple(found[field.name] for field in fields(Simulation))
    cells, overall = check_fit(events, rates)
    usable: dict[str, Any] = {estimate.name: _usable(estimate) for estimate in estimates}
    simulation = Simulation(**usable)
    tasks = int(events.task.max()) + 1
    return Calibration(simulation, estimates, cells, overall, rates.log_likelihood, tasks, len(events), events.left_out)


def preset_file(path: str | Path) -> Path:
    """Return the path of a preset file; raises ConfigError when it does not end in .toml."""
    target = Path(path)
    if target.suffix != ".toml":
        raise ConfigError(f"a preset file ends in .toml, got {str(target)!r}")
    return target


def _usable(estimate: Estimate) -> float | int:
    return nearest(keys(Simulation)[estimate.name], estimate.value)
