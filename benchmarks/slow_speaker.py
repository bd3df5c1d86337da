"""A speaker that waits as a model far away would, and says what hangs on each request alone.

It leaves the number of its process in a folder, so that a script can kill just the workers that it made itself.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from tracer_env.interfaces import Request
from tracer_env.randomness import Purpose, uniform
from tracer_env.types import Role, Utterance

__all__ = ["Slow", "kill_one"]


class Slow:
    """Waits ``seconds`` for each batch, however large it is; ``folder`` takes the numbers of processes."""

    def __init__(self, seconds: float = 0.1, folder: str = "") -> None:
        self.seconds = seconds
        if folder:
            (Path(folder) / str(os.getpid())).touch()

    def speak(self, requests: Sequence[Request]) -> list[Utterance]:
        """Wait, then answer: right in half of the cases, reviews in two thirds."""
        time.sleep(self.seconds)
        return [self._said(request, number) for request in requests for number in range(request.candidates)]

    def _said(self, request: Request, number: int) -> Utterance:
        state = request.state
        luck = uniform(request.stream, state.turn, Purpose.GENERATION, number)
        if request.seat.role is Role.PROPOSER:
            answer = state.task.answer if luck < 0.5 else str(int(luck * 90))
            return Utterance(f"Let me see. Final answer: {answer}", prompt_tokens=40, completion_tokens=9)
        pending = state.pending
        right = pending is not None and pending.correct
        return Utterance("RIGHT" if right == (luck < 0.67) else "WRONG", prompt_tokens=60, completion_tokens=2)


def kill_one(folder: Path, luck: random.Random, sparing: int) -> bool:
    """Kill one process that left its number in ``folder``, but for ``sparing``; return whether there was one."""
    numbers = [int(path.name) for path in folder.iterdir() if path.name.isdigit() and int(path.name) != sparing]
    luck.shuffle(numbers)
    for number in numbers:
        (folder / str(number)).unlink()
        with suppress(ProcessLookupError):
            os.kill(number, signal.SIGKILL)
            return True
    return False
