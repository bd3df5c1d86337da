"""What a controller is shown on trees, and how often it is asked."""

from __future__ import annotations

import numpy as np
import pytest
from compositions_of_all_parts import ALL as COMPOSITIONS
from forest import SUMS

from tracer_env.errors import UnknownNameError
from tracer_env.information import features
from tracer_env.rules import Rules
from tracer_env.trees.growth import expand
from tracer_env.trees.keys import fitted_on
from tracer_env.trees.policy import speak_probabilities


class Watcher:
    """Remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, str, str]] = []

    def speak_probability(self, state, key):
        said = "".join(turn.action.name[1] for turn in state.turns)
        self.asked.append((state.turn, said, key))
        assert features(state)[0] == np.float32(state.turn / state.rules.max_turns)
        return state.turn / 10


def test_a_controller_is_asked_once_for_nodes_that_look_alike():
    trees, watcher = expand(SUMS, "simulated", Rules(max_turns=3), worlds=50), Watcher()
    chances = speak_probabilities(trees, watcher)
    assert [np.unique(level).tolist() for level in chances] == [[0.2], [0.3]]
    first = [asked for asked in watcher.asked if asked[0] == 2]
    assert {said for _, said, _ in watcher.asked} == {"P", "PK", "PP"}
    assert len(first) == 3  # correct, wrong, unparsable
    assert {key for _, _, key in first} == {
        "agent_1/reviewer/vote_0/last",
        "agent_1/reviewer/invalid_pending/last",
    }
    assert len(watcher.asked) <= 3 + 3 * 4


def test_nobody_is_asked_where_the_dialogue_is_over():
    trees, watcher = expand(SUMS, "simulated", Rules(stop_when="kept"), worlds=3), Watcher()
    chances = speak_probabilities(trees, watcher)
    assert (chances[3][:, trees.over(3)] == 0.0).all()
    assert all("K" not in said[2::2] for _, said, _ in watcher.asked)


class Reader:
    """Chooses by its key, which it has from the trees, and by the turn."""

    def __init__(self, chances):
        self.chances = chances

    def speak_probability(self, state, key):
        return self.chances[key] * state.turn / 10


@pytest.mark.parametrize("written", COMPOSITIONS)
def test_keys_hang_on_what_no_controller_is_shown(written):
    """Answers, signals and lengths cut nodes apart that look alike: the keys are those of the trees."""
    trees = expand(SUMS, "simulated", Rules(max_turns=4), worlds=2)
    tell = fitted_on(trees, written)
    keys = trees.keys(tell)
    luck = np.random.default_rng(0).random(len(keys.names))
    chances = speak_probabilities(trees, Reader(dict(zip(keys.names, luck, strict=True))), tell)
    for depth, found in enumerate(chances):
        np.testing.assert_allclose(found, luck[keys.ids[depth]] * (depth + 2) / 10)
    plain = trees.evaluate("until_approved")
    assert trees.evaluate("until_approved", information=tell).accuracy == plain.accuracy


def test_an_unknown_key():
    with pytest.raises(UnknownNameError, match="history"):
        speak_probabilities(expand(SUMS, "simulated"), "always", "histry")
