from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import Any

import pytest
from moves import TASK, play, proposal, review

from tracer_env.agents.speakers.models.nano import NanoPrompts
from tracer_env.agents.speakers.prompts import Prompts
from tracer_env.errors import ConfigError, UnknownNameError
from tracer_env.interfaces import Scenario
from tracer_env.rules import DialogueState, Rules, advance, initial
from tracer_env.scenarios.arithmetic import Arithmetic
from tracer_env.trainers.gspo.hooks import ACTIONS, HOOKS, HookedScenario, Hooks, context_of
from tracer_env.trainers.gspo.rewards import RoleReward, TeamReward
from tracer_env.types import Action, Grade, Utterance
from tracer_env.verification.referee import judge

SUMS = Arithmetic(level=1)
CONTEXT = {
    *("role", "agent_index", "turn", "max_turns", "vote", "question", "pending", "history", "task", "dataset_name"),
}

FILE = '''
"""Hooks as a user would write them."""
from dataclasses import dataclass

seen = []

def half(action, default, **context):
    seen.append((action, context))
    return default / 2

def short(text, default, **context):
    return default - 0.01 * len(text)

def shout(default, **context):
    return default.upper()

def angle(text, default, **context):
    return text.partition("<")[2].partition(">")[0] or None

@dataclass
class Counter:
    groups: int = 0

    def update(self, policy, context, candidates, rewards):
        self.groups += 1
        return {"groups": self.groups, "mean": sum(rewards) / len(rewards)}

def narrow(action, default):
    return default

def fails(**context):
    return 1 / 0

def word(**context):
    return "plenty"

pi = 3.14
'''


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "mine.py").write_text(FILE, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_context_by_hand() -> None:
    state = play("W-")
    assert context_of(state) == {
        "role": "proposer",
        "agent_index": 0,
        "turn": 3,
        "max_turns": 5,
        "vote": -1,
        "question": "What is 6 times 7?",
        "pending": "proposal W",
        "history": ["proposal W", "review -"],
        "task": "sum-1",
        "dataset_name": "sums",
    }
    assert context_of(play(""))["pending"] is None
    assert context_of(state, drop=1)["history"] == ["review -"]


def test_a_value_hook_is_told_everything() -> None:
    told: dict[str, Any] = {}

    def value(**context: Any) -> int:
        told.update(context)
        return 1

    hooks = Hooks(value=value)
    assert hooks.valued(play("W-"), Action.SPEAK, -1.0) == 1.0
    assert set(told) == CONTEXT | {"action", "default", "answer", "correct"}
    assert (told["action"], told["default"], told["answer"], told["correct"]) == ("proposal_refresh", -1.0, "42", False)
    hooks.valued(play("C"), Action.SKIP, 1.0)
    assert (told["action"], told["role"], told["correct"]) == ("reviewer_skip", "reviewer", True)
    assert sorted(ACTIONS.values()) == ["proposal_keep", "proposal_refresh", "reviewer_skip", "reviewer_speak"]


def test_a_reward_hook_sees_the_default_and_no_timeout() -> None:
    told: list[dict[str, Any]] = []

    def reward(text: str, default: float, **context: Any) -> float:
        told.append(context)
        return default + len(text)

    paid = Hooks(reward=reward).rewarding(RoleReward())
    assert paid(play(""), proposal("C")) == 1.0 + len("proposal C")
    assert paid(play("C"), review("-")) == -1.0 + len("review -")
    assert paid(play(""), proposal("T")) is None
    assert [(t["correct"], t["answer"]) for t in told] == [(True, "42"), (True, "42")]
    assert set(told[0]) == CONTEXT | {"answer", "correct"}


def test_a_prompt_hook_writes_the_last_message_and_sees_no_gold() -> None:
    told: dict[str, Any] = {}

    def prompt(default: str, **context: Any) -> str:
        told.update(context)
        return f"{default}!"

    state, plain = play("W-"), NanoPrompts()
    prompts = Hooks(prompt=prompt).prompting(plain)
    assert isinstance(prompts, Prompts)
    assert prompts.messages(state, state.seat) == [
        {"role": "system", "content": "<solve>"},
        {"role": "user", "content": "What is 6 times 7?\n-1 proposal W!"},
    ]
    assert set(told) == CONTEXT
    assert prompts.opening(TASK, state.seat.role) == plain.opening(TASK, state.seat.role)
    fitted, dropped = prompts.fit(state, state.seat, lambda messages: told["history"] == ["review -"])
    assert (dropped, fitted[-1]["content"][-1]) == (1, "!")


def test_a_reviewer_whose_pending_was_dropped_is_not_shown_it() -> None:
    told: list[Any] = []

    def prompt(pending: str | None, history: Sequence[str], default: str, **context: Any) -> str:
        told.append((pending, list(history)))
        return default

    state = play("W")
    prompts = Hooks(prompt=prompt).prompting(Prompts())
    prompts.fit(state, state.seat, lambda messages: "proposal W" not in messages[-1]["content"])
    assert told == [("proposal W", ["proposal W"]), (None, [])]


def test_an_extract_hook_reads_through_the_referee() -> None:
    told: list[dict[str, Any]] = []

    def extract(text: str, default: str | None, **context: Any) -> str | None:
        told.append({**context, "default": default})
        return text.partition("<")[2].partition(">")[0] or None

    scenario = Hooks(extract=extract).extracting(SUMS)
    assert isinstance(scenario, Scenario)
    assert (len(scenario), scenario[0], next(iter(scenario)), scenario.same("1/2", "0.5")) == (
        *(len(SUMS), SUMS[0], SUMS[0]),
        True,
    )
    state = initial(SUMS[0], Rules())
    said = judge(Utterance(f"<{SUMS[0].answer}>\nI get 7."), state, state.seat, scenario)
    assert (said.answer, said.rule, said.grade) == (SUMS[0].answer, "hook", Grade.CORRECT)
    assert len(told) == 1  # answer and grade together ask once
    assert set(told[0]) == CONTEXT | {"default"}
    assert (told[0]["task"], told[0]["turn"], told[0]["default"]) == (SUMS[0].id, 1, "7")
    assert RoleReward()(state, said) == 1.0
    none = judge(Utterance("Final answer: 7"), state, state.seat, scenario)
    assert (none.answer, none.rule, none.grade) == (None, "none", Grade.UNPARSABLE)
    odd = judge(Utterance("<many>"), state, state.seat, scenario)
    assert (odd.answer, odd.rule, odd.grade) == (None, "none", Grade.UNPARSABLE)


def test_an_extract_hook_works_without_a_dialogue() -> None:
    scenario = HookedScenario(SUMS, Hooks(extract=lambda text, **context: context["dataset_name"][:0] + "5").extract)
    assert scenario.extract("?").answer == "5"
    assert scenario.name == "arithmetic"


def test_hooks_of_a_file(folder: Path) -> None:
    paths = {"value": "half", "reward": "short", "prompt": "shout", "extract": "angle", "updater": "Counter"}
    assert list(paths) == list(HOOKS)
    hooks = Hooks.load({kind: f"mine.py:{name}" for kind, name in paths.items()})
    state = play("C")
    assert hooks.valued(state, Action.SPEAK, 1.0) == 0.5
    assert hooks.rewarding(RoleReward())(state, review("+")) == pytest.approx(1.0 - 0.08)
    assert hooks.prompting(NanoPrompts()).messages(state, state.seat)[-1]["content"].startswith("WHAT IS 6")
    assert hooks.extracting(SUMS).extract("<41>").answer == "41"
    texts = [proposal("C"), proposal("W")]
    assert hooks.updated("proposer", play(""), texts, [1.0, -1.0]) == {"groups": 1.0, "mean": 0.0}
    assert hooks.updated("proposer", play(""), texts, [1.0, 1.0]) == {"groups": 2.0, "mean": 1.0}
    assert hooks.value.function.__globals__ is hooks.reward.function.__globals__  # one file is one module
    assert {kind: data["name"] for kind, data in hooks.to_data().items()} == paths
    assert len({data["digest"] for data in hooks.to_data().values()}) == 1
    assert list(folder.iterdir()) == [folder / "mine.py"]


def test_a_changed_file_is_read_again(folder: Path) -> None:
    before = Hooks.load({"value": "mine.py:half"})
    (folder / "mine.py").write_text(FILE.replace("default / 2", "default / 4"), encoding="utf-8")
    after = Hooks.load({"value": "mine.py:half"})
    state = play("C")
    assert (before.valued(state, Action.SKIP, 1.0), after.valued(state, Action.SKIP, 1.0)) == (0.5, 0.25)
    assert before.to_data() != after.to_data()


def test_a_hook_of_a_module(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "hooks_of_a_package").mkdir()
    (folder / "hooks_of_a_package" / "__init__.py").touch()
    (folder / "hooks_of_a_package" / "mine.py").write_text(FILE, encoding="utf-8")
    monkeypatch.syspath_prepend(folder)
    hooks = Hooks.load({"value": "hooks_of_a_package.mine:half"})
    assert hooks.valued(play("C"), Action.SKIP, 1.0) == 0.5


def test_no_hooks_change_nothing() -> None:
    hooks, reward, prompts = Hooks(), RoleReward(), Prompts()
    assert hooks.valued(play("C"), Action.SKIP, 0.25) == 0.25
    assert hooks.rewarding(reward) is reward
    assert hooks.prompting(prompts) is prompts
    assert hooks.extracting(SUMS) is SUMS
    assert hooks.to_data() == {}
    with pytest.raises(ConfigError, match="no updater hook"):
        hooks.updated("proposer", play(""), [], [])
    with pytest.raises(FrozenInstanceError):
        hooks.value = print  # type: ignore[misc]


@pytest.mark.parametrize(
    ("kind", "path", "line"),
    [
        ("value", "mine.py", 'must look like "package.module:name" or "file.py:name"'),
        ("value", "no-such module:f", 'must look like "package.module:name" or "file.py:name"'),
        ("value", "his.py:half", "his.py cannot be read: No such file or directory"),
        ("value", "no_such_module:f", "no module 'no_such_module'; a file is given as file.py:Name"),
        ("value", "mine.py:hafl", "mine.py has no 'hafl'; did you mean 'half'?"),
        ("value", "mine.py:pi", "is not callable: 3.14; it is called as value(action=, default=,"),
        ("updater", "mine.py:pi", "has no update method; it is called as updater.update(policy=,"),
        ("value", "mine.py:narrow", "does not take the keywords agent_index, answer, correct,"),
        ("reward", "mine.py:half", "cannot be called as reward(text=, default=,"),
        ("value", "broken.py:f", "broken.py cannot be run: SyntaxError"),
        ("value", "raising.py:f", "raising.py cannot be run: KeyError: 'x'"),
    ],
)
def test_mistakes_are_found_on_loading(folder: Path, kind: str, path: str, line: str) -> None:
    (folder / "broken.py").write_text("def f(:\n", encoding="utf-8")
    (folder / "raising.py").write_text("{}['x']\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=re.escape(line)) as caught:
        Hooks.load({kind: path})
    assert "\n" not in str(caught.value)


def test_an_unknown_kind_is_named() -> None:
    with pytest.raises(UnknownNameError, match="unknown kind of hook 'vale'; did you mean 'value'"):
        Hooks.load({"vale": "mine.py:half"})


def test_a_hook_has_one_kind(folder: Path) -> None:
    with pytest.raises(ConfigError, match="was loaded as the value hook and cannot be the reward hook"):
        Hooks(reward=Hooks.load({"value": "mine.py:half"}).value)


def test_an_updater_that_needs_arguments_is_refused() -> None:
    class Needy:
        def __init__(self, what: str) -> None:
            self.what = what

    with pytest.raises(ConfigError, match="cannot be made without arguments: TypeError"):
        Hooks(updater=Needy)


def _valued(hooks: Hooks, state: DialogueState) -> object:
    return hooks.valued(state, Action.SKIP, 1.0)


def test_a_hook_that_fails_is_named(folder: Path) -> None:
    with pytest.raises(ConfigError, match=r"the value hook 'mine.py:fails' raised ZeroDivisionError: division by zero"):
        _valued(Hooks.load({"value": "mine.py:fails"}), play("C"))
    with pytest.raises(ConfigError, match=r"'mine.py:word' returned 'plenty'; it must return a finite number"):
        _valued(Hooks.load({"value": "mine.py:word"}), play("C"))


@pytest.mark.parametrize(
    "told", [True, None, float("nan"), float("inf"), "1", 10**400, -(10**9000)], ids=lambda told: type(told).__name__
)
def test_a_value_is_a_finite_number(told: object) -> None:
    with pytest.raises(ConfigError, match="it must return a finite number"):
        _valued(Hooks(value=lambda **context: told), play("C"))


@pytest.mark.parametrize("told", [None, "", "  ", 5])
def test_a_prompt_is_a_text(told: object) -> None:
    state = play("C")
    with pytest.raises(ConfigError, match="it must return a text that is not empty"):
        Hooks(prompt=lambda **context: told).prompting(Prompts()).messages(state, state.seat)


def test_other_wrong_returns() -> None:
    with pytest.raises(ConfigError, match="returned 5; it must return a text or None"):
        Hooks(extract=lambda **context: 5).extracting(SUMS).extract("?")

    class Updater:
        def update(self, **context: object) -> object:
            return [1.0]

    with pytest.raises(ConfigError, match="must return None or a dict of metrics by name"):
        Hooks(updater=Updater()).updated("proposer", play(""), [], [])


def test_a_reward_for_whole_dialogues_takes_no_hook() -> None:
    with pytest.raises(ConfigError, match=r"pays for utterances, but TeamReward\(.*\) pays for whole dialogues"):
        Hooks(reward=lambda **context: 0.0).rewarding(TeamReward())  # type: ignore[arg-type]


def test_a_pending_proposal_that_the_seat_may_not_read_is_not_told() -> None:
    class Alone:
        def seat(self, turn: int, num_agents: int) -> Any:
            return play("").seat

        def readable(self, turns: tuple[Any, ...], seat: Any) -> tuple[Any, ...]:
            return ()

    state = advance(initial(TASK, Rules(schedule=Alone())), 1, proposal("W"))
    assert (context_of(state)["pending"], context_of(state)["history"]) == (None, [])
