"""DOWN: its confidence, its gate, what it refuses, its file."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from tracer_env.agents.controllers.down import Down, stated_confidence
from tracer_env.errors import ConfigError
from tracer_env.parts.casting import make_controller
from tracer_env.rules import DialogueState, Rules, advance, initial
from tracer_env.runs.learning import untrained
from tracer_env.types import Grade, Signals, Task, Utterance, Verdict


def after(mean: float | None, text: str = "Final answer: 1", verdict: Verdict | None = None) -> DialogueState:
    """Return a dialogue after its first answer, or after the first review as well."""
    said = Utterance(text, answer="1", grade=Grade.WRONG, signals=Signals(logprob_mean=mean))
    state = advance(initial(Task("t", "?", "1"), Rules()), 1, said)
    return state if verdict is None else advance(state, 1, Utterance("", verdict=verdict))


@pytest.mark.parametrize(
    ("mean", "threshold", "then", "verdict", "speaks"),
    [
        (math.log(0.5), 0.4, "until_approved", None, 0.0),  # sure enough: silent
        (math.log(0.5), 0.6, "until_approved", None, 1.0),
        (math.log(0.5), 0.5, "always", None, 0.0),  # at the threshold: silent
        (math.log(0.5), 0.6, "until_approved", Verdict.RIGHT, 0.0),  # the debate's own rule
        (math.log(0.5), 0.6, "until_approved", Verdict.WRONG, 1.0),
        (math.log(0.5), 0.6, "always", Verdict.RIGHT, 1.0),
        (math.log(0.5), 0.4, "always", Verdict.WRONG, 0.0),  # decided once, by the first answer
        (0.0, 1.0, "always", None, 0.0),
        (0.0, 1.5, "always", None, 1.0),  # above 1: always a debate
    ],
)
def test_the_gate_by_hand(mean: float, threshold: float, then: Any, verdict: Verdict | None, speaks: float) -> None:
    assert Down(threshold, then).speak_probability(after(mean, verdict=verdict), "any key") == speaks


def test_later_answers_do_not_count() -> None:
    state = after(math.log(0.5), verdict=Verdict.WRONG)
    sure = Utterance("", answer="1", grade=Grade.CORRECT, signals=Signals(logprob_mean=0.0))
    assert Down(0.6, "always").speak_probability(advance(state, 1, sure), "") == 1.0


@pytest.mark.parametrize(
    ("text", "stated"),
    [
        ("Final answer: 3. Confidence: 80%", 0.8),
        ("confidence is 0.25", 0.25),
        ("Confidence score: 80", 0.8),
        ("Confidence level of 7 %", 0.07),
        ("Confidence: 90%. On reflection, confidence: 40%", 0.4),
        ("I am confident: 100%", 1.0),
        ("Confidence: 350%", None),
        ("Confidence: high", None),
        ("Final answer: 80", None),
    ],
)
def test_a_stated_confidence(text: str, stated: float | None) -> None:
    assert stated_confidence(text) == stated
    gate = Down(0.5, confidence="words")
    if stated is None:
        with pytest.raises(ConfigError, match="states no confidence in words"):
            gate.speak_probability(after(None, text), "")
    else:
        assert gate.speak_probability(after(None, text), "") == float(stated < 0.5)


def test_a_speaker_without_log_probabilities_is_refused() -> None:
    with pytest.raises(ConfigError, match="tells no log-probabilities"):
        Down(0.5).speak_probability(after(None), "")


def test_an_untrained_one_says_so() -> None:
    assert untrained(Down())
    assert not untrained(Down(0.5))
    with pytest.raises(ConfigError, match="has no threshold yet"):
        Down().speak_probability(after(0.0), "")


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("threshold=3", "threshold must be auto or a number from 0 to 2, got 3"),
        ("threshold=auto_", "threshold must be auto"),
        ("threshold=true", "threshold"),
        ("then=alway", "must be one of 'until_approved', 'always'"),
        ("price=-1", "price is of a token"),
        ("confidence=word", "must be one of 'tokens', 'words'"),
        ("treshold=1", "did you mean 'threshold'"),
    ],
)
def test_impossible_settings_are_refused(setting: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make_controller(f"down:{setting}")


def test_its_file_is_read_back(tmp_path: Path) -> None:
    gate, file = Down(0.75, "always", 1e-3), tmp_path / "down.json"
    gate.rules = Rules()
    file.write_text(gate.to_json())
    loaded = make_controller(str(file), Rules(), "history")
    assert isinstance(loaded, Down)
    assert loaded.to_json() == gate.to_json()
    with pytest.raises(ConfigError, match="trained under other rules: max_turns 5 not 3"):
        make_controller(str(file), Rules(max_turns=3))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"threshold": 2.5}, "threshold is 2.5"),
        ({"threshold": None}, "threshold is None"),
        ({"then": "never"}, "then is 'never'"),
        ({"schema": 2}, "schema is 2"),
        ({"confidence": "eyes"}, "confidence is 'eyes'"),
    ],
)
def test_a_damaged_file_is_refused(changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    file = tmp_path / "down.json"
    file.write_text(json.dumps({**Down(0.5).state_dict(), **changes}))
    with pytest.raises(ConfigError, match=message):
        make_controller(str(file))
