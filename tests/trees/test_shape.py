"""The shape of trees, by hand."""

from __future__ import annotations

import pytest
from forest import ProposeProposeReview

from tracer_env.errors import ConfigError
from tracer_env.rules import Rules
from tracer_env.trees.shape import check_growable, node_of, over_nodes, places, spoken_nodes, utterances, window
from tracer_env.types import Role, Seat


def test_which_nodes_were_reached_by_speaking():
    rules = Rules(max_turns=4)
    assert [spoken_nodes(rules, d).astype(int).tolist() for d in range(3)] == [[1], [0, 1], [0, 1, 0, 1]]
    assert [places(rules, d).tolist() for d in range(3)] == [[0], [-1, 1], [-1, 2, -1, 3]]
    assert utterances(rules) == 8
    assert [node_of(rules, place) for place in range(5)] == [(0, 0), (1, 1), (2, 1), (2, 3), (3, 1)]
    with pytest.raises(IndexError, match="8 utterances"):
        node_of(rules, 8)


@pytest.mark.parametrize(("turns", "count"), [(1, 1), (2, 2), (5, 16), (9, 256)])
def test_how_many_utterances_a_tree_holds(turns, count):
    assert utterances(Rules(max_turns=turns)) == count


def test_below_a_keep_all_is_over():
    rules = Rules(stop_when="kept")
    assert over_nodes(rules, 1).tolist() == [False, False]
    assert over_nodes(rules, 2).tolist() == [True, False, True, False]
    assert over_nodes(rules, 3).tolist() == [True, True, False, False] * 2
    assert spoken_nodes(rules, 3).tolist() == [False, False, False, True] * 2
    assert utterances(rules) == 10


def test_what_has_left_the_history_window():
    rules = Rules(history_window=1)
    assert window(rules, 1).tolist() == [-1, 0]  # after two utterances the first is out
    assert window(rules, 2).tolist() == [-1, 0, 0, 1]
    assert window(Rules(history_window=0), 1).tolist() == [0, 1]
    assert window(Rules(history_window=9), 3).tolist() == [-1] * 8


class ReviewFirst(ProposeProposeReview):
    def seat(self, turn: int, num_agents: int) -> Seat:
        return Seat(0, Role.REVIEWER)


def test_rules_without_trees():
    check_growable(Rules(max_turns=12))
    with pytest.raises(ConfigError, match="at most 12, got 13"):
        check_growable(Rules(max_turns=13))
    with pytest.raises(ConfigError, match="begin with a proposal"):
        check_growable(Rules(schedule=ReviewFirst()))
