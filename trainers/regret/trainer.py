"""Trains tabular controllers by the paper's one-step values, both branches really valued.

Episode e plays task e mod n of the train split in world e div n. At every real choice the utterance is
drawn whether or not it is said, so v(SKIP) and v(SPEAK) both come from the same luck (TRACER, arXiv
2605.28699, values in `rewards`). Policies are frozen for a window of ``update_every`` episodes; then the
window's regrets are applied in episode order. So how many dialogues run at once changes nothing but
the speed.

A decision whose value needs a grade that timed out is left out.

`train_controller` picks the player: arrays for the simulated speaker and keys that are a function of turn
and vote, dialogues in step for everything else. Both give the same tables, bit by bit.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeGuard

import numpy as np

from tracer_env.agents.controllers.cast import CastController
from tracer_env.agents.controllers.regret_matching import RegretMatching
from tracer_env.agents.speakers.simulated.speaker import SimulatedSpeaker
from tracer_env.annotations import Count
from tracer_env.compositions import check_ready, information_named
from tracer_env.episodes.rollout import Job, everything, rollout
from tracer_env.episodes.transcript import Transcript
from tracer_env.errors import ConfigError
from tracer_env.interfaces import Controller, Information, Scenario, Speaker
from tracer_env.parts.task_contracts import task_at
from tracer_env.parts.worlds import played_in
from tracer_env.rules import DialogueState, Rules
from tracer_env.runs.learning import lessons_in
from tracer_env.settings import require
from tracer_env.trainers.regret.array_player import ArrayPlayer, suits_arrays
from tracer_env.types import Action, Grade, Role, Seat

__all__ = [
    "ControllerTraining",
    "CurrentPolicies",
    "Player",
    "Sums",
    "average_regret",
    "loglog_slope",
    "policy_table",
    "tables",
    "train_controller",
]

Sums = dict[str, tuple[float, float, int]]
"""For each key of a window: summed instantaneous regrets of SKIP and SPEAK, and how many decisions."""


class Player(Protocol):
    """Plays one window of episodes under frozen policies and returns its regrets, table by table."""

    turns: int
    tokens: int
    counterfactual_tokens: int

    def play(self, first: int, count: int) -> Sequence[tuple[RegretMatching, Sums]]:
        """Play episodes ``first`` .. ``first + count - 1``."""
        ...


@dataclass
class ControllerTraining:
    """What a training run came to; updated in place while it runs.

    ``curve`` holds (episodes so far, average regret) after each window. ``turns`` counts all turns played,
    forced ones included; ``tokens`` what was said, ``counterfactual_tokens`` what was only drawn.
    """

    controller: Controller
    episodes: int = 0
    curve: list[tuple[int, float]] = field(default_factory=list)
    turns: int = 0
    tokens: int = 0
    counterfactual_tokens: int = 0
    seconds: float = 0.0

    def slope(self, start: int = 100) -> float | None:
        """Return the log-log slope of the curve from episode ``start`` on; None where it cannot be fitted."""
        return loglog_slope(self.curve, start)

    def to_data(self) -> dict[str, Any]:
        """Return the run as plain data: what `train --json` prints."""
        values = [value for _, value in self.curve]
        return {
            "episodes": self.episodes,
            "average_regret": {
                "first": values[0] if values else None,
                "last": values[-1] if values else None,
                "slope": self.slope(),
            },
            "turns": self.turns,
            "tokens": self.tokens,
            "counterfactual_tokens": self.counterfactual_tokens,
            "average_regret_curve": [list(point) for point in thinned(self.curve)],
            "policy_table": policy_table(self.controller),
        }


def train_controller(
    controller: Controller,
    scenario: Scenario,
    speaker: Speaker,
    rules: Rules,
    episodes: int,
    seed: int = 0,
    update_every: int = 32,
    information: str | Information = "vote_and_time",
    resume: ControllerTraining | None = None,
    after_window: Callable[[ControllerTraining], None] | None = None,
) -> ControllerTraining:
    """Train the tables of ``controller`` in place and return the run.

    ``resume`` continues a run that stopped after whole windows; the result is that of never having
    stopped. ``after_window`` is called after each window (to show progress, to save).
    Episodes run through the tasks, each next round in a new world. Interrupted between two windows, the tables hold
    the whole windows before. Raises ConfigError when the controller has no table to train, or counts are below 1;
    SpeakerError when the speaker fails, and the window in which it did is not learned from.
    """
    if not tables(controller):
        raise ConfigError(f"{type(controller).__name__} keeps no table, so there is nothing to train")
    require("", Count, episodes=episodes, update_every=update_every)
    taught, tell = lessons_in(scenario, episodes), check_ready(information_named(information))
    name = information if isinstance(information, str) else str(getattr(information, "name", information))
    for table in tables(controller):
        table.rules = rules
        table.read_by(tell, name)
        table.lessons |= taught
    player = _player(controller, scenario, speaker, rules, seed, information)
    run = resume or ControllerTraining(controller)
    player.turns, player.tokens, player.counterfactual_tokens = run.turns, run.tokens, run.counterfactual_tokens
    start = time.perf_counter() - run.seconds
    while run.episodes < episodes:
        count = min(update_every, episodes - run.episodes)
        for table, sums in player.play(run.episodes, count):
            speaks = {key: float(table.policy(key)[1]) for key in sums}
            for key, (skip, speak, visits) in sums.items():
                table.accumulate(key, (skip, speak), speaks[key], visits)
        run.episodes += count
        run.turns, run.tokens = player.turns, player.tokens
        run.counterfactual_tokens, run.seconds = player.counterfactual_tokens, time.perf_counter() - start
        run.curve.append((run.episodes, average_regret(controller)))
        if after_window is not None:
            after_window(run)
    return run


def _player(
    controller: Controller,
    scenario: Scenario,
    speaker: Speaker,
    rules: Rules,
    seed: int,
    information: str | Information,
) -> Player:
    suits = (
        isinstance(information, str)
        and suits_arrays(information)
        and rules.seats[1].role is Role.PROPOSER
        and rules.reads_all
    )  # arrays begin with a proposal, and everybody reads what is pending
    if suits and isinstance(controller, RegretMatching) and isinstance(speaker, SimulatedSpeaker):
        return ArrayPlayer(controller, scenario, speaker, rules, seed, str(information))
    return DialoguePlayer(controller, scenario, speaker, rules, seed, information)


class DialoguePlayer:
    """Plays windows as dialogues in step: any speaker, any key, casts of several tables."""

    def __init__(
        self,
        controller: Controller,
        scenario: Scenario,
        speaker: Speaker,
        rules: Rules,
        seed: int,
        information: str | Information,
    ) -> None:
        self.controller, self.scenario, self.speaker = controller, scenario, speaker
        self.rules, self.seed, self.information = rules, seed, information_named(information)
        self.turns = self.tokens = self.counterfactual_tokens = 0

    def play(self, first: int, count: int) -> list[tuple[RegretMatching, Sums]]:
        current = CurrentPolicies(self.controller)
        jobs = []
        for episode in range(first, first + count):
            world, index = played_in(episode, len(self.scenario))
            task = task_at(self.scenario, index)
            jobs.append(Job(episode, "training", current, task, world, self.seed))
        played = rollout(jobs, self.speaker, self.scenario, self.rules, self.information, everything)
        sums: dict[int, Sums] = {id(table): {} for table in tables(self.controller)}
        for transcript in played:
            self._count(transcript)
            for agent_table, key, skip, speak in decisions(transcript, self.controller, self.rules):
                chance = float(agent_table.policy(key)[1])
                expected = (1.0 - chance) * skip + chance * speak
                book = sums[id(agent_table)]
                old = book.get(key, (0.0, 0.0, 0))
                book[key] = (old[0] + (skip - expected), old[1] + (speak - expected), old[2] + 1)
        return [(table, sums[id(table)]) for table in tables(self.controller)]

    def _count(self, transcript: Transcript) -> None:
        self.turns += len(transcript.turns)
        for turn in transcript.turns:
            self.tokens += turn.utterance.tokens if turn.utterance else 0
            self.counterfactual_tokens += turn.other.tokens if turn.other else 0


class CurrentPolicies:
    """Plays the current (not the average) policies of the tables; other controllers as they are."""

    def __init__(self, controller: Controller) -> None:
        self._controller = controller

    def behind(self, seat: Seat) -> Controller:
        """Return the controller of a seat: errors name it and not this view of it."""
        return self._controller

    def speak_probability(self, state: DialogueState, key: str) -> float:
        part = self._controller.part(state.seat) if isinstance(self._controller, CastController) else self._controller
        if _learns(part):
            return float(part.policy(key)[1])
        return part.speak_probability(state, key)


def decisions(
    transcript: Transcript, controller: Controller, rules: Rules
) -> Iterator[tuple[RegretMatching, str, float, float]]:
    """Yield (table, key, v(SKIP), v(SPEAK)) of each real choice that taught a table something."""
    pending: Grade | None = None
    for turn in transcript.turns:
        drawn = turn.utterance or turn.other
        seat = rules.seats[turn.turn]
        part = controller.part(seat) if isinstance(controller, CastController) else controller
        timed_out = pending is Grade.TIMEOUT or (drawn is not None and drawn.grade is Grade.TIMEOUT)
        if turn.free and turn.speak_value is not None and _learns(part) and not timed_out:
            yield part, turn.key, turn.skip_value, turn.speak_value
        if turn.action is Action.SPEAK and turn.utterance is not None and turn.utterance.grade is not None:
            pending = turn.utterance.grade


def _learns(controller: object) -> TypeGuard[RegretMatching]:
    """Whether a controller is a table that learns from play; one that learns from trees plays as it does."""
    return isinstance(controller, RegretMatching) and controller.learns_from == "play"


def tables(controller: Controller) -> list[RegretMatching]:
    """Return the tables inside a controller that learn from play, in the order of its parts."""
    if _learns(controller):
        return [controller]
    if isinstance(controller, CastController):
        return [table for part in controller.parts.values() for table in tables(part)]
    return []


def average_regret(controller: Controller) -> float:
    """Return the sum over all rows of max(0, max_a cumulative regret), divided by the updates of all rows."""
    rows = [row for table in tables(controller) for row in table.rows.values()]
    updates = math.fsum(row.visits for row in rows)
    gap = math.fsum(max(0.0, *row.cumulative_regret) for row in rows)  # the same in any order of rows
    return gap / updates if updates else 0.0


def policy_table(controller: Controller) -> list[dict[str, Any]]:
    """Return one entry a row: key, visits, P(SPEAK) on average and now, and the row's average regret."""
    entries = []
    for table in tables(controller):
        for key, row in sorted(table.rows.items()):
            entries.append(
                {
                    "key": key,
                    "visits": int(row.visits),
                    "speak_average": float(table.average_policy(key)[1]),
                    "speak_current": float(table.policy(key)[1]),
                    "average_regret": max(0.0, *row.cumulative_regret) / row.visits if row.visits else 0.0,
                }
            )
    return entries


def thinned(curve: Sequence[tuple[int, float]], points: int = 64) -> list[tuple[int, float]]:
    """Return at most ``points`` of the curve, evenly spaced in the logarithm of the episode, ends included."""
    if len(curve) <= points:
        return list(curve)
    places = np.unique(np.round(np.geomspace(1, len(curve), points)).astype(int)) - 1
    return [curve[place] for place in places]


def loglog_slope(curve: Sequence[tuple[int, float]], start: int = 100) -> float | None:
    """Return the least-squares slope of log(value) over log(episode), on points thinned evenly in the logarithm."""
    points = [(x, y) for x, y in thinned([p for p in curve if p[0] >= start]) if y > 0]
    if len(points) < 2:
        return None
    x, y = np.log(np.array(points, dtype=np.float64)).T
    return float(np.polyfit(x, y, 1)[0])
