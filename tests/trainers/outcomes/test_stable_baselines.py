"""Learning by Stable-Baselines3: what is learned on a game with a known answer, seeds, other people's luck."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch
from moves import TASK, Script
from stepped import RULES, taught

from tracer_env.agents.controllers.rumad import RUMAD
from tracer_env.agents.controllers.stable_baselines import DQN, PPO, MaskablePPO, StableBaselines
from tracer_env.agents.speakers.simulated.speaker import SimulatedSpeaker
from tracer_env.episodes.rollout import Job, rollout
from tracer_env.information import vote_and_time
from tracer_env.parts.casting import make_scenario
from tracer_env.trees.growth import expand
from tracer_env.trees.policy import speak_probabilities


@pytest.mark.parametrize("kind", [PPO, MaskablePPO, DQN, RUMAD])
def test_it_learns_what_is_better(kind: type[StableBaselines]) -> None:
    """The second proposal is right: the proposer of turn 3 must write, and the reviewer costs tokens for nothing."""
    made = kind(price=0.04, steps=6000)
    if isinstance(made, RUMAD):
        made.agreement = 0.0
    else:
        made.features = "public"
    speaker, tasks = Script("W.C", ".-."), make_scenario([TASK])
    course = taught(made, tasks, speaker)
    assert int(str(course["steps"])) >= 6000
    assert int(str(course["tokens"])) > 0  # single environments ask their speaker
    played = rollout([Job(0, "m", made, TASK, 0, 0)], speaker, tasks, RULES, vote_and_time)[0]
    assert [int(turn.action) for turn in played.turns] == [1, 0, 1]
    assert made.rules == RULES


def test_the_same_seed_gives_the_same_policy() -> None:
    made = [PPO(steps=512, hidden=8) for _ in range(3)]
    for one, seed in zip(made, (0, 0, 1), strict=True):
        course = taught(one, seed=seed)
        assert "tokens" not in course  # arrays ask nobody
    assert made[0].to_json() == made[1].to_json()
    assert made[0].to_json() != made[2].to_json()
    assert made[0].scaling is not None


def test_nobody_elses_luck_is_touched() -> None:
    random.seed(1), np.random.seed(2), torch.manual_seed(3)  # noqa: NPY002 - the state that is looked at
    wanted = random.random(), np.random.random(), float(torch.rand(1))  # noqa: NPY002
    random.seed(1), np.random.seed(2), torch.manual_seed(3)  # noqa: NPY002
    threads = torch.get_num_threads()
    taught(PPO(steps=256, hidden=8))
    assert (random.random(), np.random.random(), float(torch.rand(1))) == wanted  # noqa: NPY002
    assert torch.get_num_threads() == threads


def test_nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    for kind in (PPO, DQN):
        taught(kind(steps=256, hidden=8))
    assert not list(tmp_path.iterdir())


def test_trees_ask_it_for_all_nodes_at_once() -> None:
    made = PPO(steps=256, hidden=8, policy="average")
    taught(made)
    trees = expand(make_scenario("arithmetic", limit=5), SimulatedSpeaker(), RULES, 0)
    chances = speak_probabilities(trees, made)
    assert [each.shape for each in chances] == [(5, 1), (5, 2)]
    assert ((chances[0] > 0) & (chances[0] < 1)).all()
