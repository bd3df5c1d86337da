"""What seats are asked, shown without a model."""

from __future__ import annotations

import pytest

import tracer_env
from tracer_env.agents.speakers.asked import asked
from tracer_env.rules import Rules, under


@pytest.mark.parametrize(
    ("method", "headings"),
    [
        ("cot", ["turn 1: agent_0 proposes, having read nothing"]),
        (
            "debate:agents=2,rounds=2",
            [
                "turn 1: agent_0 proposes, having read nothing",
                "turn 3: agent_0 proposes as debater, having read turns 1, 2",
            ],
        ),
        (
            "debate_judge:rounds=2",
            [
                "turn 1: agent_0 proposes, having read nothing",
                "turn 2: agent_1 proposes as negative, having read turn 1",
                "turn 3: agent_0 proposes as affirmative, having read turns 1, 2",
                "turn 5: agent_2 proposes as judge, having read turns 1, 2, 3, 4",
            ],
        ),
        (
            "best_of_n:k=2",
            [
                "turn 1: agent_0 proposes, having read nothing",
                "turn 2: agent_1 reviews, having read turn 1",
            ],
        ),
    ],
)
def test_each_kind_of_turn_once(method: str, headings: list[str]) -> None:
    found = asked(under(Rules(), tracer_env.make_method(method)))
    assert [heading for heading, _ in found] == headings
    for heading, prompt in found:
        assert "<question>" in prompt
        for turn in ("1", "2", "3", "4"):
            shown = f"said at turn {turn}>" in prompt
            assert shown is (turn in heading.partition("having read")[2]), (heading, prompt)
