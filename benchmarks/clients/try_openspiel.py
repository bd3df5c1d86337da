"""OpenSpiel: dialogue trees as its games, solved by its own solvers, and policies carried over in both directions."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pyspiel
from open_spiel.python.algorithms import cfr, exploitability
from told import Use, tell

import tracer_env
from tracer_env.rules import Rules
from tracer_env.trees.efg import to_efg, to_openspiel


def _trees() -> tracer_env.DialogueTrees:
    return tracer_env.expand(tracer_env.make_scenario("arithmetic", limit=4), "simulated", Rules(max_turns=4))


def solvers() -> None:
    game = to_openspiel(_trees())
    for solver in (pyspiel.CFRSolver(game), pyspiel.CFRPlusSolver(game)):
        for _ in range(10):
            solver.evaluate_and_update_policy()
        first, second = pyspiel.expected_returns(game.new_initial_state(), solver.tabular_average_policy(), -1, True)
        assert 0 < first == second <= 1


def best_responses() -> None:
    game = to_openspiel(_trees(), "team", "history")
    solver = pyspiel.CFRSolver(game)
    for _ in range(10):
        solver.evaluate_and_update_policy()
    assert pyspiel.nash_conv(game, solver.tabular_average_policy()) >= -1e-9


def in_python() -> None:
    game = to_openspiel(_trees(), "team", "history")
    solver = cfr.CFRSolver(game)
    for _ in range(3):
        solver.evaluate_and_update_policy()
    assert exploitability.nash_conv(game, solver.average_policy()) >= -1e-9


def gambit_file() -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        path = Path("game.efg")
        to_efg(_trees(), path)
        game = pyspiel.load_game(f"efg_game(filename={path})")
        assert game.num_players() == 2


if __name__ == "__main__":
    raise SystemExit(
        tell(
            "open_spiel",
            Use("CFR, CFR+ in C++", solvers, "`to_openspiel`, which makes its game of our trees"),
            Use("best responses", best_responses, 'keys that forget nothing: `to_openspiel(trees, "team", "history")`'),
            Use("CFR in Python", in_python, "the same"),
            Use("Gambit files", gambit_file, "`to_efg`, which writes one"),
        )
    )
