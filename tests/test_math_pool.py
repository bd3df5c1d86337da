import importlib.util
import os
import threading
import time
from collections.abc import Iterator

import pytest

from tracer_env import math_pool
from tracer_env.errors import MissingExtraError, TracerEnvError
from tracer_env.math_pool import MathPool
from tracer_env.types import Grade
from tracer_env.verification.verifiers import verifier_for

STUCK = "10^{10^{10}}"


@pytest.fixture
def pool() -> Iterator[MathPool]:
    pool = MathPool(size=2, timeout=1.0)
    assert pool.compare("1/2", "0.5") is True
    yield pool
    pool.close()


def test_a_stuck_comparison_is_none_and_the_next_one_works(pool: MathPool) -> None:
    start = time.perf_counter()
    assert pool.compare("5", STUCK) is None
    assert time.perf_counter() - start < 2.0
    assert pool.compare("5", "6") is False


def test_threads_share_the_workers(pool: MathPool) -> None:
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


def test_a_closed_pool_starts_again(pool: MathPool) -> None:
    pool.close()
    assert pool.compare("2", "2.0") is True


def test_a_worker_that_died_in_between_is_no_wrong_answer(pool: MathPool) -> None:
    (worker,) = pool._all
    worker._process.kill()
    worker._process.wait()
    assert pool.compare("2", "2.0") is None
    assert pool.compare("2", "2.0") is True


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
    with pytest.raises(MissingExtraError, match=r'math answers needs .*pip install "tracer-env\[math\]"'):
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
        ("\\boxed{" + "{" * 10_000 + "5" + "}" * 10_001, "6", Grade.WRONG),
        ("\\boxed{" + "x" * 10**6 + "}", "5", Grade.UNPARSABLE),
    ],
)
def test_grades(text: str, gold: str, grade: Grade) -> None:
    verifier = verifier_for("math")
    assert verifier.same("1", "1.0")
    start = time.perf_counter()
    assert verifier.grade(text, gold) is grade
    assert time.perf_counter() - start < 2.0


@pytest.mark.parametrize(
    "text", ["10**10**10", "\\boxed{5\x00}", "\\boxed{5\ud800}", "\u200f\\boxed{\u200f5}", "\\boxed{1/0}"]
)
def test_strange_answers_get_a_grade(text: str) -> None:
    verifier = verifier_for("math")
    assert verifier.same("1", "1.0")
    start = time.perf_counter()
    assert isinstance(verifier.grade(text, "5"), Grade)
    assert time.perf_counter() - start < 2.0


def test_what_ran_out_of_time_is_not_the_same() -> None:
    assert verifier_for("math").same("5", STUCK) is False
