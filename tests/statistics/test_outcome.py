"""The verdict below a comparison: who is held against whom, and what is said of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from samples import episode, propose

from tracer_env.agents.controllers.baselines import Always, MajorityVoting, Oracle
from tracer_env.agents.controllers.cast import CastController
from tracer_env.agents.controllers.regret_matching import RegretMatching
from tracer_env.agents.methods.self_consistency import SelfConsistency
from tracer_env.errors import ConfigError
from tracer_env.rules import Rules
from tracer_env.statistics.metrics import Tally
from tracer_env.statistics.outcome import Outcome, described, kind_of, outcome
from tracer_env.types import Grade

OK, BAD = Grade.CORRECT, Grade.WRONG
KINDS = {"learned": "learned", "oracle": "bound"}


def _outcome(right: Mapping[str, str], tokens: Mapping[str, int] | None = None) -> Outcome | None:
    """Play a task a letter: + is correct."""
    tally = Tally()
    for method, letters in right.items():
        for place, letter in enumerate(letters):
            spent = (tokens or {}).get(method, 100) + place % 3
            grade = OK if letter == "+" else BAD
            tally.add(episode([propose(1, grade, prompt=spent, made=0)], place, method, f"t{place}"))
    return outcome(tally, [replace(row, kind=KINDS.get(row.method, "rule")) for row in tally.rows(None)])


def test_the_best_method_is_held_against_the_best_rule() -> None:
    found = _outcome({"never": "+" * 20 + "-" * 20, "always": "-" * 20 + "+" * 12 + "-" * 8, "learned": "+" * 40})
    assert found is not None
    assert (found.rule.method, found.method.method, found.others, found.learned) == ("never", "learned", 2, True)
    assert found.duel.accuracy == 0.5
    assert found.sure
    assert found.duel.p_value == pytest.approx(2.0**-19)  # twenty tasks of one sign
    assert found.p_holm == pytest.approx(2 * 2.0**-19)
    first, second = found.sentences()
    assert first.startswith("learned (1.000 at 101 tokens) is better than the best fixed rule, never (0.500 at 101")
    assert "(p < 0.001 after Holm)" in first
    assert second.startswith("learned is not shown to cost more or less than never: 0")


def test_no_difference_is_told_as_none() -> None:
    found = _outcome({"never": "+" * 10 + "-" * 10, "learned": "+" * 9 + "-" * 10 + "+"})
    assert found is not None
    assert not found.sure
    assert found.sentences()[0].startswith("No method is shown to be better than the best fixed rule, never")
    assert "The best learned one is learned" in found.sentences()[0]


def test_a_rule_that_wins_is_said_to_win() -> None:
    found = _outcome({"never": "+" * 40, "learned": "-" * 40}, {"never": 10, "learned": 200})
    assert found is not None
    first, second = found.sentences()
    assert first.startswith("The best fixed rule, never (1.000 at 11 tokens), is better than any other method.")
    assert second.startswith(
        "learned costs 190 tokens a task more than never here; nothing was seen of how that differs"
    )


def test_equal_accuracy_goes_to_the_cheaper_rule() -> None:
    found = _outcome({"always": "++--", "never": "++--", "learned": "+---"}, {"always": 200})
    assert found is not None
    assert found.rule.method == "never"


@pytest.mark.parametrize("right", [{"learned": "+-"}, {"never": "+-"}, {"never": "+-", "oracle": "++"}, {}])
def test_nothing_is_said_without_a_rule_and_something_else(right: dict[str, str]) -> None:
    assert _outcome(right) is None


def test_kinds() -> None:
    assert [kind_of(each) for each in (Always(), MajorityVoting(), Oracle(), RegretMatching())] == [
        "rule",
        "rule",
        "bound",
        "learned",
    ]
    assert kind_of(CastController({"proposer": Always(), "reviewer": RegretMatching()})) == "learned"
    assert kind_of(CastController({"proposer": Oracle(), "reviewer": RegretMatching()})) == "bound"


def test_what_a_run_records_of_a_method() -> None:
    assert described(Always(), Rules()) == {"kind": "rule"}
    assert described(MajorityVoting(), Rules()) == {"kind": "rule", "final_answer": "majority"}
    assert described(RegretMatching(policy="greedy"), Rules()) == {"kind": "learned", "policy": "greedy"}
    cast = CastController({"proposer": RegretMatching(), "reviewer": RegretMatching(policy="greedy")})
    assert described(cast, Rules()) == {"kind": "learned", "policy": "average and greedy"}
    told = described(SelfConsistency(3), Rules(history_window=9))
    assert told["kind"] == "rule"
    assert told["rules"] == {
        "num_agents": 1,
        "max_turns": 3,
        "schedule": "independent:k=3,reviewed=false",
        "stop_when": "horizon",
        "final_answer": "majority",
        "history_window": 9,
    }


def test_a_seat_has_no_final_answer() -> None:
    with pytest.raises(ConfigError, match=r"no choice of one seat.*rules\.final_answer=majority"):
        CastController({"proposer": MajorityVoting(), "reviewer": Always()})
