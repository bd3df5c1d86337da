"""Settings of the wrong kind: refused in one line, for every part that has a name; the right kinds go through."""

from __future__ import annotations

import dataclasses
import inspect
import json
import math
import subprocess
import sys
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import pytest
from annotated_types import Ge, Gt, Le, Lt

from tracer_env.annotations import Also, Elsewhere, Words, complaint, describe, fits, nearest
from tracer_env.cli.app import main
from tracer_env.errors import ConfigError, UserError
from tracer_env.intake.toml_files import read_toml
from tracer_env.parts.casting import make_controller, make_reward, make_scenario, make_speaker
from tracer_env.registry import SECTIONS, registered, resolve, section_class
from tracer_env.runs.config import Config
from tracer_env.settings import Settings, as_data, check_call, read, said, schema


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
    "train_share": ["half", 1, -0.1],
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


# -- one way for settings ----------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Oven(Settings, at="oven"):
    """Settings with every kind of annotation."""

    heat: Annotated[float, Gt(0), Le(300), Words(remedy="; it burns")] = 180.0
    share: Annotated[float, Ge(0), Lt(1)] = 0.5
    minutes: Annotated[int, Ge(1)] | None = None
    shelf: Annotated[int, Ge(1), Le(4)] = 2
    mode: Literal["fan", "grill"] = "fan"
    dishes: tuple[str, ...] = ()
    rests: tuple[Annotated[int, Ge(0)], ...] = ()
    light: Annotated[bool, Words(kind="is on or off")] = True
    cook: Annotated[str, Elsewhere("ask in the kitchen")] = "me"
    door: Annotated[object, Elsewhere()] = None

    @staticmethod
    def in_full(data: Mapping[str, Any]) -> dict[str, Any]:
        return {**data, "heat": 250} if data.get("heat") == "hot" else dict(data)


WRONG_OVENS = [
    ({"heat": 0}, "oven.heat must lie in (0, 300], got 0; it burns"),
    ({"heat": math.nan}, "oven.heat must lie in (0, 300], got nan; it burns"),
    ({"heat": "180"}, "oven.heat must be a number, got '180'; it burns"),
    ({"share": 1.0}, "oven.share must lie in [0, 1), got 1.0"),
    ({"share": True}, "oven.share must be a number, got True"),
    ({"minutes": 0}, "oven.minutes must be at least 1, got 0"),
    ({"minutes": 2.0}, "oven.minutes must be a whole number, got 2.0"),
    ({"shelf": 5}, "oven.shelf must be a whole number from 1 to 4, got 5"),
    ({"shelf": "top"}, "oven.shelf must be a whole number, got 'top'"),
    ({"mode": "grll"}, "oven.mode is 'grll'; did you mean 'grill'?"),
    ({"mode": 1}, "oven.mode must be text, got 1"),
    ({"dishes": "pie"}, "oven.dishes must be a list of names, got 'pie'"),
    ({"dishes": ["pie", 1]}, "oven.dishes must be a list of names, got ['pie', 1]"),
    ({"rests": [1, -1]}, "oven.rests must be at least 0, got -1"),
    ({"light": 1}, "oven.light is on or off, got 1"),
]


@pytest.mark.parametrize(("given", "message"), WRONG_OVENS)
def test_a_file_and_a_constructor_say_the_same(given: dict[str, Any], message: str) -> None:
    for make in (lambda: read(Oven, given), lambda: Oven(**given)):
        with pytest.raises(ConfigError) as caught:
            make()
        assert str(caught.value) == message


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (3, "oven must be a section with keys, got 3"),
        ({"haet": 1}, "unknown key oven.haet; did you mean 'heat'?"),
        ({"cook": "you"}, "oven.cook cannot be set here: ask in the kitchen"),
        ({"door": 1}, "unknown key oven.door"),
    ],
)
def test_keys_that_cannot_be_given(given: Any, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(Oven, given)
    assert str(caught.value).startswith(message)


def test_what_has_no_default_is_asked_for() -> None:
    needed = dataclasses.make_dataclass("Needed", [("cook", str)], bases=(Settings,), frozen=True)
    with pytest.raises(ConfigError, match=r"^cook is missing$"):
        read(needed, {})
    assert read(needed, {"cook": "me"}) == needed("me")
    heavy = dataclasses.make_dataclass("Heavy", [("weight", float)], bases=(Settings,), frozen=True)
    with pytest.raises(ConfigError, match=r"^weight cannot be 1000"):  # which no float can hold
        read(heavy, {"weight": 10**400})


def test_what_is_read_is_written() -> None:
    oven = read(Oven, {"heat": "hot", "dishes": ["pie", "bread"], "minutes": 30})
    assert oven == Oven(heat=250.0, dishes=("pie", "bread"), minutes=30)
    assert type(oven.heat) is float
    data = as_data(oven)
    assert data == {
        **{"heat": 250.0, "share": 0.5, "minutes": 30, "shelf": 2, "mode": "fan"},
        **{"dishes": ["pie", "bread"], "rests": [], "light": True},
    }
    assert read(Oven, data) == oven
    assert said(Oven, {"heat": 100, "dishes": ["pie"]}) == {"heat": 100.0, "dishes": ["pie"]}


def test_a_number_of_an_array_is_none_of_a_file() -> None:
    with pytest.raises(ConfigError, match=r"oven\.shelf must be a whole number, got .*3"):
        Oven(shelf=np.int64(3))  # type: ignore[arg-type]


def test_the_nearest_value_within_bounds() -> None:
    assert nearest(Annotated[float, Ge(0), Le(1)], 1.5) == 1.0
    assert nearest(Annotated[int, Ge(1)], 0.2) == 1
    assert nearest(float, -3.5) == -3.5
    assert complaint(Annotated[int, Ge(1)] | None, None) == ""


def test_the_schema_has_bounds_choices_and_short_forms() -> None:
    size = ("size", Annotated[int, Ge(1), Also(("big",))], dataclasses.field(default=3))
    found = schema(dataclasses.make_dataclass("Pan", [size], bases=(Oven,), frozen=True))
    shown = found["properties"]
    assert not {"cook", "door"} & set(shown)
    assert (shown["heat"]["exclusiveMinimum"], shown["heat"]["maximum"]) == (0, 300)
    assert shown["mode"]["enum"] == ["fan", "grill"]
    assert shown["dishes"]["items"] == {"type": "string"}
    assert {"enum": ["big"]} in shown["size"]["anyOf"]
    assert found["additionalProperties"] is False


NEW = ("brand_new", Annotated[int, Ge(1)], dataclasses.field(default=3))


@pytest.mark.parametrize("section", SECTIONS)
def test_a_new_field_of_any_section_is_a_setting_everywhere(
    section: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In --set, TOML, --dry-run, the schema and the run's config.toml, without another line of code."""
    old = section_class(section)
    monkeypatch.setitem(SECTIONS, section, dataclasses.make_dataclass("New", [NEW], bases=(old,), frozen=True))
    monkeypatch.chdir(tmp_path)
    Path("mine.toml").write_text(f"[{section}]\nbrand_new = 7\n", encoding="utf-8")
    assert Config.from_data(read_toml(Path("mine.toml"))).to_data()[section]["brand_new"] == 7
    small = ["compare", "--scenario", "arithmetic", "--speaker", "simulated", "--limit", "2", "--methods", "never"]
    model = ["train", "--method", "tracer", "--speaker", "nano"]
    for given, told in (["--config", "mine.toml"], 7), (["--set", f"{section}.brand_new=5"], 5):
        assert main([*(model if section == "hooks" else small), *given, "--dry-run"]) == 0
        assert tomllib.loads(capsys.readouterr().out)[section]["brand_new"] == told
    assert main([*small, "--set", f"{section}.brand_nwe=5"]) == 2
    refused = capsys.readouterr().err
    part = section in ("scenario", "speaker", "executor")  # which have the keys of the part itself
    assert "did you mean 'brand_new'" in refused or part
    assert main([*small, "--set", f"{section}.brand_new=0"]) == 2
    assert f"{section}.brand_new must be at least 1, got 0" in capsys.readouterr().err
    assert main(["config", "--schema"]) == 0
    shown = json.loads(capsys.readouterr().out)["properties"][section]["properties"]["brand_new"]
    assert (shown["type"], shown["minimum"], shown["default"]) == ("integer", 1, 3)
    if section in ("gspo", "tracer"):
        assert main([*model, "--dry-run"]) == 0
        assert tomllib.loads(capsys.readouterr().out)[section]["brand_new"] == 3
    if section != "hooks":  # of which compare takes none
        assert main([*small, "--set", f"{section}.brand_new=5", "--out", "run"]) == 0
        assert read_toml(Path("run/config.toml"))[section]["brand_new"] == 5


def test_the_schema_knows_what_a_run_writes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "--schema"]) == 0
    whole = json.loads(capsys.readouterr().out)
    assert whole["$schema"].startswith("https://json-schema.org/")
    assert set(whole["properties"]) == {"seed", "information", *SECTIONS}
    for method in ("gspo", "tracer"):
        assert main(["train", "--method", method, "--speaker", "nano", "--dry-run"]) == 0
        for section, values in tomllib.loads(capsys.readouterr().out).items():
            assert section in whole["properties"]
            if isinstance(values, dict):
                assert set(values) <= set(whole["properties"][section]["properties"])


def test_config_prints_the_settings(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "--set", "rules.max_turns=7"]) == 0
    assert tomllib.loads(capsys.readouterr().out)["rules"]["max_turns"] == 7
    assert main(["config", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == Config().to_data()


def test_pydantic_is_loaded_when_something_is_read() -> None:
    code = (
        "import sys, tracer_env\n"
        "from tracer_env.rules import Rules\n"
        "from tracer_env.agents.speakers.simulated.speaker import SimulatedSpeaker\n"
        "Rules(max_turns=7), SimulatedSpeaker('harsh')\n"
        "print('pydantic' in sys.modules)\n"
        "from tracer_env.runs.config import Config\n"
        "Config.from_data({'rules': {'max_turns': 7}})\n"
        "print('pydantic' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\nTrue\n"


@pytest.mark.parametrize("key", ["a\udcff", "\udc80\n\x9b\x00", "{}", ""])
def test_keys_that_no_text_can_hold_are_unknown_like_others(key: str) -> None:
    with pytest.raises(ConfigError, match=r"^unknown key"):
        Config.from_data({key: 1})
    with pytest.raises(ConfigError, match=r"^unknown key rules\."):
        Config.from_data({"rules": {key: 1}})
    assert Config.from_data({"speaker": {"name": "simulated", key: 1}}).speaker.settings == {key: 1}
