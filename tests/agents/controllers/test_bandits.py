"""Bandits: what they try and what they learn, in sums done by hand."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from tracer_env.agents.controllers.action_values import ActionValues, Step
from tracer_env.agents.controllers.bandits import UCB, EpsilonGreedy, Thompson
from tracer_env.errors import ConfigError, UserError
from tracer_env.parts.casting import make_controller
from tracer_env.rules import Rules
from tracer_env.runs.learning import untrained

SKIP, SPEAK = 0, 1


def taught(bandit: ActionValues, *returns: tuple[int, float]) -> ActionValues:
    for action, reward in returns:
        bandit.learn([Step("k", action, reward)])
    return bandit


def test_an_arm_is_worth_the_mean_of_what_followed() -> None:
    bandit = EpsilonGreedy()
    bandit.learn([Step("a", SPEAK, -0.25), Step("b", SKIP, 1.0)])  # returns 0.75 and 1
    bandit.learn([Step("a", SPEAK, -0.25), Step("b", SPEAK, -0.5)])  # returns -0.75 and -0.5
    assert bandit.rows["a"].value == [0.0, 0.0]
    assert bandit.rows["a"].tried == [0, 2]
    assert bandit.rows["b"].value == [1.0, -0.5]
    assert bandit.rows["b"].tried == [1, 1]


def test_what_is_learned_is_played_greedily() -> None:
    bandit = taught(EpsilonGreedy(), (SKIP, 0.25), (SPEAK, 0.5))
    assert bandit.speak_probability(None, "k") == 1.0  # type: ignore[arg-type]  # it reads the key alone
    assert taught(UCB(), (SKIP, 0.5), (SPEAK, 0.5)).speak_probability(None, "k") == 0.0  # type: ignore[arg-type]
    assert bandit.speak_probability(None, "never met") == 0.0  # type: ignore[arg-type]
    assert bandit.unseen == 1


def test_epsilon_greedy_by_hand() -> None:
    assert EpsilonGreedy(epsilon=0.2).explore("k") == pytest.approx(0.5)
    assert taught(EpsilonGreedy(epsilon=0.2), (SPEAK, 0.5)).explore("k") == pytest.approx(0.9)
    assert taught(EpsilonGreedy(epsilon=0.2), (SKIP, 0.5)).explore("k") == pytest.approx(0.1)


def test_ucb_by_hand() -> None:
    assert UCB().explore("k") == 0.5
    assert taught(UCB(), (SPEAK, 0.9)).explore("k") == 0.0  # the arm that was not tried comes first
    assert taught(UCB(), (SKIP, 0.9)).explore("k") == 1.0
    # n = 1 and 4, N = 5: 0 + sqrt(2 ln 5) = 1.794 against 0.9 + sqrt(2 ln 5 / 4) = 1.797, and 0.8 + 0.897 = 1.697
    assert math.sqrt(2 * math.log(5)) == pytest.approx(1.794, abs=1e-3)
    assert taught(UCB(), (SKIP, 0.0), *[(SPEAK, 0.9)] * 4).explore("k") == 1.0
    assert taught(UCB(), (SKIP, 0.0), *[(SPEAK, 0.8)] * 4).explore("k") == 0.0
    assert taught(UCB(c=0.0), (SKIP, 0.0), *[(SPEAK, 0.8)] * 4).explore("k") == 1.0


def test_thompson_by_hand() -> None:
    assert Thompson().explore("k") == 0.5
    # SPEAK: n = 1, q = 1, noise 1: v = 1/2, m = 1/2 (1/2 + 1) = 3/4; SKIP: v = 1, m = 1/2; Phi(0.25 / sqrt(1.5))
    found = taught(Thompson(noise=1.0), (SPEAK, 1.0)).explore("k")
    assert found == pytest.approx(0.5 * (1 + math.erf(0.25 / math.sqrt(1.5) / math.sqrt(2))))
    sure = taught(Thompson(), *[(SKIP, 0.0), (SPEAK, 1.0)] * 50).explore("k")
    assert sure > 0.999


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("epsilon_greedy:epsilon=1.5", "epsilon must be a probability between 0 and 1"),
        ("ucb:c=-1", "c must be a number of at least 0"),
        ("thompson:noise=0", "noise is a variance and must be a number above 0"),
        ("thompson:price=-1", "price is of a token"),
        ("q_learning:alpha=0", "alpha must be a number above 0"),
        ("ucb:information=nonsense", "unknown information 'nonsense'"),
    ],
)
def test_impossible_settings_are_refused(name: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        make_controller(name, Rules(), "vote_and_time")


@pytest.mark.parametrize("name", ["epsilon_greedy", "ucb", "thompson", "q_learning"])
def test_its_file_is_read_back(name: str, tmp_path: Path) -> None:
    made = make_controller(f"{name}:information=vote+confidence:bins=2")
    assert isinstance(made, ActionValues)
    assert untrained(made)
    assert made.tell is None  # its buckets have no edges
    made.edges = {"confidence:bins=2": (-0.5,)}
    made.learn([Step("agent_0/proposer/vote_0/confidence_1", SPEAK, 1.0)])
    file = tmp_path / "table.json"
    file.write_text(made.to_json())
    loaded = make_controller(str(file), Rules(), "history")
    assert isinstance(loaded, ActionValues)
    assert loaded.to_json() == made.to_json()
    assert loaded.tell is loaded.tell is not None
    assert not untrained(loaded)
    for changes, message in (({"edges": {}}, "edges"), ({"rows": {"k": {"value": [0], "tried": [0, 0]}}}, "1 entries")):
        file.write_text(json.dumps({**made.state_dict(), **changes}))
        with pytest.raises(ConfigError, match=message):
            make_controller(str(file))
