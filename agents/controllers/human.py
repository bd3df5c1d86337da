"""A controller that asks a person at the terminal."""

from __future__ import annotations

import shutil
import sys
import textwrap
from typing import TextIO

from tracer_env.dialogue import Dialogue
from tracer_env.errors import ConfigError
from tracer_env.rules import DialogueState
from tracer_env.terminal.plain import visible

__all__ = ["Human"]


class Human:
    """Shows what is new of the dialogue on stderr and reads y (speak) or n (skip) from stdin.

    Raises ConfigError when the input ends before an answer.
    """

    def __init__(self, asks: TextIO | None = None, answers: TextIO | None = None) -> None:
        self._asks, self._answers = asks, answers
        self._shown: list[str] = []  # the lines of the dialogue that was asked about last, but for the question to it

    def speak_probability(self, state: DialogueState, key: str) -> float:
        asks, answers = self._asks or sys.stderr, self._answers or sys.stdin
        *lines, asked = Dialogue(state).context().split("\n")
        known = len(self._shown) if lines[: len(self._shown)] == self._shown else 0
        self._shown = lines
        width = max(40, shutil.get_terminal_size().columns)
        for line in (*lines[known:], asked):
            print("\n".join(textwrap.wrap(visible(line), width) or [""]), file=asks)
        while True:
            print("speak (y) or skip (n)? ", end="", file=asks, flush=True)
            line = answers.readline()
            if not line:
                raise ConfigError("controller human: the input ended before a choice was made")
            word = line.strip().lower()
            if word in ("y", "yes", "speak", "1"):
                return 1.0
            if word in ("n", "no", "skip", "0"):
                return 0.0
            print(visible(f"{word!r} is neither; type y or n"), file=asks)
