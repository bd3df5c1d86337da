"""Where the buckets of TRACER's key are cut: by what its first dialogues measure.

A key such as ``vote+time+confidence:bins=3`` says in which bucket the confidence of the pending proposal lies, so its
rows cannot be told apart before the edges of the buckets are known. They are fitted once:

    when       when the dialogues of the first step (the first window) are played, before any regret is applied. Until
               then no row was ever visited, so every table chooses evenly, and no key is needed for it
    on what    the choices of these dialogues, tasks of the train split: at each of them, what all candidates measure
               that its pending proposal, or its newest review, was drawn with. Candidates are exchangeable, so the
               buckets hold equal shares of what the speakers say in the beginning
    from then  kept, settling included, by the tables: their data hold the edges, in checkpoints and in
               ``controllers/tracer.json``, and a training that goes on takes them from there, to the last bit

Kept, because a row is the sum of what was learnt in one set of situations: under edges that move, regrets of one set
would be read as those of another, and no average policy would come of it. The price: speakers that learn grow surer of
their words, and the buckets do not keep equal shares (nano, level 2: thirds became 25, 9 and 66% in six steps). More
tasks in a step (``gspo.tasks_per_step``) make the edges surer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from tracer_env.agents.controllers.regret_matching import RegretMatching
from tracer_env.compositions import Composition, Part, cuts, information_named, measured
from tracer_env.errors import ConfigError
from tracer_env.interfaces import Information
from tracer_env.rules import DialogueState
from tracer_env.trainers.support.processes import Processes
from tracer_env.trainers.tracer.choice_trees import Decision, Path, path_of
from tracer_env.types import Role, Utterance

__all__ = ["FirstWindow", "key_of_tables"]


def key_of_tables(tables: Sequence[RegretMatching], information: str) -> Information | None:
    """Return the key ``information`` with the edges that the tables have; None where they are still to be fitted.

    Raises ConfigError for tables that were taught under another key, or whose edges differ, and for buckets where no
    table learns.
    """
    made = information_named(information)
    for table in tables:
        if table.rows and table.information != information:
            raise ConfigError(
                f"a table was taught under the key {table.information!r}, and is to learn under {information!r}; give "
                "tracer.information the key that it has, or begin with a new table"
            )
    if not isinstance(made, Composition) or not made.unfitted:
        return made
    if not tables:
        raise ConfigError(
            f"information {information!r} cuts buckets for tables that learn, and none does; take one without buckets"
        )
    found = [table.edges for table in tables if table.information == information and table.edges]
    if any(edges != found[0] for edges in found):
        raise ConfigError(f"the tables cut {information!r} at different edges; train them one by one")
    return made.with_edges(found[0]) if found else None


class FirstWindow:
    """What is said in the first window, and what its choices measure; `fitted` cuts the buckets."""

    def __init__(self, information: str) -> None:
        tell = information_named(information)
        assert isinstance(tell, Composition)
        self._tell, self._parts = tell, [part for part in tell.parts if part.measured]
        self._said: dict[tuple[int, int], Sequence[Utterance]] = {}
        self._states: dict[tuple[int, Path], DialogueState] = {}

    def hear(self, place: int, state: DialogueState, group: Sequence[Utterance]) -> None:
        """Keep the candidates that were drawn in a state of the dialogue at ``place``."""
        self._said[place, state.turn] = group

    def see(self, place: int, state: DialogueState) -> None:
        """Keep a choice."""
        self._states[place, path_of(state)] = state

    def fitted(self, processes: Processes) -> Composition:
        """Return the key, its buckets cut at quantiles of what all processes have seen: the same in each of them."""
        mine = [
            (number, value)
            for (place, _), state in self._states.items()
            for number, part in enumerate(self._parts)
            for said in self._said.get((place, _turn_of(part, state)), ())
            if (value := measured(part, said)) is not None
        ]
        values: list[list[float]] = [[] for _ in self._parts]
        for number, value in processes.gathered(mine):
            values[number].append(value)
        return self._tell.with_edges(
            {part.name: cuts(np.array(seen), part.bins) for part, seen in zip(self._parts, values, strict=True)}
        )

    def named(self, decisions: Iterable[Decision], tell: Information) -> list[Decision]:
        """Return decisions of the window with the rows that they are of."""
        return [one._replace(key=tell(self._states[one.place, one.path])) for one in decisions]


def _turn_of(part: Part, state: DialogueState) -> int:
    """Return the turn at which a part's utterance was said, 0 where nobody has said it."""
    pending = state.pending
    if pending is None or part.kind != "reviewer_margin":
        return 0 if pending is None else pending.turn
    reviews = (turn.number for turn in state.turns if turn.seat.role is Role.REVIEWER and turn.utterance is not None)
    return max((number for number in reviews if number > pending.turn), default=0)
