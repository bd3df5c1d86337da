"""Tables of action values, taught by playing: dialogues of the train split under what each table would try.

Policies are frozen for a window of ``update_every`` dialogues; then the window's steps are learned from in the order of
the episodes, so how many dialogues run at once changes nothing but the speed. Choices are drawn from the episode's own
noise (seed, task, world), so the same seed gives the same table. Nothing is drawn that was not said.

In a cast each table learns its own seats; what it earns between two choices of its own is what all seats spent there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from tracer_env.agents.controllers.action_values import ActionValues, Step
from tracer_env.compositions import check_ready, information_named
from tracer_env.episodes.rollout import Job, rollout
from tracer_env.episodes.transcript import Transcript
from tracer_env.interfaces import Controller, Information, Scenario, Speaker
from tracer_env.parts.seams import at_seat, parts_of
from tracer_env.parts.task_contracts import task_at
from tracer_env.parts.worlds import played_in
from tracer_env.rules import DialogueState, Rules
from tracer_env.runs.learning import lessons_in, untrained
from tracer_env.types import Seat

__all__ = ["steps_of", "train_on_returns"]


def train_on_returns(
    controller: Controller,
    scenario: Scenario,
    speaker: Speaker,
    rules: Rules,
    episodes: int,
    seed: int = 0,
    update_every: int = 32,
    information: str | Information = "vote_and_time",
    after_window: Callable[[int, float], None] | None = None,
) -> dict[str, Any]:
    """Train the tables of ``controller`` in place; return what was played and how the accuracy went, window by window.

    ``after_window`` is told how many episodes there were, and the share of the window's that ended right.
    """
    tell = check_ready(information_named(information))
    name = information if isinstance(information, str) else str(getattr(information, "name", information))
    tables = [table for table in _tables(controller) if untrained(table)]
    for table in tables:
        table.rules, table.lessons = rules, table.lessons | lessons_in(scenario, episodes)
        table.read_by(tell, name)
    player, curve, turns, tokens = _Exploring(controller, tables), list[list[float]](), 0, 0
    for first in range(0, episodes, update_every):
        jobs = []
        for episode in range(first, min(first + update_every, episodes)):
            world, place = played_in(episode, len(scenario))
            jobs.append(Job(episode, "training", player, task_at(scenario, place), world, seed))
        played = rollout(jobs, speaker, scenario, rules, tell)
        for told in played:
            for table in tables:
                table.learn(list(steps_of(told, rules, controller, table)))
            turns += len(told.turns)
            tokens += sum(turn.utterance.tokens for turn in told.turns if turn.utterance is not None)
        right = sum(told.correct for told in played) / len(played)
        curve.append([first + len(jobs), right])
        if after_window is not None:
            after_window(first + len(jobs), right)
    return {
        "turns": turns,
        "tokens": tokens,
        "accuracy_curve": _thinned(curve),
        "rows": sum(len(t.rows) for t in tables),
    }


def steps_of(told: Transcript, rules: Rules, controller: Controller, table: ActionValues) -> Iterator[Step]:
    """Yield the steps of a dialogue that a table made: its real choices, and what came between them."""
    key, action, reward, begun = "", 0, 0.0, False
    for turn in told.turns:
        if turn.free and at_seat(controller, rules.seats[turn.turn]) is table:
            if begun:
                yield Step(key, action, reward)
            key, action, reward, begun = turn.key, int(turn.action), 0.0, True
        if turn.utterance is not None:
            reward -= table.price * turn.utterance.tokens
    if begun:
        yield Step(key, action, reward + float(told.correct))


class _Exploring:
    """Plays what the tables try; other controllers as they are."""

    def __init__(self, controller: Controller, tables: list[ActionValues]) -> None:
        self._controller, self._tables = controller, tables

    def behind(self, seat: Seat) -> Controller:
        """Return the controller of a seat: errors name it and not this view of it."""
        return at_seat(self._controller, seat)

    def speak_probability(self, state: DialogueState, key: str) -> float:
        part = at_seat(self._controller, state.seat)
        if isinstance(part, ActionValues) and any(part is table for table in self._tables):
            return part.explore(key)
        return part.speak_probability(state, key)


def _tables(controller: Any) -> list[ActionValues]:
    if parts := parts_of(controller):
        return [table for part in parts.values() for table in _tables(part)]
    return [controller] if isinstance(controller, ActionValues) else []


def _thinned(curve: list[list[float]], points: int = 64) -> list[list[float]]:
    """Return the means of at most ``points`` stretches of the curve."""
    stride = -(-len(curve) // points)
    stretches = [curve[place : place + stride] for place in range(0, len(curve), max(stride, 1))]
    return [[part[-1][0], sum(right for _, right in part) / len(part)] for part in stretches]
