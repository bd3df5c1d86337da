"""Run folders: made once, cut back to whole groups, verified to the digit."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from samples import mended, one_proposal

from tracer_env.episodes.promise import Promise
from tracer_env.errors import DataError, DiskError, RunFolderError
from tracer_env.parts.casting import make_scenario, make_speaker
from tracer_env.runs.comparing import compare
from tracer_env.runs.config import Config, EvaluationConfig, ScenarioConfig
from tracer_env.runs.environment import scenario_digest
from tracer_env.runs.folder import RunFolder, load_run, metrics_of
from tracer_env.storage.files import write_text
from tracer_env.storage.locks import LOCK
from tracer_env.trainers.runs.controllers import train_run
from tracer_env.types import Grade, Task

CONFIG = Config(seed=3, evaluation=EvaluationConfig(methods=("a", "b")))


def _filled(path: Path, groups: int = 3) -> RunFolder:
    """A run of two methods: a is right at tasks 0 and 1, b at task 0."""
    run = RunFolder.create(CONFIG, "compare", path)
    for number in range(groups):
        grades = {"a": number < 2, "b": number < 1}
        run.append(
            one_proposal(Grade.CORRECT if right else Grade.WRONG, number, method=method, task=f"t{number}")
            for method, right in grades.items()
        )
    return run


# -- making and opening --------------------------------------------------------------------------


def test_a_folder_is_made(tmp_path: Path) -> None:
    run = RunFolder.create(CONFIG, "compare", tmp_path / "deep" / "run")
    assert (run.path / "controllers").is_dir()
    assert (run.path / "config.toml").read_text(encoding="utf-8") == CONFIG.to_toml()
    assert RunFolder.reopen(run.path).config == CONFIG


def test_folders_are_numbered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    config = Config(scenario=ScenarioConfig(name="hf:org/name::main"))
    names = [RunFolder.create(config, "compare").path.name for _ in range(3)]
    assert names == [f"hf-org-name-main--compare--00{number}" for number in (1, 2, 3)]
    assert RunFolder.create(config, "train").path.name == "hf-org-name-main--train--001"


def test_an_existing_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    RunFolder.create(CONFIG, "compare", tmp_path / "empty")  # an empty folder is as good as none
    with pytest.raises(RunFolderError, match=r"exists already; choose another --out, or continue it with --resume"):
        RunFolder.create(replace(CONFIG, seed=9), "compare", tmp_path / "empty")
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    with pytest.raises(RunFolderError, match="exists already"):
        RunFolder.create(CONFIG, "compare", tmp_path / "file")
    assert (tmp_path / "file").read_text(encoding="utf-8") == "mine"
    with pytest.raises(RunFolderError, match=r"cannot make the folder .*Not a directory"):
        RunFolder.create(CONFIG, "compare", tmp_path / "file" / "below")


def test_reopening(tmp_path: Path) -> None:
    run = RunFolder.create(CONFIG, "compare", tmp_path / "run")
    assert RunFolder.reopen(run.path, Config(seed=3, evaluation=EvaluationConfig(("a", "b"), batch_size=1))).path
    other = Config(seed=4, evaluation=EvaluationConfig(methods=("a", "c")))
    with pytest.raises(RunFolderError, match=r"other settings; they differ in: evaluation.methods, seed"):
        RunFolder.reopen(run.path, other)
    with pytest.raises(RunFolderError, match=r"is not a run folder: it has no config.toml"):
        load_run(tmp_path)


def test_some_settings_may_differ_and_a_folder_can_be_taken_back(tmp_path: Path) -> None:
    run = RunFolder.create(Config(seed=3), "train", tmp_path / "run")
    assert RunFolder.reopen(run.path, Config(seed=4), free=("seed",)).config == Config(seed=4)
    run.withdraw()
    assert list(tmp_path.iterdir()) == []
    RunFolder.check_free(run.path, CONFIG)


BEGINNINGS = {
    "nothing": [],
    "a lock": [LOCK],
    "half a config": [".config.toml.1-2.tracer-env"],
    "a config": ["config.toml"],
    "folders": ["config.toml", "controllers/"],
    "half an environment": ["config.toml", "controllers/", ".environment.json.1-2.tracer-env", LOCK],
    "all before the first record": ["config.toml", "controllers/", "environment.json"],
    "half a controller": ["config.toml", "controllers/", "environment.json", "controllers/.a.json.1-2.tracer-env"],
}
NOT_OURS = {
    "no config": ["environment.json"],
    "no config, folders": ["controllers/"],
    "a controller": ["config.toml", "controllers/", "controllers/a.json"],
    "episodes": ["config.toml", "controllers/", "environment.json", "episodes.jsonl"],
    "a note": ["config.toml", "note.txt"],
    "a hidden note": [".note"],
    "a folder like a file": ["config.toml/"],
    "a lock that is a folder": [f"{LOCK}/"],
}


def _begun(folder: Path, names: list[str]) -> None:
    folder.mkdir()
    for name in names:
        if name.endswith("/"):
            (folder / name).mkdir()
        else:
            (folder / name).write_text(CONFIG.to_toml() if name == "config.toml" else "")


@pytest.mark.parametrize("names", BEGINNINGS.values(), ids=list(BEGINNINGS))
def test_a_run_without_its_first_record_is_begun_anew(names: list[str], tmp_path: Path) -> None:
    folder = tmp_path / "run"
    _begun(folder, names)
    run = RunFolder.create(CONFIG, "compare", folder)
    with run.owned():
        pass
    left = {path.name for path in folder.rglob("*")}
    assert left - {"environment.json"} == {"config.toml", "controllers"}
    assert RunFolder.reopen(folder).config == CONFIG


@pytest.mark.parametrize("names", NOT_OURS.values(), ids=list(NOT_OURS))
def test_whatever_else_a_folder_holds_is_left_alone(names: list[str], tmp_path: Path) -> None:
    folder = tmp_path / "run"
    _begun(folder, names)
    before = {path: path.is_file() and path.read_bytes() for path in folder.rglob("*")}
    with pytest.raises(RunFolderError, match="exists already"):
        RunFolder.create(CONFIG, "compare", folder)
    assert {path: path.is_file() and path.read_bytes() for path in folder.rglob("*")} == before


def test_a_folder_that_is_owned_is_not_begun_anew(tmp_path: Path) -> None:
    run = RunFolder.create(CONFIG, "compare", tmp_path / "run")
    with run.owned():
        for attempt in (lambda: RunFolder.create(CONFIG, "compare", run.path), lambda: run.owned().__enter__()):
            with pytest.raises(RunFolderError, match=f"written to by process {os.getpid()}"):
                attempt()


@pytest.mark.parametrize("name", ["episodes.jsonl", "metrics.json", "report.html", "controllers", "adapters", "x/y/z"])
def test_a_run_with_a_link_is_not_written_to(name: str, tmp_path: Path) -> None:
    run, victim = RunFolder.create(CONFIG, "compare", tmp_path / "run"), tmp_path / "victim"
    victim.mkdir()
    (victim / "kept").write_text("kept")
    (run.path / "controllers").rmdir()
    link = run.path / name
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(victim if name in ("controllers", "adapters") else victim / "kept")
    with pytest.raises(RunFolderError, match=f"{name} is a symbolic link"), run.owned():
        raise AssertionError
    if name == "episodes.jsonl":
        with pytest.raises(RunFolderError, match="is a symbolic link"):
            run.append([])
    if name == "metrics.json":
        with pytest.raises(RunFolderError, match="is a symbolic link"):
            run.write("metrics.json", "{}")
    assert [(path.name, path.read_text()) for path in victim.iterdir()] == [("kept", "kept")]
    assert not (run.path / LOCK).exists()


@pytest.mark.parametrize("name", ["episodes.jsonl", "metrics.jsonl", "metrics.json"])
def test_a_file_with_a_second_name_is_not_written_in_place(name: str, tmp_path: Path) -> None:
    run, victim = RunFolder.create(CONFIG, "compare", tmp_path / "run"), tmp_path / "victim"
    victim.write_text("mine")
    os.link(victim, run.path / name)
    if name == "metrics.json":  # which is made anew
        with run.owned():
            run.write(name, "{}")
    else:
        with pytest.raises(RunFolderError, match="is a file with 2 names"), run.owned():
            raise AssertionError
    assert victim.read_text() == "mine"


def test_a_way_that_leads_nowhere_is_refused(tmp_path: Path) -> None:
    (tmp_path / "way").symlink_to(tmp_path / "nothing")
    with pytest.raises(RunFolderError, match="a link that leads nowhere"):
        RunFolder.create(CONFIG, "compare", tmp_path / "way")
    assert not (tmp_path / "nothing").exists()


@pytest.mark.parametrize(
    ("number", "mend"),
    [
        (errno.ENOSPC, "make room there and "),
        (errno.EROFS, "make that file system writable and "),
        (errno.EACCES, "give the permission and "),
        (errno.EMFILE, "raise the limit on open files .ulimit -n. and "),
        (errno.EIO, ""),
    ],
)
def test_a_failing_disk_is_told_in_one_line(
    number: int, mend: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = _filled(tmp_path / "run", 1)

    def fail(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fail)
    line = f"cannot write {run.episodes}: {os.strerror(number)}; {mend}continue with --resume"
    with pytest.raises(DiskError, match=line) as caught, run.owned():
        run.append([mended()])
    assert caught.value.exit_code == 1
    assert len(run.transcripts()) == 2


def test_where_nothing_was_recorded_yet_there_is_nothing_to_continue(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "write", fail)
    with pytest.raises(DiskError, match=r"config\.toml: No space left on device; make room there and run the command"):
        RunFolder.create(CONFIG, "compare", tmp_path / "run")
    monkeypatch.undo()
    assert RunFolder.create(CONFIG, "compare", tmp_path / "run").path.is_dir()


def test_a_folder_that_is_gone_is_told_in_one_line(tmp_path: Path) -> None:
    run = _filled(tmp_path / "run", 1)

    def lose_it() -> None:
        with run.owned():
            shutil.rmtree(run.path)
            run.append([mended()])

    with pytest.raises(DiskError, match=r"cannot write .*run: No such file .*; the folder is gone; begin anew"):
        lose_it()


def test_what_fails_elsewhere_is_no_matter_of_the_folder(tmp_path: Path) -> None:
    run = RunFolder.create(CONFIG, "compare", tmp_path / "run")
    for name in (None, str(tmp_path / "elsewhere")):
        with pytest.raises(FileNotFoundError), run.owned():
            raise FileNotFoundError(errno.ENOENT, "No such file", name)


def test_a_run_without_episodes_says_how_to_go_on(tmp_path: Path) -> None:
    run = RunFolder.create(CONFIG, "compare", tmp_path / "run")
    with pytest.raises(RunFolderError, match="holds no episodes yet; continue it with --resume"):
        run.transcripts()
    with pytest.raises(RunFolderError, match="is not finished; continue it with --resume"):
        run.metrics()
    (run.path / "metrics.json").write_text("{", encoding="utf-8")
    with pytest.raises(RunFolderError, match=r"metrics.json is not readable as JSON"):
        run.metrics()


@pytest.mark.parametrize("name", ["checkpoint.json", "metrics.jsonl", "checkpoints/step_000001"])
def test_a_training_holds_no_episodes_and_is_not_told_to_go_on(name: str, tmp_path: Path) -> None:
    run = RunFolder.create(CONFIG, "train", tmp_path / "run")
    (run.path / name).parent.mkdir(exist_ok=True)
    (run.path / name).write_text("{}", encoding="utf-8")
    for read in (run.metrics, run.transcripts):
        with pytest.raises(RunFolderError, match="is a training, and holds no episodes: they are what compare leaves"):
            read()


def test_a_training_and_a_comparison_are_not_continued_as_each_other(tmp_path: Path) -> None:
    run = _filled(tmp_path / "run", 1)
    before = {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()}
    with pytest.raises(RunFolderError, match="is a comparison; continue it with tracer-env compare --resume"):
        train_run(None, resume=run.path)
    run.episodes.rename(run.path / "metrics.jsonl")
    with pytest.raises(RunFolderError, match=r"is a training, .* continue it with tracer-env train --resume"):
        compare(resume=run.path)
    (run.path / "metrics.jsonl").rename(run.episodes)
    assert {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()} == before


def test_only_what_nobody_else_has_begun_is_taken_back(tmp_path: Path) -> None:
    run = RunFolder.create(CONFIG, "train", tmp_path / "run")
    with run.owned():
        run.withdraw()
        assert RunFolder.reopen(run.path).config == CONFIG
    run.write("metrics.jsonl", "")
    run.withdraw()
    assert RunFolder.reopen(run.path).config == CONFIG
    (run.path / "metrics.jsonl").unlink()
    run.withdraw()
    assert not run.path.exists()


# -- episodes ------------------------------------------------------------------------------------


def test_episodes_come_back(tmp_path: Path) -> None:
    run = _filled(tmp_path / "run", 2)
    run.append([mended()])
    assert run.transcripts()[-1] == mended()
    assert {method: len(played) for method, played in run.by_method().items()} == {
        "a": 2,
        "b": 2,
        "regret_matching": 1,
    }
    with run.episodes.open("a", encoding="utf-8") as file:
        file.write("{\n")
    with pytest.raises(DataError, match="line 6"):
        run.transcripts()


# -- metrics -------------------------------------------------------------------------------------


def _promise(tasks: int = 3) -> Promise:
    return Promise(("a", "b"), 1, 1, tasks)  # the samples have seed 1


def test_metrics_follow_from_the_episodes(tmp_path: Path) -> None:
    run = _filled(tmp_path / "run")
    found = run.settle("a", _promise())
    metrics = run.metrics()
    assert metrics == json.loads(json.dumps(metrics_of(CONFIG, "a", found.tally, found.digest, {})))
    assert (metrics["seed"], metrics["baseline"], metrics["scenario"]) == (3, "a", "arithmetic")
    assert metrics["episodes_digest"] == hashlib.sha256(run.episodes.read_bytes()).hexdigest()
    assert [(row["method"], row["episodes"], row["accuracy"]) for row in metrics["rows"]] == [
        ("a", 3, 2 / 3),
        ("b", 3, 1 / 3),
    ]
    assert [row["paired_difference"] for row in metrics["rows"]] == [None, pytest.approx(-1 / 3)]


def test_only_what_was_promised_is_settled(tmp_path: Path) -> None:
    run = _filled(tmp_path / "run")
    with pytest.raises(RunFolderError, match="is not complete: 2 of 8 episodes are missing"):
        run.settle("a", _promise(4))
    assert not (run.path / "metrics.json").exists()
    lines = run.episodes.read_bytes().splitlines(keepends=True)
    run.episodes.write_bytes(b"".join(reversed(lines)))
    run.settle("a", _promise())
    assert run.episodes.read_bytes() == b"".join(lines)


# -- the rest ------------------------------------------------------------------------------------


def test_the_environment_is_recorded(tmp_path: Path) -> None:
    run = RunFolder.create(CONFIG, "compare", tmp_path / "run")
    run.write_environment(
        make_scenario([Task("t", "q", "1")]), ("pettingzoo", "no-such-package"), make_speaker("simulated")
    )
    data = json.loads((run.path / "environment.json").read_text(encoding="utf-8"))
    assert set(data) == {
        "schema",
        "python",
        "platform",
        "packages",
        "seed",
        "tasks",
        "tasks_digest",
        "task_ids",
        "models",
        "words",
        "unread",
    }
    assert (data["seed"], data["tasks"]) == (3, 1)
    assert {"numpy", "pettingzoo"} <= set(data["packages"])
    assert "no-such-package" not in data["packages"]


def test_the_digest_sees_questions_answers_and_order() -> None:
    def digest(*tasks: Task) -> str:
        return scenario_digest(make_scenario(tasks))

    one, two = Task("a", "q", "1"), Task("b", "r", "2")
    digests = {
        digest(one, two),
        digest(two, one),
        digest(one),
        digest(Task("a", "Q", "1"), two),
        digest(Task("a", "q", "3"), two),
        digest(Task("c", "q", "1"), two),
    }
    assert len(digests) == 6
    assert digest(one, two) == digest(one, two)


def test_files_are_whole_or_absent(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    write_text(file, "first\n")
    with pytest.raises(UnicodeEncodeError):
        write_text(file, "broken \udc80")
    assert file.read_bytes() == b"first\n"
    write_text(file, "second\n")
    assert file.read_bytes() == b"second\n"
    assert list(tmp_path.iterdir()) == [file]  # nothing temporary stays behind
