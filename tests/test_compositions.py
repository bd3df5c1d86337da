"""Compositions of keys: how they are written, and that states, trees and play agree on them."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from compositions_of_all_parts import ALL
from moves import play

import tracer_env
from tracer_env.compositions import Composition, check_ready, information_named
from tracer_env.errors import ConfigError, UnknownNameError
from tracer_env.information import vote_and_time
from tracer_env.rules import Rules
from tracer_env.specs import cast_parts, name_and_settings, split_list
from tracer_env.trees.growth import expand
from tracer_env.trees.keys import fitted_on


@pytest.mark.parametrize("letters", ["C", "I", "C+", "C-W", "C-W.", "C0.+"])
def test_vote_and_time_is_a_composition(letters: str) -> None:
    state = play(letters)
    assert information_named("vote+time")(state) == vote_and_time(state)


@pytest.mark.parametrize(
    ("letters", "key"),
    [
        ("C", "agent_1/reviewer/turn_2/first/reviews_0/own_unsaid"),
        ("C+", "agent_0/proposer/turn_3/first/reviews_1/own_none"),
        ("C-C", "agent_1/reviewer/turn_4/again_1/reviews_0/own_unsaid"),
        ("C-W.", "agent_0/proposer/turn_5/new/reviews_0/own_unsaid"),
        ("I", "agent_1/reviewer/turn_2/no_answer/reviews_0/own_unsaid"),
        ("", "agent_0/proposer/turn_1/no_proposal/reviews_0/own_unsaid"),
    ],
)
def test_parts_by_hand(letters: str, key: str) -> None:
    assert information_named("turn+agreement+reviews+reviewer_agrees")(play(letters)) == key


def test_buckets_by_hand() -> None:
    made = information_named("length:bins=3")
    assert isinstance(made, Composition)
    cut = made.with_edges({"length:bins=3": [0.0, 10.0]})
    assert cut(play("C")) == "agent_1/reviewer/length_2"  # no tokens: on the first edge, so above it
    assert cut(play("")) == "agent_0/proposer/length_none"
    told = information_named("confidence")
    assert isinstance(told, Composition)
    assert told.with_edges({"confidence": []})(play("C")) == "agent_1/reviewer/confidence_unknown"


def test_names_leave_defaults_out() -> None:
    assert information_named("vote + confidence:of=mean,bins=5").name == "vote+confidence"  # type: ignore[attr-defined]
    assert information_named("length:bins=7").name == "length:bins=7"  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("vote+tme", "did you mean 'time'"),
        ("vote_and_tim", "did you mean 'vote_and_time'"),
        ("vote+vote", "names vote twice"),
        ("vote:bins=3", "takes none"),
        ("confidence:bin=3", "did you mean 'bins'"),
        ("confidence:bins=1", "from 2 to 64, got '1'"),
        ("confidence:of=maen", "did you mean 'mean'"),
        ("confidence:", "has no setting ''"),
        ("vote+", "part of information"),
    ],
)
def test_what_is_none(written: str, why: str) -> None:
    with pytest.raises((ConfigError, UnknownNameError), match=why):
        information_named(written)


def test_unfitted_ones_cannot_be_asked() -> None:
    with pytest.raises(ConfigError, match=r"fitted on train dialogues.*table\.tell"):
        check_ready(information_named("vote+confidence"))
    with pytest.raises(ConfigError, match="fitted"):
        tracer_env.env("arithmetic", information="vote+confidence")


@pytest.mark.parametrize("edges", [{}, {"length": [1.0]}, {"confidence": [1.0, 1.0]}, {"confidence": [2.0, 1.0]}])
def test_other_edges_are_refused(edges: dict[str, list[float]]) -> None:
    made = information_named("vote+confidence")
    assert isinstance(made, Composition)
    with pytest.raises(ConfigError, match="edges"):
        made.with_edges(edges)


def test_grammar_of_methods() -> None:
    name, settings = name_and_settings("cfr_plus:information=vote+confidence:of=sum,bins=3+length,price=2e-4")
    assert (name, settings) == ("cfr_plus", {"information": "vote+confidence:of=sum,bins=3+length", "price": 2e-4})
    cast = "proposer=cfr_plus:information=vote+time+reviewer=never"
    assert cast_parts(cast, "+") == {"proposer": "cfr_plus:information=vote+time", "reviewer": "never"}
    assert split_list(f"never,cfr_plus:information=vote+confidence:of=sum,bins=3,price=1,{cast}") == [
        "never",
        "cfr_plus:information=vote+confidence:of=sum,bins=3,price=1",
        cast,
    ]


@pytest.mark.parametrize("speaker", ["simulated", "simulated:harsh"])
@pytest.mark.parametrize("written", ALL)
def test_trees_and_states_agree(written: str, speaker: str) -> None:
    """The arrays' keys are those of states put together node by node, and those that play comes to."""
    trees = expand(tracer_env.make_scenario("arithmetic", limit=8), speaker, worlds=2)
    tell = fitted_on(trees, written)
    fast, slow = trees.keys(tell), trees.keys(lambda state: tell(state))
    for here, there in zip(fast.ids, slow.ids, strict=True):
        np.testing.assert_array_equal(np.array(fast.names)[here], np.array(slow.names)[there])
    env = tracer_env.raw_env("arithmetic", speaker=speaker, information=tell)
    for place, choices in product((0, 3, 7), product((0, 1), repeat=4)):
        env.reset(seed=0, options={"task": trees.tasks[place].id, "world": 1})
        env.step(1)
        node = 0
        for depth, action in enumerate(choices):
            _, _, _, _, info = env.last()
            assert info["information_state"] == fast.names[fast.ids[depth][place + 8, node]]
            env.step(action)
            node = 2 * node + action


def test_edges_are_quantiles_of_what_is_met() -> None:
    trees = expand(tracer_env.make_scenario("arithmetic", limit=40), "simulated")
    tell = fitted_on(trees, "length:bins=2")
    assert isinstance(tell, Composition)
    (middle,) = tell.edges["length:bins=2"]
    assert trees.levels[0].completion_tokens.min() <= middle <= trees.levels[0].completion_tokens.max()
    assert fitted_on(trees, tell) is tell


@pytest.mark.parametrize("written", ALL)
def test_dialogues_of_one_turn_have_no_keys(written: str) -> None:
    trees = expand(tracer_env.make_scenario("arithmetic", limit=3), "simulated", Rules(max_turns=1))
    assert trees.keys(fitted_on(trees, written)).names == ()


def test_a_part_of_ones_own() -> None:
    tracer_env.register("information", "parity_of_turn", lambda state: "odd" if state.turn % 2 else "even")
    trees = expand(tracer_env.make_scenario("arithmetic", limit=3), "simulated")
    names = trees.keys("vote+parity_of_turn").names
    assert {name.rsplit("/", 1)[1] for name in names} == {"odd", "even"}
