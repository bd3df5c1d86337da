"""Settings of the wrong kind: refused in one line, for every part that has a name; the right kinds go through."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import pytest

from tracer_env.cli.app import main
from tracer_env.errors import ConfigError, UserError
from tracer_env.parts.casting import make_controller, make_reward, make_scenario, make_speaker
from tracer_env.registry import registered, resolve
from tracer_env.settings import check_call, describe, fits


@pytest.mark.parametrize(
    ("hint", "good", "bad"),
    [
        (int, [3, -1, np.int64(3)], [True, 3.0, "3", None, [3]]),
        (int | None, [3, None], [False, 2.5, "3"]),
        (float, [0.5, 1, np.float32(0.5)], [True, "0.5", None, [0.5]]),
        (bool, [True, False], [1, 0, "true", None]),
        (str, ["", "text"], [3, True, None, ["text"]]),
        (int | str, [4, "auto"], [True, 4.0]),
        (str | Path, ["x", Path("x")], [3, b"x"]),
        (tuple[str, ...], [("a",), ["a", "b"], []], ["ab", 3, [1], {"a": 1}]),
        (list[float], [[1, 2.5]], [["1"], "12", 1.0]),
        (Sequence[int], [[1], (1, 2)], ["12", [True]]),
        (Mapping[str, int] | None, [{"a": 1}, None], [{"a": "1"}, {1: 1}, "a=1", ["a"]]),
        (Mapping[str, Any], [{"a": object()}], [[("a", 1)]]),
        (Literal["a", 2], ["a", 2], ["b", True, 2.0]),
        (Annotated[int, "at least 1"], [3], [3.5]),
        (Callable[[str], str], [str.upper], ["upper", 3]),
        (Any, [1, "x", None], []),
        ("NotThere", [1, "x"], []),
    ],
)
def test_what_fits_an_annotation(hint: Any, good: list[Any], bad: list[Any]) -> None:
    assert [value for value in good if not fits(value, hint)] == []
    assert [value for value in bad if fits(value, hint)] == []


def test_what_is_asked_for_is_said_in_words() -> None:
    assert describe(int | None) == "a whole number"
    assert describe(str | Path | None) == "text or a Path"
    assert describe(tuple[str, ...]) == "a list"
    assert describe(Mapping[str, int] | str) == "a table of keys and values or text"
    assert describe(Literal["a", 2]) == "one of 'a', 2"
    assert describe(Callable[[str], str] | bool) == "a function or true or false"


def part(first: str, depth: int, *, price: float = 1.0, sink: Callable[..., Any] | None = None) -> None:
    """Stand for a part of a user's."""


def gathering(name: str = "x", **rates: float) -> None:
    """Stand for a part that takes any number of rates."""


@pytest.mark.parametrize(
    ("target", "settings", "message"),
    [
        (part, {"depth": "3"}, "the part: the setting 'depth' must be a whole number, got '3'"),
        (part, {"depth": 3, "price": True}, "the setting 'price' must be a number, got True"),
        (part, {"depth": 3, "first": "y"}, "the part has its 'first' already; leave the setting 'first' out"),
        (part, {}, "the part cannot be made from these settings: missing a required argument: 'depth'"),
        (part, {"depth": 3, "pric": 1.0}, "the part has no setting 'pric'; did you mean 'price'"),
        (part, {"depth": 3, "sink": "os:abort"}, "the setting 'sink' must be a function, got 'os:abort'"),
        (gathering, {"name": "y", "skill": 1}, "the part has its 'name' already"),
    ],
)
def test_calls_that_cannot_work_are_one_line(target: Callable[..., Any], settings: Any, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check_call("part", target, ["x"], settings)
    assert message in str(caught.value)


def test_calls_that_can_work_pass() -> None:
    check_call("part", part, ["x"], {"depth": 3, "price": 2})
    check_call("part", gathering, [], {"skill": 0.5, "tpr": 1})
    check_call("part", dict, [], {"anything": 1})


def test_an_annotation_that_cannot_be_looked_up_leaves_the_value_to_the_part() -> None:
    def late(depth: NotImported, price: float = 1.0) -> None:  # type: ignore[name-defined]  # noqa: F821
        """Name what only a type checker imports."""

    check_call("part", late, [], {"depth": object()})


COUNTS = (True, 2.5, "3", [1], {"a": 1}, float("nan"))
WRONG = {
    "limit": (*COUNTS, 0, -1),
    "level": (*COUNTS, 0, 6),
    "size": (*COUNTS, 0, -1),
    "seed": COUNTS,
    "split": (True, 3, 2.5, [1], "tset"),
    "path": (True, 3, [1], "missing.jsonl"),
    "kind": (True, 3, [1], "numbr"),
    "loader": (True, 3, "os:abort", [1]),
}
"""Values that no scenario takes; a setting without an entry here fails the test below."""
FIRST = {"file", "repository", "dataset"}
"""What stands behind the colon of a scenario's name, and is no setting."""


def every_setting() -> list[tuple[str, str]]:
    found = []
    for name in registered("scenario"):
        example = f"{name}x" if name.endswith(":") else name
        target, _ = resolve("scenario", example)
        found += [(example, setting) for setting in inspect.signature(target).parameters]
    return found


@pytest.mark.parametrize(("scenario", "setting"), every_setting())
def test_every_setting_of_every_scenario_is_checked(
    scenario: str, setting: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setitem(sys.modules, "datasets", None)
    monkeypatch.delenv("TRACER_ENV_DATA", raising=False)
    for value in ["x", 3] if setting in FIRST else WRONG[setting]:
        with pytest.raises(UserError) as caught:
            make_scenario(scenario, **{setting: value})
        assert "\n" not in str(caught.value)
        assert setting in str(caught.value) or value in ("tset", "missing.jsonl", "numbr")


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("scenario.seed=-3", "error: scenario.seed must be at least 0, got -3"),
        ("training.seed=x", "error: training.seed must be a whole number, got 'x'"),
        ("evaluation.seeds=[1.5,2]", "error: evaluation.seeds must be a list of whole numbers, got "),
        ("evaluation.seeds=[1,2,1]", "error: evaluation.seeds names 1 more than once"),
        ("evaluation.seeds=[4]", "set seed to 4 (--seed)"),
        ("scenario.size=50.0", "the scenario 'arithmetic': the setting 'size' must be a whole number, got 50.0"),
        ("scenario.level=true", "the setting 'level' must be a whole number, got True"),
        ("scenario.level=1.0", "the setting 'level' must be a whole number, got 1.0"),
        ("scenario.limit=-1", "scenario.limit must be at least 1, got -1"),
        ("scenario.limit=2.5", "scenario.limit must be a whole number, got 2.5"),
        ("scenario.split=tset", "has no split 'tset'; did you mean 'test'?"),
        ("scenario.levl=1", "the scenario 'arithmetic' has no setting 'levl'; did you mean 'level'?"),
        ("scenario.scenario=x", "the scenario 'arithmetic' has no setting 'scenario'"),
        ("speaker.skill=true", "speaker.skill must be a number, got True"),
        ("speaker.preset=3", "the setting 'preset' must be text or a Simulation, got 3"),
        ("speaker.speaker=x", "the simulated speaker has no rate 'speaker'"),
        ("evaluation.methods=['random:p=true']", "the controller 'random': the setting 'p' must be a number, got True"),
        ("evaluation.methods=['periodic:k=2.0']", "'periodic': the setting 'k' must be a whole number, got 2.0"),
    ],
)
def test_the_command_line_says_it_in_one_line(
    setting: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    given = ["compare", "--scenario", "arithmetic", "--speaker", "simulated", "--limit", "2", "--out", str(out)]
    if "limit" in setting:
        given = [*given[:5], "--out", str(out)]
    assert main([*given, "--set", setting]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1
    assert not out.exists()


def test_parts_by_name_are_checked_alike() -> None:
    for make, spec in (
        (make_controller, "random:p=true"),
        (make_controller, "vote_threshold:threshold=1.5"),
        (make_reward, "team_minus_tokens:price=true"),
    ):
        with pytest.raises(ConfigError, match=r"the setting '\w+' must be a"):
            make(spec)
    with pytest.raises(ConfigError, match="has its 'preset' already"):
        make_speaker("simulated:harsh", preset="balanced")
    assert make_controller("random:p=1") == make_controller("random:p=1.0")
