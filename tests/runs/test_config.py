"""Settings of a run: TOML in and out, and a line for each mistake."""

from __future__ import annotations

import dataclasses
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracer_env.errors import ConfigError
from tracer_env.intake.toml_files import read_toml
from tracer_env.registry import registered
from tracer_env.rules import Rules
from tracer_env.runs.config import (
    METHODS,
    Config,
    EvaluationConfig,
    ScenarioConfig,
    SpeakerConfig,
    TrainingConfig,
    differences,
)
from tracer_env.settings import merge, with_settings
from tracer_env.specs import parse_value


def test_the_defaults() -> None:
    config = Config()
    assert (config.seed, config.information) == (0, "vote_and_time")
    assert (config.scenario.name, config.scenario.split, config.speaker.name) == ("arithmetic", "test", "simulated")
    assert config.rules == Rules()
    assert (config.training.episodes, config.training.update_every) == (None, 32)
    assert config.evaluation.methods == METHODS
    assert {name.partition(":")[0] for name in METHODS} < set(registered("controller")) - {"human"}
    assert config.evaluation.against == "until_approved"
    assert Config.from_data({"evaluation": {"methods": ["never", "always"]}}).evaluation.against == "never"


def test_toml_in() -> None:
    data = tomllib.loads(
        """
        seed = 7
        [scenario]
        name = "gsm8k"
        level = 3
        [speaker]
        name = "smollm2"
        temperature = 0.3
        [rules]
        max_turns = 7
        stop_when = "kept"
        [training]
        episodes = 50
        [evaluation]
        methods = ["always", "never"]
        baseline = "never"
        """
    )
    assert Config.from_data(data) == Config(
        seed=7,
        scenario=ScenarioConfig(name="gsm8k", settings={"level": 3}),
        speaker=SpeakerConfig(name="smollm2", settings={"temperature": 0.3}),
        rules=Rules(max_turns=7, stop_when="kept"),
        training=TrainingConfig(episodes=50),
        evaluation=EvaluationConfig(methods=("always", "never"), baseline="never"),
    )


def test_toml_out_writes_every_default() -> None:
    assert Config(evaluation=EvaluationConfig(methods=("always",))).to_toml() == (
        'seed = 0\ninformation = "vote_and_time"\n\n'
        '[scenario]\nname = "arithmetic"\nsplit = "test"\n\n'
        '[speaker]\nname = "simulated"\n\n'
        '[rules]\nnum_agents = 2\nmax_turns = 5\nschedule = "round_robin"\nstop_when = "horizon"\n'
        'final_answer = "last"\nhistory_window = 4\n\n'
        "[training]\nupdate_every = 32\nheld_out = 100\n\n"
        '[evaluation]\nmethods = ["always"]\nworlds = 1\nseeds = []\n'
        'batch_size = 64\ncounterfactuals = "auto"\non_error = "stop"\n'
    )


TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
VALUES = st.one_of(st.integers(-(2**40), 2**40), st.booleans(), TEXT, st.floats(-1e6, 1e6), st.lists(st.integers(0, 9)))


@settings(deadline=None)
@given(
    seed=st.integers(0, 2**60),
    name=TEXT,
    path=st.none() | TEXT,
    limit=st.none() | st.integers(1, 10**6),
    extras=st.dictionaries(st.sampled_from(["temperature", "device", "level", "dtype"]), VALUES),
    turns=st.integers(1, 9),
    methods=st.lists(TEXT, min_size=1, max_size=3, unique=True),
)
def test_what_is_written_is_read_back(seed, name, path, limit, extras, turns, methods) -> None:
    config = Config(
        seed=seed,
        scenario=ScenarioConfig(name, path, limit=limit, settings=extras),
        speaker=SpeakerConfig(name, settings=extras),
        rules=Rules(max_turns=turns),
        evaluation=EvaluationConfig(tuple(methods), methods[-1]),
    )
    assert Config.from_data(tomllib.loads(config.to_toml())) == config
    assert Config.from_data(config.to_data()) == config


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"sed": 1}, "unknown key sed; did you mean 'seed'?"),
        ({"rules": {"max_turn": 1}}, "unknown key rules.max_turn; did you mean 'max_turns'?"),
        ({"evaluation": {"method": ["a"]}}, "unknown key evaluation.method; did you mean 'methods'?"),
        ({"rules": 3}, "rules must be a section with keys, got 3"),
        ({"seed": "1"}, "seed must be a whole number, got '1'"),
        ({"seed": True}, "seed must be a whole number, got True"),
        ({"seed": 1.0}, "seed must be a whole number, got 1.0"),
        ({"seed": -1}, "seed must be at least 0, got -1"),
        ({"scenario": {"limit": 0}}, "scenario.limit must be at least 1, got 0"),
        ({"scenario": {"name": 5}}, "scenario.name must be text, got 5"),
        ({"training": {"episodes": 0}}, "training.episodes must be at least 1, got 0"),
        ({"training": {"update_every": 0}}, "training.update_every must be at least 1, got 0"),
        ({"evaluation": {"worlds": 0}}, "evaluation.worlds must be at least 1, got 0"),
        ({"evaluation": {"batch_size": 0}}, "evaluation.batch_size must be at least 1, got 0"),
        ({"evaluation": {"methods": []}}, "evaluation.methods is empty; name at least one controller"),
        ({"evaluation": {"methods": "always"}}, "evaluation.methods must be a list of names, got 'always'"),
        ({"evaluation": {"methods": [1]}}, "evaluation.methods must be a list of names, got [1]"),
        ({"evaluation": {"methods": ["a", "b", "a"]}}, "evaluation.methods names a more than once"),
        ({"evaluation": {"methods": ["always"], "baseline": "alwys"}}, "the baseline 'alwys' is not among the methods"),
        ({"evaluation": {"counterfactuals": "some"}}, "evaluation.counterfactuals is 'some'"),
        ({"information": "vots"}, "unknown information 'vots'; did you mean 'vote'?"),
        ({"gspo": {"epsilom": 1}}, "unknown key gspo.epsilom; did you mean 'epsilon'?"),
        ({"gspo": {"beta": "much"}}, "gspo.beta must be a number, got 'much'"),
        ({"tracer": {"fading": True}}, "tracer.fading must be a number, got True"),
        ({"tracer": {"varint": "full"}}, "unknown key tracer.varint; did you mean 'variant'?"),
        ({"hooks": {"valu": "a:b"}}, "unknown key hooks.valu; did you mean 'value'?"),
        ({"rules": {"max_turns": 0}}, "rules.max_turns must be a whole number from 1 to 4096, got 0"),
        ({"rules": {"schedule": "debat"}}, "rules.schedule: unknown schedule 'debat'; did you mean 'debate'?"),
        ({"rules": {"schedule": 3}}, "rules.schedule must have seat() and readable(), or be a schedule's name, got 3"),
    ],
)
def test_mistakes_name_the_key(data: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Config.from_data(data)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_single_settings() -> None:
    data = {"seed": 1, "rules": {"max_turns": 3}}
    changed = with_settings(data, ["rules.max_turns=7", "seed=2", "speaker.temperature=0.5", "speaker.name=hf:a/b"])
    assert changed == {"seed": 2, "rules": {"max_turns": 7}, "speaker": {"temperature": 0.5, "name": "hf:a/b"}}
    assert data == {"seed": 1, "rules": {"max_turns": 3}}


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("rules.max_turns", "--set takes key=value, for example rules.max_turns=7, got 'rules.max_turns'"),
        ("=7", "--set takes key=value"),
        (".a=7", "--set takes key=value"),
        ("seed.a=7", "--set 'seed.a=7': 'seed' is a value, not a section"),
    ],
)
def test_bad_single_settings(setting: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        with_settings({"seed": 1}, [setting])
    assert str(caught.value).startswith(message)


def test_flags_are_merged_when_given() -> None:
    data = {"scenario": {"name": "gsm8k"}}
    assert merge(data, "scenario", name=None, limit=4) == {"scenario": {"name": "gsm8k", "limit": 4}}
    assert merge(data, "rules", max_turns=None) == data
    assert merge({"gspo": 3}, "gspo", max_steps=4) == {"gspo": 3}  # from_data will say that it is no section


def test_files(tmp_path: Path) -> None:
    file = tmp_path / "run.toml"
    with pytest.raises(ConfigError, match=r"cannot read the config file .*: No such file"):
        read_toml(file)
    file.write_text("seed = ", encoding="utf-8")
    with pytest.raises(ConfigError, match="is not valid TOML"):
        read_toml(file)
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="is not valid TOML"):
        read_toml(file)
    file.write_text(Config(seed=3).to_toml(), encoding="utf-8")
    assert Config.from_data(read_toml(file)) == Config(seed=3)


def test_sections_of_training_are_written_when_they_say_something() -> None:
    data = {
        "training": {"method": "tracer"},
        "gspo": {"learning_rate": 1e-4, "report_to": ["jsonl"], "finetune": "lora:r=8"},
        "tracer": {"variant": "no_reviewer"},
        "hooks": {"reward": "mine.py:pay"},
    }
    config = Config.from_data(data)
    assert (config.tracer, config.hooks) == ({"variant": "no_reviewer"}, {"reward": "mine.py:pay"})
    assert Config.from_data(tomllib.loads(config.to_toml())) == config
    assert not {"gspo", "tracer", "hooks"} & set(Config().to_data())
    assert repr(Config.from_data({"tracer": {"fading": 1}}).tracer["fading"]) == "1.0"
    other = Config.from_data({**data, "gspo": {"learning_rate": 1e-3}})
    assert differences(config, other) == ["gspo.finetune", "gspo.learning_rate", "gspo.report_to"]


def test_differences_leave_speed_out() -> None:
    one = Config()
    other = Config(seed=1, rules=Rules(max_turns=7), evaluation=EvaluationConfig(batch_size=1))
    assert differences(one, other) == ["rules.max_turns", "seed"]
    assert differences(one, dataclasses.replace(one)) == []
    assert differences(one, Config(speaker=SpeakerConfig(settings={"skill": 0.5}))) == ["speaker.skill"]
    assert differences(one, Config(scenario=ScenarioConfig(limit=3))) == ["scenario.limit"]


def test_a_byte_order_mark_is_passed_over(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_bytes(b"\xef\xbb\xbfseed = 7\r\n[scenario]\r\nname = 'gsm8k'\r\n")
    assert read_toml(file) == {"seed": 7, "scenario": {"name": "gsm8k"}}


@pytest.mark.parametrize(
    "content",
    [b"seed = ", "seed = 'é'".encode("cp1252"), "seed = 1".encode("utf-16"), b"a = " + b"[" * 9999, b"a=1\na=2"],
)
def test_a_file_that_is_no_toml_is_one_line(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_bytes(content)
    with pytest.raises(ConfigError, match=r"config\.toml is not valid TOML: ") as caught:
        read_toml(file)
    assert "\n" not in str(caught.value)


def test_a_setting_that_no_reader_of_toml_can_take_is_text() -> None:
    for text in ("[" * 9999, "9" * 9999, "not toml"):
        assert parse_value(text) == text


@pytest.mark.parametrize("setting", ["scenario.path", "speaker.name", "scenario.level", "evaluation.baseline"])
def test_a_text_that_no_file_can_hold_is_refused(setting: str) -> None:
    section, key = setting.split(".")
    with pytest.raises(ConfigError, match=rf"{setting} is 't\\udcff', which is no UTF-8 and cannot be put on record"):
        Config.from_data({section: {key: "t\udcff"}})
