"""Playing as work that may be done anywhere: a chunk is the numbers of some episodes, what comes of it transcripts.

Episode e is task e mod n in world e div n, played by every method. What a model says to the same prompt with the same
seed is generated once in a block and shared by the methods that it speaks for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tracer_env.compositions import information_named
from tracer_env.episodes.failures import POLICIES
from tracer_env.episodes.rollout import Counterfactuals, Job, everything, nothing, rollout
from tracer_env.episodes.transcript import Transcript
from tracer_env.executors.standing_in import arrived
from tracer_env.interfaces import Controller, Information, Scenario, Speaker
from tracer_env.parts.own_parts import take_in
from tracer_env.parts.seams import costs_nothing, voice_of
from tracer_env.parts.task_contracts import task_at
from tracer_env.parts.worlds import played_in
from tracer_env.registry import OURS, build
from tracer_env.rules import Rules

__all__ = ["Playing"]


@dataclass(frozen=True)
class Playing:
    """How episodes are played, whichever they are; for the values see `playing.evaluate`."""

    methods: Mapping[str, Controller]
    scenario: Scenario
    speaker: Speaker
    rules: Rules
    seed: int
    information: str
    counterfactuals: str
    on_error: str
    apart: bool = False  # whether this goes to other processes, which have to be told of parts of the user's own

    def ready(self) -> Callable[[Sequence[int]], list[Transcript]]:
        """Make the speaker here."""
        if self.apart:
            take_in(self.information)
        speaker, key, count = arrived(self.speaker), information_named(self.information), len(self.scenario)
        voices = {name: voice_of(method) or speaker for name, method in self.methods.items()}

        def play(episodes: Sequence[int]) -> list[Transcript]:
            jobs = [
                Job(episode, name, controller, task_at(self.scenario, number), world, self.seed)
                for episode, (world, number) in ((episode, played_in(episode, count)) for episode in episodes)
                for name, controller in self.methods.items()
            ]
            told: dict[tuple[int, str], Transcript] = {}
            for voice in {id(voice): voice for voice in voices.values()}.values():
                mine = [job for job in jobs if voices[job.method] is voice]
                told |= {(one.episode, one.method): one for one in self._heard(mine, voice, key)}
            return [told[job.episode, job.method] for job in jobs]

        return play

    def _heard(self, jobs: Sequence[Job], voice: Speaker, key: Information) -> list[Transcript]:
        """Play jobs that are heard through one speaker."""
        free = costs_nothing(voice)
        wanted = ("all" if free else "shared") if self.counterfactuals == "auto" else self.counterfactuals
        which: Counterfactuals = everything if wanted == "all" else nothing
        if not free:
            cached = build("speaker", OURS["cached_speaker"], voice)
            voice = cached
            which = _shared(cached.knows) if wanted == "shared" else which
        return rollout(jobs, voice, self.scenario, self.rules, key, which, on_error=POLICIES[self.on_error])


def _shared(knows: Callable[..., list[bool]]) -> Counterfactuals:
    """Draw what costs nothing: requests that another method makes too, or made before."""
    return lambda spoken, unspoken: knows(unspoken, spoken)
