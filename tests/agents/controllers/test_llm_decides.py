"""The model is asked whether to speak: answers by hand, what is paid, who cannot be asked."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from moves import TASK, play

from tracer_env.agents.controllers.llm_decides import LLMDecides
from tracer_env.agents.speakers.cached import CachedSpeaker
from tracer_env.agents.speakers.cast import CastSpeaker
from tracer_env.agents.speakers.function import FunctionSpeaker
from tracer_env.agents.speakers.prompts import Prompts, plain_text
from tracer_env.episodes.rollout import Job, rollout
from tracer_env.episodes.transcript import Transcript
from tracer_env.errors import ConfigError, DataError, UnknownNameError
from tracer_env.information import vote_and_time
from tracer_env.interfaces import Speaker
from tracer_env.parts.casting import make_controller, make_scenario, make_speaker
from tracer_env.parts.seams import check_answers
from tracer_env.registry import register
from tracer_env.rules import Rules
from tracer_env.runs.comparing import compare
from tracer_env.runs.config import Config, EvaluationConfig, ScenarioConfig
from tracer_env.runs.verifying import verify

RULES = Rules(max_turns=3)


@pytest.mark.parametrize(
    ("said", "otherwise", "chance"),
    [
        ("YES", "skip", 1.0),
        ("No, it is right.", "speak", 0.0),
        ("yes. No wait, no", "skip", 1.0),  # the first one counts
        ("Not sure, I know nothing", "speak", 1.0),  # no word of its own
        ("Not sure", "skip", 0.0),
        ("", "speak", 1.0),
    ],
)
def test_an_answer_by_hand(said: str, otherwise: str, chance: float) -> None:
    assert make_controller(f"llm_decides:otherwise={otherwise}").decided(said) == chance  # type: ignore[attr-defined]


def mind(prompt: str) -> str:
    """Answer: let others review, and rewrite what was found wrong."""
    if "Reply with one word" not in prompt:
        return "WRONG" if "RIGHT or WRONG" in prompt else "Final answer: 41"
    return "YES please" if "say whether" in prompt else "NO"


def played(speaker: Speaker, controller: LLMDecides | None = None) -> Transcript:
    tasks = make_scenario([TASK])
    return rollout([Job(0, "m", controller or LLMDecides(), TASK, 0, 0)], speaker, tasks, RULES, vote_and_time)[0]


def test_what_is_asked_is_paid_for_whatever_is_decided() -> None:
    told = played(FunctionSpeaker(mind))
    assert [int(turn.action) for turn in told.turns] == [1, 1, 0]
    assert [turn.asked[1] for turn in told.turns] == [0, 2, 1]  # nobody is asked where there is no choice
    state = play("")
    words = [
        len(
            plain_text(
                Prompts().messages(told_state, told_state.seat, question=LLMDecides().question(told_state))
            ).split()
        )
        for told_state in (play("W"),)
    ]
    assert words[0] - len(["proposal", "W"]) + len(["Final", "answer:", "41"]) == told.turns[1].asked[0]
    assert [turn.calls for turn in told.turns] == [1, 2, 1]
    assert told.turns[2].tokens == sum(told.turns[2].asked)
    assert told.turns[1].tokens == sum(told.turns[1].asked) + told.turns[1].utterance.tokens  # type: ignore[union-attr]
    assert state.turn == 1


def test_what_was_asked_is_no_part_of_the_dialogue() -> None:
    prompts: list[str] = []

    def says(prompt: str) -> str:
        prompts.append(prompt)
        return mind(prompt).replace("NO", "YES")

    played(FunctionSpeaker(says))
    asked = [prompt for prompt in prompts if "Reply with one word" in prompt]
    assert len(asked) == 2
    assert "Final answer: 41" in asked[0]
    assert "WRONG" in asked[1]
    assert not any("YES please" in prompt for prompt in prompts)
    assert not any("Solve the question in short steps" in prompt for prompt in asked)


def test_answers_come_through_casts_and_memories() -> None:
    wrapped = CachedSpeaker(CastSpeaker({"proposer": FunctionSpeaker(mind), "reviewer": FunctionSpeaker(mind)}))
    check_answers(LLMDecides(), wrapped, RULES)
    assert played(wrapped) == played(FunctionSpeaker(mind))


@pytest.mark.parametrize("name", ["simulated", "recorded", "nano"])
def test_who_cannot_be_asked_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=r"asks the speaker whether to speak, and the speaker of .* cannot be asked"):
        check_answers(LLMDecides(), make_speaker(name), Rules())
    with pytest.raises(ConfigError, match="cannot be asked"):
        check_answers(make_controller("proposer=never+reviewer=llm_decides"), make_speaker(name), Rules())
    check_answers(make_controller("never"), make_speaker(name), Rules())


def test_another_may_be_asked() -> None:
    register("speaker", "always_no", lambda: FunctionSpeaker(lambda prompt: "NO"))
    controller = LLMDecides("always_no")
    check_answers(controller, make_speaker("recorded"), Rules())
    assert [int(turn.action) for turn in played(FunctionSpeaker(mind), controller).turns] == [1, 0, 0]
    with pytest.raises(UnknownNameError, match="did you mean 'smollm2'"):
        LLMDecides("smolm2")
    with pytest.raises(ConfigError, match="name it in compare"):
        controller.speak_probability(play("W"), "")


def test_both_forms_of_an_episode_hold_what_was_asked() -> None:
    told = played(FunctionSpeaker(mind))
    assert Transcript.from_json(told.to_json()) == Transcript.from_json(told.to_line()) == told
    lines = json.loads(told.to_json())
    lines["turns"][0]["asked"] = [5, 1]
    with pytest.raises(DataError, match="there was no choice"):
        Transcript.from_json(json.dumps(lines, separators=(",", ":")))
    with pytest.raises(DataError, match="had no choice"):
        replace(told, turns=(replace(told.turns[0], asked=(5, 1)), *told.turns[1:])).to_line()


def test_a_comparison_counts_it(tmp_path: Path) -> None:
    asked = Config(
        scenario=ScenarioConfig(name="arithmetic", limit=5),
        evaluation=EvaluationConfig(methods=("always", "llm_decides:otherwise=skip")),
    )
    found = compare(asked, speaker=FunctionSpeaker(mind), out=tmp_path / "run")
    rows = {row["method"]: row for row in found.to_data()["rows"]}
    row = rows["llm_decides:otherwise=skip"]
    assert row["calls_per_task"] == 1 + 4 + 2  # turns 3 and 5 were asked about and skipped
    assert row["tokens_per_task"] > 0
    assert verify(tmp_path / "run").metrics["rows"] == json.loads(json.dumps(found.to_data()["rows"]))
    with pytest.raises(ConfigError, match="cannot be asked"):
        compare(asked, speaker="simulated")
