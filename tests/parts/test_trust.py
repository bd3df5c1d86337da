"""Files name registered parts alone; code they name runs on the user's word and on nothing else."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tracer_env import register, registry
from tracer_env.agents.controllers.regret_matching import RegretMatching
from tracer_env.cli.app import main
from tracer_env.cli.options import trusting
from tracer_env.errors import ConfigError, TrustError
from tracer_env.parts.casting import make_controller
from tracer_env.parts.trust import code_named, layered, table_named
from tracer_env.rules import Rules
from tracer_env.runs.comparing import compare
from tracer_env.runs.config import Config
from tracer_env.trainers.runs.controllers import train_run

CANARY = """
from pathlib import Path
MARK = Path(__file__).with_name("mark")
MARK.write_text("imported")
from tracer_env.agents.controllers.regret_matching import RegretMatching
from tracer_env.agents.speakers.function import FunctionSpeaker
from tracer_env.scenarios.arithmetic import Arithmetic
class Thing:
    def __init__(self, *arguments, **settings):
        MARK.write_text("called")
def call(*arguments, **settings):
    MARK.write_text("called")
class Speaker(FunctionSpeaker):
    def __init__(self, **settings):
        super().__init__(lambda prompt: "Final answer: 1")
class Table(RegretMatching):
    name = "canary_part:Table"
def hook(**context):
    return 0.0
"""


@pytest.fixture
def mark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A module and a file that leave a mark when anybody imports them; the mark."""
    (tmp_path / "canary_part.py").write_text(CANARY)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    yield tmp_path / "mark"
    sys.modules.pop("canary_part", None)
    for name in [name for name in sys.modules if name.startswith("tracer_env_hook_")]:
        del sys.modules[name]


def _table(file: Path, **changes: object) -> Path:
    data = RegretMatching(rules=Rules()).state_dict()
    file.write_text(json.dumps({**data, "rows": {"k": {"visits": 1, "strategy": [0.5, 0.5]}}, **changes}))
    return file


def _folder(path: Path, text: str) -> Path:
    path.mkdir()
    (path / "config.toml").write_text(text)
    return path


# -- controller files ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("canary_part:Thing", "names the controller 'canary_part:Thing', which is code; a file may name registered"),
        ("canary_part:Table", "which is code"),
        ("canary_part:call", "which is code"),
        ("os:abort", "which is code"),
        ("code:interact", "which is code"),
        ("tracer_env.registry:resolve", "which is code"),
        ("tracer_env.agents.controllers.regret_matching:RegretMatching", "which is code"),
        ("always", "the controller 'always' keeps no table"),
        ("human", "keeps no table"),
        ("random:p=0.3", "unknown controller 'random:p=0.3'"),
        ("called", "keeps no table"),
        ("mine:x", "unknown controller 'mine:x'"),
        ("mine:", "unknown controller 'mine:'"),
        ("other.json", "unknown controller"),
        ("proposer=canary_part:Thing+reviewer=never", "unknown controller"),
        ("../canary_part:Thing", "unknown controller"),
        ("canary_part:Thing()", "unknown controller"),
        ("", "unknown controller"),
        (None, "which is no name"),
        (["os:abort"], "which is no name"),
        ({"os": "abort"}, "which is no name"),
        (7, "which is no name"),
    ],
)
def test_a_controller_file_names_registered_tables(mark: Path, name: object, message: str) -> None:
    register("controller", "called", lambda: mark.write_text("called"))
    register("controller", "mine:", lambda what: mark.write_text("called"))
    file = _table(mark.with_name("t.json"), controller=name)
    with pytest.raises(ConfigError if "which is code" not in message else TrustError) as caught:
        make_controller(str(file))
    assert message in str(caught.value)
    assert str(file) in str(caught.value)
    assert not mark.exists()
    assert "canary_part" not in sys.modules


def test_a_cast_of_files_is_asked_file_by_file(mark: Path) -> None:
    good, bad = _table(mark.with_name("a.json")), _table(mark.with_name("b.json"), controller="canary_part:Table")
    with pytest.raises(TrustError):
        make_controller(f"proposer={good}+reviewer={bad}")
    with pytest.raises(TrustError):
        make_controller({"proposer": str(good), "reviewer": str(bad)})
    assert not mark.exists()


@pytest.mark.parametrize(
    "target", [lambda made: made, lambda made: "canary_part:Table"], ids=["its class", "its import path"]
)
def test_a_table_of_the_user_is_registered_under_a_name(mark: Path, target: Callable[[Any], Any]) -> None:
    class Mine(RegretMatching):
        name = "mine" if target(None) is None else "canary_part:Table"

    register("controller", "mine", target(Mine))
    made = table_named("mine", Path("t.json"))()
    assert isinstance(made, RegretMatching)
    if target(None) is None:
        assert make_controller(str(_table(mark.with_name("t.json"), controller="mine"))).rows["k"].visits == 1


def test_a_table_told_apart_by_code_is_asked_about(mark: Path) -> None:
    file = _table(mark.with_name("t.json"), information="vote+canary_part:call")
    with pytest.raises(TrustError, match=r"t\.json tells its rows apart by 'canary_part:call', which is code"):
        make_controller(str(file))
    assert not mark.exists()
    assert make_controller(str(file), trust_code=True).information == "vote+canary_part:call"
    del registry.KINDS["information"]["canary_part:call"]


def test_trusted_files_may_name_a_table_by_its_path_and_nothing_else(mark: Path) -> None:
    file = _table(mark.with_name("t.json"), controller="canary_part:Table")
    assert make_controller(str(file), trust_code=True).name == "canary_part:Table"
    for name in ("canary_part:Thing", "canary_part:call"):
        mark.write_text("")
        with pytest.raises(ConfigError, match="keeps no table"):
            make_controller(str(_table(file, controller=name)), trust_code=True)
        assert mark.read_text() == ""  # imported before, and never called


# -- configs from a folder -----------------------------------------------------------------------

NAMED = {
    "speaker": ('[speaker]\nname = "canary_part:Speaker"', "speaker.name = 'canary_part:Speaker'", "compare"),
    "cast": ('[speaker]\nname = "proposer=canary_part:Speaker,reviewer=simulated"', "speaker.name", "compare"),
    "cast in a cast": ('[speaker]\nname = "proposer=agent_0=canary_part:Thing"', "speaker.name", "compare"),
    "scenario": ('[scenario]\nname = "canary_part:Thing"', "scenario.name", "compare"),
    "a part of ours by its path": (
        '[speaker]\nname = "tracer_env.trainers.gspo.hook_loading:load_hook"\n'
        'kind = "reward"\npath = "canary_part.py:hook"',
        "speaker.name",
        "compare",
    ),
    "method": ('[evaluation]\nmethods = ["never", "canary_part:Thing"]', "evaluation.methods", "compare"),
    "method with settings": (
        '[evaluation]\nmethods = ["proposer=canary_part:Thing+reviewer=never"]',
        "methods",
        "compare",
    ),
    "hook": ('[hooks]\nreward = "canary_part.py:hook"', "hooks.reward = 'canary_part.py:hook'", "compare"),
    "remote code": ('[speaker]\nname = "hf:model"\ntrust_remote_code = true', "speaker.trust_remote_code", "compare"),
    "remote code, in words": ('[speaker]\nname = "hf:m"\ntrust_remote_code = "yes"', "trust_remote_code", "compare"),
    "remote code, deep": (
        "[speaker.kwargs]\ntrust_remote_code = [true]",
        "speaker.kwargs.trust_remote_code",
        "compare",
    ),
    "trainer": ('[training]\nmethod = "canary_part:call"', "training.method = 'canary_part:call'", "train"),
    "trained speaker": (
        '[training]\nmethod = "gspo"\n[speaker]\nname = "canary_part:Speaker"',
        "speaker.name",
        "train",
    ),
    "hook of gspo": (
        '[training]\nmethod = "gspo"\n[speaker]\nname = "nano"\n[hooks]\nreward = "canary_part.py:hook"',
        "hooks.reward",
        "train",
    ),
    "what tracer sees": (
        '[training]\nmethod = "tracer"\n[tracer]\ninformation = "vote+canary_part:Thing"',
        "tracer.information = 'vote+canary_part:Thing'",
        "train",
    ),
    "hook of tracer": (
        '[training]\nmethod = "tracer"\n[hooks]\nupdater = "canary_part:Thing"',
        "hooks.updater",
        "train",
    ),
    "remote code of gspo": (
        '[training]\nmethod = "gspo"\n[speaker]\nname = "hf:RUN/model"\ntrust_remote_code = true',
        "speaker.trust_remote_code",
        "train",
    ),
}


@pytest.mark.parametrize("case", NAMED)
def test_a_folder_names_no_code(mark: Path, capsys: pytest.CaptureFixture[str], case: str) -> None:
    text, key, command = NAMED[case]
    folder = _folder(mark.with_name("RUN"), text)
    for extra in ((), ("--dry-run",)):
        assert main([command, "--resume", str(folder), *extra]) == 2
        line = capsys.readouterr().err
        assert line.startswith(f"error: {folder}/config.toml names code, which is not run on the word of a file: ")
        assert key in line
        assert "--trust-code" in line
        assert line.count("\n") == 1
    assert not mark.exists()
    assert "canary_part" not in sys.modules
    assert [path.name for path in folder.iterdir()] == ["config.toml"]


def test_a_folder_names_no_code_in_python(mark: Path) -> None:
    folder = _folder(mark.with_name("A"), '[evaluation]\nmethods = ["canary_part:Thing"]')
    with pytest.raises(TrustError, match=r"evaluation\.methods"):
        compare(resume=folder)
    folder = _folder(mark.with_name("B"), '[speaker]\nname = "canary_part:Speaker"')
    with pytest.raises(TrustError, match=r"speaker\.name"):
        train_run(None, resume=folder)
    from tracer_env.trainers.runs.language import train_run as train_language

    folder = _folder(
        mark.with_name("C"),
        '[training]\nmethod = "gspo"\n[speaker]\nname = "nano"\n[hooks]\nreward = "canary_part.py:hook"',
    )
    with pytest.raises(TrustError, match=r"hooks\.reward"):
        train_language(None, resume=folder)
    assert not mark.exists()


@pytest.mark.parametrize("command", ["report", "verify", "replay"])
def test_looking_at_a_folder_needs_no_code(mark: Path, command: str) -> None:
    text = '[speaker]\nname = "canary_part:Speaker"\n[hooks]\nreward = "canary_part.py:hook"'
    assert main([command, str(_folder(mark.with_name("RUN"), text))]) == 2  # it holds no episodes
    assert not mark.exists()


def test_the_user_names_what_he_likes(mark: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small = ("--scenario", "arithmetic", "--methods", "never", "--limit", "2")
    assert main(["compare", *small, "--speaker", "canary_part:Speaker", "--out", "RUN"]) == 0
    before = Path("RUN/episodes.jsonl").read_bytes()
    capsys.readouterr()
    assert main(["compare", "--resume", "RUN"]) == 2
    line = capsys.readouterr().err
    assert line.rstrip().endswith("or say it again yourself: --speaker canary_part:Speaker")
    for word in (("--trust-code",), ("--speaker", "canary_part:Speaker"), ("--config", "RUN/config.toml")):
        assert main(["compare", "--resume", "RUN", *word]) == 0
    assert compare(resume="RUN", trust_code=True).rows
    assert Path("RUN/episodes.jsonl").read_bytes() == before
    assert main(["compare", "--resume", "RUN", "--speaker", "canary_part:Thing"]) == 2  # said, but another run's


def test_a_word_for_one_key_is_none_for_another(mark: Path) -> None:
    recorded = {"speaker": {"name": "hf:x", "trust_remote_code": True}, "hooks": {"reward": "a.py:f"}}
    mine: dict[str, Any] = {"speaker": {"trust_remote_code": True}}
    with pytest.raises(TrustError, match=r"file: hooks\.reward = 'a\.py:f'; if"):
        layered(recorded, mine, Path("RUN"))
    mine["hooks"] = {"reward": "b.py:f"}  # what the user says stands, whatever the file had
    assert layered(recorded, mine, Path("RUN"))["hooks"] == {"reward": "b.py:f"}
    assert layered(recorded, {}, Path("RUN"), trust_code=True) == recorded
    assert layered({"speaker": {"trust_remote_code": False}}, {}, Path("RUN")) == {
        "speaker": {"trust_remote_code": False}
    }


def test_a_hook_said_again_is_the_users(mark: Path, capsys: pytest.CaptureFixture[str]) -> None:
    speaker = '[speaker]\nname = "nano"\n'
    hook = '[training]\nmethod = "gspo"\n[hooks]\nreward = "canary_part.py:hook"'
    folder = _folder(mark.with_name("RUN"), speaker + hook)
    assert main(["train", "--resume", str(folder), "--set", "hooks.prompt=canary_part.py:hook"]) == 2
    assert "hooks.reward = " in capsys.readouterr().err
    assert not mark.exists()
    for word in (("--trust-code",), ("--set", "hooks.reward=canary_part.py:hook")):
        assert main(["train", "--resume", str(folder), *word, "--dry-run"]) == 0
        assert 'reward = "canary_part.py:hook"' in capsys.readouterr().out
    assert mark.exists()  # a dry run reads the hooks that the user names


def test_ordinary_configs_name_no_code() -> None:
    register("speaker", "registered-here", lambda: None)
    try:
        for data in (
            Config().to_data(),
            {"speaker": {"name": "proposer=nano,reviewer=hf:PATH"}, "scenario": {"name": "jsonl:../tasks.jsonl"}},
            {
                "speaker": {"name": "registered-here"},
                "evaluation": {"methods": ["random:p=0.3", "a/b.json", "x:y.json"]},
            },
            {"training": {"method": "tracer"}, "hooks": {}, "speaker": {"name": "recorded:trees"}},
            {"speaker": {"name": ["os:abort"]}, "evaluation": {"methods": "os:abort"}, "hooks": 7, "training": None},
        ):
            assert code_named(data) == {}
    finally:
        del registry.KINDS["speaker"]["registered-here"]


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"base_url": "http://127.0.0.1:8000/v1"}, {}),
        ({"base_url": "http://localhost/v1"}, {}),
        ({"base_url": "http://[::1]:8000/v1"}, {}),
        ({"base_url": "https://elsewhere.example/v1"}, {"speaker.base_url": "https://elsewhere.example/v1"}),
        ({"base_url": "http://127.0.0.1.example/v1"}, {"speaker.base_url": "http://127.0.0.1.example/v1"}),
        ({"base_url": 7}, {"speaker.base_url": 7}),
        ({"api_key_env": "OPENAI_API_KEY"}, {}),
        ({"api_key_env": "AWS_SECRET_ACCESS_KEY"}, {"speaker.api_key_env": "AWS_SECRET_ACCESS_KEY"}),
        ({}, {}),
    ],
)
def test_a_file_sends_no_key_anywhere(settings: dict[str, Any], told: dict[str, Any], tmp_path: Path) -> None:
    recorded = {"speaker": {"name": "endpoint:m", **settings}}
    assert code_named(recorded) == told
    if told:
        with pytest.raises(TrustError, match="names a server, which is sent nothing on the word of a file"):
            layered(recorded, {}, tmp_path)
        assert layered(recorded, {"speaker": settings}, tmp_path) == recorded  # the user's own word
        assert layered(recorded, {}, tmp_path, trust_code=True) == recorded


def test_how_to_go_on_says_what_is_asked_for(tmp_path: Path) -> None:
    for url, option in (("http://127.0.0.1:1/v1", []), ("https://elsewhere.example/v1", ["--trust-code"])):
        (tmp_path / "config.toml").write_text(f'[speaker]\nname = "endpoint:m"\nbase_url = "{url}"\n')
        assert trusting(tmp_path) == option
    assert trusting(tmp_path / "none") == []
