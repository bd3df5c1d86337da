"""What a comparison plays is counted while it is written, and written soon: as if it were read from the disk."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tracer_env.agents.controllers.baselines import Always, Never, Random
from tracer_env.agents.speakers.simulated.speaker import SimulatedSpeaker
from tracer_env.errors import SpeakerError
from tracer_env.executors.seam import InProcess
from tracer_env.interfaces import Request
from tracer_env.parts.casting import make_scenario
from tracer_env.runs import playing
from tracer_env.runs.config import Config, EvaluationConfig, ScenarioConfig
from tracer_env.runs.folder import RunFolder
from tracer_env.runs.playing import play_missing
from tracer_env.runs.survey import Survey, survey
from tracer_env.storage.files import append
from tracer_env.terminal.progress import NoReporter
from tracer_env.types import Utterance

METHODS = {"always": Always(), "never": Never(), "random": Random(p=0.5)}
CONFIG = Config(
    seed=4,
    scenario=ScenarioConfig(limit=20),
    evaluation=EvaluationConfig(methods=tuple(METHODS), worlds=2, batch_size=12),
)
TASKS = make_scenario("arithmetic", split="test", limit=20)


def played(folder: RunFolder, speaker: Any) -> Survey | None:
    promise = folder.promise(TASKS)
    return play_missing(folder, promise, METHODS, TASKS, speaker, NoReporter(), InProcess())


def appended(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The bytes of each time that something was written to the episodes."""
    sizes: list[int] = []

    def counting(path: Path, data: bytes, **more: Any) -> None:
        sizes.append(len(data))
        append(path, data, **more)

    monkeypatch.setattr("tracer_env.runs.folder.append", counting)
    return sizes


def test_what_was_counted_while_it_was_written_is_what_stands_there(tmp_path: Path) -> None:
    folder = RunFolder.create(CONFIG, "compare", tmp_path / "run")
    found = played(folder, SimulatedSpeaker())
    read = survey(folder.episodes, folder.promise(TASKS))
    assert found is not None
    assert (found.digest, found.size, found.lines) == (read.digest, read.size, read.lines)
    assert (found.ledger.places == read.ledger.places).all()
    assert (found.ledger.offsets == read.ledger.offsets).all()
    assert found.ledger.tasks_digest == read.ledger.tasks_digest
    assert found.tally.rows("always") == read.tally.rows("always")
    assert found.tally.details() == read.tally.details()
    assert found.highlights.best() == read.highlights.best()
    assert found.picker.pick(30) == read.picker.pick(30)
    assert found.problems() == []


def test_what_was_counted_holds_for_these_bytes_alone(tmp_path: Path) -> None:
    folder = RunFolder.create(CONFIG, "compare", tmp_path / "run")
    found = played(folder, SimulatedSpeaker())
    assert found is not None
    assert found.is_of(folder.episodes)
    content = folder.episodes.read_bytes()
    for other in (content[:-1], content + b"\n", content.replace(b"always", b"alwayS", 1), b""):
        folder.episodes.write_bytes(other)
        assert not found.is_of(folder.episodes)
    folder.episodes.unlink()
    assert not found.is_of(folder.episodes)


@pytest.mark.parametrize("left", [0, 1, 30, 60, 61, 119])
def test_a_run_that_goes_on_has_counted_all_of_it(tmp_path: Path, left: int) -> None:
    """Three methods an episode: of 60 lines every one is kept and counted, of 61 one is dropped and all read anew."""
    folder = RunFolder.create(CONFIG, "compare", tmp_path / "run")
    played(folder, SimulatedSpeaker())
    whole = folder.episodes.read_bytes()
    folder.episodes.write_bytes(b"".join(whole.splitlines(keepends=True)[:left]) + b"[3,")
    found = played(folder, SimulatedSpeaker())
    assert folder.episodes.read_bytes() == whole
    assert found is not None
    assert found.is_of(folder.episodes)
    assert found.tally.rows("always") == survey(folder.episodes, folder.promise(TASKS)).tally.rows("always")


class Dear(SimulatedSpeaker):
    free = False


class Sick(SimulatedSpeaker):
    """Speaks a hundred times and no more."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def speak(self, requests: Sequence[Request]) -> list[Utterance]:
        self.calls += 1
        if self.calls > 27:
            raise RuntimeError("hoarse")
        return super().speak(requests)


@pytest.mark.parametrize(("speaker", "patience", "times"), [(SimulatedSpeaker, 1e9, 2), (SimulatedSpeaker, 0.0, 10),
                                                           (Dear, 1e9, 10)])  # fmt: skip
def test_free_words_may_wait_a_moment_and_others_are_written_block_by_block(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, speaker: Any, patience: float, times: int
) -> None:
    monkeypatch.setattr(playing, "_PATIENCE", patience)
    sizes = appended(monkeypatch)
    folder = RunFolder.create(CONFIG, "compare", tmp_path / "run")
    played(folder, speaker())
    assert len(sizes) == times
    assert sum(sizes) == folder.episodes.stat().st_size


def test_whatever_ends_it_what_was_played_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(playing, "_PATIENCE", 1e9)
    folder = RunFolder.create(CONFIG, "compare", tmp_path / "run")
    with pytest.raises(SpeakerError, match="hoarse"):
        played(folder, Sick())
    assert len(folder.transcripts()) == 5 * 12  # the first call of the sixth block is the 26th, and the 28th fails
