import importlib.util
import math
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tracer_env import make_scenario
from tracer_env.errors import ConfigError, MissingExtraError, TracerEnvError
from tracer_env.types import Grade, Task
from tracer_env.verification import math_pool
from tracer_env.verification.math_pool import MathPool
from tracer_env.verification.verifiers import verifier_for

STUCK = "10^{10^{10}}"


@pytest.fixture(scope="module")
def pool() -> Iterator[MathPool]:
    """One worker for all tests of this file, since a worker takes a second to start."""
    pool = MathPool(size=1, timeout=1.0)
    assert pool.compare("1/2", "0.5") is True
    yield pool
    pool.close()


def test_a_stuck_comparison_is_none_and_the_next_one_works(pool: MathPool) -> None:
    assert pool.compare("5", STUCK, seconds=0.2) is None
    assert pool.compare("5", "6") is False


def test_threads_share_the_workers() -> None:
    pool = MathPool(size=2, timeout=0.5)
    pairs = [("1/2", "0.5"), ("5", STUCK), ("x+1", "1+x"), ("3", "4")]
    results: dict[int, bool | None] = {}

    def work(index: int) -> None:
        results[index] = pool.compare(*pairs[index])

    threads = [threading.Thread(target=work, args=(index,)) for index in range(len(pairs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert results == {0: True, 1: None, 2: True, 3: False}
    pool.close()


def test_a_closed_pool_starts_again(pool: MathPool) -> None:
    pool.close()
    assert pool.compare("2", "2.0") is True


def only(pool: MathPool) -> subprocess.Popen[bytes]:
    """Return the process of the one worker that a pool has."""
    (worker,) = pool._all
    return worker._process


def meanwhile(act: Callable[[], object], after: float) -> threading.Timer:
    timer = threading.Timer(after, act)
    timer.start()
    return timer


SLOW = ("5", "3^{3000000}")  # about half a second of work


def test_an_idle_worker_that_was_killed_is_replaced(pool: MathPool) -> None:
    process = only(pool)
    process.kill()
    process.wait()
    assert pool.compare("2", "2.0") is True
    assert only(pool).pid != process.pid


def test_a_worker_killed_while_it_starts_is_replaced() -> None:
    pool = MathPool(size=1)
    timer = meanwhile(lambda: only(pool).kill(), 0.05)
    assert pool.compare("2", "2.0") is True
    timer.join()
    pool.close()


def test_a_worker_that_is_always_killed_while_it_starts_is_an_error_that_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = tmp_path / "killed.py"
    program.write_text("import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    monkeypatch.setattr(math_pool, "_PROGRAM", program)
    with pytest.raises(TracerEnvError, match="killed 5 times in a row while it started"):
        MathPool(size=1).compare("1", "2")


def test_a_job_whose_worker_is_killed_is_asked_once_more(pool: MathPool) -> None:
    process = only(pool)
    timer = meanwhile(process.kill, 0.1)
    assert pool.compare(*SLOW, seconds=30) is False
    timer.join()
    assert only(pool).pid != process.pid


def test_a_job_that_kills_its_worker_twice_has_no_answer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "dies.py"
    program.write_text('print(\'{"ready": true, "clock": true}\', flush=True); input()')
    monkeypatch.setattr(math_pool, "_PROGRAM", program)
    pool = MathPool(size=1)
    assert pool.compare("1", "2") is None
    assert not pool._all


def test_a_stopped_worker_changes_no_answer(pool: MathPool) -> None:
    process = only(pool)
    process.send_signal(signal.SIGSTOP)
    timer = meanwhile(lambda: process.send_signal(signal.SIGCONT), 0.8)
    assert pool.compare("2", "2.0", seconds=0.3) is True
    timer.join()
    assert only(pool).pid == process.pid


def test_only_computing_counts(pool: MathPool) -> None:
    """The clock stands while the process does, and runs out all the same."""
    process = only(pool)
    timers = [
        meanwhile(lambda: process.send_signal(signal.SIGSTOP), 0.2),
        meanwhile(lambda: process.send_signal(signal.SIGCONT), 1.0),
    ]
    assert pool.compare("5", STUCK, seconds=0.4) is None
    assert process.returncode == -signal.SIGPROF
    for timer in timers:
        timer.join()


def test_a_silent_worker_is_ended_and_one_that_computes_is_not() -> None:
    for code, ends in (("input()", True), ("while True: pass", False)):
        with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE) as process:
            time.sleep(0.2)
            with math_pool._Watch(process, 0.3) as watch:
                if ends:
                    process.wait(30)
                else:
                    time.sleep(0.8)
            assert watch.struck is ends
            process.kill()


def test_a_clock_is_set_for_each_comparison_and_checked(pool: MathPool) -> None:
    assert pool.compare("5", STUCK, seconds=0.05) is None
    for seconds in (0, -1, math.nan, math.inf, True, "1", 1e9):
        with pytest.raises(ConfigError, match="math_seconds must be a number from 0"):
            pool.compare("1", "2", seconds=seconds)  # type: ignore[arg-type]


def test_too_long_answers_are_not_sent() -> None:
    pool = MathPool(size=1)
    assert pool.compare("1" * 5_000, "1" * 5_000) is None
    assert not pool._all


def test_a_worker_ends_with_its_parent() -> None:
    code = (
        "import os, signal; from tracer_env.verification import math_pool; math_pool.compare('1', '1.0');"
        "(worker,) = math_pool._pool._all; print(worker._process.pid, flush=True);"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    worker = int(done.stdout)
    for _ in range(100):
        if not Path(f"/proc/{worker}").exists() or b") Z" in Path(f"/proc/{worker}/stat").read_bytes():
            return
        time.sleep(0.05)
    raise AssertionError(f"worker {worker} outlives its parent")


def test_scenarios_take_the_seconds_as_a_setting() -> None:
    tasks = [Task("a", "What is half of one?", "1/2", "math")]
    assert make_scenario(tasks, math_seconds=3).grade("\\boxed{0.5}", tasks[0]) is Grade.CORRECT
    timed = make_scenario(tasks, math_seconds=0.05)
    assert timed.grade(f"\\boxed{{{STUCK}}}", tasks[0]) is Grade.TIMEOUT
    with pytest.raises(ConfigError, match="math_seconds must be a number from 0"):
        make_scenario(tasks, math_seconds=0)
    with pytest.raises(ConfigError, match="which need no clock"):
        make_scenario("arithmetic", math_seconds=3)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_has_workers_of_its_own() -> None:
    assert math_pool.compare("1/2", "0.5") is True
    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = 0 if math_pool.compare("1/3", "2/6") else 2
            math_pool._pool.close()
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert math_pool.compare("1/3", "2/6") is True


def test_a_worker_that_cannot_start_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(math_pool, "_PROGRAM", math_pool._PROGRAM.with_name("no_such_program.py"))
    with pytest.raises(TracerEnvError, match="cannot work"):
        MathPool(size=1).compare("1", "2")


def test_the_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(
        MissingExtraError, match=r'reading an answer of mathematics needs .*pip install "tracer-env\[math\]"'
    ):
        math_pool.require_math_verify()


@pytest.mark.parametrize(
    ("text", "gold", "grade"),
    [
        ("so \\boxed{0.5}", "\\frac12", Grade.CORRECT),
        ("Final answer: $x = 5$", "5", Grade.CORRECT),
        ("\\boxed{\\text{Evelyn}}", "\\text{Evelyn}", Grade.CORRECT),
        ("I get 5", "5", Grade.CORRECT),
        ("\\boxed{6}", "5", Grade.WRONG),
        (f"\\boxed{{{STUCK}}}", "5", Grade.TIMEOUT),
        ("\\boxed{}", "5", Grade.UNPARSABLE),
        ("no idea", "5", Grade.UNPARSABLE),
        ("\\boxed{" + "{" * 10_000 + "y" + "}" * 10_001, "5", Grade.UNPARSABLE),
        ("\\boxed{" + "{" * 10_000 + "5" + "}" * 10_001, "6", Grade.UNPARSABLE),
        ("\\boxed{" + "x" * 10**6 + "}", "5", Grade.UNPARSABLE),
    ],
)
def test_grades(text: str, gold: str, grade: Grade) -> None:
    verifier = verifier_for("math")
    assert verifier.grade(text, gold) is grade


@pytest.mark.parametrize(
    "text", ["10**10**10", "\\boxed{5\x00}", "\\boxed{5\ud800}", "\u200f\\boxed{\u200f5}", "\\boxed{1/0}"]
)
def test_strange_answers_get_a_grade(text: str) -> None:
    verifier = verifier_for("math")
    assert isinstance(verifier.grade(text, "5"), Grade)


def test_what_ran_out_of_time_is_not_the_same() -> None:
    assert verifier_for("math").same("5", STUCK) is False
