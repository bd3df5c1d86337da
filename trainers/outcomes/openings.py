"""Openings of train tasks, and what came of them: what a gate learns from.

Each dialogue is played once, as if the gate always let the debate go on. Its end says what the debate comes to; the
dialogue as far as the gate hears it says what silence comes to, for nobody who is silent changes an answer. So one
dialogue values both branches, and no utterance is drawn for the other one's sake.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tracer_env.agents.controllers.gate import Gate, Opening, opening_of
from tracer_env.episodes.rollout import Job, rollout
from tracer_env.episodes.transcript import Transcript
from tracer_env.information import vote_and_time
from tracer_env.interfaces import Controller, Scenario, Speaker
from tracer_env.parts.task_contracts import task_at
from tracer_env.parts.worlds import played_in
from tracer_env.rules import DialogueState, Rules, advance, final_answer, initial
from tracer_env.terminal.progress import Reporter
from tracer_env.types import Seat

__all__ = ["Openings", "play_openings"]

_AT_ONCE = 256


@dataclass(frozen=True)
class Openings:
    """What was heard in n dialogues, and what silence and debate came to."""

    heard: tuple[Opening, ...]  # (n,)
    silent_right: NDArray[np.bool_]  # (n,) whether the answer is correct if everybody is silent from there on
    debate_right: NDArray[np.bool_]  # (n,) whether it is correct after the debate
    debate_tokens: NDArray[np.float64]  # (n,) what the debate costs, prompt and completion
    turns: int
    tokens: int  # all that was said

    def gains(self, price: float) -> NDArray[np.float64]:
        """Return what the debate is worth more than silence, shape (n,), at a price of a token."""
        gained: NDArray[np.float64] = self.debate_right.astype(np.float64) - self.silent_right
        return gained - price * self.debate_tokens


def play_openings(
    gate: Gate, scenario: Scenario, speaker: Speaker, rules: Rules, episodes: int, seed: int, tell: Reporter
) -> Openings:
    """Play ``episodes`` dialogues: episode e is task e mod n in world e div n, as everywhere."""
    heard, silent, debated, spent = list[Opening](), list[bool](), list[bool](), list[int]()
    turns = tokens = 0
    for first in range(0, episodes, _AT_ONCE):
        jobs = []
        for episode in range(first, min(first + _AT_ONCE, episodes)):
            world, place = played_in(episode, len(scenario))
            jobs.append(Job(episode, "training", _Open(gate), task_at(scenario, place), world, seed))
        for told in rollout(jobs, speaker, scenario, rules, vote_and_time):
            state = _after(told, rules, gate.hears)
            answer = final_answer(state)
            heard.append(opening_of(state, gate.hears))
            silent.append(answer is not None and answer.correct)
            debated.append(told.correct)
            costs = [turn.utterance.tokens if turn.utterance else 0 for turn in told.turns]
            spent.append(sum(costs[gate.hears :]))
            turns, tokens = turns + len(costs), tokens + sum(costs)
        tell.reach(len(heard))
    return Openings(tuple(heard), np.array(silent), np.array(debated), np.array(spent, dtype=float), turns, tokens)


class _Open:
    """A gate that always lets the debate go on."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    def behind(self, seat: Seat) -> Controller:
        """Return the gate: errors name it and not this view of it."""
        return self._gate

    def speak_probability(self, state: DialogueState, key: str) -> float:
        return 1.0 if state.turn <= self._gate.hears else self._gate.debate.speak_probability(state, key)


def _after(told: Transcript, rules: Rules, turns: int) -> DialogueState:
    """Return the dialogue as it stood after so many turns."""
    state = initial(told.task, rules)
    for turn in told.turns[:turns]:
        state = advance(state, turn.action, turn.utterance)
    return state
