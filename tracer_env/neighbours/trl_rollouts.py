"""TRL: GRPOTrainer samples from our dialogues instead of from single answers.

    rows, rollouts = trl_rows("arithmetic"), to_trl_rollout_func("arithmetic")
    GRPOTrainer(model, reward_funcs=dialogue_reward, train_dataset=Dataset.from_list(rows), rollout_func=rollouts, ...)

The model that is trained speaks at every seat, by the trainer's own generation. Of each dialogue one utterance is what
is learned from: the first proposal (``learn="first"``), so that all candidates of a group answer the same prompt, or
the one that the dialogue ends with (``"final"``). What it earns is what became of the whole dialogue.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any, Literal

from tracer_env.compositions import information_named
from tracer_env.episodes.rollout import Job, rollout
from tracer_env.episodes.transcript import Transcript
from tracer_env.errors import ConfigError
from tracer_env.intake.bounded import shown
from tracer_env.interfaces import Request, Scenario
from tracer_env.parts.casting import make_controller, make_scenario
from tracer_env.registry import OURS, build, resolve
from tracer_env.rules import Rules
from tracer_env.types import Task, Utterance

__all__ = ["dialogue_reward", "to_trl_rollout_func", "trl_rows"]


def trl_rows(scenario: str | Scenario | Sequence[Task], **settings: Any) -> list[dict[str, str]]:
    """Return a row for each task, for ``datasets.Dataset.from_list``: its question as the prompt, and its id."""
    return [{"prompt": task.question, "task": task.id} for task in make_scenario(scenario, **settings)]


def dialogue_reward(completions: Sequence[Any], correct: Sequence[bool], **_: Any) -> list[float]:
    """Return 1 for each utterance whose dialogue ended with a right answer, else 0: a reward function of TRL's."""
    return [float(each) for each in correct]


def to_trl_rollout_func(
    scenario: str | Scenario | Sequence[Task],
    controller: str = "always",
    rules: Rules | None = None,
    *,
    learn: Literal["first", "final"] = "first",
    seed: int = 0,
    prompts: Any = None,
    **settings: Any,
) -> Callable[[list[Any], Any], dict[str, Any]]:
    """Return a function for ``GRPOTrainer(rollout_func=...)``; prompts must be those of `trl_rows`.

    It hands on ``correct``, ``final_answer`` and ``turns_spoken`` of each dialogue to reward functions. ``prompts`` is
    an object like `agents.speakers.prompts.Prompts`, for a model that was schooled on other words. Raises ConfigError
    for a prompt that is no question of the scenario's.
    """
    if learn not in ("first", "final"):
        raise ConfigError(f"learn must be first or final, got {learn!r}")
    made, played = make_scenario(scenario, **settings), rules or Rules()
    tasks, chooses = {task.question: task for task in made}, make_controller(controller, played)
    worlds = itertools.count()

    words = build("speaker", OURS["prompts"]) if prompts is None else prompts

    def rollouts(asked: list[Any], trainer: Any) -> dict[str, Any]:
        jobs = [Job(0, "trl", chooses, _task(tasks, prompt), next(worlds), seed) for prompt in asked]
        told = rollout(jobs, _Trained(trainer, words), made, played, information_named("vote_and_time"))
        said = [_learned(each, learn) for each in told]
        return {
            "prompt_ids": [list(one.prompt_ids) for one in said],
            "completion_ids": [list(one.token_ids) for one in said],
            "logprobs": [list(one.logprobs) for one in said] if all(one.logprobs for one in said) else None,
            "correct": [each.correct for each in told],
            "final_answer": [each.final.answer for each in told],
            "turns_spoken": [sum(turn.utterance is not None for turn in each.turns) for each in told],
        }

    return rollouts


def _task(tasks: dict[str, Task], prompt: Any) -> Task:
    question = prompt if isinstance(prompt, str) else prompt[-1]["content"]
    if question not in tasks:
        raise ConfigError(f"the prompt {shown(question)} is no question of the scenario; take the rows of trl_rows()")
    return tasks[question]


def _learned(told: Transcript, learn: str) -> Utterance:
    """Return the utterance that is learned from; where a dialogue ends without a proposal of its own, the first."""
    proposals = {turn.turn: turn.utterance for turn in told.turns if turn.utterance is not None and turn.role == 0}
    wanted = proposals.get(told.final_turn) if learn == "final" else None
    return wanted or next(iter(proposals.values()))


class _Trained:
    """Speaks with the model that a trainer trains, through the trainer's own generation."""

    def __init__(self, trainer: Any, prompts: Any) -> None:
        self._trainer, self._prompts = trainer, prompts
        self._tokenizer = getattr(trainer, "_tokenizer", trainer.processing_class)
        self._plain, _ = resolve("speaker", OURS["plain_prompt"])

    def speak(self, requests: Sequence[Request]) -> list[Utterance]:
        asked = [request for request in requests for _ in range(request.candidates)]
        ids = [self._ids(request) for request in asked]
        completions, logprobs = self._trainer._generate_single_turn(ids, None, {}, 1)
        said = []
        for place, (prompt, given) in enumerate(zip(ids, completions, strict=True)):
            tokens = tuple(int(token) for token in given)
            text = self._tokenizer.decode(tokens, skip_special_tokens=True)
            known = tuple(map(float, logprobs[place])) if logprobs is not None else ()
            said.append(
                Utterance(
                    text,
                    prompt_tokens=len(prompt),
                    completion_tokens=len(tokens),
                    prompt_ids=tuple(prompt),
                    token_ids=tokens,
                    logprobs=known,
                )
            )
        return said

    def _ids(self, request: Request) -> list[int]:
        messages = self._prompts.messages(request.state, request.seat)
        if self._tokenizer.chat_template is None:
            return list(self._tokenizer(self._plain(messages))["input_ids"])
        found = self._tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=True)
        return list(found["input_ids"])
