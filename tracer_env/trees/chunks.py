"""Growing trees as work that may be done anywhere: a chunk is some tasks, what comes of it their trees.

`run.expand_run` hands such chunks to an executor and alone writes what comes back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from tracer_env.executors.standing_in import arrived
from tracer_env.interfaces import Scenario, Speaker
from tracer_env.rules import Rules
from tracer_env.trees.growth import expand
from tracer_env.trees.tree import DialogueTrees
from tracer_env.types import Task

__all__ = ["Growing"]


@dataclass(frozen=True)
class Growing:
    """How trees are grown, whatever the tasks. ``whole``: texts are written out, so that nobody has to say them."""

    speaker: Speaker
    grader: Scenario
    rules: Rules
    seed: int
    worlds: int
    texts: bool
    split: str
    whole: bool

    def ready(self) -> Callable[[Sequence[Task]], DialogueTrees]:
        """Make the speaker here."""
        speaker = arrived(self.speaker)

        def grow(tasks: Sequence[Task]) -> DialogueTrees:
            grown = expand(tasks, speaker, self.rules, self.seed, self.worlds, scenario=self.grader, texts=self.texts)
            said = list(grown.texts) if self.whole and grown.texts is not None else grown.texts
            return replace(grown, split=self.split, texts=said)

        return grow
