"""Contradictions in stored trees: what dialogues give is taken, what they cannot give is found."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from forest import SUMS, HashSpeaker, ProposeProposeReview

from tracer_env.intake.checked import Misfit
from tracer_env.rules import FINAL_ANSWERS, Rules
from tracer_env.trees.checks import check_levels, check_texts
from tracer_env.trees.growth import expand
from tracer_env.trees.levels import Level
from tracer_env.trees.tree import DialogueTrees
from tracer_env.types import Grade, Verdict

EVERY_RULE = [
    Rules(max_turns=turns, stop_when=stop, final_answer=final)
    for turns in (1, 2, 5)
    for stop in ("horizon", "kept")
    for final in FINAL_ANSWERS
] + [Rules(num_agents=3, max_turns=6, schedule=ProposeProposeReview(), final_answer=final) for final in FINAL_ANSWERS]


@pytest.mark.parametrize("speaker", [HashSpeaker(), "simulated"], ids=["any", "simulated"])
def test_what_dialogues_give_is_taken(speaker: Any) -> None:
    for rules in EVERY_RULE:
        trees = expand(SUMS, speaker, rules, seed=5, worlds=2)
        check_levels(rules, trees.levels, len(trees.texts or ()))
        check_texts(rules, trees.levels, list(trees.texts or ()))
        part = trees.part(tasks=[6, 2])
        check_levels(rules, part.levels, len(part.texts or ()))


@pytest.fixture(scope="module")
def trees() -> DialogueTrees:
    return expand(SUMS, HashSpeaker(), seed=5, worlds=2)


def changed(trees: DialogueTrees, name: str, depth: int, node: int, value: int) -> list[Level]:
    array = getattr(trees.levels[depth], name).copy()
    array[3, node] = value
    return [*trees.levels[:depth], replace(trees.levels[depth], **{name: array}), *trees.levels[depth + 1 :]]


@pytest.mark.parametrize(
    ("name", "depth", "node", "value", "message"),
    [
        ("grade", 0, 0, 4, r"grade_0 leaves the range 0 to 3, first in row 3 at node 0"),
        ("grade", 1, 1, -1, "grade_1 leaves the range 0 to 3"),
        ("verdict", 1, 1, 2, "verdict_1 leaves the range -1 to 1"),
        ("verdict", 0, 0, 1, "vote_0 is not 0 at a first proposal"),
        ("verdict", 1, 0, 1, "verdict_1 is not 0 where nothing was said"),
        ("verdict", 2, 1, 1, "verdict_2 is one where a proposer sits"),
        ("vote", 0, 0, 1, "vote_0 is not 0 at a first proposal"),
        ("vote", 1, 0, 1, "vote_1 does not follow from the turn before"),
        ("vote", 1, 1, 3, "vote_1 does not follow from the turn before"),
        ("vote", 2, 3, -1, "vote_2 does not follow from the turn before"),
        ("answer", 1, 1, 7, "answer_1 does not follow from the turn before"),
        ("answer", 2, 1, -2, "answer_2 falls below -1"),
        ("prompt_tokens", 2, 1, -1, "prompt_tokens_2 falls below 0"),
        ("completion_tokens", 0, 0, -5, "completion_tokens_0 falls below 0"),
        ("completion_tokens", 2, 2, 5, "completion_tokens_2 is not 0 where nothing was said"),
        ("prompt_tokens", 4, 14, 5, "prompt_tokens_4 is not 0 where nothing was said"),
        ("utterance", 2, 2, 5, "utterance_2 is not -1 where nothing was said"),
        ("utterance", 2, 1, -1, "utterance_2 is -1 where something was said"),
        ("utterance", 2, 1, 5, "utterance_2 does not number the utterances"),
        ("utterance", 0, 0, 5, "utterance_0 does not number the utterances"),
        ("utterance", 0, 0, 16, "utterance_0 does not number the utterances"),
    ],
)
def test_contradictions(trees: DialogueTrees, name: str, depth: int, node: int, value: int, message: str) -> None:
    with pytest.raises(Misfit, match=message):
        check_levels(trees.rules, changed(trees, name, depth, node, value), len(trees.texts or ()))


def test_a_grade_where_only_a_reviewer_has_spoken(trees: DialogueTrees) -> None:
    other = Grade.TIMEOUT
    with pytest.raises(Misfit, match="grade_1 does not follow from the turn before"):
        check_levels(trees.rules, changed(trees, "grade", 1, 1, other), None)


def test_an_answer_where_there_is_none() -> None:
    class Silent(HashSpeaker):
        def _say(self, request: Any) -> Any:
            return replace(super()._say(request), text="")

    mute = expand(SUMS, Silent())
    levels = [replace(level, answer=np.zeros_like(level.answer)) for level in mute.levels]
    with pytest.raises(Misfit, match="answer_0 is one where the proposal holds none"):
        check_levels(mute.rules, levels, None)


@pytest.mark.parametrize("final", FINAL_ANSWERS)
def test_final_correct_follows_from_the_grades(final: str) -> None:
    trees = expand(SUMS, HashSpeaker(), Rules(final_answer=final), seed=5)
    for depth in range(5):
        now = int(trees.levels[depth].final_correct[3, 0])
        with pytest.raises(
            Misfit, match=f"final_correct_{depth} does not follow from grades, first in row 3 at node 0"
        ):
            check_levels(trees.rules, changed(trees, "final_correct", depth, 0, 1 - now), None)


def test_fewer_texts_than_numbers(trees: DialogueTrees) -> None:
    with pytest.raises(Misfit, match="utterance_0 leaves the range -1 to 239"):
        check_levels(trees.rules, trees.levels, 240)


@pytest.mark.parametrize(
    ("number", "other", "message"),
    [
        (0, {"grade": Grade.TIMEOUT}, "grade of line 1 is not what grade_0 says"),
        (0, {"grade": None}, "grade of line 1"),
        (1, {"grade": Grade.CORRECT}, "grade of line 2"),
        (0, {"verdict": Verdict.RIGHT}, "verdict of line 1"),
        (17, {"prompt_tokens": 0}, "prompt_tokens of line 18 is not what prompt_tokens_1 says"),
        (17, {"completion_tokens": 10**6}, "completion_tokens of line 18"),
    ],
)
def test_texts_that_say_otherwise(trees: DialogueTrees, number: int, other: dict[str, Any], message: str) -> None:
    said = list(trees.texts or ())
    said[number] = replace(said[number], **other)
    with pytest.raises(Misfit, match=message):
        check_texts(trees.rules, trees.levels, said)
