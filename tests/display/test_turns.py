"""One turn: what it came to, also for who may not know."""

from __future__ import annotations

import pytest
from samples import NONE, RIGHT, WRONG, judge, proposal, propose

from tracer_env.display.turns import outcome
from tracer_env.episodes.transcript import TurnRecord
from tracer_env.types import Grade

TABLE = [
    (propose(1, Grade.CORRECT), None, "✓ correct 76", "answers 76"),
    (propose(1, Grade.UNPARSABLE, answer=None), None, "✗ no answer found", "answers ?"),
    (judge(2, WRONG), Grade.WRONG, "✓ WRONG: well judged", "says WRONG"),
    (judge(2, RIGHT), Grade.UNPARSABLE, "✗ RIGHT: misjudged", "says RIGHT"),
    (judge(2, RIGHT), Grade.TIMEOUT, "? RIGHT, and the grade is unknown", "says RIGHT"),
    (judge(2, NONE), Grade.CORRECT, "? no verdict found", "says NONE"),
]


@pytest.mark.parametrize(("turn", "grade", "told", "blind"), TABLE)
def test_what_a_turn_came_to(turn: TurnRecord, grade: Grade | None, told: str, blind: str) -> None:
    assert turn.utterance is not None
    pending = None if grade is None else proposal(grade)
    assert outcome(turn, turn.utterance, pending).plain == told
    assert outcome(turn, turn.utterance, pending, blind=True).plain == blind
