"""iMAD: its features, counted by hand, its gate, its file."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from tracer_env.agents.controllers.gate import Opening, opening_of
from tracer_env.agents.controllers.imad import CRITIQUE, FEATURES, IMAD, features_of
from tracer_env.errors import ConfigError
from tracer_env.parts.casting import make_controller
from tracer_env.rules import DialogueState, Rules, advance, initial
from tracer_env.runs.learning import untrained
from tracer_env.types import Grade, Signals, Task, Utterance, Verdict

ANSWER = Utterance(
    "Maybe 6 times 7. But is it 41? Final answer: 41",
    completion_tokens=12,
    answer="41",
    grade=Grade.WRONG,
    signals=Signals(-6.0, -0.5, -2.0),
)
REVIEW = Utterance(
    "WRONG. It is not 41.", completion_tokens=6, verdict=Verdict.WRONG, agrees=-1, signals=Signals(margin=-1.5)
)
QUESTION = "What is 6 times 7?"


def heard(review: Utterance | None = REVIEW) -> DialogueState:
    state = advance(initial(Task("t", QUESTION, "42"), Rules()), 1, ANSWER)
    return state if review is None else advance(state, 1, review)


def test_the_features_by_hand() -> None:
    told = dict(zip(FEATURES, features_of(opening_of(heard(), 2)), strict=True))
    assert (told["question_words"], told["question_numbers"]) == (3, 2)
    assert told["answer_words"] == 7  # maybe times but is it final answer
    assert told["answer_numbers"] == 4
    assert told["answer_question_marks"] == 1
    assert told["answer_sentence_length"] == 7 / 3
    assert told["answer_variety"] == 1.0
    assert told["answer_hesitant"] == told["answer_contrasting"] == pytest.approx(1 / 7)
    assert (told["answer_certain"], told["answer_negating"]) == (0.0, 0.0)
    assert (told["answer_tokens"], told["answer_readable"]) == (12, 1)
    assert (told["answer_logprob_sum"], told["answer_logprob_mean"], told["answer_logprob_min"]) == (-6, -0.5, -2)
    assert told["critique_words"] == 4
    assert told["critique_negating"] == pytest.approx(2 / 4)  # wrong, not
    assert (told["critique_verdict"], told["critique_agrees"], told["critique_margin"]) == (-1, -1, -1.5)
    assert math.isnan(told["critique_logprob_mean"])


def test_what_was_not_heard_is_untold() -> None:
    told = dict(zip(FEATURES, features_of(Opening(QUESTION, ANSWER, None)), strict=True))
    assert all(math.isnan(told[name]) for name in CRITIQUE)


def made(name: str, weight: float, then: str = "always") -> IMAD:
    """Return one that weighs one feature alone."""
    gate = IMAD(then)  # type: ignore[arg-type]
    gate.weights = np.zeros(1 + len(FEATURES))
    gate.weights[1 + FEATURES.index(name)] = weight
    return gate


def test_the_gate_by_hand() -> None:
    assert made("critique_verdict", -1.0).speak_probability(heard(None), "") == 1.0  # the review is always heard
    assert made("critique_verdict", -1.0).speak_probability(heard(), "") == 1.0  # -1 times -1
    assert made("critique_verdict", 1.0).speak_probability(heard(), "") == 0.0
    assert made("critique_logprob_mean", 1.0).speak_probability(heard(), "") == 0.0  # untold: 0, and 0 is no debate
    approved = advance(heard(), 1, Utterance("", answer="42", grade=Grade.CORRECT))
    approved = advance(approved, 1, Utterance("", verdict=Verdict.RIGHT))
    assert made("critique_verdict", -1.0).speak_probability(approved, "") == 1.0
    assert made("critique_verdict", -1.0, "until_approved").speak_probability(approved, "") == 0.0


def test_an_untrained_one_says_so() -> None:
    assert untrained(IMAD())
    with pytest.raises(ConfigError, match="has not been trained yet"):
        IMAD().speak_probability(heard(), "")


def test_its_file_is_read_back(tmp_path: Path) -> None:
    gate, file = made("answer_words", 2.0), tmp_path / "imad.json"
    file.write_text(gate.to_json())
    loaded = make_controller(str(file), Rules())
    assert isinstance(loaded, IMAD)
    assert loaded.to_json() == gate.to_json()
    file.write_text(json.dumps({**gate.state_dict(), "features": ["length"]}))
    with pytest.raises(ConfigError, match="weighs other features"):
        make_controller(str(file))
    file.write_text(json.dumps({**gate.state_dict(), "weights": [0.0]}))
    with pytest.raises(ConfigError, match="weights has 1 entries"):
        make_controller(str(file))
    with pytest.raises(ConfigError, match="ridge must be a number of at least 0"):
        make_controller("imad:ridge=-1")
