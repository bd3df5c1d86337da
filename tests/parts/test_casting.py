"""What users write becomes the parts that play."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from moves import Script, play

from tracer_env.agents.controllers.baselines import Always, Never, Periodic, Random
from tracer_env.agents.controllers.cast import CastController
from tracer_env.agents.controllers.regret_matching import RegretMatching, RegretMatchingPlus
from tracer_env.errors import ConfigError, DataError, UnknownNameError
from tracer_env.parts.casting import (
    make_controller,
    make_reward,
    make_rules,
    make_scenario,
    make_speaker,
)
from tracer_env.rewards import RoleCredit, Team, TeamMinusTokens
from tracer_env.rules import Rules
from tracer_env.specs import parse_value, split_list
from tracer_env.types import Task

TASKS = [Task(f"t{i}", f"What is {i} plus 1?", str(i + 1)) for i in range(3)]


# -- scenarios -----------------------------------------------------------------------------------


def test_scenarios_come_from_names_objects_and_lists() -> None:
    named = make_scenario("arithmetic", limit=4)
    assert (named.name, len(named)) == ("arithmetic", 4)
    assert make_scenario(named) is named
    listed = make_scenario(TASKS, limit=2)
    assert [task.id for task in listed] == ["t0", "t1"]
    assert listed.grade("Final answer: 1", TASKS[0]).name == "CORRECT"


@pytest.mark.parametrize(
    ("scenario", "settings_", "error", "message"),
    [
        ("arithmetics", {}, UnknownNameError, "unknown scenario 'arithmetics'; did you mean 'arithmetic'?"),
        (
            "arithmetic",
            {"levl": 1},
            ConfigError,
            "the scenario 'arithmetic' has no setting 'levl'; did you mean 'level'",
        ),
        ("arithmetic", {"limit": 0}, ConfigError, "limit must be at least 1, got 0"),
        ("arithmetic", {"split": "tset"}, ConfigError, "has no split 'tset'; did you mean 'test'?"),
        ([], {}, ConfigError, "needs at least one task"),
        ([1, 2], {}, ConfigError, "scenario must be a name, a Scenario or a list of Task, got list"),
        (None, {}, ConfigError, "scenario must be a name, a Scenario or a list of Task, got NoneType"),
        ([Task("t", "q", "no number")], {}, DataError, "the field 'answer' holds 'no number'"),
    ],
)
def test_bad_scenarios_are_refused(scenario, settings_, error, message: str) -> None:
    with pytest.raises(error) as caught:
        make_scenario(scenario, **settings_)
    assert message in str(caught.value)


# -- speakers ------------------------------------------------------------------------------------


def test_speakers_come_from_names_and_objects() -> None:
    assert make_speaker("simulated:harsh", skill=0.5).simulation.skill == 0.5  # type: ignore[attr-defined]
    made = Script("C")
    assert make_speaker(made) is made


@pytest.mark.parametrize(
    ("speaker", "settings_", "error", "message"),
    [
        ("simulatd", {}, UnknownNameError, "unknown speaker 'simulatd'; did you mean 'simulated'?"),
        (
            "simulated:hars",
            {},
            UnknownNameError,
            "unknown preset of the simulated speaker 'hars'; did you mean 'harsh'?",
        ),
        ("simulated", {"skil": 1.0}, ConfigError, "the simulated speaker has no rate 'skil'; did you mean 'skill'?"),
        ("simulated", {"skill": 2.0}, ConfigError, "speaker.skill must lie between 0 and 1, got 2.0"),
        (
            Script("C"),
            {"skill": 1.0},
            ConfigError,
            "settings ['skill'] go with a speaker's name, not with a made Script",
        ),
        (3, {}, ConfigError, "speaker must be a name, a Speaker, a function or a mapping by seat, got 3"),
        ("tracer_env.types:Utterance", {}, ConfigError, "which has no method speak()"),
        ("proposer=simulated,proposer=simulated", {}, ConfigError, "names proposer twice"),
        ("proposer=", {}, ConfigError, "a cast looks like proposer=NAME,reviewer=NAME"),
        ("proposer=simulated,simulated", {}, ConfigError, "a cast looks like proposer=NAME,reviewer=NAME"),
    ],
)
def test_bad_speakers_are_refused(speaker, settings_, error, message: str) -> None:
    if speaker == "tracer_env.types:Utterance":
        settings_ = {"text": "x"}
    with pytest.raises(error) as caught:
        make_speaker(speaker, **settings_)
    assert message in str(caught.value)


# -- controllers ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("always", Always()),
        ("random:p=0.3", Random(0.3)),
        ("random:p=1", Random(1)),
        ("periodic:k=3", Periodic(3)),
        ("tracer_env.agents.controllers.baselines:Never", Never()),
    ],
)
def test_controllers_come_from_names_with_settings(text: str, expected: object) -> None:
    assert make_controller(text) == expected


def test_controllers_come_from_casts() -> None:
    made = make_controller("proposer=never+reviewer=random:p=0.25", Rules())
    assert isinstance(made, CastController)
    assert made.parts == {"proposer": Never(), "reviewer": Random(0.25)}
    same = make_controller({"proposer": "never", "reviewer": Random(0.25)})
    assert isinstance(same, CastController)
    assert same.parts == made.parts
    exact = make_controller("agent_0/proposer=never+agent_0=always+reviewer=never")
    assert exact.speak_probability(play("C."), "") == 0.0


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("alwys", UnknownNameError, "unknown controller 'alwys'; did you mean 'always'?"),
        ("random:q=0.3", ConfigError, "the controller 'random' has no setting 'q'"),
        ("random:p=2", ConfigError, "p must be a probability between 0 and 1, got 2"),
        ("random:p=high", ConfigError, "the setting 'p' must be a number, got 'high'"),
        ("random:p=0.1,5", ConfigError, "settings look like random:key=value,key=value, got 'random:p=0.1,5'"),
        ("proposer=never", ConfigError, "no controller for agent_1 (reviewer); parts are given for: proposer"),
        ("proposer=never+reviewer=alwys", UnknownNameError, "unknown controller 'alwys'"),
        ("proposer=never+always", ConfigError, "a cast looks like proposer=NAME+reviewer=NAME"),
        (
            "missing.json",
            ConfigError,
            "cannot read missing.json: No such file or directory; give a file that a training has written",
        ),
        ("tracer_env.rules:RoundRobin", ConfigError, "made a RoundRobin, which has no method speak_probability()"),
    ],
)
def test_bad_controllers_are_refused(text: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error) as caught:
        make_controller(text, Rules())
    assert message in str(caught.value)


def _trained(path: Path, table: RegretMatching | None = None) -> Path:
    table = table or RegretMatching("vote_and_time", Rules())
    table.update("agent_1/reviewer/vote_0/last", (0.0, 1.0))
    path.write_text(table.to_json(), encoding="utf-8")
    return path


def test_trained_tables_come_from_files(tmp_path: Path) -> None:
    for kind in (RegretMatching, RegretMatchingPlus):
        made = make_controller(str(_trained(tmp_path / "t.json", kind("vote_and_time", Rules()))), Rules())
        assert type(made) is kind
        assert made.rows["agent_1/reviewer/vote_0/last"].regret == ([-0.5, 0.5] if kind is RegretMatching else [0, 0.5])


@pytest.mark.parametrize("key", ["history", "vote_only", "time_only", "vote_and_time"])
@pytest.mark.parametrize("name", ["regret_matching", "regret_matching_plus"])
def test_a_new_table_takes_the_key_of_the_run(name: str, key: str) -> None:
    made = make_controller(name, Rules(), key)
    assert isinstance(made, RegretMatching)
    assert made.information == key
    cast = make_controller(f"proposer={name}+reviewer=never", Rules(), key)
    assert isinstance(cast, CastController)
    assert getattr(cast.parts["proposer"], "information") == key  # noqa: B009 - a Controller need not have one
    assert make_controller(RegretMatching(), Rules(), key).speak_probability(play("C."), "any") == 0.5


def test_a_new_table_may_ask_for_a_key_of_its_own() -> None:
    made = make_controller("regret_matching:information=history", Rules(), "vote_only")
    assert made.information == "history"  # type: ignore[attr-defined]
    assert make_controller("regret_matching", Rules(), "vote_only").information == "vote_only"  # type: ignore[attr-defined]
    with pytest.raises(UnknownNameError, match="did you mean 'history'"):
        make_controller("regret_matching:information=histori", Rules(), "vote_only")


def test_a_table_is_refused_under_other_rules_and_keeps_its_key(tmp_path: Path) -> None:
    file = str(_trained(tmp_path / "t.json"))
    make_controller(file)
    with pytest.raises(ConfigError, match="was trained under other rules: max_turns 5 not 7"):
        make_controller(file, Rules(max_turns=7))
    assert make_controller(file, Rules(), "history").information == "vote_and_time"  # type: ignore[attr-defined]
    with pytest.raises(ConfigError, match="was trained under other rules: stop_when horizon not kept"):
        make_controller(f"proposer=never+reviewer={file}", Rules(stop_when="kept"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: "not json", "is not readable as JSON"),
        (lambda data: "[]", "the whole is []; it must be an object with controller"),
        (lambda data: "{}", "controller is missing"),
        (lambda data: "[" * 10_000, "nested more than 64 deep"),
        (lambda data: '{"controller": "regret_matching", "controller": "x"}', "the key 'controller' stands twice"),
        (lambda data: json.dumps({**data, "controller": 3}), "its controller is 3, which is no name"),
        (lambda data: json.dumps({**data, "controller": "always"}), "the controller 'always' keeps no table"),
        (lambda data: json.dumps({**data, "controller": "alwys"}), "unknown controller 'alwys'"),
        (lambda data: json.dumps({**data, "schema": 9}), "table of schema 9"),
        (lambda data: json.dumps({**data, "rows": {"k": {"regret": [0, "x"]}}}), "rows.k.regret[1] is 'x'"),
        (lambda data: json.dumps({**data, "rows": {"k": {"visits": -1}}}), "rows.k.visits is -1"),
        (lambda data: json.dumps({**data, "rules": {"max_turn": 1}}), "rules.max_turn is unknown; did you mean"),
    ],
)
def test_damaged_files_are_refused(tmp_path: Path, change, message: str) -> None:
    file = _trained(tmp_path / "t.json")
    file.write_text(change(json.loads(file.read_text(encoding="utf-8"))), encoding="utf-8")
    with pytest.raises((ConfigError, UnknownNameError)) as caught:
        make_controller(str(file))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


# -- rewards and rules ---------------------------------------------------------------------------


def test_rewards() -> None:
    assert make_reward("team") == Team()
    assert make_reward("team_minus_tokens:price=0.5") == TeamMinusTokens(0.5)
    given_ = RoleCredit()
    assert make_reward(given_) is given_
    with pytest.raises(ConfigError, match="reward must be a name or a function of two states, got 3"):
        make_reward(3)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="the reward 'team' has no setting 'price'"):
        make_reward("team:price=1")


def test_rules() -> None:
    assert make_rules(max_turns=7) == Rules(max_turns=7)
    rules = Rules()
    assert make_rules(rules) is rules
    with pytest.raises(ConfigError, match=r"give either rules= or \['max_turns'\], not both"):
        make_rules(rules, max_turns=3)
    with pytest.raises(ConfigError, match="the rules have no setting 'turns'; "):
        make_rules(turns=3)


# -- lists and values ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("always", ["always"]),
        ("always,never", ["always", "never"]),
        ("random:p=0.3,always", ["random:p=0.3", "always"]),
        ("mine:a=1,b=2,never", ["mine:a=1,b=2", "never"]),
        (" always , never ,", ["always", "never"]),
        ("proposer=never+reviewer=always,random:p=1", ["proposer=never+reviewer=always", "random:p=1"]),
        ("random:p=0.5,proposer=never+reviewer=always", ["random:p=0.5", "proposer=never+reviewer=always"]),
        ("always,b=2", ["always", "b=2"]),
        ("", []),
    ],
)
def test_lists(text: str, pieces: list[str]) -> None:
    assert split_list(text) == pieces


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("7", 7),
        ("0.5", 0.5),
        ("1e-3", 0.001),
        ("true", True),
        ('"true"', "true"),
        ('["a", "b"]', ["a", "b"]),
        ("cpu", "cpu"),
        ("a b", "a b"),
        ("", ""),
    ],
)
def test_values(text: str, value: object) -> None:
    assert parse_value(text) == value
    assert type(parse_value(text)) is type(value)


@settings(deadline=None)
@given(st.text(max_size=30))
def test_any_text_is_some_value(text: str) -> None:
    parse_value(text)
    split_list(text)
