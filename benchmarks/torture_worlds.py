"""Random worlds for the sweep of turns: rules, schedules, speakers, tasks, rewards, all from one generator.

`drawn` makes one setting; equal generators make equal settings, and nothing of it hangs on the clock or on hashing.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

from tracer_env.agents.speakers.cast import CastSpeaker
from tracer_env.agents.speakers.function import FunctionSpeaker
from tracer_env.agents.speakers.simulated.rates import PRESETS
from tracer_env.agents.speakers.simulated.speaker import SimulatedSpeaker
from tracer_env.information import KEYS
from tracer_env.parts.casting import make_scenario, make_speaker
from tracer_env.randomness import task_key
from tracer_env.rules import FINAL_ANSWERS, STOPS, Rules
from tracer_env.schedules import RoundRobin
from tracer_env.types import Role, Seat, Task, Turn

__all__ = ["World", "drawn"]

_RATES = ("skill", "mend", "cave", "repeat", "invalid", "tpr", "tnr", "no_verdict", "reread")
_WORDS = ("copper", "river", "lamp", "orchard", "violin", "anchor")
_CONTROLLERS = ("always", "never", "random:p=0.3", "periodic:k=3", "vote_threshold:threshold=1", "until_approved")


@dataclass(frozen=True)
class Drawn:
    """A schedule from a list of seats; with ``private``, agents read what they said themselves alone."""

    seats: tuple[Seat, ...]
    private: bool

    def seat(self, turn: int, num_agents: int) -> Seat:
        """Return the seat that the list has for the turn."""
        return self.seats[(turn - 1) % len(self.seats)]

    def readable(self, turns: tuple[Turn, ...], seat: Seat) -> tuple[Turn, ...]:
        """Return all turns, or the agent's own."""
        return tuple(turn for turn in turns if turn.seat.agent == seat.agent) if self.private else turns


@dataclass(frozen=True)
class World:
    """One setting of everything; ``settings`` go to the makers of environments as they are."""

    rules: Rules
    scenario: Any
    speaker: Any
    reward: str
    information: str
    seats: str
    others: str
    seed: int
    settings: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        parts = {"scenario": self.scenario, "speaker": self.speaker, "rules": self.rules}
        object.__setattr__(self, "settings", {**parts, "reward": self.reward, "information": self.information})

    def __str__(self) -> str:
        voice = getattr(self.speaker, "simulation", self.speaker)
        return (
            f"{self.rules} scenario={self.scenario.name} speaker={voice} reward={self.reward} "
            f"information={self.information} seats={self.seats} others={self.others} seed={self.seed}"
        )


def drawn(noise: random.Random) -> World:
    """Return a random world."""
    recorded = noise.random() < 0.1
    rules = _rules(noise, recorded)
    scenario = make_scenario("recorded", limit=noise.randint(1, 20)) if recorded else _scenario(noise)
    learners = ["all", "proposer", "reviewer", *(f"agent_{agent}" for agent in range(rules.num_agents))]
    return World(
        rules=rules,
        scenario=scenario,
        speaker=make_speaker("recorded") if recorded else _speaker(noise, rules),
        reward=noise.choice(
            ["role_credit", "team", "team_minus_tokens", f"team_minus_tokens:price={noise.random():.6f}"]
        ),
        information=noise.choice(sorted(KEYS)),
        seats=noise.choice(learners),
        others=noise.choice([*_CONTROLLERS, "oracle", "proposer=never+reviewer=random:p=0.7"]),
        seed=noise.choice([0, 1, noise.getrandbits(40), (1 << 63) + noise.getrandbits(20)]),
    )


def _rules(noise: random.Random, recorded: bool) -> Rules:
    agents, turns = (2, noise.randint(1, 5)) if recorded else (noise.randint(1, 5), noise.randint(1, 9))
    return Rules(
        num_agents=agents,
        max_turns=turns,
        schedule=RoundRobin() if recorded or noise.random() < 0.6 else _schedule(noise, agents, turns),
        stop_when=noise.choice(STOPS),
        final_answer=noise.choice(FINAL_ANSWERS),
        history_window=4 if recorded else noise.choice([0, 1, 2, 4, 9]),
    )


def _schedule(noise: random.Random, agents: int, turns: int) -> Drawn:
    seats = tuple(Seat(noise.randrange(agents), noise.choice(list(Role))) for _ in range(turns))
    return Drawn(seats, noise.random() < 0.5)


def _scenario(noise: random.Random) -> Any:
    kind = noise.randrange(4)
    if kind == 0:
        letters = [
            Task(f"letter-{n}", f"Which one is number {n}?", "ABCD"[n % 4], "choice", noise.random(), _WORDS[:4])
            for n in range(noise.randint(1, 5))
        ]
        return make_scenario(letters)
    if kind == 1:
        words = [Task(f"word-{n}", f"Say the word of {n}.", word, "text", 1.0) for n, word in enumerate(_WORDS)]
        return make_scenario(words[: noise.randint(1, 6)])
    level = noise.choice([None, 1, 3, 5])
    return make_scenario("arithmetic", limit=noise.randint(1, 30), seed=noise.randrange(99), level=level)


def _speaker(noise: random.Random, rules: Rules) -> Any:
    kind = noise.random()
    if kind < 0.15:
        return FunctionSpeaker(_told)
    if kind < 0.3:
        return CastSpeaker(
            {role: _simulated(noise) for role in sorted({seat.role.name.lower() for seat in rules.seats})}
        )
    return _simulated(noise)


def _simulated(noise: random.Random) -> SimulatedSpeaker:
    changed: dict[str, Any] = {
        rate: noise.choice([0.0, 1.0, noise.random()]) for rate in _RATES if noise.random() < 0.3
    }
    return SimulatedSpeaker(noise.choice(sorted(PRESETS)), distractors=noise.randint(1, 6), **changed)


def _told(prompt: str) -> str:
    """Return a text that hangs on the prompt alone: an answer, a letter, a word, a verdict, or nothing of use."""
    bits = task_key(prompt)
    number = f"Let me see. Final answer: {bits % 60}"
    texts = (number, number, f"Final answer: {'ABCD'[bits % 4]}", f"Final answer: {_WORDS[bits % 6]}", "RIGHT", "WRONG")
    return [*texts, "", "hm", "WRONG or RIGHT?"][(bits >> 20) % 9]
