"""Hooks: five places of training where a function of yours is asked instead of the built-in way.

    value      what a choice is worth to the controller      extract   the answer that a text settles on
    reward     what GSPO pays for an utterance               updater   learns from a group instead of GSPO
    prompt     the last user message

A hook is given by import path, ``package.module:name`` or ``file.py:name`` (relative to the working directory; the
file's neighbours are not importable from it), and checked when it is loaded. Every hook is called with keyword
arguments alone, and all with the same ones, so write ``**context`` for those you do not need:

    role           proposer or reviewer           pending        text of the pending proposal, None before the first
    agent_index    whose turn it is, from 0       history        list of the earlier texts that the seat reads
    turn           number of the turn, from 1     task           the task's id
    max_turns      how many turns there are       dataset_name   the scenario that the task comes from
    vote           vote of the pending proposal   question       the task's question

``value``, ``reward`` and ``updater`` also get ``answer``, the gold answer, and ``correct``: whether the proposal at
stake is correct (the one being paid for, else the pending one; None where there is none). What a hook gets besides
stands in `HOOKS`. ``default`` is what would be taken without the hook.

A hook runs as your code with all your rights: nothing is confined. One that raises, or returns something else than
it should, is a ConfigError in one line.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from numbers import Real
from typing import Any

from tracer_env.agents.speakers.prompts import Message, Prompts
from tracer_env.dialogue import Dialogue
from tracer_env.errors import ConfigError
from tracer_env.interfaces import Extraction, Scenario
from tracer_env.rules import DialogueState
from tracer_env.trainers.gspo.hook_loading import HOOKS, Hook, as_hook, load_hook
from tracer_env.trainers.gspo.rewards import UtteranceReward
from tracer_env.types import Action, Grade, Role, Seat, Task, Utterance
from tracer_env.verification.reasoning import unread_of

__all__ = ["ACTIONS", "HOOKS", "HookedPrompts", "HookedReward", "HookedScenario", "Hooks", "context_of"]

ACTIONS = {
    (Role.PROPOSER, Action.SKIP): "proposal_keep",
    (Role.PROPOSER, Action.SPEAK): "proposal_refresh",
    (Role.REVIEWER, Action.SKIP): "reviewer_skip",
    (Role.REVIEWER, Action.SPEAK): "reviewer_speak",
}
"""What the value hook calls a role's action."""


def context_of(state: DialogueState, drop: int = 0) -> dict[str, Any]:
    """Return the keyword context of the acting seat, without its ``drop`` oldest utterances; no gold answer in it.

    A pending proposal that the seat may not read, or that was dropped as well, is None.
    """
    view, seat, proposal = Dialogue(state), state.seat, state.pending
    readable = state.rules.schedule.readable(state.turns, seat)
    shown = proposal is not None and drop <= len(view.lines) and any(t.number == proposal.turn for t in readable)
    return {
        "role": seat.role.name.lower(),
        "agent_index": seat.agent,
        "turn": state.turn,
        "max_turns": state.rules.max_turns,
        "vote": view.vote,
        "question": view.question,
        "pending": view.pending if shown else None,
        "history": [line.text for line in view.lines[drop:]],
        "task": state.task.id,
        "dataset_name": state.task.scenario,
    }


@dataclass(frozen=True)
class Hooks:
    """The hooks of a training run, each None where the built-in way is taken.

    Fields take callables (``updater``: an object or a class with ``update``) or what `load_hook` returns. Raises
    ConfigError for a hook that cannot be called with its keywords.
    """

    value: Any = None
    reward: Any = None
    prompt: Any = None
    extract: Any = None
    updater: Any = None

    def __post_init__(self) -> None:
        for field in fields(self):
            given = getattr(self, field.name)
            if given is not None:
                object.__setattr__(self, field.name, as_hook(field.name, given))

    @classmethod
    def load(cls, paths: Mapping[str, str]) -> Hooks:
        """Load hooks from ``{kind: import path}``; UnknownNameError for a kind that does not exist."""
        return cls(**{kind: load_hook(kind, path) for kind, path in paths.items()})

    def to_data(self) -> dict[str, dict[str, str]]:
        """Return name and source digest of each hook, for a run's record: other code is another run.

        Where the source can be read its digest says which it is, and the name is that of the function alone.
        """
        given: dict[str, Hook] = {f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name)}
        return {
            kind: {"name": hook.name.rpartition(":")[2] if hook.digest else hook.name, "digest": hook.digest}
            for kind, hook in given.items()
        }

    def valued(self, state: DialogueState, action: Action, default: float) -> float:
        """Return what ``action`` of the acting seat is worth, ``default`` without a hook."""
        if self.value is None:
            return default
        name = ACTIONS[state.seat.role, Action(action)]
        return _number(self.value, self.value.call(action=name, default=default, **_informed(state)))

    def rewarding(self, reward: UtteranceReward) -> UtteranceReward:
        """Return ``reward`` with the hook behind it. A reward that pays whole dialogues takes no hook."""
        if self.reward is None:
            return reward
        if not callable(reward):
            raise ConfigError(
                f"the reward hook {self.reward.name!r} pays for utterances, but {reward!r} pays for whole dialogues; "
                "leave out one of them"
            )
        return HookedReward(reward, self.reward)

    def prompting(self, prompts: Prompts) -> Prompts:
        """Return ``prompts`` with the last user message written by the hook."""
        return prompts if self.prompt is None else HookedPrompts.over(prompts, self.prompt)

    def extracting(self, scenario: Scenario) -> Scenario:
        """Return ``scenario`` with its answers found by the hook."""
        return scenario if self.extract is None else HookedScenario(scenario, self.extract)

    def updated(
        self,
        policy: Any,
        state: DialogueState,
        candidates: Sequence[Utterance],
        rewards: Sequence[float],
    ) -> dict[str, float]:
        """Let the updater learn from one group and return the metrics it reports.

        ``update(policy=, context=, candidates=, rewards=)`` gets the context as one dict; ``policy`` is what the
        trainer gives (`trainer.PolicyHandle`: name, model, tokenizer, parameters).
        """
        if self.updater is None:
            raise ConfigError("there is no updater hook to call; give one as updater='file.py:name'")
        told = self.updater.call(
            policy=policy, context=_informed(state), candidates=list(candidates), rewards=list(rewards)
        )
        if told is None:
            return {}
        if not isinstance(told, Mapping) or not all(isinstance(name, str) for name in told):
            raise self.updater.refused(told, "None or a dict of metrics by name")
        return {name: _number(self.updater, value) for name, value in told.items()}


@dataclass(frozen=True, slots=True)
class HookedReward:
    """Pays what the hook says; an utterance that ``inner`` makes no sample of stays none."""

    inner: UtteranceReward
    hook: Hook

    def __call__(self, state: DialogueState, utterance: Utterance, /) -> float | None:
        default = self.inner(state, utterance)
        if default is None:
            return None
        context = _informed(state)
        if state.seat.role is Role.PROPOSER:
            context["correct"] = utterance.grade is Grade.CORRECT
        return _number(self.hook, self.hook.call(text=utterance.text, default=default, **context))


@dataclass(frozen=True)
class HookedPrompts(Prompts):
    """Prompts of ``inner`` whose last user message the hook writes; it is asked again when texts are left out."""

    inner: Prompts | None = None
    hook: Hook | None = None

    @classmethod
    def over(cls, inner: Prompts, hook: Hook) -> HookedPrompts:
        """Return ``inner`` with ``hook`` over it."""
        return cls(inner.examples, inner.proposer_prompt, inner.reviewer_prompt, inner, hook)

    def __post_init__(self) -> None:
        if self.inner is None or self.hook is None:
            raise ConfigError("HookedPrompts needs prompts and a hook; make it with HookedPrompts.over")

    def opening(self, task: Task, role: Role) -> list[Message]:
        """Return the opening of ``inner``."""
        assert self.inner is not None
        return self.inner.opening(task, role)

    def messages(self, state: DialogueState, seat: Seat, drop: int = 0, question: str | None = None) -> list[Message]:
        """Return the prompt of ``inner`` with the hook's text in its last message; a question is asked as it is."""
        assert self.inner is not None
        assert self.hook is not None
        if question is not None:
            return self.inner.messages(state, seat, drop, question)
        *before, last = self.inner.messages(state, seat, drop)
        left_out = drop + (seat.role is Role.REVIEWER and drop >= self.droppable(state, seat) > 0)
        told = self.hook.call(default=last["content"], **context_of(state, left_out))
        if not isinstance(told, str) or not told.strip():
            raise self.hook.refused(told, "a text that is not empty")
        return [*before, {**last, "content": told}]


class HookedScenario:
    """A scenario whose answers the hook finds; grading and comparing are the scenario's.

    What the hook returns is read and graded as ``Final answer: <it>`` would be. The referee asks `reading` for a
    scenario that knows who is speaking; without one, the parts of the context that only a dialogue has are None.
    """

    def __init__(self, inner: Scenario, hook: Hook, context: Mapping[str, Any] | None = None) -> None:
        self.inner, self.hook, self.name = inner, hook, inner.name
        self._context = dict(_NO_DIALOGUE, dataset_name=inner.name) if context is None else dict(context)
        self._last: tuple[str, str | None] | None = None

    def __len__(self) -> int:
        return len(self.inner)

    def __iter__(self) -> Iterator[Task]:
        return iter(self.inner)

    def __getitem__(self, index: int) -> Task:
        return self.inner[index]

    def __repr__(self) -> str:
        return f"HookedScenario({self.inner!r}, {self.hook.name!r})"

    def reading(self, state: DialogueState) -> HookedScenario:
        """Return this scenario as it reads what the acting seat of ``state`` says."""
        reading = getattr(self.inner, "reading", None)
        return HookedScenario(self.inner if reading is None else reading(state), self.hook, context_of(state))

    @property
    def unread(self) -> tuple[str, ...]:
        """The names of the reasoning blocks that the scenario leaves out of reading."""
        return unread_of(self.inner)

    def extract(self, text: str) -> Extraction:
        """Return the hook's answer in canonical form under the rule ``hook``."""
        stated = self._stated(text)
        answer = None if stated is None else self.inner.extract(stated).answer
        return Extraction(answer, "none" if answer is None else "hook")

    def grade(self, text: str, task: Task) -> Grade:
        """Return the grade of the hook's answer; UNPARSABLE when it finds none."""
        stated = self._stated(text)
        return Grade.UNPARSABLE if stated is None else self.inner.grade(stated, task)

    def same(self, left: str, right: str) -> bool:
        """Return whether two answers are equal."""
        return self.inner.same(left, right)

    def _stated(self, text: str) -> str | None:
        """Return the line that states the hook's answer; the text asked about last is remembered."""
        if self._last is None or self._last[0] != text:
            told = self.hook.call(text=text, default=self.inner.extract(text).answer, **self._context)
            if told is not None and not isinstance(told, str):
                raise self.hook.refused(told, "a text or None")
            line = " ".join(told.split()) if told is not None else ""
            self._last = (text, f"Final answer: {line}" if line else None)
        return self._last[1]


_NO_DIALOGUE = {
    "role": "proposer",
    **dict.fromkeys(("agent_index", "turn", "max_turns", "vote", "question", "pending", "history", "task")),
}


def _informed(state: DialogueState) -> dict[str, Any]:
    """Return the context with the gold answer and whether the pending proposal is correct."""
    pending = state.pending
    return {**context_of(state), "answer": state.task.answer, "correct": pending.correct if pending else None}


def _number(hook: Hook, told: Any) -> float:
    try:
        number = math.nan if isinstance(told, bool) or not isinstance(told, Real) else float(told)
    except Exception:  # a whole number beyond all floats, a number of a user's own class
        number = math.nan
    if not math.isfinite(number):
        raise hook.refused(told, "a finite number")
    return number
