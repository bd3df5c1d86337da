"""Progress is what the episodes say they are: whatever was taken out of the file, the end is an undisturbed run's."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tracer_env.agents.speakers.simulated.speaker import SimulatedSpeaker
from tracer_env.episodes.mending import recover
from tracer_env.episodes.promise import Promise
from tracer_env.errors import DataError, RunFolderError
from tracer_env.interfaces import Request
from tracer_env.runs.comparing import compare
from tracer_env.runs.config import Config, EvaluationConfig, ScenarioConfig
from tracer_env.runs.folder import load_run
from tracer_env.types import Utterance

METHODS = ("always", "never")
CONFIG = Config(
    seed=2, scenario=ScenarioConfig(limit=5), evaluation=EvaluationConfig(methods=METHODS, worlds=2, batch_size=4)
)
IDS = tuple(f"arithmetic-test-{number:06}" for number in range(5))
PROMISE = Promise(METHODS, 2, 2, 5, IDS)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("runs") / "whole"
    compare(CONFIG, out=path)
    return path


@pytest.fixture
def lines(whole: Path) -> list[bytes]:
    return (whole / "episodes.jsonl").read_bytes().splitlines(keepends=True)


def left(whole: Path, path: Path, episodes: bytes) -> Path:
    """Leave at ``path`` a run with these episodes that did not come to its end."""
    shutil.copytree(whole, path, ignore=shutil.ignore_patterns("metrics.json", "report.html"))
    (path / "episodes.jsonl").write_bytes(episodes)
    return path


def ends_alike(run: Path, whole: Path) -> None:
    compare(resume=run)
    for name in ("episodes.jsonl", "metrics.json"):
        assert (run / name).read_bytes() == (whole / name).read_bytes()


def cases() -> Iterator[tuple[str, Any]]:
    yield "three lines of the middle", lambda lines: lines[:7] + lines[10:]
    yield "the first line", lambda lines: lines[1:]
    yield "the last line", lambda lines: lines[:-1]
    yield "every other line", lambda lines: lines[::2]
    yield "all", lambda lines: []
    yield "the end, cut off", lambda lines: [*lines[:11], lines[11][:50]]
    yield "some, and the end is cut off", lambda lines: [*lines[4:11], lines[11][:-1]]
    yield "the order", lambda lines: lines[::-1]
    yield "the order, and some", lambda lines: lines[12:] + lines[:9]
    for seed in range(6):
        rng = random.Random(seed)
        yield f"some, {seed}", lambda lines, rng=rng: rng.sample(lines, rng.randrange(len(lines) + 1))


@pytest.mark.parametrize(("what", "edit"), list(cases()))
def test_whatever_was_taken_out_the_end_is_the_same(
    whole: Path, lines: list[bytes], tmp_path: Path, what: str, edit: Any
) -> None:
    ends_alike(left(whole, tmp_path / "run", b"".join(edit(lines))), whole)


def test_a_missing_file_is_begun_anew(whole: Path, tmp_path: Path) -> None:
    run = left(whole, tmp_path / "run", b"")
    (run / "episodes.jsonl").unlink()
    ends_alike(run, whole)


class Thief(SimulatedSpeaker):
    """Takes lines out of the file while the run goes on, once."""

    def __init__(self, path: Path, edit: Any) -> None:
        super().__init__()
        self.path, self.edit, self.calls = path, edit, 0

    def speak(self, requests: Sequence[Request]) -> list[Utterance]:
        self.calls += 1
        if self.calls == 12:
            self.edit(self.path)
        return super().speak(requests)


@pytest.mark.parametrize(
    "edit",
    [
        lambda path: path.unlink(),
        lambda path: path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[3:])),
        lambda path: path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1])),
    ],
)
def test_what_is_taken_out_meanwhile_is_played_again(whole: Path, tmp_path: Path, edit: Any) -> None:
    run = tmp_path / "run"
    thief = Thief(run / "episodes.jsonl", edit)
    compare(CONFIG, out=run, speaker=thief)
    assert thief.calls > 12
    for name in ("episodes.jsonl", "metrics.json"):
        assert (run / name).read_bytes() == (whole / name).read_bytes()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            b'"arithmetic"],2,5',
            b'"arithmetic"],3,5',
            "line 4 is no episode of this run: seed 3 is not the run's 2; take the line out",
        ),
        (b'"never"', b'"nevr"', "line 4 .*method 'nevr' is none of the run's"),
        (b'"arithmetic-test-000001"', b'"arithmetic-test-000004"', "line 4 .*is not the run's number 1"),
        (b"[3,1,0,", b"[3,1,9,", "line 4 .*world 9 is none of the run's 2"),
        (b"[3,1,0,", b'[3,1,"0",', "line 4: .*world is '0'"),
    ],
)
def test_foreign_and_damaged_lines_are_refused(
    whole: Path, lines: list[bytes], tmp_path: Path, old: bytes, new: bytes, message: str
) -> None:
    assert old in lines[3]
    run = left(whole, tmp_path / "run", b"".join([*lines[:3], lines[3].replace(old, new), *lines[4:9]]))
    before = (run / "episodes.jsonl").read_bytes()
    with pytest.raises((RunFolderError, DataError), match=message):
        compare(resume=run)
    assert (run / "episodes.jsonl").read_bytes() == before


def test_doubled_episodes_are_refused(whole: Path, lines: list[bytes], tmp_path: Path) -> None:
    run = left(whole, tmp_path / "run", b"".join([*lines[:5], lines[2]]))
    with pytest.raises(RunFolderError, match=r"1 stand more than once .*; tracer-env verify --repair"):
        compare(resume=run)


def test_only_whole_groups_are_kept(whole: Path, lines: list[bytes], tmp_path: Path) -> None:
    path = tmp_path / "episodes.jsonl"
    for cut in (0, 1, 40, *range(100, sum(map(len, lines)), 7919)):
        content = b"".join(lines)[:cut]
        path.write_bytes(content)
        done = recover(path, PROMISE)
        groups = content.count(b"\n") // 2
        assert done == set(range(groups))
        assert path.read_bytes() == b"".join(lines[: 2 * groups])
    path.unlink()
    assert recover(path, PROMISE) == set()
    assert load_run(whole).promise(tuple_of_tasks(whole)) == PROMISE


def tuple_of_tasks(whole: Path) -> Any:
    """The tasks of a run, as its episodes tell them."""
    tasks = {told.task.id: told.task for told in load_run(whole).transcripts()}
    return list(tasks.values())
