"""Code by its path: modules and files, with settings behind them, for every kind of part."""

from __future__ import annotations

from pathlib import Path

import pytest

import tracer_env
from tracer_env.code_files import found_at, is_code, path_and_settings
from tracer_env.errors import ConfigError, MissingExtraError, UserError
from tracer_env.parts.casting import make_controller, make_reward, make_scenario, make_speaker
from tracer_env.registry import names_code
from tracer_env.specs import name_and_settings, split_list

MINE = '''
from dataclasses import dataclass

from tracer_env import Task

@dataclass
class Thrifty:
    """Speaks until its budget is spent."""

    budget: int = 3

    def speak_probability(self, state, key):
        return float(state.turn <= self.budget)

def answer(prompt: str) -> str:
    return "RIGHT." if "Is it RIGHT or WRONG?" in prompt else "Final answer: 7"

@dataclass
class Parrot:
    word: str = "7"

    def speak(self, requests):
        from tracer_env import Utterance
        return [Utterance(f"Final answer: {self.word}") for each in requests for _ in range(each.candidates)]

def paid(before, after):
    return (1.0, 2.0)

def weeks(split="test"):
    return [Task(f"{split}-{n}", f"How many days have {n} weeks?", str(7 * n)) for n in range(1, 5)]

def parity(state):
    return f"parity_{state.turn % 2}"
'''


@pytest.fixture(autouse=True)
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text(MINE, encoding="utf-8")
    Path("broken.py").write_text("x = 1\nclass A(:\n", encoding="utf-8")
    Path("raising.py").write_text("x = 1\n\ny = {}['key']\n", encoding="utf-8")
    Path("missing.py").write_text("import no_such_package_at_all\n", encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "code"),
    [
        *((name, True) for name in ("mine.py:A", "a/b c/mine.py:A", "../mine.py:A", "pkg.mod:A", "mine.py:A:k=1")),
        *((name, True) for name in ("pkg.mod:A:k=1,l='x'", "mine.py:A:path=a:b")),
        *(
            (name, False)
            for name in ("mine.py", "random:p=0.3", "cfr_plus:information=vote+confidence:of=sum", "a b:c")
        ),
    ],
)
def test_what_has_the_form_of_code(name: str, code: bool) -> None:
    assert is_code(name) is code


def test_known_prefixes_are_no_code() -> None:
    assert not names_code("scenario", "jsonl:tasks.py:Name")
    assert not names_code("speaker", "hf:model")
    assert names_code("speaker", "mine.py:answer")
    assert names_code("controller", "mine.py:Thrifty:budget=2")


def test_settings_behind_a_path() -> None:
    assert path_and_settings("mine.py:A:k=1,l=2") == ("mine.py:A", "k=1,l=2")
    assert name_and_settings("mine.py:A:k=1,l=two") == ("mine.py:A", {"k": 1, "l": "two"})
    assert name_and_settings("pkg.mod:A") == ("pkg.mod:A", {})
    assert split_list("mine.py:A:k=1,l=2,always") == ["mine.py:A:k=1,l=2", "always"]


def test_every_kind_of_part_by_a_file() -> None:
    thrifty = make_controller("mine.py:Thrifty:budget=2")
    assert thrifty.budget == 2  # type: ignore[attr-defined]
    assert make_controller("proposer=mine.py:Thrifty+reviewer=always") is not None
    assert make_speaker("mine.py:Parrot:word='9'").word == "9"  # type: ignore[attr-defined]
    assert make_speaker("mine.py:Parrot", word="8").word == "8"  # type: ignore[attr-defined]
    assert repr(make_speaker("mine.py:answer")) == "FunctionSpeaker(answer)"
    assert make_reward("mine.py:paid")(None, None) == (1.0, 2.0)  # type: ignore[arg-type]
    assert [task.answer for task in make_scenario("mine.py:weeks")] == ["7", "14", "21", "28"]
    assert len(make_scenario("mine.py:weeks", limit=2)) == 2
    env = tracer_env.env("mine.py:weeks", speaker="mine.py:answer", reward="mine.py:paid")
    env.reset(seed=0)
    env.step(1)


def test_a_file_runs_once_for_its_content() -> None:
    first = found_at("x", "mine.py:Thrifty")
    assert found_at("x", "./mine.py:Thrifty") is first
    Path("mine.py").write_text(MINE.replace("budget: int = 3", "budget: int = 4"), encoding="utf-8")
    assert found_at("x", "mine.py:Thrifty") is not first
    assert not list(Path().glob("__pycache__"))


@pytest.mark.parametrize(
    ("path", "error", "words"),
    [
        ("min.py:Thrifty", ConfigError, "min.py cannot be read: No such file or directory; did you mean 'mine.py'"),
        ("mine.py:Thrifti", ConfigError, "mine.py has no 'Thrifti'; did you mean 'Thrifty'"),
        ("broken.py:A", ConfigError, r"broken.py cannot be run: SyntaxError: invalid syntax .*line 2"),
        ("raising.py:A", ConfigError, r"raising.py cannot be run: KeyError: 'key' \(line 3\)"),
        (
            "missing.py:A",
            ConfigError,
            "missing.py cannot be run: ModuleNotFoundError: No module named 'no_such_package",
        ),
        ("no_such_module:A", ConfigError, "there is no module 'no_such_module'; a file is given as file.py:Name"),
        ("mine.py:Thrifty:budgte=2", ConfigError, "has no setting 'budgte'; did you mean 'budget'"),
        ("mine.py:Thrifty:budget=many", ConfigError, "the setting 'budget' must be a whole number"),
    ],
)
def test_mistakes_are_one_line(path: str, error: type[UserError], words: str) -> None:
    with pytest.raises(error, match=words) as caught:
        make_controller(path)
    assert "\n" not in str(caught.value)


def test_a_module_that_lacks_a_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(MissingExtraError, match="pip install no_such_package_at_all"):
        found_at("speaker 'missing:A'", "missing:A")


@pytest.mark.parametrize(
    ("name", "split", "words"),
    [
        ("mine.py:answer", "test", "cannot be made from these settings"),
        ("mine.py:Thrifty", "test", "must be a Scenario or give back a list of Task, got "),
        ("mine.py:whole", "train", "has the split 'test' alone; give it a parameter split"),
        ("mine.py:numbers", "test", "must be a Scenario or give back a list of Task"),
    ],
)
def test_scenarios_that_are_none(name: str, split: str, words: str) -> None:
    more = "def whole():\n    return weeks()\ndef numbers():\n    return [1, 2]\n"
    Path("mine.py").write_text(MINE + more, encoding="utf-8")
    with pytest.raises(ConfigError, match=words):
        make_scenario(name, split=split)
    assert len(make_scenario("mine.py:whole")) == 4
