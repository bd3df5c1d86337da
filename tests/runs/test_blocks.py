"""Playing as work: blocks that were sent away and came back are those that were played here."""

from __future__ import annotations

import pickle

import pytest

from tracer_env import Rules, make_controller, make_scenario, make_speaker
from tracer_env.runs.blocks import Playing
from tracer_env.runs.playing import evaluate

METHODS = ("until_approved", "random:p=0.4")


@pytest.mark.parametrize(("counterfactuals", "on_error"), [("auto", "stop"), ("none", "skip"), ("shared", "stop")])
def test_a_block_is_the_same_wherever_it_is_played(counterfactuals: str, on_error: str) -> None:
    methods = {name: make_controller(name) for name in METHODS}
    tasks, speaker = make_scenario("arithmetic", limit=5), make_speaker("simulated")
    blocks = evaluate(methods, tasks, speaker, Rules(), 2, "vote+time", 2, 4, counterfactuals, on_error=on_error)
    here = [told.to_json() for block in blocks for told in block]
    work = Playing(methods, tasks, speaker, Rules(), 2, "vote+time", counterfactuals, on_error, apart=True)
    play = pickle.loads(pickle.dumps(work)).ready()
    there = [told.to_json() for episodes in ([0, 1, 2], [3], [4, 5, 6, 7, 8, 9]) for told in play(episodes)]
    assert there == here
