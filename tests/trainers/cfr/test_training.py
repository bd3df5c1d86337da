"""Solving trees from names: every method on the hand-made games, the files it writes, the wishes it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tree_games import coordination, misleading, one_decision, random_trees

import tracer_env
from tracer_env.agents.controllers.regret_matching import RegretMatching
from tracer_env.errors import ConfigError, UnknownNameError
from tracer_env.rules import Rules
from tracer_env.trainers.cfr.solving import METHODS, solve_trees
from tracer_env.trainers.cfr.training import train_on_trees
from tracer_env.trees.evaluation import evaluate_policy

# value after 100 iterations of the misleading tree (2/3 + p q / 3); what is drawn is known to a tolerance
EXPECTED = {
    "cfr": (2 / 3 + 0.995**2 / 3, 1e-12),
    "cfr_plus": (2 / 3 + (1 - 0.5 / 5050) ** 2 / 3, 1e-12),
    "dcfr": (2 / 3 + (1 - 0.5 / 338350) ** 2 / 3, 1e-12),
    "predictive_rm_plus": (2 / 3 + (1 - 0.5 / 338350) ** 2 / 3, 1e-12),
    "hedge": (0.996, 0.003),
    "external_mccfr": (0.996, 0.01),
    "outcome_mccfr": (0.98, 0.03),
    "regret_matching": (2 / 3 + 0.005 * 0.5 / 3, 1e-12),
    "regret_matching_plus": (2 / 3 + 0.5 / 5050 * 0.5 / 3, 1e-12),
}


@pytest.mark.parametrize("method", METHODS)
def test_misleading_tree_by_every_method(method: str, tmp_path: Path) -> None:
    trees = misleading()
    result = train_on_trees(trees, method, 100, seed=3, out=tmp_path / "controllers" / f"{method}.json")
    value, tolerance = EXPECTED[method]
    assert result["value"] == pytest.approx(value, abs=tolerance)
    assert result["optimum"]["value"] == result["clairvoyant"] == pytest.approx(1.0)
    assert result["gap"] >= 0.0
    assert (result["trees"], result["nodes"], result["distinct_trees"]) == (3, 21, 2)
    assert (result["key_patterns"], result["merged_nodes"], result["information_states"]) == (1, 7, 3)
    assert [point["iteration"] for point in result["curve"]][-1] == 100
    assert json.loads(json.dumps(result, allow_nan=False)) == result
    controller = tracer_env.make_controller(result["controller"], trees.rules, "vote_and_time")
    assert isinstance(controller, RegretMatching)
    for row in result["policy_table"]:
        assert controller.average_policy(row["key"])[1] == pytest.approx(row["speak_average"], abs=1e-12)
    assert evaluate_policy(trees, controller).accuracy == pytest.approx(result["value"])


def test_one_decision_in_full() -> None:
    result = train_on_trees(one_decision(), "cfr", 4)
    assert result["value"] == result["values"][0] == result["values"][1] == 0.875
    assert result["gap"] == result["gap_bound"] == 0.125
    assert result["gap_exact"]
    assert result["gains"] == [0.0, 0.125]
    assert result["average_regret"] == {"first": 0.5, "last": 0.125, "slope": pytest.approx(-1.0), "per": "iteration"}
    assert result["average_regret_curve"] == [[1, 0.5], [2, 0.25], [3, pytest.approx(1 / 6)], [4, 0.125]]
    assert [point["value"] for point in result["curve"]] == [0.5, 0.75, pytest.approx(2.5 / 3), 0.875]
    assert result["policy_table"] == [
        {
            "key": "agent_1/proposer/vote_0/last",
            "visits": 4.0,
            "reach": 1.0,
            "speak_average": 0.875,
            "speak_current": 1.0,
            "advantage": 1.0,
            "average_regret": 0.125,
        }
    ]
    assert result["credit_table"][0]["same_sign"]
    assert result["iterations_per_second"] > 0


def test_more_starts_find_the_better_equilibrium() -> None:
    trees = coordination()
    one = train_on_trees(trees, "cfr", 50, information="time_only")
    many = train_on_trees(trees, "cfr", 50, information="time_only", starts=4)
    assert many["value"] >= one["value"]
    assert many["starts"] == 4
    best = many["optimum"]
    assert (best["value"], best["bound"]) == (pytest.approx(1.0), pytest.approx(1.0))
    assert (best["exact"], best["how"]) == (True, "enumerate")


@pytest.mark.parametrize("reduction", ["identical", "none"])
@pytest.mark.parametrize("credit", ["team", "team_minus_tokens:price=0.01", "role"])
def test_reductions_change_nothing(reduction: str, credit: str) -> None:
    trees = random_trees(Rules(max_turns=4), 50, seed=4)
    merged = solve_trees(trees, "cfr_plus", 60, credit=credit)
    other = solve_trees(trees, "cfr_plus", 60, credit=credit, reduction=reduction)
    assert other.solver.average == pytest.approx(merged.solver.average, abs=1e-9)
    assert other.value == pytest.approx(merged.value, abs=1e-9)


def test_the_paper_may_be_given_exact_credit_and_regret_is_per_visit_otherwise() -> None:
    trees = misleading()
    exact = train_on_trees(trees, "regret_matching", 10, credit="team")
    assert exact["value"] == train_on_trees(trees, "cfr", 10)["value"]
    paper = train_on_trees(trees, "regret_matching", 10)
    assert (paper["credit"], paper["average_regret"]["per"]) == ("one_step", "visit")
    assert paper["average_regret"]["slope"] < -0.5


def test_progress_is_told() -> None:
    told: list[tuple[int, str]] = []

    class Told:
        def start(self, what: str, total: int, done: int = 0) -> None:
            told.append((total, what))

        def reach(self, done: int, note: str = "") -> None:
            told.append((done, note))

    train_on_trees(one_decision(), "cfr", 2, reporter=Told())
    assert told == [(2, "solving by cfr"), (1, "value 0.5000"), (2, "value 0.7500")]


def test_wishes_that_cannot_work() -> None:
    trees = one_decision()
    with pytest.raises(UnknownNameError, match="did you mean 'cfr_plus'"):
        train_on_trees(trees, "cfrplus")
    with pytest.raises(UnknownNameError, match="information"):
        train_on_trees(trees, information="votes")
    with pytest.raises(UnknownNameError, match="reduction"):
        train_on_trees(trees, reduction="all")
    for wish in ({"iterations": 0}, {"starts": 0}, {"batch": 0}, {"iterations": True}, {"seed": -1}):
        with pytest.raises(ConfigError, match="whole number"):
            train_on_trees(trees, **wish)
    with pytest.raises(ConfigError, match="draws paths"):
        train_on_trees(trees, "outcome_mccfr", credit="one_step")
    with pytest.raises(ConfigError, match="goes with exact sweeps"):
        train_on_trees(trees, "regret_matching", reduction="none")


def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot write the controller file"):
        train_on_trees(one_decision(), "cfr", 1, out=tmp_path / "file" / "cfr.json")
