"""Rows of a method: small sums by hand."""

from __future__ import annotations

import json
import random
import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from samples import NONE, RIGHT, WRONG, episode, judge, mended, one_proposal, propose, review, silent

from tracer_env.episodes.transcript import Transcript
from tracer_env.errors import ConfigError, DataError
from tracer_env.statistics.metrics import Row, compare_rows, summarise
from tracer_env.types import Grade, Role

OK, BAD, ODD, LATE = Grade.CORRECT, Grade.WRONG, Grade.UNPARSABLE, Grade.TIMEOUT

KEYS = [
    "method",
    "scenario",
    "episodes",
    "accuracy",
    "accuracy_ci",
    "tokens_per_task",
    "tokens_per_task_ci",
    "completion_tokens_per_task",
    "prompt_tokens_per_task",
    "calls_per_task",
    "calls_per_task_ci",
    "speak_rate",
    "correction_rate",
    "corruption_rate",
    "preservation_rate",
    "reviewer_tpr",
    "reviewer_tnr",
    "unparsable_rate",
    "timeout_rate",
    "truncated_rate",
    "grades",
    "counterfactual_tokens_per_task",
    "paired_difference",
    "paired_difference_ci",
    "p_value",
    "p_holm",
    "paired_episodes",
    "paired_tokens",
    "paired_tokens_ci",
]


def test_one_episode_by_hand() -> None:
    row = summarise([mended()])
    assert (row.method, row.scenario, row.episodes, row.accuracy) == ("regret_matching", "arithmetic", 1, 1.0)
    assert row.completion_tokens_per_task == 51 + 24 + 43
    assert row.prompt_tokens_per_task == 182 + 254 + 297
    assert row.tokens_per_task == 851
    assert row.counterfactual_tokens_per_task == 352 + 17 + 297 + 22
    assert row.calls_per_task == 3
    assert row.speak_rate == 0.5  # turns 2 to 5 are choices, two of them SPEAK
    assert (row.correction_rate, row.corruption_rate, row.preservation_rate) == (1.0, None, None)
    assert (row.reviewer_tpr, row.reviewer_tnr) == (None, 1.0)
    assert row.grades == {"correct": 1, "wrong": 0, "unparsable": 0, "timeout": 0}
    assert row.tokens_per_task_ci is None  # one task says nothing about spread


def test_final_grades_are_counted_apart_and_only_correct_counts() -> None:
    row = summarise([one_proposal(grade, n, task=f"t{n}") for n, grade in enumerate((OK, BAD, ODD, LATE, OK))])
    assert row.grades == {"correct": 2, "wrong": 1, "unparsable": 1, "timeout": 1}
    assert row.accuracy == 0.4
    assert row.accuracy_ci == pytest.approx((0.0944, 0.7906), abs=1e-4)  # of Beta(2.5, 3.5)
    assert (row.unparsable_rate, row.timeout_rate) == (0.2, 0.2)
    assert (row.tokens_per_task, row.tokens_per_task_ci) == (100.0, None)  # all alike: no spread was seen


def test_rates_without_cases_are_none() -> None:
    row = summarise([one_proposal(LATE)])
    empty = ("speak_rate", "correction_rate", "corruption_rate", "preservation_rate", "reviewer_tpr", "reviewer_tnr")
    assert [getattr(row, name) for name in empty] == [None] * 6
    assert (row.timeout_rate, row.truncated_rate) == (1.0, 0.0)


def test_corrections_leave_out_timeouts_at_either_end() -> None:
    firsts_and_finals = [(BAD, OK), (BAD, BAD), (ODD, OK), (OK, OK), (OK, BAD), (BAD, LATE), (OK, LATE), (LATE, OK)]
    episodes = [episode([propose(1, a), propose(3, b)], n, task=f"t{n}") for n, (a, b) in enumerate(firsts_and_finals)]
    shortened = [replace(e, final_turn=2) for e in episodes]  # the second entry of turns
    row = summarise(shortened)
    assert row.correction_rate == 2 / 3
    assert row.corruption_rate == row.preservation_rate == 0.5


def test_the_reviewers_rates_hold_unparsable_reviews_and_leave_out_timeouts() -> None:
    cases = [(OK, RIGHT), (OK, WRONG), (OK, NONE), (OK, RIGHT), (BAD, WRONG), (ODD, WRONG), (BAD, NONE), (LATE, RIGHT)]
    row = summarise([episode([propose(1, g), judge(2, v)], n) for n, (g, v) in enumerate(cases)])
    assert (row.reviewer_tpr, row.reviewer_tnr) == (2 / 4, 2 / 3)


def test_the_cut_share_is_over_what_was_said() -> None:
    turns = [propose(1, OK), judge(2, RIGHT, finish="length"), silent(3, Role.PROPOSER, review(NONE, finish="length"))]
    assert summarise([episode(turns)]).truncated_rate == 0.5


def test_data_has_exactly_these_keys_and_comes_back() -> None:
    rows = compare_rows({"a": _answers("a", "110"), "b": _answers("b", "011")}, "a")
    for row in rows:
        spread = [] if row.method == "a" else ["paired_tasks", "paired_differ", "paired_sd"]
        assert list(row.to_data()) == [*KEYS, "agents", *spread]
        assert Row.from_data(json.loads(json.dumps(row.to_data(), allow_nan=False))) == row
    with pytest.raises(DataError, match="keys that differ: \\['accuracy'\\]"):
        Row.from_data({k: v for k, v in rows[0].to_data().items() if k != "accuracy"})


def _answers(method: str, right: str, worlds: int = 1) -> list[Transcript]:
    grades = [OK if bit == "1" else BAD for bit in right]
    return [
        one_proposal(grade, n, method=method, task=f"t{n // worlds}", world=n % worlds)
        for n, grade in enumerate(grades)
    ]


def test_paired_difference_by_hand() -> None:
    base, other = compare_rows({"base": _answers("base", "11000000"), "new": _answers("new", "01111110")}, "base")
    assert (base.paired_difference, base.p_value, base.paired_episodes) == (None, None, None)
    assert base.paired_difference_ci is None
    # 5 gained, 1 lost of 8: of 64 flips of six signs, 2 (1 + 6) come as far from 0 as 4.
    assert other.paired_difference == 0.5
    assert other.p_value == other.p_holm == pytest.approx(14 / 64)
    assert other.paired_episodes == 8
    low, high = other.paired_difference_ci
    assert low <= 0.5 <= high


def test_pairing_takes_what_both_have_and_says_how_many() -> None:
    row = compare_rows({"base": _answers("base", "111"), "new": _answers("new", "10000")}, "base")[1]
    assert (row.paired_episodes, row.paired_difference) == (3, pytest.approx(-2 / 3))
    apart = [replace(t, world=7) for t in _answers("new", "10")]
    row = compare_rows({"base": _answers("base", "11"), "new": apart}, "base")[1]
    assert (row.paired_episodes, row.paired_difference, row.paired_difference_ci, row.p_value) == (0, None, None, None)


def test_copies_of_worlds_are_no_evidence() -> None:
    """Forty worlds that are one recording played forty times say what one world says, to the width of the intervals."""
    cases = {"base": "1100000011", "new": "1111110011"}
    once = compare_rows({name: _answers(name, told) for name, told in cases.items()}, "base")[1]
    copies = {
        name: [
            replace(t, world=world, episode=n + world * 10)
            for world in range(40)
            for n, t in enumerate(_answers(name, told))
        ]
        for name, told in cases.items()
    }
    often = compare_rows(copies, "base")[1]
    assert often.p_value == pytest.approx(once.p_value) == pytest.approx(2 / 16)
    for one, other in ((once.accuracy_ci, often.accuracy_ci), (once.paired_difference_ci, often.paired_difference_ci)):
        assert other[1] - other[0] > 0.8 * (one[1] - one[0])


def test_methods_that_never_differ_leave_open_what_their_number_does() -> None:
    row = compare_rows({"base": _answers("base", "10" * 10), "new": _answers("new", "10" * 10)}, "base")[1]
    assert (row.paired_difference, row.p_value) == (0.0, 1.0)
    assert row.paired_difference_ci == pytest.approx((-0.1684, 0.1684), abs=1e-4)  # 1 - 0.025^(1/20)


def test_all_rows_of_a_table_are_corrected_together() -> None:
    told = {"base": "0" * 8, "a": "1" * 8, "b": "1" * 6 + "00", "c": "0" * 8}
    rows = compare_rows({name: _answers(name, answers) for name, answers in told.items()}, "base")
    assert [row.p_value for row in rows] == [None, pytest.approx(2 / 256), pytest.approx(2 / 64), 1.0]
    assert [row.p_holm for row in rows] == [None, pytest.approx(6 / 256), pytest.approx(4 / 64), 1.0]


def test_worlds_of_one_task_are_one_task() -> None:
    alone = summarise(_answers("m", "1" * 8))
    together = summarise(_answers("m", "1" * 8, worlds=8))
    assert alone.tokens_per_task_ci is None
    assert together.tokens_per_task_ci is None


def test_mistakes_are_named() -> None:
    with pytest.raises(DataError, match="no episodes"):
        summarise([])
    with pytest.raises(DataError, match="several methods"):
        summarise([one_proposal(OK, method="a"), one_proposal(OK, method="b")])
    with pytest.raises(ConfigError, match="did you mean 'always'"):
        compare_rows({"always": _answers("always", "1")}, "alway")
    with pytest.raises(DataError, match="task 't0' in world 0 2 times"):
        compare_rows({"m": _answers("m", "1") * 2}, "m")


@given(st.lists(st.tuples(st.sampled_from(list(Grade)), st.integers(1, 500)), min_size=1, max_size=20), st.randoms())
def test_order_changes_nothing(cases: list[tuple[Grade, int]], shuffler: random.Random) -> None:
    episodes = [episode([propose(1, g, made=n)], i, task=f"t{i % 7}", world=i) for i, (g, n) in enumerate(cases)]
    mixed = list(episodes)
    shuffler.shuffle(mixed)
    assert summarise(mixed) == summarise(episodes)


def test_ten_thousand_episodes_in_about_a_second() -> None:
    turns = mended().turns
    episodes = [episode(turns, n, task=f"t{n}") for n in range(10_000)]
    start = time.process_time()
    row = summarise(episodes)
    assert time.process_time() - start < 10  # half a second of it, usually
    assert row.tokens_per_task == 851


def test_tokens_that_hang_on_one_task_are_told() -> None:
    def spent(*tokens: int) -> Row:
        said = [one_proposal(OK, n, task=f"t{n}") for n in range(len(tokens))]
        changed = []
        for told, count in zip(said, tokens, strict=True):
            first = replace(told.turns[0], utterance=replace(told.turns[0].utterance, completion_tokens=count))
            changed.append(replace(told, turns=(first, *told.turns[1:])))
        return summarise(changed)

    rows = [spent(10, 12, 9, 11, 400), spent(10, 12, 9, 11)]
    assert [row.lopsided for row in rows] == [True, False]
    assert [Row.from_data(row.to_data()) for row in rows] == rows
