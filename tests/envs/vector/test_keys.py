"""Compositions in the vector environment: the keys of single environments, step by step, whatever they are made of."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from compositions_of_all_parts import ALL
from vector_and_singles import compare
from vector_and_singles import compare_recorded as compare_recorded

import tracer_env
from tracer_env.agents.controllers.cast import CastController
from tracer_env.agents.controllers.regret_matching import RegretMatching, Row
from tracer_env.agents.speakers.recorded import RecordedSpeaker
from tracer_env.agents.speakers.simulated.speaker import SimulatedSpeaker
from tracer_env.compositions import Composition, information_named
from tracer_env.envs.vector.env import make_vector_env
from tracer_env.errors import ConfigError, UnknownNameError
from tracer_env.information import KEYS
from tracer_env.rules import DialogueState
from tracer_env.trees.growth import expand
from tracer_env.trees.keys import fitted_on
from tracer_env.trees.tree import DialogueTrees
from tracer_env.types import SIGNALS, Utterance

SPEAKER = SimulatedSpeaker(invalid=0.1, no_verdict=0.2, own=0.5)
RULES: list[dict[str, Any]] = [
    {},
    {"stop_when": "kept", "num_agents": 3, "max_turns": 5},
    {"final_answer": "majority", "seats": "reviewer", "others": "random:p=0.4"},
    {"final_answer": "highest_vote", "max_turns": 4, "seats": "proposer", "others": "until_approved"},
]
MORE = ["agreement+confidence:bins=2+reviews", "length:bins=2", "confidence:of=sum,bins=3+vote+reviewer_agrees+time"]


@pytest.fixture(scope="module")
def trees() -> DialogueTrees:
    return expand(tracer_env.make_scenario("arithmetic", limit=7), SPEAKER, seed=3, worlds=2)


@pytest.mark.parametrize("written", [*ALL, *MORE])
def test_keys_of_simulated_dialogues(trees: DialogueTrees, written: str) -> None:
    tell = fitted_on(trees, written)
    for place, rules in enumerate(RULES[:1] if "history" in written else RULES):
        options = {"scenario": list(trees.tasks), "speaker": SPEAKER, "information": tell, **rules}
        assert compare(6, 24, seed=place, same_step=bool(place % 2), **options) > 10


@pytest.mark.parametrize("written", [*ALL, *MORE])
def test_keys_of_recorded_dialogues(trees: DialogueTrees, written: str) -> None:
    options = {"scenario": list(trees.tasks), "speaker": RecordedSpeaker(trees, any_seed=True)}
    options |= {"information": fitted_on(trees, written)}
    for place, rules in enumerate(({}, {"stop_when": "kept", "max_turns": 4}, {"final_answer": "majority"})):
        assert compare_recorded([3, 4, 5, 3], 24, bool(place % 2), **options, **rules) > 8


def test_words_without_signals_are_unknown(trees: DialogueTrees) -> None:
    """A recording from before models told anything of their words."""
    untold = {name: np.broadcast_to(np.float32(np.nan), trees.levels[0].grade.shape) for name in SIGNALS}
    levels = tuple(
        replace(level, **{name: np.broadcast_to(array[:1, :1], level.grade.shape) for name, array in untold.items()})
        for level in trees.levels
    )
    fields = ("text", "prompt_tokens", "completion_tokens", "answer", "rule", "grade", "verdict", "agrees")
    texts = [Utterance(**{name: getattr(said, name) for name in fields}) for said in trees.texts or ()]
    quiet = replace(trees, levels=levels, texts=texts)
    tell = fitted_on(trees, "vote+confidence:bins=2+reviewer_margin:bins=2")
    options = {"scenario": list(trees.tasks), "speaker": RecordedSpeaker(quiet, any_seed=True), "information": tell}
    assert compare_recorded([3, 4, 5, 3], 24, False, **options) > 8
    env = make_vector_env(3, **options)
    _, infos = env.reset(seed=0)
    assert all("confidence_unknown" in env.information_states[code] for code in infos["information_code"])


def test_names_are_each_there_once(trees: DialogueTrees) -> None:
    tell = fitted_on(trees, MORE[2])
    env = make_vector_env(2, list(trees.tasks), SPEAKER, information=tell)
    assert len(set(env.information_states)) == len(env.information_states)


def _own(state: DialogueState) -> str:
    return "odd" if state.turn % 2 else "even"


def test_what_has_no_table_is_refused(trees: DialogueTrees) -> None:
    tracer_env.register("information", "parity", _own)
    with pytest.raises(ConfigError, match=r"no table for 'parity', a part of your own in .*; use vectorization"):
        make_vector_env(2, information="vote+parity")
    with pytest.raises(ConfigError, match=r"no table for 'operator:index', a part of your own in the information"):
        make_vector_env(2, information="vote+operator:index")
    with pytest.raises(ConfigError, match=r"'parity', a part of your own in a fixed controller's information"):
        make_vector_env(2, seats="reviewer", others=RegretMatching(information="vote+parity"))
    with pytest.raises(ConfigError, match="no table for the information"):
        make_vector_env(2, information=_own)
    with pytest.raises(ConfigError, match="whose edges are fitted"):
        make_vector_env(2, information="vote+confidence")
    with pytest.raises(UnknownNameError, match="did you mean 'vote'"):
        make_vector_env(2, information="vot+time")
    wide = information_named("confidence:bins=64+confidence:of=sum,bins=64+confidence:of=min,bins=64+turn")
    assert isinstance(wide, Composition)
    cut = wide.with_edges({name: list(range(-63, 0)) for name in wide.unfitted})
    with pytest.raises(ConfigError, match="fewer parts or bins"):
        make_vector_env(2, information=cut)


HEARD = ["vote+confidence:bins=2", "length:bins=3+reviewer_margin:bins=2", "agreement+reviewer_agrees"]


def random_table(trees: DialogueTrees, information: str, seed: int) -> RegretMatching:
    tell, table = fitted_on(trees, information), RegretMatching()
    table.read_by(tell, information)
    names = trees.keys(tell).names
    for name, speak in zip(names, np.random.default_rng(seed).random(len(names)).tolist(), strict=True):
        table.rows[name] = Row(strategy=[1.0 - speak, speak], visits=1.0)
    return table


@pytest.mark.parametrize("written", ["turn", "agreement+vote", "history", *HEARD])
@pytest.mark.parametrize("final", ["last", "majority"])
def test_fixed_tables_are_asked_under_their_own_keys(trees: DialogueTrees, written: str, final: str) -> None:
    table, other = random_table(trees, written, 0), random_table(trees, "time+confidence:of=sum,bins=3", 1)
    casts = {"reviewer": table, "agent_1": CastController({"proposer": table, "reviewer": other})}
    for place, (seats, others) in enumerate(casts.items()):
        options = {"scenario": list(trees.tasks), "seats": seats, "others": others, "information": "vote+time"}
        options |= {"final_answer": final, "max_turns": 4}
        assert compare(6, 24, seed=place, same_step=bool(place), speaker=SPEAKER, **options) > 10
        assert compare_recorded([3, 4, 5, 3], 24, bool(place), speaker=RecordedSpeaker(trees, any_seed=True), **options)


def test_single_names_are_what_they_were() -> None:
    for name in KEYS:
        assert make_vector_env(2, information=name).information_states
    made = information_named("vote+time")
    assert isinstance(made, Composition)
    first, second = (make_vector_env(2, information=each).information_states for each in (made, "vote_and_time"))
    assert first == second
