"""Training windows as arrays: the tables are those of the dialogues played one by one, bit by bit."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracer_env.agents.controllers.regret_matching import RegretMatching, RegretMatchingPlus
from tracer_env.agents.speakers.simulated.rates import PRESETS
from tracer_env.agents.speakers.simulated.speaker import SimulatedSpeaker
from tracer_env.parts.casting import make_scenario
from tracer_env.rules import Rules
from tracer_env.trainers.regret import array_player
from tracer_env.trainers.regret.array_player import ArrayPlayer, suits_arrays
from tracer_env.trainers.regret.trainer import DialoguePlayer, train_controller
from tracer_env.types import Task

TASKS = [Task(f"t{i}", f"What is {i} plus 1?", str(i + 1), difficulty=i / 6) for i in range(7)]
SCENARIO = make_scenario(TASKS)


def windows(player, table: RegretMatching, sizes: list[int]) -> int:
    """Play windows of these sizes as the trainer does."""
    first = 0
    for size in sizes:
        for learner, sums in player.play(first, size):
            speaks = {key: float(learner.policy(key)[1]) for key in sums}
            for key, (skip, speak, visits) in sums.items():
                learner.accumulate(key, (skip, speak), speaks[key], visits)
        first += size
    assert table.rows
    return player.turns


def both(kind: type[RegretMatching], rules: Rules, information: str, preset: str, seed: int, sizes: list[int]):
    quick, slow, speaker = kind(), kind(), SimulatedSpeaker(preset)
    turns = windows(ArrayPlayer(quick, SCENARIO, speaker, rules, seed, information), quick, sizes)
    expected = windows(DialoguePlayer(slow, SCENARIO, speaker, rules, seed, information), slow, sizes)
    return quick, slow, turns, expected


@pytest.mark.parametrize("kind", [RegretMatching, RegretMatchingPlus])
@pytest.mark.parametrize("information", ["vote_and_time", "vote_only", "time_only"])
@pytest.mark.parametrize("stop", ["horizon", "kept"])
@pytest.mark.parametrize("agents", [2, 3])
def test_tables_are_equal(kind: type[RegretMatching], information: str, stop: str, agents: int) -> None:
    for turns in range(2, 8):
        rules = Rules(agents, turns, stop_when=stop)
        quick, slow, played, expected = both(kind, rules, information, "balanced", turns, [16, 16, 9])
        assert quick.rows == slow.rows
        assert played == expected


@settings(deadline=None, max_examples=40)
@given(
    agents=st.integers(1, 5),
    turns=st.integers(2, 8),
    stop=st.sampled_from(["horizon", "kept"]),
    information=st.sampled_from(["vote_and_time", "vote_only", "time_only"]),
    preset=st.sampled_from(sorted(PRESETS)),
    seed=st.integers(0, 2**50),
    sizes=st.lists(st.integers(1, 20), min_size=1, max_size=4),
)
def test_tables_are_equal_everywhere(agents, turns, stop, information, preset, seed, sizes) -> None:
    rules = Rules(agents, turns, stop_when=stop)
    quick, slow, played, expected = both(RegretMatching, rules, information, preset, seed, sizes)
    assert quick.rows == slow.rows
    assert played == expected


def test_noise_drawn_ahead_is_the_same_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    def learned() -> str:
        table = RegretMatching()
        train_controller(table, SCENARIO, SimulatedSpeaker(), Rules(), 200, seed=3, update_every=32)
        return table.to_json()

    whole = learned()
    for block in (1, 50, 64):
        monkeypatch.setattr(array_player, "_BLOCK", block)
        assert learned() == whole


def test_which_keys_suit() -> None:
    assert [name for name in ("vote_and_time", "vote_only", "time_only", "history") if suits_arrays(name)] == [
        "vote_and_time",
        "vote_only",
        "time_only",
    ]


def test_one_turn_leaves_nothing_to_learn() -> None:
    table = RegretMatching()
    run = train_controller(table, SCENARIO, SimulatedSpeaker(), Rules(max_turns=1), 40)
    assert table.rows == {}
    assert run.turns == 40
