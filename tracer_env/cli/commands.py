"""The table of commands: what each is called and does, in one line, and the function that does it.

A function is imported when its command was named, so that ``--help`` and ``--version`` load nothing of the rest.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

__all__ = ["COMMANDS", "function_of"]

COMMANDS = {
    "init": ("starting", "Write a folder to start a study from."),
    "compare": ("comparing", "Play methods on the same tasks, and print the table."),
    "train": ("training", "Train a controller, a language model, or both."),
    "play": ("playing", "Play one episode, turn by turn."),
    "replay": ("folders", "Walk through the episodes of a run."),
    "report": ("folders", "Write a run's report.html again."),
    "verify": ("folders", "Check a run against its episodes, or repair it."),
    "store": ("keeping", "Count, check, thin out or export what models said."),
    "config": ("names", "Print settings, or their JSON schema."),
    "list": ("names", "List the names of parts, and what settings can be."),
    "doctor": ("doctor", "Say what is installed and which data is there."),
    "expand": ("expanding", "Grow dialogue trees: every choice on every task."),
    "calibrate": ("trees", "Fit the simulated speaker to recorded dialogues."),
    "frontier": ("trees", "Draw accuracy against tokens, price by price."),
    "credit": ("crediting", "Say what each agent and role is worth, on trees."),
    "transfer": ("transferring", "Train on some worlds, test on others."),
    "see": ("seeing", "Say what each information is worth, held out."),
}
"""By name: the file of this folder that has ``NAME_command``, and the line of the help text."""


def function_of(name: str) -> Callable[..., Any]:
    """Return the function of a command."""
    file = import_module(f".{COMMANDS[name][0]}", __package__)
    return getattr(file, f"{name}_command")  # type: ignore[no-any-return]
