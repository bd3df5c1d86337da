"""The Gambit file: literal for the one-decision tree, read back by OpenSpiel for the others."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from compositions_of_all_parts import ALL as COMPOSITIONS
from tree_games import coordination, misleading, one_decision, random_trees

from tracer_env.errors import ConfigError, MissingExtraError, UnknownNameError
from tracer_env.parts.casting import make_scenario
from tracer_env.rules import Rules
from tracer_env.trees.efg import to_efg, to_openspiel
from tracer_env.trees.growth import expand
from tracer_env.trees.keys import fitted_on


def test_one_decision_literally(tmp_path: Path) -> None:
    path = to_efg(one_decision(), tmp_path / "game.efg")
    assert path.read_text() == (
        'EFG 2 R "dialogue trees" { "agent_0" "agent_1" } ""\n'
        'c "" 1 "" { "row_0" 1/1 } 0\n'
        'p "" 2 1 "agent_1/proposer/vote_0/last" { "skip" "speak" } 0\n'
        't "" 1 "" { 0.0 0.0 }\n'
        't "" 2 "" { 1.0 1.0 }\n'
    )
    assert [file.name for file in tmp_path.iterdir()] == ["game.efg"]


def test_dialogues_that_end_early_end_in_the_file(tmp_path: Path) -> None:
    trees = random_trees(Rules(max_turns=4, stop_when="kept"), 2, seed=0)
    lines = to_efg(trees, tmp_path / "game.efg").read_text().splitlines()
    # turn 2 twice two ways, turn 3 ends on SKIP, turn 4 two leaves: 3 leaves under each node of turn 3
    assert sum(line.startswith("t ") for line in lines) == 2 * 6
    assert sum(line.startswith("p ") for line in lines) == 2 * 5


@pytest.mark.parametrize("information", ["vote_and_time", "time_only", "history"])
@pytest.mark.parametrize("credit", ["team", "role"])
def test_openspiel_reads_the_file_and_finds_our_information_states(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, credit: str, information: str
) -> None:
    pyspiel = pytest.importorskip("pyspiel")
    trees = random_trees(Rules(num_agents=3, max_turns=5), 10, seed=1)
    monkeypatch.chdir(tmp_path)
    to_efg(trees, "game.efg", credit, information)
    game = pyspiel.load_game("efg_game(filename=game.efg)")
    assert game.num_players() == 3
    table = pyspiel.CFRSolver(game).tabular_average_policy().policy_table()
    assert len(table) == len(trees.keys(information).names)
    assert len(
        pyspiel.CFRSolver(to_openspiel(trees, credit, information)).tabular_average_policy().policy_table()
    ) == len(table)


def test_uniform_value_is_the_same_there() -> None:
    pyspiel = pytest.importorskip("pyspiel")
    for trees, value in ((one_decision(), 1 / 2), (coordination(), 5 / 12), (misleading(), 3 / 4)):
        game = to_openspiel(trees)
        state = game.new_initial_state()
        uniform = pyspiel.UniformRandomPolicy(game)
        assert pyspiel.expected_returns(state, uniform, -1, True) == pytest.approx([value, value])


@pytest.mark.parametrize("written", COMPOSITIONS)
def test_values_under_a_composition_are_the_same_there(written: str) -> None:
    """Any policy over our keys comes to the same there: no key is split or joined, and none is another's."""
    pyspiel = pytest.importorskip("pyspiel")
    trees = expand(make_scenario("arithmetic", limit=4), "simulated", Rules(max_turns=4), worlds=2)
    tell = fitted_on(trees, written)
    game, names = to_openspiel(trees, "team", tell), trees.keys(tell).names
    speaks = dict(zip(names, np.random.default_rng(0).random(len(names)).tolist(), strict=True))
    there = pyspiel.CFRSolver(game).tabular_average_policy().policy_table()
    assert sorted(state.split("-", 3)[3] for state in there) == sorted(names)
    played = {state: [(0, 1 - (p := speaks[state.split("-", 3)[3]])), (1, p)] for state in there}
    returns = pyspiel.expected_returns(game.new_initial_state(), pyspiel.TabularPolicy(played), -1, True)
    assert returns == pytest.approx([trees.evaluate(speaks, information=tell).accuracy] * 2)


def test_payoffs_of_ones_own(tmp_path: Path) -> None:
    trees = one_decision()
    text = to_efg(trees, tmp_path / "a.efg", np.array([[[0.25], [1 / 3]], [[1.0], [-2.0]]])).read_text()
    assert re.findall(r"\{ ([-\d. ]+) \}", text)[-2:] == ["0.25 1.0", "0.3333333333333333 -2.0"]


def test_what_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trees = one_decision()
    with pytest.raises(UnknownNameError, match="did you mean 'role'"):
        to_efg(trees, tmp_path / "a.efg", "roles")
    with pytest.raises(ConfigError, match="leaf payoffs must have shape"):
        to_efg(trees, tmp_path / "a.efg", np.zeros((3, 2, 1)))
    with pytest.raises(ConfigError, match="cannot write the game file"):
        to_efg(trees, tmp_path / "nowhere" / "a.efg")
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setitem(__import__("sys").modules, "pyspiel", None)
    with pytest.raises(MissingExtraError, match="pip install open-spiel"):
        to_openspiel(trees)
