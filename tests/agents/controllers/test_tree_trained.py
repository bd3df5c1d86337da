"""Controllers that learn from trees: their settings, how a table is played, and their files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tracer_env.agents.controllers.regret_matching import RegretMatching
from tracer_env.agents.controllers.tree_trained import CFR, DCFR, CFRPlus, Hedge, PredictivePlus
from tracer_env.errors import ConfigError
from tracer_env.parts.casting import make_controller
from tracer_env.rules import Rules, initial
from tracer_env.runs.learning import untrained
from tracer_env.types import Task

STATE = initial(Task("t", "", ""), Rules())


@pytest.mark.parametrize("made", [CFRPlus, CFR, DCFR, PredictivePlus, Hedge])
def test_each_method_has_a_name_and_settings(made: type[CFRPlus]) -> None:
    table = make_controller(f"{made.name}:price=2e-4,starts=3,iterations=50,policy=greedy")
    assert type(table) is made
    assert (table.price, table.starts, table.iterations, table.played) == (2e-4, 3, 50, "greedy")
    assert untrained(table)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("price=-1", "price is of a token and must be a number of at least 0, got -1"),
        ("price=inf", "price is of a token"),
        ("price=true", "'price' must be a number"),
        ("starts=0", "starts must be a whole number from 1 to 1,000,000, got 0"),
        ("iterations=0", "iterations must be"),
        ("iterations=2.0", "'iterations' must be a whole number"),
        ("policy=best", "policy is 'best'; choose one of: average, greedy"),
        ("start=3", "no setting 'start'; did you mean 'starts'"),
    ],
)
def test_impossible_settings_are_refused(setting: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make_controller(f"cfr_plus:{setting}")


def played(policy: str) -> list[float]:
    table = RegretMatching(policy=policy)
    for key, speaks in (("more", 3), ("less", 1), ("tie", 2)):
        table.accumulate(key, (0.0, 0.0), 1.0, speaks)
        table.accumulate(key, (0.0, 0.0), 0.0, 4 - speaks)
    return [table.speak_probability(STATE, key) for key in ("more", "less", "tie", "never seen")]


def test_a_table_is_played_by_its_average_or_by_its_likelier_action() -> None:
    assert played("average") == [0.75, 0.25, 0.5, 0.5]
    assert played("greedy") == [1.0, 0.0, 0.0, 0.0]


def test_the_file_says_how_a_table_is_played(tmp_path: Path) -> None:
    table, file = CFRPlus(price=1e-3), tmp_path / "table.json"
    table.accumulate("k", (0.0, 0.0), 0.75, 4.0)
    file.write_text(table.to_json())
    assert "policy" not in json.loads(file.read_text())
    loaded = make_controller(str(file))
    assert isinstance(loaded, CFRPlus)
    assert loaded.speak_probability(STATE, "k") == 0.75
    greedy = make_controller(f"{file}:policy=greedy")
    assert isinstance(greedy, CFRPlus)
    assert greedy.speak_probability(STATE, "k") == 1.0
    file.write_text(greedy.to_json())
    assert make_controller(str(file)).speak_probability(STATE, "k") == 1.0
    with pytest.raises(ConfigError, match="price is settled by its training; of a table policy=average or"):
        make_controller(f"{file}:price=2")
    with pytest.raises(ConfigError, match="policy is 'x'"):
        make_controller(f"{file}:policy=x")
    file.write_text(greedy.to_json().replace("greedy", "best"))
    with pytest.raises(ConfigError, match="policy is 'best'"):
        make_controller(str(file))
