"""Failures under ``skip``: recorded, counted apart, played again; under ``stop``: the run goes on where it was."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import tracer_env
from tracer_env.agents.controllers.baselines import Always
from tracer_env.agents.speakers.cached import CachedSpeaker
from tracer_env.agents.speakers.simulated.speaker import SimulatedSpeaker
from tracer_env.display.rows import comparison_table
from tracer_env.episodes.failures import Skip, Stop
from tracer_env.episodes.transcript import Transcript
from tracer_env.errors import ConfigError, ControllerError, DataError, PartError, SpeakerError
from tracer_env.interfaces import Request
from tracer_env.rules import DialogueState
from tracer_env.runs.comparing import compare
from tracer_env.runs.config import Config
from tracer_env.runs.verifying import verify
from tracer_env.statistics.metrics import Row
from tracer_env.types import Utterance

NO = RuntimeError("no")
METHODS = ["always", "never", "until_approved"]


class Sick:
    """The simulated speaker without its shortcuts, which fails on some tasks from some turn on."""

    def __init__(self, *tasks: int, turn: int = 1, value: Any = NO) -> None:
        self.well, self.tasks, self.turn, self.value = SimulatedSpeaker(), tasks, turn, value

    def speak(self, requests: Sequence[Request]) -> list[Any]:
        said: list[Any] = []
        for request, one in zip(requests, self.well.speak(requests), strict=True):
            bad = request.state.turn >= self.turn and request.state.task.id.endswith(tuple(map(str, self.tasks)))
            if bad and isinstance(self.value, Exception):
                raise self.value
            said.append(self.value if bad else Utterance(one.text, one.prompt_tokens, one.completion_tokens))
        return said


def config(batch_size: int = 64, **evaluation: Any) -> Config:
    return Config.from_data(
        {
            "scenario": {"name": "arithmetic", "limit": 12},
            "evaluation": {"methods": METHODS, "batch_size": batch_size, **evaluation},
        }
    )


def episodes(folder: Path) -> list[Transcript]:
    return tracer_env.load_run(folder).transcripts()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    out = tmp_path_factory.mktemp("runs") / "well"
    compare(config(), out=out, speaker=Sick())
    return (out / "episodes.jsonl").read_bytes()


@pytest.mark.parametrize(
    "value",
    [RuntimeError("no\x1b[2J"), None, Utterance(None), Utterance("x", prompt_tokens="7")],
    ids=repr,  # type: ignore[arg-type]
)
def test_stop_keeps_what_was_finished_and_goes_on(tmp_path: Path, undisturbed: bytes, value: Any) -> None:
    out = tmp_path / "run"
    with pytest.raises(
        SpeakerError, match=r"^Sick.speak (raised|returned) .*at turn 3 of task 'arithmetic-test-000007'"
    ):
        compare(config(batch_size=6), out=out, speaker=Sick(7, turn=3, value=value))
    kept = (out / "episodes.jsonl").read_bytes()
    assert kept
    assert undisturbed.startswith(kept)
    compare(config(), resume=out, speaker=Sick())
    assert (out / "episodes.jsonl").read_bytes() == undisturbed


def test_skip_records_counts_and_pairs_apart_whatever_the_batch(tmp_path: Path, undisturbed: bytes) -> None:
    written = set()
    for batch in (1, 6, 64):
        out = tmp_path / str(batch)
        result = compare(config(batch, on_error="skip"), out=out, speaker=Sick(3, 7, turn=3))
        written.add((out / "episodes.jsonl").read_bytes())
    assert len(written) == 1
    always, never, _ = (Row.from_data(row) for row in result.rows)
    assert (always.episodes, always.failed, never.episodes, never.failed) == (10, 2, 12, 0)
    assert never.paired_episodes == 10
    assert always.accuracy_with_failed == pytest.approx(always.accuracy * 10 / 12)
    failed = [told for told in episodes(out) if told.failed]
    assert {told.task.id[-1] for told in failed} == {"3", "7"}
    for told in failed:
        assert told.failed == (
            "SpeakerError: Sick.speak raised RuntimeError: no, for agent_0 (proposer) at turn 3 of task "
            f"{told.task.id!r} (its own fault: --debug shows where)"
        )
        assert (told.final_turn, told.correct, len(told.turns)) == (0, False, 2)
        assert Transcript.from_json(told.to_json()) == told
    assert result.failed == len(failed)
    assert "always 2, 0." in str(comparison_table([always, never]).caption)
    assert comparison_table([never]).caption is None
    assert "2 failed" in (out / "report.html").read_text(encoding="utf-8")
    verify(out)


def test_failed_episodes_are_played_again(tmp_path: Path, undisturbed: bytes) -> None:
    out = tmp_path / "run"
    compare(config(6, on_error="skip"), out=out, speaker=Sick(3, 7, turn=3))
    before = (out / "episodes.jsonl").read_bytes()
    compare(config(), resume=out, speaker=Sick())
    assert (out / "episodes.jsonl").read_bytes() == before
    result = compare(config(), resume=out, speaker=Sick(), retry_failed=True)
    assert (out / "episodes.jsonl").read_bytes() == undisturbed
    assert result.failed == 0
    assert "failed" not in json.loads((out / "metrics.json").read_text(encoding="utf-8"))["rows"][0]


def test_a_run_in_which_everything_fails_has_a_table(tmp_path: Path) -> None:
    result = compare(config(on_error="skip"), out=tmp_path / "run", speaker=Sick(*range(10)))
    assert [(row["episodes"], row["failed"], row["accuracy_with_failed"]) for row in result.rows] == [(0, 12, 0.0)] * 3
    verify(tmp_path / "run")


def test_controllers_fail_alike(tmp_path: Path) -> None:
    class Odd:
        def speak_probability(self, state: DialogueState, key: str) -> float:
            return 7.0 if state.task.id.endswith("5") else 1.0

    made = {"odd": Odd(), "always": tracer_env.make_controller("always")}
    with pytest.raises(ControllerError, match=r"^Odd.speak_probability returned 7.0 .* at turn 2 of task '.*5'"):
        compare(config(), out=tmp_path / "a", controllers=made)
    result = compare(config(on_error="skip"), out=tmp_path / "b", controllers=made)
    failed = {row["method"]: row.get("failed", 0) for row in result.rows}
    assert (failed["odd"], failed["always"]) == (1, 0)


def test_an_episode_that_could_not_be_read_again_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tracer_env.runs.folder.LONGEST", 500)
    with pytest.raises(
        SpeakerError, match=r"the texts of task 'arithmetic-test-000000' by 'always' come to \d+ bytes; at"
    ):
        compare(config(), out=tmp_path / "run", speaker=Sick())
    assert not (tmp_path / "run" / "episodes.jsonl").exists()


def test_what_is_given_is_taken_even_when_it_is_empty(tmp_path: Path, undisturbed: bytes) -> None:
    memory = CachedSpeaker(Sick())
    assert not len(memory)
    compare(config(), out=tmp_path / "run", speaker=memory)
    assert (tmp_path / "run" / "episodes.jsonl").read_bytes() == undisturbed
    assert memory.misses
    for name, controller in ((1, Always()), ("\ud800", Always()), ("", Always()), ("a", None), ("a", "always")):
        with pytest.raises(ConfigError, match=r"^(the name of a )?method"):
            compare(config(), out=tmp_path / "no", controllers={name: controller})  # type: ignore[dict-item]
    with pytest.raises(ConfigError, match=r"has no tasks|at least one task"):
        compare(config(), out=tmp_path / "no", scenario=[])  # type: ignore[arg-type]


def test_the_policies() -> None:
    error = PartError("a\x1b\nb" + "c" * 1000)
    with pytest.raises(PartError):
        Stop().reason(error)
    reason = Skip().reason(error)
    assert reason.startswith("PartError: a\\x1b\\x0abc")
    assert len(reason) == 500
    with pytest.raises(ConfigError, match="did you mean 'skip'"):
        config(on_error="skp")


def test_a_failed_episode_has_no_answer(tmp_path: Path) -> None:
    compare(config(on_error="skip"), out=tmp_path / "run", speaker=Sick(3, turn=3))
    line = next(told for told in episodes(tmp_path / "run") if told.failed).to_json()
    for old, new in (('"final_turn":0', '"final_turn":1'), ('"failed":"', '"failed":7,"x":"')):
        with pytest.raises(DataError):
            Transcript.from_json(line.replace(old, new))
