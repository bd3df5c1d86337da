"""Regret matching: two updates by hand, and what the theory promises."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from moves import play

from tracer_env.agents.controllers.regret_matching import RegretMatching, RegretMatchingPlus, Row, match
from tracer_env.compositions import information_named
from tracer_env.errors import ConfigError
from tracer_env.interfaces import Controller
from tracer_env.rules import Rules

VALUE = st.floats(-1, 1, allow_subnormal=False)
BOTH = pytest.mark.parametrize("kind", [RegretMatching, RegretMatchingPlus])


@pytest.mark.parametrize(
    ("skip", "speak", "chance"),
    [(0.0, 0.0, 0.5), (-1.0, -2.0, 0.5), (1.0, 3.0, 0.75), (-5.0, 0.1, 1.0), (2.0, -1.0, 0.0), (0.5, 0.5, 0.5)],
)
def test_matching(skip: float, speak: float, chance: float) -> None:
    assert match(skip, speak) == chance


def test_two_updates_by_hand() -> None:
    """First v = (-1, 1) under (1/2, 1/2): r = (-1, 1). Then v = (1, 0) under (0, 1): r = (1, 0)."""
    table = RegretMatching()
    table.update("k", (-1.0, 1.0))
    assert table.rows["k"] == Row([-1.0, 1.0], [-1.0, 1.0], [0.5, 0.5], 1.0)
    assert table.policy("k").tolist() == [0.0, 1.0]
    table.update("k", (1.0, 0.0))
    assert table.rows["k"] == Row([0.0, 1.0], [0.0, 1.0], [0.5, 1.5], 2.0)
    assert table.policy("k").tolist() == [0.0, 1.0]
    assert table.average_policy("k").tolist() == [0.25, 0.75]
    assert table.average_regret() == 0.5
    table.update("k", (1.0, -1.0))  # r = (2, 0)
    assert table.rows["k"].regret == [2.0, 1.0]
    assert table.policy("k") == pytest.approx([2 / 3, 1 / 3])


def test_plus_floors_what_it_matches_and_keeps_the_books() -> None:
    table = RegretMatchingPlus()
    table.update("k", (-1.0, 1.0))
    assert table.rows["k"] == Row([0.0, 1.0], [-1.0, 1.0], [0.5, 0.5], 1.0)
    table.update("k", (1.0, 0.0))
    assert table.rows["k"] == Row([1.0, 1.0], [0.0, 1.0], [0.5, 1.5], 2.0)
    assert table.policy("k").tolist() == [0.5, 0.5]  # an action that was bad comes back at once


def test_summed_regrets_by_hand() -> None:
    """Three decisions under P(SPEAK) = 1/4 at once."""
    table = RegretMatching()
    table.accumulate("k", (0.5, -1.5), 0.25, 3)
    assert table.rows["k"] == Row([0.5, -1.5], [0.5, -1.5], [2.25, 0.75], 3)
    assert table.average_policy("k").tolist() == [0.75, 0.25]


def test_average_regret_is_over_all_rows_and_updates() -> None:
    table = RegretMatching()
    assert table.average_regret() == 0.0
    table.accumulate("a", (3.0, -1.0), 0.5, 4)
    table.accumulate("b", (-2.0, -1.0), 0.5, 6)  # no positive regret
    assert table.average_regret() == 0.3


def test_unseen_rows_are_uniform_and_counted() -> None:
    table = RegretMatching()
    state = play("C")
    assert isinstance(table, Controller)
    assert table.policy("new").tolist() == [0.5, 0.5]
    assert table.unseen == 0
    assert table.speak_probability(state, "new") == 0.5
    assert table.average_policy("new").tolist() == [0.5, 0.5]
    assert table.unseen == 2
    assert table.rows == {}
    table.update("new", (0.0, 1.0))
    table.update("new", (0.0, 1.0))
    assert table.speak_probability(state, "new") == 0.75  # the average, not the current policy
    assert table.unseen == 2


def test_a_weight_of_an_update() -> None:
    table = RegretMatching()
    table.update("k", (0.0, 1.0), weight=3.0)
    row = table.rows["k"]
    assert row.visits == 3.0
    assert row.strategy == [1.5, 1.5]


@BOTH
def test_everything_learned_survives(kind: type[RegretMatching]) -> None:
    table = kind("history", Rules(max_turns=7))
    chooser = np.random.default_rng(0)
    for _ in range(50):
        skip, speak = chooser.uniform(-1, 1, 2)
        table.update(f"k{chooser.integers(5)}", (float(skip), float(speak)))
    twin = kind()
    twin.load_state_dict(json.loads(table.to_json()))
    assert twin.rows == table.rows
    assert (twin.rules, twin.information) == (Rules(max_turns=7), "history")
    assert twin.to_json() == table.to_json()
    table.update("k0", (0.0, 1.0))
    twin.update("k0", (0.0, 1.0))
    assert twin.state_dict() == table.state_dict()


def test_the_kinds_do_not_mix() -> None:
    with pytest.raises(ConfigError, match="this is a 'regret_matching' table of schema 1, not 'regret_matching_plus'"):
        RegretMatchingPlus().load_state_dict(RegretMatching().state_dict())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema": 2}, "table of schema 2"),
        ({"schema": True}, "schema is True; it must be the whole number 1"),
        ({"rows": {"k": {"regret": [0.0], "visits": 0}}}, "rows.k.regret has 1 entries; 2 are allowed"),
        ({"rows": {"k": {"regret": [0.0, math.nan]}}}, "rows.k.regret[1] is nan; it must be a finite number"),
        ({"rows": {"k": {"regret": [0.0, 10**400]}}}, "rows.k.regret[1] is 1000"),
        ({"rows": {"k": {"cumulative_regret": "00"}}}, "rows.k.cumulative_regret is '00'; it must be a list"),
        ({"rows": {"k": {"strategy": [-1, 3], "visits": 2}}}, "rows.k.strategy[0] is -1; it must be a finite number"),
        ({"rows": {"k": {"strategy": [0.5, 0.5], "visits": 7}}}, "a row whose strategy adds up to its visits"),
        ({"rows": {"k": {"strategy": [math.inf, 0.5], "visits": 7}}}, "rows.k.strategy[0] is inf"),
        ({"rows": {"k": {"strategy": [0.0, 0.0], "visits": 3}}}, "a row whose strategy adds up to its visits"),
        ({"rows": {"k": {"visits": "3"}}}, "rows.k.visits is '3'"),
        ({"rows": {"k": {"visits": True}}}, "rows.k.visits is True"),
        ({"rows": {"k": {"regrets": [0.0, 0.0]}}}, "rows.k.regrets is unknown; did you mean 'regret'?"),
        ({"rows": {"k\x1b[2J": {}}}, "rows['k\\x1b[2J'] is 'k\\x1b[2J'; control characters"),
        ({"rows": {"k": 3}}, "rows.k is 3"),
        ({"rows": None}, "rows is None"),
        ({"rows": []}, "rows is []"),
        ({"information": None}, "information is None"),
        ({"rules": {"max_turns": 0}}, "rules.max_turns is 0; it must be a whole number from 1 to 4096"),
        ({"rules": {"max_turns": 5.0}}, "rules.max_turns is 5.0"),
        ({"rules": [1]}, "rules is [1]"),
    ],
)
def test_damaged_tables_are_refused_and_change_nothing(change: dict[str, object], message: str) -> None:
    table = RegretMatching()
    table.update("k", (0.0, 1.0))
    before = table.to_json()
    with pytest.raises(ConfigError) as caught:
        table.load_state_dict({**RegretMatching().state_dict(), **change})
    assert message in str(caught.value)
    assert table.to_json() == before
    with pytest.raises(ConfigError, match="this is a None table of schema None"):
        table.load_state_dict({})


def test_other_rules_are_refused() -> None:
    table = RegretMatching("vote_and_time", Rules())
    table.check(Rules())
    with pytest.raises(ConfigError, match="under other rules: num_agents 2 not 3, stop_when horizon not kept"):
        table.check(Rules(num_agents=3, stop_when="kept"))
    RegretMatching().check(Rules(max_turns=9))  # an untrained one fits everywhere


def test_a_table_with_buckets_keeps_their_edges() -> None:
    table = RegretMatching("vote+length:bins=3", Rules())
    assert table.tell is None
    cut = information_named("vote+length:bins=3").with_edges({"length:bins=3": [1.5, 2.25]})  # type: ignore[attr-defined]
    table.read_by(cut, "vote+length:bins=3")
    assert table.tell == cut
    table.update("agent_1/reviewer/vote_0/length_2", (0.0, 1.0))
    again = RegretMatching()
    again.load_state_dict(json.loads(table.to_json()))
    assert again.tell == cut
    assert again.state_dict() == table.state_dict()


@pytest.mark.parametrize(
    ("information", "edges", "why"),
    [
        ("vote+length", {}, "needs edges of"),
        ("vote+length", {"confidence": [1.0]}, "needs edges of"),
        ("vote+length", {"length": [2.0, 1.0]}, "must rise"),
        ("vote_and_time", {"length": [1.0]}, "has no buckets"),
        ("vote+length", {"length": ["1"]}, "edges"),
        ("vote+length:bins=2", {"length:bins=2": [1.0, 2.0]}, "at most 1 edges, got 2"),
        ("vote+lenght", {}, "did you mean 'length'"),
        ("os:system", {}, "unknown information"),
    ],
)
def test_other_edges_than_the_keys_are_refused(information: str, edges: object, why: str) -> None:
    table = RegretMatching()
    table.update("key", (0.0, 1.0))
    data = {**json.loads(table.to_json()), "information": information, "edges": edges}
    with pytest.raises(ConfigError, match=why):
        RegretMatching().load_state_dict(data)


# -- games with known answers --------------------------------------------------------------------


@BOTH
def test_a_bandit_with_a_better_arm(kind: type[RegretMatching]) -> None:
    """SPEAK pays 1 with chance 3/4, SKIP with 1/2: the average policy finds SPEAK, its regret falls."""
    table, luck = kind(), np.random.default_rng(1)
    for _ in range(4000):
        skip, speak = luck.random() < 0.5, luck.random() < 0.75
        table.update("k", (float(skip), float(speak)))
    assert table.average_policy("k")[1] > 0.95
    assert table.average_regret() < math.sqrt(2 / 4000)


@BOTH
def test_matching_pennies(kind: type[RegretMatching]) -> None:
    """Two tables play a zero-sum 2x2 game: row wants to match, payoffs 2 for (0,0), 1 for (1,1).

    In equilibrium each plays action 0 with 1/3 (p * 2 = (1 - p) * 1), and the game is worth 2/3.
    """
    row, column = kind(), kind()
    for _ in range(20_000):
        x, y = row.policy("k")[0], column.policy("k")[0]
        row.update("k", (2 * y, 1 - y))
        column.update("k", (-2 * x, -(1 - x)))
    x, y = row.average_policy("k")[0], column.average_policy("k")[0]
    assert x == pytest.approx(1 / 3, abs=0.02)
    assert y == pytest.approx(1 / 3, abs=0.02)
    assert 2 * x * y + (1 - x) * (1 - y) == pytest.approx(2 / 3, abs=0.02)


def _regret_after(kind: type[RegretMatching], values: list[tuple[float, float]]) -> float:
    table = kind()
    for pair in values:
        table.update("k", pair)
    return table.average_regret()


@BOTH
@settings(deadline=None)
@given(st.lists(st.tuples(VALUE, VALUE), min_size=1, max_size=60))
def test_the_bound_holds_for_any_sequence(kind: type[RegretMatching], values: list[tuple[float, float]]) -> None:
    """Average regret <= D sqrt(|A|) / sqrt(n) with values of range D = 2 and two actions."""
    assert _regret_after(kind, values) <= 2 * math.sqrt(2 / len(values)) + 1e-9


@BOTH
@pytest.mark.parametrize("count", [100, 1_000, 10_000])
def test_the_bound_holds_against_an_adversary(kind: type[RegretMatching], count: int) -> None:
    """The adversary pays the action that the table likes less: still at most 2 sqrt(2 / n)."""
    table = kind()
    for _ in range(count):
        likes_speak = table.policy("k")[1] >= 0.5
        table.update("k", (1.0, -1.0) if likes_speak else (-1.0, 1.0))
    assert table.average_regret() <= 2 * math.sqrt(2 / count)


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from("ab"), VALUE, VALUE), max_size=40))
def test_policies_are_distributions(steps: list[tuple[str, float, float]]) -> None:
    for kind in (RegretMatching, RegretMatchingPlus):
        table = kind()
        for key, skip, speak in steps:
            table.update(key, (skip, speak))
            for policy in (table.policy(key), table.average_policy(key)):
                assert policy.shape == (2,)
                assert np.all(policy >= 0)
                assert policy.sum() == pytest.approx(1.0)
            assert sum(table.rows[key].strategy) == pytest.approx(table.rows[key].visits)
            if kind is RegretMatchingPlus:
                assert min(table.rows[key].regret) >= 0.0


def test_fading_shrinks_the_books_and_keeps_the_policies() -> None:
    table = RegretMatching()
    table.update("a", (1.0, -1.0))
    table.update("a", (0.0, 1.0))
    before = (table.policy("a").tolist(), table.average_policy("a").tolist())
    table.fade(0.25)
    assert table.rows["a"].visits == 0.5
    assert (table.policy("a").tolist(), table.average_policy("a").tolist()) == before
