"""Short trainings of nano for the tests of the trainers; run as a script it is killed, or interrupted, on purpose.

    python training.py OUT killed SEED       a child trains into OUT, is killed by SIGKILL and begins again, many times
    python training.py OUT interrupted       a child trains into OUT, gets a Ctrl-C after its first step, goes on

A parent that has loaded torch forks the children, so a kill costs a second and not five.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from tracer_env.interfaces import Request
from tracer_env.scenarios.arithmetic import Arithmetic
from tracer_env.trainers.gspo.config import GSPOConfig
from tracer_env.trainers.gspo.rollouts import Drawn
from tracer_env.trainers.gspo.trainer import GSPOTrainer
from tracer_env.trainers.gspo.update import GSPOUpdate
from tracer_env.trainers.support.log import comparable, read_metrics
from tracer_env.trainers.tracer.rollouts import TracerRollouts
from tracer_env.trainers.tracer.trainer import TracerTrainer
from tracer_env.types import Utterance

STEPS = 4


def config(**changes: Any) -> GSPOConfig:
    """The smallest settings that still split a rollout."""
    settings: dict[str, Any] = {
        "max_steps": 2,
        "tasks_per_step": 2,
        "num_generations": 3,
        "steps_per_generation": 2,
        "max_completion_length": 40,
        "learning_rate": 1e-3,
        "save_steps": 1,
    }
    return GSPOConfig(**settings | changes)


def tasks(count: int = 7) -> Arithmetic:
    """Tasks of level 1."""
    return Arithmetic(split="train", level=1, limit=count)


def gspo(out: Path | None = None, *, made: dict[str, Any] | None = None, **changes: Any) -> GSPOTrainer:
    """A GSPO training of nano; ``made`` goes to the trainer, the rest to its settings."""
    return GSPOTrainer("nano", tasks(), config(**changes), out=out, wanted=False, **made or {})


def tracer(out: Path | None = None, *, made: dict[str, Any] | None = None, **changes: Any) -> TracerTrainer:
    """A TRACER training of nano."""
    return TracerTrainer("nano", tasks(), config(**changes), out=out, wanted=False, **made or {})


def left(out: Path) -> dict[str, Any]:
    """What a training has left behind, without the clock's numbers: files by name, metrics line by line."""
    newest = max((out / "checkpoints").glob("step_??????"))
    files = [*newest.rglob("*"), *(out / "adapters").rglob("*"), *(out / "controllers").rglob("*")]
    found: dict[str, Any] = {str(file.relative_to(out)): file.read_bytes() for file in files if file.is_file()}
    return found | {"metrics": [comparable(line) for line in read_metrics(out)]}


class Scripted:
    """A speaker whose candidates at each turn are given: ``{turn: utterances}``; it keeps the requests."""

    def __init__(self, said: dict[int, Sequence[Utterance]]) -> None:
        self.said = said
        self.asked: list[Request] = []

    def speak(self, requests: Sequence[Request]) -> list[Utterance]:
        self.asked += requests
        return [self.said[r.state.turn][c] for r in requests for c in range(r.candidates)]


# -- as a script -----------------------------------------------------------------------------------


def train(out: Path) -> None:
    """Train, or go on where a checkpoint stands."""
    tracer(out, max_steps=STEPS, resume_from_checkpoint=str(out) if out.exists() else None).train()


def forked(work: Callable[[], object]) -> int:
    """Begin ``work`` in a child and return its number; it exits with 0, with 130 after a Ctrl-C, else with 1."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        except KeyboardInterrupt:
            code = 130
        finally:
            sys.stderr.flush()
            os._exit(code)
    return child


def ended(child: int) -> int:
    """Wait for a child; return its exit code, or minus the signal that killed it."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def dies_at_sync(number: int, out: Path) -> None:
    """Train, and be killed when the ``number``-th file is forced to the disk: amid a save, or after a line."""
    real, calls = os.fsync, 0

    def fsync(file: int) -> None:
        nonlocal calls
        calls += 1
        if calls == number:
            die()
        real(file)

    os.fsync = fsync
    train(out)


def dies_at_update(number: int, out: Path) -> None:
    """Train, and be killed when the ``number``-th policy update begins: amid a step, or between two policies."""
    real, calls = GSPOUpdate.update, 0

    def update(self: GSPOUpdate, name: str, samples: Any) -> Any:
        nonlocal calls
        calls += 1
        return die() if calls == number else real(self, name, samples)

    GSPOUpdate.update = update  # type: ignore[method-assign]
    train(out)


def die() -> NoReturn:
    """Be killed as by the kernel."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def killed(out: Path, seed: int) -> None:
    """Kill children at moments that ``seed`` draws, then let one finish."""
    chance, kills = random.Random(seed), 0
    for number in (1, 2, chance.randint(3, 12), chance.randint(3, 20)):
        kills += ended(forked(lambda number=number: dies_at_sync(number, out))) == -signal.SIGKILL
    for number in (chance.randint(1, 2), 2):
        kills += ended(forked(lambda number=number: dies_at_update(number, out))) == -signal.SIGKILL
    for _ in range(2):
        child = forked(lambda: train(out))
        time.sleep(chance.uniform(0.3, 1.5))
        os.kill(child, signal.SIGKILL)
        kills += ended(child) == -signal.SIGKILL
    assert ended(forked(lambda: train(out))) == 0
    print(f"killed {kills} times")


def interrupted(out: Path) -> None:
    """Press Ctrl-C when the first line is written; then go on."""
    child = forked(lambda: train(out))
    while not read_metrics(out):
        time.sleep(0.01)
    os.kill(child, signal.SIGINT)
    print(f"left with {ended(child)} after {len(read_metrics(out))} steps")
    print("checkpoint", max((out / "checkpoints").glob("step_??????")).name)
    assert ended(forked(lambda: train(out))) == 0


class Team:
    """Two processes as two threads."""

    count = 2

    def __init__(self, rank: int, board: list[list[Any]], barrier: threading.Barrier) -> None:
        self.rank, self.board, self.barrier = rank, board, barrier

    def mine(self, place: int, minibatches: int) -> bool:
        return place % 2 == self.rank

    def total(self, tensors: Iterable[Any]) -> None:
        raise AssertionError("nothing is summed up here")

    def gathered(self, items: list[Any]) -> list[Any]:
        self.board[self.rank] = items
        self.barrier.wait(30)
        found = [item for part in self.board for item in part]
        self.barrier.wait(30)
        return found

    def wait(self) -> None:
        self.barrier.wait(30)


def in_two_threads(
    made: Callable[[Any], TracerRollouts], steps: int
) -> tuple[list[TracerRollouts], list[list[list[Drawn]]], list[list[Any]]]:
    """Play and learn ``steps`` steps as two processes; return them, and what each has drawn and told."""
    board: list[list[Any]] = [[], []]
    barrier = threading.Barrier(2)
    teams = [made(Team(rank, board, barrier)) for rank in (0, 1)]
    drawn: list[list[list[Drawn]]] = [[], []]
    found: list[list[Any]] = [[], []]

    def work(rank: int) -> None:
        for step in range(steps):
            drawn[rank].append(teams[rank].play(step, lambda place: place % 2 == rank))
            found[rank].append(teams[rank].learn())

    threads = [threading.Thread(target=work, args=(rank,)) for rank in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return teams, drawn, found


if __name__ == "__main__":
    import peft  # noqa: F401  (children then need not)

    folder = Path(sys.argv[1])
    killed(folder, int(sys.argv[3])) if sys.argv[2] == "killed" else interrupted(folder)
