"""How many worlds there are: said by the speaker, passed through its wrappers, and more are refused everywhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium
import pytest
from forest import SUMS, HashSpeaker
from moves import Script

import tracer_env
from tracer_env import expand
from tracer_env.agents.speakers.cached import CachedSpeaker
from tracer_env.agents.speakers.cast import CastSpeaker
from tracer_env.agents.speakers.function import FunctionSpeaker
from tracer_env.agents.speakers.recorded import RecordedSpeaker, ShippedSpeaker
from tracer_env.agents.speakers.simulated.speaker import SimulatedSpeaker
from tracer_env.cli.app import main
from tracer_env.envs.wrappers import make_controller_env
from tracer_env.errors import ConfigError
from tracer_env.parts.casting import make_controller, make_scenario
from tracer_env.parts.worlds import check_worlds, worlds_of
from tracer_env.rules import Rules
from tracer_env.runs.comparing import compare
from tracer_env.runs.config import Config, EvaluationConfig
from tracer_env.runs.playing import evaluate
from tracer_env.trees.run import expand_run

TREES = expand(SUMS, HashSpeaker(), seed=3, worlds=2)
QUICK = ("--speaker", "recorded", "--scenario", "recorded", "--limit", "2")


def said(count: Any) -> Script:
    """Return a speaker that says how many worlds it has."""
    speaker = Script("C", "+")
    speaker.worlds = count  # type: ignore[attr-defined]
    return speaker


def function(prompt: str) -> str:
    return f"{prompt[:0]}The answer is 2."


def pure(prompt: str) -> str:
    return f"{prompt[:0]}The answer is 2."


pure.worlds = 1  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("speaker", "worlds"),
    [
        (SimulatedSpeaker(), None),
        (Script("C", "+"), None),
        (said(3), 3),
        (said(None), None),
        (RecordedSpeaker(TREES), 2),
        (ShippedSpeaker(), 2),
        (FunctionSpeaker(function), None),
        (FunctionSpeaker(pure), 1),
        (CachedSpeaker(RecordedSpeaker(TREES)), 2),
        (CachedSpeaker(CachedSpeaker(SimulatedSpeaker())), None),
        (CastSpeaker({"proposer": said(2), "reviewer": said(5)}), 5),
        (CastSpeaker({"proposer": said(1), "reviewer": SimulatedSpeaker()}), None),
        (CachedSpeaker(CastSpeaker({"proposer": said(1), "reviewer": said(1)})), 1),
    ],
)
def test_each_says_how_many(speaker: Any, worlds: int | None) -> None:
    assert worlds_of(speaker) == worlds


@pytest.mark.parametrize("count", [0, -1, True, 1.5, "many"])
def test_no_number_of_worlds(count: Any) -> None:
    with pytest.raises(ConfigError, match=r"Script.worlds is .*must be a whole number of at least 1, or None"):
        worlds_of(said(count))
    with pytest.raises(ConfigError, match="worlds must be a whole number of at least 1, got"):
        check_worlds(said(None), count, 0)


def test_a_model_has_one_world_at_temperature_0() -> None:
    pytest.importorskip("transformers")
    assert worlds_of(tracer_env.make_speaker("nano", temperature=0)) == 1
    assert worlds_of(tracer_env.make_speaker("nano", temperature=0.5)) is None
    assert worlds_of(tracer_env.make_speaker("proposer=nano,reviewer=nano", temperature=0)) == 1
    assert worlds_of(tracer_env.make_speaker({"proposer": "nano", "reviewer": said(1)})) is None


def test_a_foreign_seed_has_one_world() -> None:
    loose = RecordedSpeaker(TREES, any_seed=True)
    for speaker in (loose, CachedSpeaker(loose), CastSpeaker({"proposer": loose, "reviewer": loose})):
        assert [worlds_of(speaker, seed) for seed in (3, 3 + (1 << 64), 4)] == [2, 2, 1]
        check_worlds(speaker, 2, 3)
        check_worlds(speaker, 1, 4)
        with pytest.raises(ConfigError, match=r"has 1 world under another seed than its own .*ask for 1"):
            check_worlds(speaker, 2, 4)


def _evaluate(worlds: int) -> None:
    list(evaluate({"m": make_controller("always")}, make_scenario(SUMS), said(2), Rules(), worlds=worlds))


DOORS: list[tuple[Callable[[int], Any], int]] = [
    (_evaluate, 2),
    (lambda worlds: expand(SUMS, said(2), worlds=worlds), 2),
    (lambda worlds: expand(SUMS, RecordedSpeaker(TREES), seed=3, worlds=worlds), 2),
]


@pytest.mark.parametrize(("door", "most"), DOORS)
def test_all_there_are_and_no_more(door: Callable[[int], Any], most: int) -> None:
    door(most)
    with pytest.raises(ConfigError, match=rf"worlds is {most + 1}, but .* has 2 worlds: .*copies.*ask for at most 2"):
        door(most + 1)


def test_nothing_is_written(tmp_path: Path) -> None:
    out = tmp_path / "out"
    config = Config(evaluation=EvaluationConfig(methods=("always", "never"), worlds=3))
    with pytest.raises(ConfigError, match="worlds is 3, but the speaker Script has 2 worlds"):
        compare(config, scenario=make_scenario(SUMS), speaker=said(2), out=out)
    with pytest.raises(ConfigError, match="worlds is 3, but the speaker Script has 2 worlds"):
        expand_run(SUMS, said(2), worlds=3, out=out)
    assert not out.exists()


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("compare --methods always,never --worlds 3 --out OUT", "worlds is 3, but the recording of the package has"),
        ("expand --worlds 3 --out OUT", "worlds is 3, but the recording of the package has 2 worlds: the others"),
        ("play --world 2", "--world is 2, but the recording of the package has 2 worlds"),
    ],
)
def test_the_command_line(line: str, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = line.replace("OUT", str(tmp_path / "out")).split()
    assert main([*words, *QUICK[: 4 if words[0] == "play" else 6]]) == 2
    caught = capsys.readouterr()
    assert told in caught.err
    assert caught.err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_one_world_of_the_recording_is_played(tmp_path: Path) -> None:
    assert main(["compare", "--methods", "always,never", "--worlds", "1", "--out", str(tmp_path / "out"), *QUICK]) == 0
    assert main(["play", "--world", "0", *QUICK[:4]]) == 0


def test_environments_are_asked_for_what_there_is(tmp_path: Path) -> None:
    TREES.save(tmp_path)
    speaker, wanted = RecordedSpeaker(tmp_path), {"task": SUMS[0].id, "world": 1}
    refused = "reset option 'world' is 2, but recorded:.* has 2 worlds; ask for 0 to 1"
    single = tracer_env.raw_env(SUMS, speaker)
    wrapped = make_controller_env(SUMS, speaker)
    vector: Any = gymnasium.make_vec(
        "tracer_env/Controller-v0", 2, "vector_entry_point", scenario=SUMS, speaker=speaker, reward="team"
    )
    for env, seed in ((single, 3), (wrapped, 3), (vector, [3, 3])):
        env.reset(seed=seed, options=wanted)
        with pytest.raises(ConfigError, match=refused):
            env.reset(seed=seed, options={**wanted, "world": 2})
    for _ in range(3 * len(SUMS)):  # training may come back: beyond the recorded worlds they begin again
        single.reset()
    endless = tracer_env.raw_env(SUMS, "simulated")
    endless.reset(seed=0, options={"world": 10**6})
