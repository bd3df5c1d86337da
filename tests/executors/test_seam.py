"""Work, where it is done, and how it is asked for."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tracer_env import errors
from tracer_env.errors import ConfigError, ExecutorError, SpeakerError, TracerEnvError, UnknownNameError
from tracer_env.executors.seam import Failed, InProcess, opened
from tracer_env.registry import KINDS, register


class Doubling:
    made = 0

    def ready(self) -> Callable[[int], int]:
        self.made += 1
        return lambda number: 2 * number


def test_this_process_makes_the_parts_once_and_goes_chunk_by_chunk() -> None:
    work = Doubling()
    done = InProcess().run(work, iter([1, 2, 3]))
    assert next(done) == 2
    assert list(done) == [4, 6]
    assert work.made == 1
    assert InProcess().size(16, 100, free=True) == 16


def test_nothing_said_is_this_process() -> None:
    with opened(None) as executor:
        assert isinstance(executor, InProcess)


@pytest.mark.parametrize(
    ("asked", "kind", "line"),
    [
        ({"name": "rai"}, UnknownNameError, "unknown executor 'rai'; did you mean 'ray'?"),
        ({"workers": 2}, ConfigError, "the executor 'process' has no setting 'workers'"),
        (
            {"name": "ray", "worker": 2},
            ConfigError,
            "the executor 'ray' has no setting 'worker'; did you mean 'workers'?",
        ),
        ({"name": "ray", "workers": 0}, ConfigError, "executor.workers must be at least 1, got 0"),
        ({"name": 7}, ConfigError, "executor.name must be text, got 7"),
    ],
)
def test_a_wrong_word_is_one_line(asked: dict[str, object], kind: type[Exception], line: str) -> None:
    with pytest.raises(kind) as caught, opened(asked):
        pass
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)


class Own(InProcess):
    """One of a user's own, which says when it is let go."""

    ended = 0

    def close(self) -> None:
        Own.ended += 1


def test_who_makes_an_executor_lets_it_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(KINDS, "executor", dict(KINDS["executor"]))
    register("executor", "own", Own)
    with pytest.raises(KeyboardInterrupt), opened({"name": "own"}):
        raise KeyboardInterrupt
    assert Own.ended == 1
    mine = Own()
    with opened(mine) as executor:
        assert executor is mine
    assert Own.ended == 1


ERRORS = [getattr(errors, name) for name in errors.__all__ if isinstance(getattr(errors, name), type)]


@pytest.mark.parametrize("kind", ERRORS)
def test_every_error_of_ours_comes_back_as_it_was(kind: type[TracerEnvError]) -> None:
    made = kind.__new__(kind)
    Exception.__init__(made, "what is wrong; how to mend it")
    back = Failed.of(made).error()
    assert type(back) is kind
    assert str(back) == "what is wrong; how to mend it"
    assert back.exit_code == made.exit_code


def test_errors_with_words_of_their_own() -> None:
    back = Failed.of(UnknownNameError("speaker", "smol", ["smollm2"])).error()
    assert str(back) == "unknown speaker 'smol'; did you mean 'smollm2'?"
    many = SpeakerError("any of them")
    many.narrow = False
    assert Failed.of(many).error().narrow is False  # type: ignore[attr-defined]

    spent = Failed.of(errors.BudgetReached("1,000 tokens are used up", "--max-tokens")).error()
    assert (spent.option, spent.exit_code) == ("--max-tokens", 3)  # type: ignore[attr-defined]

    class Deeper(SpeakerError):
        pass

    assert type(Failed.of(Deeper("x")).error()) is SpeakerError
    assert isinstance(Failed("KeyError", "x").error(), ExecutorError)
