"""Rollouts for TRL: ids of one utterance of each dialogue, and what became of it. The trainer is tried elsewhere."""

from __future__ import annotations

from typing import Any

import pytest

from tracer_env import make_scenario
from tracer_env.errors import ConfigError
from tracer_env.neighbours.trl_rollouts import dialogue_reward, to_trl_rollout_func, trl_rows

TASKS = make_scenario("arithmetic", limit=3)


class Letters:
    """A tokenizer of letters."""

    chat_template = None

    def __call__(self, text: str) -> dict[str, list[int]]:
        return {"input_ids": [ord(each) for each in text]}

    def decode(self, ids: Any, skip_special_tokens: bool) -> str:
        return "".join(map(chr, ids))


class Trainer:
    """As much of a trainer as a rollout asks for; it proposes gold answers for one question and approves of all."""

    processing_class = _tokenizer = Letters()

    def __init__(self, logprobs: bool) -> None:
        self.logprobs, self.batches = logprobs, list[int]()

    def _generate_single_turn(self, ids: list[list[int]], images: Any, more: Any, generations: int) -> Any:
        self.batches.append(len(ids))
        said = [self._said("".join(map(chr, prompt))) for prompt in ids]
        found = [[ord(each) for each in text] for text in said]
        return found, [[-0.5] * len(each) for each in found] if self.logprobs else None

    def _said(self, prompt: str) -> str:
        if "RIGHT or WRONG?" in prompt:
            return "RIGHT"
        return f"Final answer: {TASKS[0].answer if TASKS[0].question in prompt else 'none'}"


@pytest.mark.parametrize("logprobs", [True, False])
def test_what_is_learned_from_is_a_proposal_and_how_its_dialogue_ended(logprobs: bool) -> None:
    rows, trainer = trl_rows(TASKS), Trainer(logprobs)
    asked = [rows[0]["prompt"], rows[0]["prompt"], [{"role": "user", "content": rows[1]["prompt"]}]]
    found = to_trl_rollout_func(TASKS)(asked, trainer)
    said = ["".join(map(chr, ids)) for ids in found["completion_ids"]]
    assert said == [f"Final answer: {TASKS[0].answer}"] * 2 + ["Final answer: none"]
    assert found["prompt_ids"][0] == found["prompt_ids"][1] != found["prompt_ids"][2]
    assert found["correct"] == [True, True, False]
    assert found["turns_spoken"] == [5, 5, 5]
    assert (found["logprobs"] is None) is not logprobs
    assert trainer.batches == [3] * 5  # all dialogues of a batch go turn by turn
    assert dialogue_reward(said, **{key: found[key] for key in ("correct", "final_answer")}) == [1.0, 1.0, 0.0]


def test_final_takes_the_proposal_that_counts() -> None:
    found = to_trl_rollout_func(TASKS, "until_approved", learn="final")([TASKS[0].question], Trainer(False))
    assert found["turns_spoken"] == [2]
    late = to_trl_rollout_func(TASKS, learn="final")([TASKS[0].question], Trainer(False))
    first = to_trl_rollout_func(TASKS)([TASKS[0].question], Trainer(False))
    assert len(late["prompt_ids"][0]) > len(first["prompt_ids"][0])  # it has read the discussion


def test_what_is_wrong_is_said() -> None:
    with pytest.raises(ConfigError, match="learn must be first or final, got 'last'"):
        to_trl_rollout_func(TASKS, learn="last")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="is no question of the scenario; take the rows of trl_rows"):
        to_trl_rollout_func(TASKS)(["What is love?"], Trainer(False))
