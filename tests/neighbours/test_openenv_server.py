"""The game behind the server: moved by texts, it is our dialogue. The server is tried by the script of clients."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import pytest

from tracer_env import make_scenario
from tracer_env.errors import ConfigError, IllegalActionError, MissingExtraError
from tracer_env.neighbours.openenv_server import Game, openenv_app

TASKS = make_scenario("arithmetic", limit=5)


def test_a_right_answer_earns_the_teams_reward_at_the_end() -> None:
    game = Game(TASKS, reward="team")
    game.reset(task=TASKS[2].id)
    assert TASKS[2].question in game.prompt()
    earned = [game.step(f"Final answer: {TASKS[2].answer}"), game.step("RIGHT")]
    earned += [game.step(None), game.step(None), game.step(None)]
    assert earned == [0.0, 0.0, 0.0, 0.0, 1.0]
    assert game.prompt() == ""
    with pytest.raises(ConfigError, match="the dialogue is over; call reset"):
        game.step("more")


def test_one_role_is_played_from_outside() -> None:
    game = Game(TASKS, plays="reviewer", reward="role_credit")
    game.reset(seed=1)
    assert game.state is not None
    roles = []
    while not game.state.over:
        roles.append(game.state.seat.role.name)
        game.step("RIGHT")
    assert roles == ["REVIEWER", "REVIEWER"]
    assert [turn.seat.role.name for turn in game.state.turns if turn.utterance is not None][::2] == ["PROPOSER"] * 3


def test_a_seed_chooses_the_task_and_the_luck() -> None:
    def played(seed: int) -> tuple[str, list[str]]:
        game = Game(TASKS, plays="reviewer")
        game.reset(seed)
        assert game.state is not None
        while not game.state.over:
            game.step("WRONG")
        return game.state.task.id, [turn.utterance.text for turn in game.state.turns if turn.utterance is not None]

    assert played(4) == played(4)
    assert len({played(seed)[0] for seed in range(12)}) > 2


@pytest.mark.parametrize(
    ("settings", "line"),
    [({"plays": "all"}, "plays must be both, proposer or reviewer"), ({"split": "tset"}, "has no split 'tset'")],
)
def test_wrong_settings_are_said(settings: dict[str, Any], line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Game("arithmetic", **settings)
    assert line in str(caught.value)


def test_what_cannot_be_done_is_said() -> None:
    game = Game(TASKS)
    with pytest.raises(ConfigError, match="nothing has begun; call reset first"):
        game.step("x")
    with pytest.raises(ConfigError, match="has no task 'nowhere'"):
        game.reset(task="nowhere")
    game.reset()
    with pytest.raises(IllegalActionError, match=r"illegal action 0 for agent_0"):
        game.step(None)


def test_without_openenv_the_line_says_how_to_get_it() -> None:
    if find_spec("openenv") is not None:
        pytest.skip("openenv is installed")
    with pytest.raises(MissingExtraError, match=r'the OpenEnv server needs .*pip install "tracer-env\[openenv\]"'):
        openenv_app("arithmetic")
