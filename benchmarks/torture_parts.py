"""Parts that misbehave, one kind at a time at a random turn of a random task, and workers that are killed and stopped.

For each part (a speaker, one in a cast, a function, a controller, a scenario, a reward, an information function) and
each thing that it must not return or raise:

- the run stops with the class of error that belongs to the part, in one line that names it, the task and the turn;
- what stands in the file is the beginning of an undisturbed run's, and a part that behaves goes on to the same bytes;
- under ``skip`` the same file comes out whatever the batch, `verify` takes it, and playing the failed tasks again gives
  the undisturbed bytes.

And mathematics is graded the same while its workers are killed and stopped (`torture_workers`).
"""

from __future__ import annotations

import math
import random
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from torture_cases import CASES, RAISED, TASKS, TURNS, Case, Where, given
from torture_workers import attack_workers

import tracer_env
from tracer_env.errors import (
    InformationError,
    PartError,
    RewardError,
)
from tracer_env.rules import DialogueState
from tracer_env.runs.comparing import compare
from tracer_env.runs.config import Config
from tracer_env.runs.verifying import verify

__all__ = ["sweep"]

METHODS = ["always", "until_approved"]


def sweep(seed: int, quick: bool) -> dict[str, int]:
    """Return the counts; every failure is told on stderr."""
    luck, counts = random.Random(seed), Counter[str](failures=0)
    cases = [(kind, index) for kind in CASES for index in range(len(CASES[kind].values))]
    if quick:
        cases = [(kind, luck.randrange(len(CASES[kind].values))) for kind in CASES]
    with tempfile.TemporaryDirectory() as folder:
        whole = {
            kind: _undisturbed(case, Path(folder) / f"whole-{number}")
            for number, (kind, case) in enumerate(CASES.items())
        }
        for number, (kind, index) in enumerate(cases):
            _attack(kind, index, luck, Path(folder) / str(number), whole[kind], counts)
            shutil.rmtree(Path(folder) / str(number), ignore_errors=True)
    _attack_environments(luck, counts)
    attack_workers(luck, counts, kills=2 if quick else 60, repeats=0 if quick else 3)
    return dict(counts)


# -- runs ------------------------------------------------------------------------------------------


def _config(batch: int = 64, on_error: str = "stop") -> Config:
    return Config.from_data(
        {
            "scenario": {"name": "arithmetic", "limit": TASKS},
            "evaluation": {"methods": METHODS, "batch_size": batch, "on_error": on_error},
        }
    )


def _undisturbed(case: Case, out: Path) -> bytes:
    compare(_config(), out=out, **case.parts(Where(), None))
    return (out / "episodes.jsonl").read_bytes()


def _attack(kind: str, index: int, luck: random.Random, out: Path, whole: bytes, counts: Counter[str]) -> None:
    """Run one kind of misbehaviour through ``stop`` and ``skip``."""
    case, counts["misbehaviours"] = CASES[kind], counts["misbehaviours"] + 1
    value, task = case.values[index], tracer_env.make_scenario("arithmetic", limit=TASKS)[luck.randrange(TASKS)]
    where = Where(task.id, task.question, luck.choice(list(case.turns)))
    label = f"{kind} {index} ({_told(value)}) at {where.turn} of {where.task}"

    def fail(what: str) -> None:
        counts["failures"] += 1
        print(f"parts: {label}: {what}", file=sys.stderr, flush=True)

    out.mkdir()
    try:
        compare(_config(luck.choice((1, 4, 64))), out=out / "stop", **case.parts(where, value))
        fail("no error")
    except case.error as error:
        line = str(error)
        named = case.name in line and f"{where.task!r}" in line and f"turn {where.turn} " in line
        if not named or any(ord(sign) < 32 for sign in line):
            fail(f"the line does not name part, turn and task: {line!r}")
    except Exception as error:
        fail(f"{type(error).__name__}: {error}")
    file = out / "stop" / "episodes.jsonl"
    if file.exists() and not whole.startswith(file.read_bytes()):
        fail("what was kept is not the beginning of an undisturbed run")
    try:
        compare(_config(), resume=out / "stop", **case.parts(Where(), None))
        counts["runs continued"] += 1
        if file.read_bytes() != whole:
            fail("the continued run has other bytes")
        if kind != "list":  # a list that is wrong is wrong for whoever was asked together
            _skipped(case, where, value, luck, out, whole, fail)
            counts["failed episodes played again"] += 1
    except Exception as error:
        fail(f"going on: {type(error).__name__}: {error}")


def _skipped(
    case: Case, where: Where, value: Any, luck: random.Random, out: Path, whole: bytes, fail: Callable[[str], None]
) -> None:
    written = set()
    for batch in (luck.choice((1, 2, 3)), luck.choice((8, 64))):
        folder = out / f"skip-{batch}"
        result = compare(_config(batch, "skip"), out=folder, **case.parts(where, value))
        written.add((folder / "episodes.jsonl").read_bytes())
    if len(written) != 1:
        fail("the file of failures hangs on the batch")
    if not result.failed:
        fail("nothing failed")
    verify(folder)
    compare(_config(), resume=folder, retry_failed=True, **case.parts(Where(), None))
    if (folder / "episodes.jsonl").read_bytes() != whole:
        fail("playing the failed tasks again gives other bytes")


def _told(value: Any) -> str:
    try:
        return ascii(value)[:60]
    except Exception:
        return type(value).__name__


# -- environments ----------------------------------------------------------------------------------


def _attack_environments(luck: random.Random, counts: Counter[str]) -> None:
    """Rewards and information functions in the environment; afterwards the next episode plays."""
    payments = [*RAISED, None, 1.0, (), (1.0,), (1.0, 2.0, 3.0), (math.nan, 0.0), ("1", 0.0), (None, 1), "ab"]
    keys = [*RAISED, None, 7, b"key", ("a",), "\ud800"]
    for kind, values in ((RewardError, payments), (InformationError, keys)):
        for value in values:
            turn, counts["misbehaviours"] = luck.randint(1, TURNS), counts["misbehaviours"] + 1
            answer = _step_through(kind, value, turn)
            if answer:
                counts["failures"] += 1
                print(f"parts: {kind.__name__} of {_told(value)} at turn {turn}: {answer}", file=sys.stderr, flush=True)


def _step_through(kind: type[PartError], value: Any, turn: int) -> str:
    sick = [True]

    def misjudged(state: DialogueState, *after: DialogueState) -> Any:
        if sick[0] and state.turn == turn:
            return given(value)
        return (0.0, 0.0) if after else "key"

    settings = {"reward": misjudged} if kind is RewardError else {}
    env = tracer_env.raw_env("arithmetic", "simulated", **settings)
    if kind is InformationError:
        env.information = misjudged
    try:
        _play(env)
    except kind as error:
        if "misjudged" not in str(error) or f"turn {turn} " not in str(error):
            return f"the line does not name part and turn: {error}"
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    else:
        return "no error"
    sick[0] = False
    _play(env)
    return ""


def _play(env: Any) -> None:
    env.reset(seed=1)
    for _ in env.agent_iter():
        *_, over, cut, info = env.last()
        env.step(None if over or cut else int(info["action_mask"].nonzero()[0][-1]))


if __name__ == "__main__":
    print(sweep(int(sys.argv[1]) if sys.argv[1:] else 0, "--quick" in sys.argv))
