"""Teaching on trees: tables alone and in casts, on games whose answers are known."""

from __future__ import annotations

import numpy as np
import pytest
from tree_games import coordination, misleading, random_trees

from tracer_env.agents.controllers.baselines import Always, Never
from tracer_env.agents.controllers.cast import CastController
from tracer_env.agents.controllers.tree_trained import CFRPlus, Hedge
from tracer_env.errors import ConfigError
from tracer_env.interfaces import Controller
from tracer_env.rules import Rules
from tracer_env.runs.learning import untrained
from tracer_env.terminal.progress import NoReporter
from tracer_env.trainers.cfr.game import tree_game, with_fixed
from tracer_env.trainers.cfr.methods import teach
from tracer_env.trainers.cfr.solving import solve_trees
from tracer_env.trees.evaluation import evaluate_policy
from tracer_env.trees.payoffs import team_payoffs
from tracer_env.trees.policy import speak_probabilities
from tracer_env.trees.tree import DialogueTrees


def taught(controller: Controller, trees: DialogueTrees) -> dict[str, object]:
    return teach(controller, trees, 0, NoReporter(), "it")


def test_a_table_learns_what_the_solver_finds() -> None:
    trees, table = misleading(), CFRPlus(iterations=100, starts=1)
    course = taught(table, trees)
    solved = solve_trees(trees, "cfr_plus", 100)
    assert course["value"] == solved.value == pytest.approx(2 / 3 + (1 - 0.5 / 5050) ** 2 / 3)
    assert evaluate_policy(trees, table).accuracy == pytest.approx(solved.value)
    assert table.rules == trees.rules
    assert table.lessons.among(trees.tasks) == 3
    assert not untrained(table)


def test_the_start_is_kept_that_is_worth_most_as_it_is_played() -> None:
    trees = coordination()
    average, greedy = (
        CFRPlus("time_only", iterations=5, starts=4, policy=policy, price=0.0) for policy in ("average", "greedy")
    )
    for table in (average, greedy):
        course = taught(table, trees)
        assert course["value"] == max(course["values"])  # type: ignore[call-overload]
        played = evaluate_policy(trees, table, "time_only").accuracy
        assert played == pytest.approx(course["value"])
    assert evaluate_policy(trees, greedy, "time_only").accuracy == 1.0


def test_the_price_of_tokens_is_in_what_is_learned() -> None:
    trees = random_trees(Rules(), 40, seed=3)
    tokens = []
    for price in (0.0, 0.01, 10.0):
        table = CFRPlus(price=price, iterations=100, starts=1)
        taught(table, trees)
        tokens.append(evaluate_policy(trees, table).tokens_per_task)
    assert tokens[0] > tokens[1] > tokens[2]
    assert tokens[2] == pytest.approx(evaluate_policy(trees, "never").tokens_per_task, rel=0.05)


@pytest.mark.parametrize(("reviewer", "value"), [(Always(), 1.0), (Never(), 2 / 3)])
def test_a_part_of_a_cast_learns_against_the_others(reviewer: Controller, value: float) -> None:
    """Told WRONG by a reviewer that always speaks the proposer mends its answer; without a review it cannot know."""
    trees, table = misleading(), CFRPlus(iterations=200, starts=1)
    cast = CastController({"proposer": table, "reviewer": reviewer})
    course = taught(cast, trees)
    assert course["value"] == pytest.approx(value, abs=1e-3)
    assert evaluate_policy(trees, cast).accuracy == pytest.approx(value, abs=1e-3)
    assert not any(key.startswith("agent_1") for key in table.rows)
    assert course["keys"] == len(table.rows) + 1  # the settled turn


def test_parts_that_wait_play_what_the_learning_part_plays_there() -> None:
    trees = misleading()
    first, second = CFRPlus(iterations=100, starts=1), Hedge(iterations=100, starts=1)
    course = taught(CastController({"proposer": first, "reviewer": second}), trees)
    alone = CFRPlus(iterations=100, starts=1)
    taught(alone, trees)
    assert first.state_dict() == alone.state_dict()
    assert set(second.rows) == {key for key in first.rows if key.startswith("agent_1")}
    assert set(course["parts"]) == {"proposer", "reviewer"}  # type: ignore[call-overload]
    again = taught(CastController({"proposer": first, "reviewer": Hedge(iterations=100, starts=1)}), trees)
    assert again["method"] == "hedge"


def test_what_does_not_learn_from_trees_is_refused() -> None:
    with pytest.raises(ConfigError, match="'it' is a Always, which does not learn from dialogue trees"):
        taught(Always(), misleading())


def test_settled_turns_are_worth_what_the_same_policy_is() -> None:
    """Values of a game with settled turns are those of the whole game under the same policies."""
    trees = random_trees(Rules(stop_when="kept"), 30, seed=1)
    game = tree_game(trees, team_payoffs(trees))
    chances = speak_probabilities(trees, "until_approved")
    fixed, settled = with_fixed(game, [chance if depth % 2 else None for depth, chance in enumerate(chances)])
    assert fixed.ids[0].shape == game.ids[0].shape
    assert sorted(set(settled[~np.isnan(settled)].tolist())) == [0.0, 1.0]
    for depth in (1, 3):
        live = fixed.ids[depth] < fixed.size
        assert (settled[fixed.ids[depth][live]] == chances[depth].T[live]).all()
        assert (live == (game.ids[depth] < game.size)).all()
    for depth in (0, 2):
        live = game.ids[depth] < game.size
        names = [[one.names[number] for number in one.ids[depth][live]] for one in (game, fixed)]
        assert names[0] == names[1]
    same, free = with_fixed(game, [None] * 4)
    assert same is game
    assert np.isnan(free).all()
