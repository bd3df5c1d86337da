"""The command line: one JSON document, one line for a mistake, and the exit codes."""

from __future__ import annotations

import csv
import importlib
import io
import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import tracer_env
from tracer_env import code_files, registry
from tracer_env.cli.app import application, main
from tracer_env.cli.commands import COMMANDS, function_of
from tracer_env.errors import MissingExtraError, SpeakerError
from tracer_env.phrases import phrase_of
from tracer_env.runs.config import Config
from tracer_env.runs.verifying import verify

ROOT = Path(__file__).parents[2]
SMALL = (
    *("compare", "--scenario", "arithmetic", "--methods", "regret_matching,always,random:p=0.3"),
    *("--train-episodes", "64", "--limit", "6"),
)
ROW_KEYS = {
    *("method", "scenario", "episodes", "accuracy", "accuracy_ci", "tokens_per_task", "completion_tokens_per_task"),
    *("calls_per_task", "speak_rate", "correction_rate", "corruption_rate", "preservation_rate", "reviewer_tpr"),
    *("reviewer_tnr", "unparsable_rate", "timeout_rate", "truncated_rate", "paired_difference", "p_value", "p_holm"),
}


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TRACER_ENV_DATA", raising=False)


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*arguments: str) -> tuple[int, str, str]:
        code = main(arguments)
        out, err = capsys.readouterr()
        return code, out, err

    return call


def document(answer: tuple[int, str, str]) -> Any:
    """Return the one JSON document on stdout of a call that went well."""
    code, out, err = answer
    assert (code, err) == (0, "")

    def refuse(word: str) -> None:
        raise ValueError(f"{word} is no JSON")

    return json.loads(out, parse_constant=refuse)


# -- what goes well ------------------------------------------------------------------------------


def test_compare_prints_a_table_and_the_way_on(run: Run) -> None:
    code, out, err = run(*SMALL, "--out", "here")
    assert (code, err) == (0, "")
    for word in ("regret_matching", "always", "random:p=0.3"):
        assert word in out
    lines = {line.split()[0]: line.split(maxsplit=1)[1] for line in out.splitlines() if line.startswith(("r", "run "))}
    assert (lines["run"], lines["report"]) == ("here", "here/report.html")
    code, replayed, _ = run(*lines["replay"].split()[1:])
    assert code == 0
    assert "Final answer:" in replayed


def test_compare_json_has_the_promised_keys(run: Run) -> None:
    data = document(run(*SMALL, "--json", "--seed", "4"))
    assert set(data) >= {"run", "seed", "config", "rows"}
    assert (data["seed"], data["run"]) == (4, "runs/arithmetic--compare--001")
    assert [row["method"] for row in data["rows"]] == ["regret_matching", "always", "random:p=0.3"]
    for row in data["rows"]:
        assert set(row) >= ROW_KEYS
        assert row["episodes"] == 6
        assert row["accuracy_ci"][0] <= row["accuracy"] <= row["accuracy_ci"][1]
    assert data["rows"][0]["paired_difference"] is data["rows"][0]["p_value"] is None
    assert data["rows"][1]["p_value"] is not None
    assert Config.from_data(data["config"]).training.episodes == 64
    assert (Path(data["run"]) / "report.html").is_file()


def test_rates_without_cases_are_null(run: Run) -> None:
    data = document(run("compare", "--methods", "never", "--limit", "3", "--json"))
    assert data["rows"][0]["reviewer_tpr"] is None
    assert data["rows"][0]["reviewer_tnr"] is None


def test_the_baseline_can_be_named(run: Run) -> None:
    rows = document(run(*SMALL, "--baseline", "always", "--json"))["rows"]
    assert [row["paired_difference"] is None for row in rows] == [False, True, False]


def test_the_same_command_gives_the_same_bytes(run: Run) -> None:
    for out in ("one", "two"):
        assert run(*SMALL, "--out", out, "--set", f"evaluation.batch_size={3 if out == 'one' else 50}")[0] == 0
    assert Path("one/episodes.jsonl").read_bytes() == Path("two/episodes.jsonl").read_bytes()


def test_resume_takes_the_settings_of_the_folder(run: Run) -> None:
    run(*SMALL, "--out", "here", "--seed", "9")
    whole = Path("here/episodes.jsonl").read_bytes()
    Path("here/episodes.jsonl").write_bytes(whole[:3000])
    assert document(run("compare", "--resume", "here", "--json"))["seed"] == 9
    assert Path("here/episodes.jsonl").read_bytes() == whole
    code, _, err = run("compare", "--resume", "here", "--seed", "8")
    assert (code, err) == (2, "error: here was started with other settings; they differ in: seed\n")


def test_settings_come_from_file_flags_and_set(run: Run) -> None:
    Path("run.toml").write_text('seed = 1\n[rules]\nmax_turns = 3\n[scenario]\nname = "gsm8k"\n', encoding="utf-8")
    flags = ("--config", "run.toml", "--scenario", "arithmetic", "--limit", "4", "--methods", "always,random:p=0.1")
    flags += ("--set", "rules.max_turns=7", "--set", "speaker.skill=0.5")
    data = document(run("compare", *flags, "--dry-run", "--json"))
    config = Config.from_data(data)
    assert (config.seed, config.scenario.name, config.scenario.limit) == (1, "arithmetic", 4)
    assert (config.rules.max_turns, config.speaker.settings) == (7, {"skill": 0.5})
    assert config.evaluation.methods == ("always", "random:p=0.1")


@pytest.mark.parametrize("command", ["compare", "train"])
def test_a_dry_run_prints_settings_and_does_nothing(run: Run, command: str, tmp_path: Path) -> None:
    code, out, err = run(command, "--dry-run", "--seed", "3")
    assert (code, err) == (0, "")
    named = Config.from_data(tomllib.loads(out))
    played = {"scenario": {"name": "recorded"}, "speaker": {"name": "recorded"}}
    told = played if command == "compare" else {"scenario": {"split": "train"}}
    assert named == Config.from_data({"seed": 3, "training": {"episodes": 10_000}, **told})
    assert list(tmp_path.iterdir()) == []


def test_play_shows_an_episode(run: Run) -> None:
    code, out, err = run(
        "play", "--scenario", "arithmetic", "--task", "arithmetic-test-000003", "--set", "rules.max_turns=3"
    )
    assert (code, err) == (0, "")
    assert "Final answer:" in out


def test_replay_exports_and_prints_json(run: Run) -> None:
    run(*SMALL, "--out", "here")
    episodes = document(run("replay", "here", "--method", "always", "--episode", "2", "--json"))
    assert [(e["method"], e["episode"]) for e in episodes] == [("always", 2)]
    for name in ("a.svg", "a.html"):
        code, out, _ = run("replay", "here", "--episode", "2", "--export", name)
        assert (code, out) == (0, f"{name}\n")
        assert Path(name).stat().st_size > 1000


def test_report_verify_list_and_doctor(run: Run) -> None:
    run(*SMALL, "--out", "here")
    assert document(run("verify", "here", "--json"))["verified"] is True
    assert run("verify", "here")[1] == "verified: 3 rows of here follow from its episodes\n"
    report = document(run("report", "here", "--json"))
    assert (report["report"], len(report["rows"])) == ("here/report.html", 3)
    assert run("report", "here")[1].endswith("here/report.html\n")
    listed = document(run("list", "--json"))
    assert {kind: listed[kind] for kind in registry.KINDS} == {
        kind: {name: phrase_of(kind, name) for name in tracer_env.registered(kind)} for kind in registry.KINDS
    }
    assert list(document(run("list", "reward", "--json"))["reward"]) == ["role_credit", "team", "team_minus_tokens"]
    assert all(phrase for kind in registry.KINDS for phrase in listed[kind].values())
    assert "jsonl:..." in run("list", "scenario")[1]
    assert "sycophant" in run("list", "presets")[1]
    assert document(run("doctor", "--json"))["tracer_env"] == tracer_env.__version__
    assert run("doctor")[1].startswith(f"tracer-env {tracer_env.__version__}, Python ")


def test_verify_fails_on_one_changed_byte(run: Run) -> None:
    run(*SMALL, "--out", "here")
    episodes = Path("here/episodes.jsonl")
    episodes.write_bytes(episodes.read_bytes().replace(b',1,3,"/', b',1,4,"/', 1))
    code, out, err = run("verify", "here")
    assert (code, out) == (2, "")
    assert err.startswith("error: here: the episodes cannot be read:")


def test_help_and_version(run: Run) -> None:
    assert run("--version") == (0, f"{tracer_env.__version__}\n", "")
    for arguments in ((), ("--help",)):
        code, out, err = run(*arguments)
        assert (code, err) == (0, "")
        assert "compare" in out
        assert "replay" in out
    for command in ("compare", "train", "play", "replay", "report", "verify", "list", "doctor"):
        code, out, _ = run(command, "--help")
        assert (code, "--json" in out) == (0, True)


# -- the user's mistakes: exit code 2, one line --------------------------------------------------


def mistake(answer: tuple[int, str, str]) -> str:
    code, out, err = answer
    assert code == 2
    assert out == ""
    assert err.startswith("error: ")
    assert err.endswith("\n")
    assert err.count("\n") == 1
    assert "Traceback" not in err
    return err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("compare --scenario arithmetics", "unknown scenario 'arithmetics'; did you mean 'arithmetic'?"),
        ("compare --speaker simulatd", "unknown speaker 'simulatd'; did you mean 'simulated'?"),
        ("compare --speaker simulated:hars", "did you mean 'harsh'?"),
        ("compare --methods always,nevr", "unknown method 'nevr'; did you mean 'never'?"),
        ("compare --methods random:q=1", "the controller 'random' has no setting 'q'"),
        ("compare --methods random:p=7", "p must be a probability between 0 and 1, got 7"),
        ("compare --methods always,always", "evaluation.methods names always more than once"),
        ("compare --methods ,", "evaluation.methods is empty"),
        ("compare --baseline nevr", "the baseline 'nevr' is not among the methods; did you mean 'never'?"),
        ("compare --set rules.max_turn=3", "unknown key rules.max_turn; did you mean 'max_turns'?"),
        ("compare --set rule.max_turns=3", "unknown key rule; did you mean 'rules'?"),
        ("compare --set speaker.skil=1", "the simulated speaker has no rate 'skil'; did you mean 'skill'?"),
        ("compare --set scenario.levl=1", "has no setting 'levl'; did you mean 'level'?"),
        ("compare --set rules.max_turns", "--set takes key=value"),
        ("compare --set rules.max_turns=0", "rules.max_turns must be a whole number from 1 to 4096, got 0"),
        ("compare --set rules.max_turns=-3", "rules.max_turns must be a whole number from 1 to 4096, got -3"),
        ("compare --set rules.num_agents=0", "rules.num_agents must be a whole number from 1 to 4096, got 0"),
        ("compare --set rules.num_agents=-1", "rules.num_agents must be a whole number from 1 to 4096, got -1"),
        ("compare --set rules.num_agents=two", "rules.num_agents must be a whole number, got 'two'"),
        ("compare --set rules.stop_when=keep", "rules.stop_when is 'keep'; did you mean 'kept'?"),
        (
            "compare --set hooks.prompt=no.py:f",
            "hooks.prompt is asked in training alone, and compare would pass over it",
        ),
        ("compare --dry-run --set hooks.extract=no.py:f", "hooks.extract is asked in training alone"),
        ("play --set hooks.extract=no.py:f", "play would pass over it; take the section [hooks] out of the settings"),
        ("expand --out trees --set hooks.reward=no.py:f", "hooks.reward is asked in training alone, and expand would"),
        ("compare --executor rai", "unknown executor 'rai'; did you mean 'ray'?"),
        ("expand --out trees --set executor.workers=2", "the executor 'process' has no setting 'workers'"),
        ("play --set executor.name=ray", "executor.name is 'ray', but play works in this process alone"),
        ("train --set executor.name=ray --limit 5", "executor.name is 'ray', but train works in this process alone"),
        ("compare --limit 0", "scenario.limit must be at least 1, got 0"),
        ("compare --limit many", "Invalid value for '--limit'"),
        ("compare --seed -1", "seed must be at least 0, got -1"),
        ("compare --train-episodes 0", "training.episodes must be at least 1, got 0"),
        ("compare --worlds 0", "evaluation.worlds must be at least 1, got 0"),
        ("compare --split tset", "has no split 'tset'; did you mean 'test'?"),
        ("compare --scenario jsonl:nowhere.jsonl", "nowhere.jsonl"),
        ("compare --scenario gsm8k --path nowhere.jsonl --methods always", "nowhere.jsonl"),
        ("compare --scenario arithmetic --path x", "arithmetic makes its own tasks and takes no path, got 'x'"),
        ("compare --config nowhere.toml", "cannot read the config file nowhere.toml"),
        ("compare --resume nowhere", "nowhere is not a run folder: it has no config.toml"),
        ("compare --out a --resume b", "b is not a run folder"),
        ("compare --methds always", "No such option: --methds"),
        ("comapre", "No such command 'comapre'. Did you mean 'compare'?"),
        ("play --speaker proposer=simulated", "no part of the cast speaks for agent_1 (reviewer)"),
        ("compare --speaker proposer=simulated", "no part of the cast speaks for agent_1 (reviewer)"),
        ("play --controller regret_matching", "regret_matching has learned nothing yet; train it first"),
        ("play --task nothing", "unknown task 'nothing'"),
        ("play --world -1", "--world must be at least 0, got -1"),
        ("play --controller nowhere.json", "cannot read nowhere.json: No such file or directory"),
        ("replay", "Missing argument"),
        ("replay nowhere", "nowhere is not a run folder"),
        ("report nowhere", "nowhere is not a run folder"),
        ("verify nowhere", "nowhere is not a run folder"),
        ("list contrller", "unknown kind of part 'contrller'; did you mean 'controller'?"),
    ],
)
def test_mistakes_are_one_line(run: Run, arguments: str, words: str, tmp_path: Path) -> None:
    assert words in mistake(run(*arguments.split()))
    assert list(tmp_path.iterdir()) == []  # and come before any work


def test_an_existing_folder_is_refused(run: Run) -> None:
    Path("here").mkdir()
    Path("here/mine.txt").write_text("mine", encoding="utf-8")
    for command in (SMALL, ("train", "--steps", "10")):
        line = mistake(run(*command, "--out", "here"))
        assert line == "error: here exists already; choose another --out, or continue it with --resume here\n"
    assert [path.name for path in Path("here").iterdir()] == ["mine.txt"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{not json}\n", "line 1"),
        ('{"id": "a", "question": "q", "answer": "1"}\n{"id": "a", "question": "q", "answer": "2"}\n', "line 2"),
        ('{"id": "a", "question": "q"}\n', "answer"),
        ("", "rows.jsonl"),
    ],
)
def test_unreadable_data_names_the_place(run: Run, content: str, words: str) -> None:
    Path("rows.jsonl").write_text(content, encoding="utf-8")
    assert words in mistake(run("compare", "--scenario", "jsonl:rows.jsonl", "--methods", "always"))


def test_a_missing_extra_gives_the_install_line(run: Run) -> None:
    def needs_torch() -> None:
        raise MissingExtraError("speaker 'needs'", "torch", "hf")

    registry.register("speaker", "needs", needs_torch)
    line = mistake(run(*SMALL, "--speaker", "needs"))
    assert "needs the package 'torch'; install it with: pip install \"tracer-env[hf]\"" in line


def test_a_package_that_cannot_be_imported_gives_a_line(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.import_module

    def without(name: str, package: str | None = None) -> Any:
        if name.endswith("speakers.simulated.speaker"):
            raise ModuleNotFoundError("No module named 'torch'", name="torch")
        return real(name, package)

    monkeypatch.setattr(code_files.importlib, "import_module", without)
    assert "speaker 'simulated' needs the package 'torch'; install it with: pip" in mistake(run(*SMALL))


# -- our mistakes, and interruptions -------------------------------------------------------------


def test_a_broken_speaker_is_not_the_users_mistake(run: Run) -> None:
    class Broken:
        free = True

        def speak(self, requests: Any) -> list[Any]:
            raise SpeakerError("Broken.speak returned 0 items")

    registry.register("speaker", "broken", Broken)
    code, _, err = run(*SMALL, "--speaker", "broken", "--out", "here")
    assert (code, err) == (
        1,
        "error: Broken.speak returned 0 items; when it is mended, continue with --resume here\n",
    )


def _bug() -> None:
    raise ZeroDivisionError("first\nsecond")


def test_what_a_part_of_the_users_raises_is_told_as_its_own(run: Run) -> None:
    registry.register("speaker", "buggy", _bug)
    code, _, err = run(*SMALL, "--speaker", "buggy")
    assert (code, err) == (
        1,
        "error: the speaker 'buggy' could not be made: its constructor raised ZeroDivisionError: first second\n",
    )
    registry.register("speaker", "leaving", _leave)
    assert run(*SMALL, "--speaker", "leaving")[0] == 7


def _leave() -> None:
    raise SystemExit(7)


def test_bugs_are_one_line_unless_debugged(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tracer_env.runs.comparing.compare", lambda *_, **__: _bug())
    code, _, err = run(*SMALL)
    assert (code, err) == (
        1,
        "error: ZeroDivisionError: first second (a bug: please report it; --debug shows where)\n",
    )
    code, _, err = run(*SMALL, "--debug")
    assert code == 1
    assert "Traceback" in err
    assert "in _bug" in err


def test_an_interrupted_run_says_how_to_go_on(run: Run) -> None:
    class Interrupted:
        free = True

        def speak(self, requests: Any) -> list[Any]:
            raise KeyboardInterrupt

    registry.register("speaker", "interrupted", Interrupted)
    code, _, err = run(*SMALL, "--speaker", "interrupted", "--out", "here")
    assert code == 130
    assert err.split() == ["interrupted;", "continue", "with:", "tracer-env", "compare", "--resume", "here"]
    assert Path("here/config.toml").is_file()
    code, _, err = run(*SMALL, "--speaker", "interrupted")
    assert "continue with: tracer-env compare --resume runs/arithmetic--compare--001" in err


# -- as a program --------------------------------------------------------------------------------


def test_the_program(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tracer_env.cli"]
    caught: dict[str, Any] = {"cwd": tmp_path, "capture_output": True, "text": True, "check": False}
    done = subprocess.run([*command, *SMALL, "--json"], **caught)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(json.loads(done.stdout)["rows"]) == 3
    wrong = subprocess.run([*command, "compare", "--scenario", "x"], **caught)
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert wrong.stderr.startswith("error: unknown scenario 'x'")
    assert wrong.stderr.count("\n") == 1


@pytest.mark.skipif(os.name == "nt", reason="the shell of POSIX")
@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&- <&-"])
def test_a_stream_that_was_closed_at_the_start_is_no_failure(closed: str, tmp_path: Path) -> None:
    out = tmp_path / "run"
    started = f'exec "$0" -m tracer_env.cli compare --limit 2 --methods never,always --out "$1" {closed}'
    done = subprocess.run(["sh", "-c", started, sys.executable, str(out)], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    verify(out)


# -- help, and what the shell asks -----------------------------------------------------------------


def test_help_lists_the_commands_whole_and_has_a_short_form(run: Run) -> None:
    code, out, _ = run("--help")
    assert (code, out) == run("-h")[:2]
    commands = out.partition("Commands:")[2]
    assert "..." not in commands
    names = [line.split()[0] for line in commands.splitlines() if line.strip()]
    assert len(names) >= 12
    for name in names:
        code, out, _ = run(name, "-h")
        assert code == 0
        assert out.startswith(f"Usage: tracer-env {name}")


def test_the_shell_is_told_what_may_follow() -> None:
    asked = {"_TRACER_ENV_COMPLETE": "complete_bash", "COMP_WORDS": "tracer-env fro", "COMP_CWORD": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "tracer_env.cli"], env={**os.environ, **asked}, capture_output=True, text=True, cwd=ROOT
    )
    assert done.stdout.split() == ["frontier"]


def test_every_command_is_where_the_table_says() -> None:
    for name, (_, phrase) in COMMANDS.items():
        assert function_of(name).__doc__
        assert phrase.endswith(".")
    listed = {command.name for command in application().registered_commands}
    assert listed == set(COMMANDS)


@pytest.mark.parametrize("flags", [["--help"], ["--version"], ["-h"]])
def test_help_and_version_load_nothing_of_the_rest(flags: list[str]) -> None:
    code = (
        "import sys\n"
        "from tracer_env.cli.app import main\n"
        f"code = main({flags!r})\n"
        "print(code, {'numpy', 'gymnasium', 'pettingzoo', 'rich', 'tracer_env.settings'} & set(sys.modules))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "0 set()"


@pytest.mark.parametrize("form", ["csv", "latex", "markdown"])
def test_tables_for_other_programs(form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trees, run = str(tmp_path / "trees"), str(tmp_path / "run")
    small = ["--scenario", "arithmetic", "--speaker", "simulated", "--limit", "8"]
    assert main(["expand", *small, "--out", trees]) == 0
    capsys.readouterr()
    for line, words in (
        (["compare", *small, "--methods", "always,never", "--out", run], "never"),
        (["report", run], "never"),
        (["frontier", trees, "--out", f"{trees}.png"], "clairvoyant"),
        (["calibrate", trees, "--out", f"{trees}.toml"], "distractors"),
        (["see", trees, "--information", "vote", "--iterations", "2", "--starts", "1"], "clairvoyant"),
        (["train", "--trees", trees, "--method", "cfr_plus", "--iterations", "2"], "until"),
        (["train", *small, "--steps", "20", "--out", f"{run}2"], "agent"),
    ):
        assert main([*line, "--format", form]) == 0
        told = capsys.readouterr().out
        assert words in told
        sign = {"csv": ",", "latex": "\\begin{tabular}", "markdown": "| ---"}[form]
        assert sign in told
        assert "…" not in told
        if form == "csv":
            assert len({len(row) for row in csv.reader(io.StringIO(told))}) == 1
    assert main(["report", run, "--format", "tex"]) == 2


def test_a_comparison_as_a_data_frame(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    asked = {"scenario": {"name": "arithmetic", "limit": 5}, "evaluation": {"methods": ["always", "never"]}}
    found = tracer_env.compare(Config.from_data(asked), out=tmp_path / "run")
    frame = found.to_pandas()
    assert isinstance(frame, pandas.DataFrame)
    assert list(frame["method"]) == ["always", "never"]
    assert {"accuracy", "accuracy_ci_low", "accuracy_ci_high", "tokens_per_task"} <= set(frame.columns)


def test_own_questions_in_one_command(run: Run) -> None:
    example = Path(__file__).parents[2] / "examples" / "questions.jsonl"
    Path("q.jsonl").write_text(example.read_text(encoding="utf-8"), encoding="utf-8")
    methods = ["--methods", "until_approved,cfr_plus,regret_matching", "--train-episodes", "20"]
    code, out, _ = run("compare", "q.jsonl", *methods, "--out", "here")
    assert code == 0
    told = " ".join(out.split())
    assert "q.jsonl, test split: 5 tasks" in told
    assert "q.jsonl has no train split, so 50% of its questions train and the others test" in told
    assert "4 tasks taught cfr_plus, regret_matching" in told
    assert "has no train split" in Path("here/report.html").read_text(encoding="utf-8")
    assert run("verify", "here")[0] == 0
    assert run("compare", "--resume", "here")[0] == 0
    assert run("compare", "q.jsonl", "--scenario", "gsm8k")[2].startswith(
        "error: q.jsonl and --scenario gsm8k both say"
    )
    assert run("compare", "nosuch.jsonl")[2].startswith("error: cannot read nosuch.jsonl: No such file or directory")
    assert run("expand", "--scenario", "q.jsonl", "--out", "trees")[0] == 0
    assert run("play", "--scenario", "q.jsonl", "--speaker", "simulated")[0] == 0
    assert run("train", "--scenario", "q.jsonl", "--steps", "20")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("compare --scenario nosuch", "unknown scenario 'nosuch'"),
        ("compare --scenario nosuch.jsonl", "cannot read nosuch.jsonl"),
        ("compare --speaker simulatd --scenario arithmetic", "unknown speaker 'simulatd'; did you mean 'simulated'?"),
        ("compare --speaker proposer=nano,reviewer=nobody --scenario arithmetic", "unknown speaker 'nobody'"),
        ("compare --methods alwys", "unknown method 'alwys'; did you mean 'always'?"),
        ("compare --methods mine.py:Mine", "mine.py cannot be read"),
        ("compare --scenario arithmetic --set scenario.levl=2", "has no setting 'levl'; did you mean 'level'?"),
        ("train --method gspo --speaker nano --set hooks.reward=no.py:f", "no.py cannot be read"),
        ("train --method gspo --speaker nano --set gspo.report_to=tensorbord", "did you mean 'tensorboard'"),
        ("train --scenario arithmetics", "unknown scenario 'arithmetics'; did you mean 'arithmetic'?"),
    ],
)
def test_a_dry_run_refuses_what_the_run_refuses(run: Run, arguments: str, words: str) -> None:
    code, out, err = run(*arguments.split(), "--dry-run")
    assert (code, out) == (2, "")
    assert words in err
    assert err.count("\n") == 1
    assert run(*arguments.split())[0] == 2
