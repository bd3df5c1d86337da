"""What a person reads of a comparison: the line above the table, its order, the verdict and the picture."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from tracer_env.parts.casting import make_speaker
from tracer_env.parts.voices import words_of
from tracer_env.runs.comparing import compare
from tracer_env.runs.config import Config
from tracer_env.runs.played import played
from tracer_env.runs.shown import shown_comparison
from tracer_env.runs.verifying import verify


def test_the_line_above_says_what_was_played() -> None:
    line = played(
        Config.from_data({"seed": 3, "rules": {"num_agents": 1, "final_answer": "highest_vote"}}), {"tasks": 1}
    )
    assert line.plain == (
        "arithmetic, test split: 1 task × 1 world, words of simulated; "
        "1 agent, 5 turns, highest vote answer counts; seed 3"
    )


@pytest.mark.parametrize(
    ("speaker", "words"),
    [
        ("simulated", "SIMULATED words (preset balanced)"),
        ("simulated:harsh", "SIMULATED words (preset harsh)"),
        ("recorded", "recorded words of nano"),
        ("proposer=recorded,reviewer=simulated", "proposer: recorded words of nano; reviewer: SIMULATED words"),
        (len, "words of len"),
    ],
)
def test_whose_words(speaker: object, words: str) -> None:
    assert words_of(make_speaker(speaker)).startswith(words)  # type: ignore[arg-type]


def test_changed_rates_are_told() -> None:
    assert words_of(make_speaker("simulated", skill=0.9)) == "SIMULATED words (preset balanced, changed)"


def test_all_parts_in_order(tmp_path: Path) -> None:
    asked = {"scenario": {"limit": 20}, "evaluation": {"methods": ["oracle", "never", "always", "majority_voting"]}}
    made = compare(Config.from_data(asked), out=tmp_path / "run")
    console = Console(file=StringIO(), width=80)
    for part in shown_comparison(made.run.metrics(), made.run.config, made.run.environment() or {}):
        console.print(part)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    places = [text.index(words) for words in ("SIMULATED words", "\nnever", "\nbound:", "\noracle", "accuracy: final")]
    assert places == sorted(places)
    assert "best fixed rule" in text
    assert text.rstrip().splitlines()[-1].startswith("C majority_voting")
    assert max(map(len, text.splitlines())) <= 80


def test_how_learned_tables_are_played_is_told(tmp_path: Path) -> None:
    methods = ["never", "cfr_plus:iterations=5,starts=1", "hedge:policy=greedy,iterations=5,starts=1"]
    asked = {"scenario": {"limit": 2}, "training": {"tasks": 40}, "evaluation": {"methods": methods}}
    made = compare(Config.from_data(asked), out=tmp_path / "run")
    assert [row.get("policy") for row in made.rows] == [None, "average", "greedy"]
    parts = shown_comparison(made.run.metrics(), made.run.config, made.run.environment() or {})
    told = [str(part) for part in parts if str(part).startswith("accuracy: final")]
    assert told[0].endswith(
        "; hedge (2): the likelier action, other learned ones their average policy; "
        "40 tasks taught cfr_plus (1), hedge (2)"
    )
    verify(made.run.path)
