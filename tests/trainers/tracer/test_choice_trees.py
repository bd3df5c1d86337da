"""What choices are worth to the whole dialogue: by hand, against the trees' own engine, and inside a training step."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from moves import proposal, review
from training import Scripted, tasks

from tracer_env.agents.controllers.baselines import Always, Never
from tracer_env.agents.controllers.cast import CastController
from tracer_env.agents.controllers.regret_matching import RegretMatching, Row
from tracer_env.agents.speakers.simulated.speaker import SimulatedSpeaker
from tracer_env.compositions import information_named
from tracer_env.errors import ConfigError
from tracer_env.interfaces import Controller
from tracer_env.randomness import stream
from tracer_env.rules import DialogueState, Rules, initial
from tracer_env.scenarios.arithmetic import Arithmetic
from tracer_env.trainers.cfr.game import tree_game
from tracer_env.trainers.cfr.sweeps import DenseSweeps
from tracer_env.trainers.gspo.hooks import Hooks
from tracer_env.trainers.gspo.rollouts import TaskOrder, role_of
from tracer_env.trainers.tracer.choice_trees import ChoiceTrees, Decision, Root
from tracer_env.trainers.tracer.rollouts import TracerRollouts
from tracer_env.trainers.tracer.settings import TracerSettings
from tracer_env.trees.growth import expand
from tracer_env.trees.payoffs import team_payoffs
from tracer_env.types import Action

THREE = Rules(max_turns=3)
KEY = information_named("vote_and_time")
KEEP, SAY = Action.SKIP, Action.SPEAK
SAID = {1: [proposal("C")] * 2, 2: [review("-")] * 2, 3: [proposal("W")] * 2}


def _trees(policy: dict[str, float] | float, price: float = 0.0, table: int | None = 0) -> ChoiceTrees:
    def chance(state: DialogueState, key: str) -> float:
        return policy if isinstance(policy, float) else policy[key]

    return ChoiceTrees(KEY, chance, lambda state: table, price)


def _roots(rules: Rules = THREE, count: int = 1) -> list[Root]:
    chosen = tasks(count)
    return [Root(at, stream(2, chosen[at].id, 0), initial(chosen[at], rules)) for at in range(count)]


def _rollouts(controller: Controller, credit: str, said: Any = None, **others: Any) -> TracerRollouts:
    order = TaskOrder(tasks(6), 2, seed=2)
    rules, settings = others.pop("rules", THREE), TracerSettings(credit=credit, fading=1.0)
    return TracerRollouts(order, Scripted(said or SAID), 2, controller, role_of, settings, rules=rules, **others)


def test_values_by_hand() -> None:
    # C is proposed and called wrong if the reviewer speaks; writing anew spoils it.
    found = _trees(0.25).decisions(_roots(), Scripted(SAID), tasks(1), {})
    kept, called, first = found
    assert kept[:2] == (0, (SAY, KEEP))
    assert (kept.skip, kept.speak, kept.others, kept.own) == (1.0, 0.0, 0.75, 1.0)
    assert called[:2] == (0, (SAY, SAY))
    assert (called.skip, called.speak, called.others, called.own) == (1.0, 0.0, 0.25, 1.0)
    assert first[:2] == (0, (SAY,))
    assert (first.skip, first.speak, first.others, first.own) == (0.75, 0.75, 1.0, 1.0)


def test_tokens_cost_their_price_where_they_are_spoken() -> None:
    said = {1: [proposal("C", prompt=40, made=10)], 2: [review("-", prompt=70, made=5)], 3: [proposal("W", made=8)]}
    *_, first = _trees(0.0, price=0.001).decisions(_roots(), Scripted(said), tasks(1), {})
    assert first.skip == pytest.approx(1.0 - 0.050)
    assert first.speak == pytest.approx(1.0 - 0.125)


@pytest.mark.parametrize("price", [0.0, 1e-4])
def test_advantages_are_those_of_the_trees_engine(price: float) -> None:
    rules, speaker, scenario = Rules(), SimulatedSpeaker(), Arithmetic(limit=40)
    trees = expand(scenario, speaker, rules, seed=5)
    game = tree_game(trees, team_payoffs(trees, price))
    chances = {name: (at % 5 + 1) / 7 for at, name in enumerate(game.names)}
    roots = [Root(at, stream(5, task.id, 0), initial(task, rules)) for at, task in enumerate(scenario)]
    found = _trees(chances, price).decisions(roots, speaker, scenario, {})
    gains, weights = dict.fromkeys(game.names, 0.0), dict.fromkeys(game.names, 0.0)
    for one in found:
        gains[one.key] += one.others * (one.speak - one.skip) / len(scenario)
        weights[one.key] += one.own / len(scenario)
    sweeps = DenseSweeps(game)
    speak = np.array([*chances.values(), 0.0])
    for agent, keys in enumerate(game.agents):
        advantage, weight = sweeps.advantages(agent, speak)
        assert [gains[name] for name in game.names[keys]] == pytest.approx(advantage.tolist(), abs=1e-12)
        assert [weights[name] for name in game.names[keys]] == pytest.approx(weight.tolist(), abs=1e-12)


def test_what_was_played_is_not_asked_for_again() -> None:
    speaker = Scripted(SAID)
    played = {(0, ()): proposal("C"), (0, (SAY, KEEP)): proposal("C")}
    found = _trees(0.5).decisions(_roots(), speaker, tasks(1), played)
    assert [request.state.turn for request in speaker.asked] == [2, 3]
    assert [one.speak for one in found] == [1.0, 0.0, 0.5]


def test_branches_that_a_fixed_controller_never_takes_are_not_grown() -> None:
    speaker = Scripted(SAID)
    assert _trees(0.0, table=None).decisions(_roots(), speaker, tasks(1), {}) == []
    assert [request.state.turn for request in speaker.asked] == [1]


def test_a_tree_in_which_an_answer_timed_out_teaches_nothing() -> None:
    said = {**SAID, 3: [proposal("T")] * 2}
    assert _trees(0.5).decisions(_roots(), Scripted(said), tasks(1), {}) == []


# -- in a step -----------------------------------------------------------------------------------


def test_regrets_count_what_others_chances_lead_to() -> None:
    table = RegretMatching(rules=THREE)
    rollouts = _rollouts(table, "team")
    rollouts.play(0)
    places: dict[int, list[Decision]] = {}
    for one in rollouts._decisions:
        places.setdefault(one.place, []).append(one)
    assert [len(found) for found in places.values()] == [3, 3]
    rollouts.learn()
    rows = {key.split("/", 1)[1]: row for key, row in table.rows.items()}
    # Two tasks, all policies 1/2: keeping C is worth 1, spoiling it 0, the reviewer gets there half of the time.
    for name in ("proposer/vote_0/last", "proposer/vote_minus_1/last"):
        assert rows[name].cumulative_regret == [2 * 0.5 * 0.5, -2 * 0.5 * 0.5]
        assert rows[name].visits == 2.0
    (reviewer,) = [row for name, row in rows.items() if name.startswith("reviewer")]
    assert reviewer.cumulative_regret == [0.0, 0.0]


def test_candidates_are_those_of_one_step_credit() -> None:
    def drawn(credit: str) -> list[Any]:
        table = RegretMatching(rules=THREE)
        return [(one.policy, one.state, one.utterance) for one in _rollouts(table, credit).play(0)]

    assert drawn("team_minus_tokens:price=1e-4") == drawn("one_step")


def test_a_review_is_worth_what_comes_of_it() -> None:
    said = {1: [proposal("W")] * 2, 2: [review("-")] * 2, 3: [proposal("C")] * 2}
    table = RegretMatching(rules=THREE)
    # After a WRONG the proposer writes anew, otherwise it keeps.
    keys = {vote: f"agent_0/proposer/{vote}/last" for vote in ("vote_0", "vote_minus_1")}
    table.rows = {keys["vote_0"]: Row(regret=[9.0, 0.0]), keys["vote_minus_1"]: Row(regret=[0.0, 9.0])}
    rollouts = _rollouts(table, "team", said)
    rollouts.play(0)
    (choice, *_) = [one for one in rollouts._decisions if one.path == (SAY,)]
    assert (choice.skip, choice.speak) == (0.0, 1.0)


def test_a_cast_with_a_silent_reviewer_grows_the_proposers_tree_alone() -> None:
    table = RegretMatching(rules=THREE)
    rollouts = _rollouts(CastController({"proposer": table, "reviewer": Never()}), "team")
    rollouts.play(0)
    assert {one.path for one in rollouts._decisions} == {(SAY, KEEP)}
    rollouts = _rollouts(CastController({"proposer": Always(), "reviewer": Always()}), "team")
    rollouts.play(0)
    assert rollouts._decisions == []


def test_a_value_hook_has_no_place_in_it(tmp_path: Any) -> None:
    (tmp_path / "mine.py").write_text("def value(action, default, **context):\n    return default\n")
    hooks = Hooks.load({"value": f"{tmp_path / 'mine.py'}:value"})
    with pytest.raises(ConfigError, match="gives one-step values, and credit 'team' asks for none"):
        _rollouts(RegretMatching(rules=THREE), "team", hooks=hooks)


def test_rules_whose_trees_are_too_large_are_refused() -> None:
    with pytest.raises(ConfigError, match="trees double with each turn"):
        _rollouts(RegretMatching(), "team", rules=Rules(max_turns=40))
