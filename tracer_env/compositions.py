"""Information as a composition: what the key of a table is made of, part by part.

    vote+time                          the paper's key, as `information.vote_and_time`
    vote+time+confidence:bins=5        and in which fifth the pending proposal's confidence lies
    turn+confidence:of=sum,bins=2      the turn and one bit

    vote  time  turn  history          as in `information`
    reviews                            how many the pending proposal had
    agreement                          how often its answer was proposed before: ``first``, ``new``, ``again_1``, ...
    reviewer_agrees                    whether its newest review states the same answer, another, or none
    confidence (of, bins)              a log-probability of the pending proposal: ``mean`` a token, ``sum``, ``min``
    reviewer_margin (bins)             log-odds of its newest review's verdict word
    length (bins)                      tokens of the pending proposal

The last three are measured and cut into ``bins`` buckets at quantiles of train dialogues (`Composition.with_edges`,
`trees.keys.fitted_on`, in TRACER `trainers.tracer.window`); until then asking them is an error. A value on an edge
belongs to the bucket above it. What a speaker does not tell is the bucket ``unknown``, what nobody said yet ``none``.
Values and edges are float32 and float64 numbers wherever they come from, so a state and a tree agree to the last bit.

Parts of one's own: ``register("information", "mine", function)``, a function of the state that returns a text; or by
their import path, ``vote+package.module:function``, where a user says it and not a file (`own_parts`).
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracer_env.errors import ConfigError, UnknownNameError, did_you_mean
from tracer_env.information import KEYS, iteration_bucket, public_letters, seat_prefix, vote_bucket
from tracer_env.intake.checked import Reader, listed, mapping, number
from tracer_env.interfaces import Information
from tracer_env.registry import registered, resolve
from tracer_env.rules import DialogueState, Proposal
from tracer_env.types import Role, Utterance

__all__ = [
    "AGREES",
    "EDGES",
    "MEASURED",
    "PARTS",
    "Composition",
    "Part",
    "agreement_name",
    "check_ready",
    "cuts",
    "information_named",
    "measured",
    "newest_review",
    "part_names",
]

EDGES: Reader[dict[str, list[float]]] = mapping(listed(number(-1e30, 1e30), most=63), most=16)
"""How the edges of a composition are read from a file."""
PARTS = ("vote", "time", "turn", "history", "reviews", "agreement", "reviewer_agrees")
MEASURED = {"confidence": ("of", "bins"), "reviewer_margin": ("bins",), "length": ("bins",)}
"""What is cut into buckets, and the settings that each has."""
_OF = ("mean", "sum", "min")
_BINS, _MOST_BINS = 5, 64
_SETTING = re.compile(r"(\w+)=(\w+)")


@dataclass(frozen=True)
class Part:
    """One part of a key. ``name`` is how it is written, defaults left out; measured ones have ``of`` and ``bins``."""

    kind: str
    of: str = "mean"
    bins: int = _BINS
    own: Callable[[DialogueState], str] | None = None

    @property
    def measured(self) -> bool:
        """Whether it is cut into buckets."""
        return self.kind in MEASURED

    @property
    def name(self) -> str:
        """How the part is written."""
        told = [f"of={self.of}"] * (self.of != "mean") + [f"bins={self.bins}"] * (self.bins != _BINS)
        return f"{self.kind}:{','.join(told)}" if told else self.kind


@dataclass(frozen=True)
class Composition:
    """A key made of parts; ``edges`` has those of each measured part by its name, once they are fitted."""

    parts: tuple[Part, ...]
    edges: Mapping[str, tuple[float, ...]] = field(default_factory=dict)

    @cached_property
    def name(self) -> str:
        """How the composition is written; `information_named` reads it back, without the edges."""
        return "+".join(part.name for part in self.parts)

    @property
    def __name__(self) -> str:
        """How errors call it: as it is written."""
        return self.name

    @property
    def unfitted(self) -> list[str]:
        """The measured parts that have no edges yet."""
        return [part.name for part in self.parts if part.measured and part.name not in self.edges]

    def with_edges(self, edges: Mapping[str, Sequence[float]]) -> Composition:
        """Return the composition with its buckets cut at ``edges``.

        Raises ConfigError for edges that do not rise, are more than the buckets have, or are those of other parts.
        """
        wanted = {part.name: part.bins for part in self.parts if part.measured}
        if set(wanted) != set(edges):
            raise ConfigError(f"{self.name} needs edges of {sorted(wanted)}, got those of {sorted(edges)}")
        for name, cuts in edges.items():
            if len(cuts) >= wanted[name]:
                raise ConfigError(
                    f"{name} has {wanted[name]} buckets and so at most {wanted[name] - 1} edges, got {len(cuts)}"
                )
            if any(not a < b for a, b in pairwise(cuts)):
                raise ConfigError(f"the edges of {name} must rise, got {list(cuts)}")
        return replace(self, edges={name: tuple(map(float, cuts)) for name, cuts in edges.items()})

    def __call__(self, state: DialogueState) -> str:
        """Return the key of the acting seat; raises ConfigError for a measured part without edges."""
        here = state.seat
        return "/".join([seat_prefix(here.agent, here.role), *(self.bucket(part, state) for part in self.parts)])

    def bucket(self, part: Part, state: DialogueState) -> str:
        """Return what one part says of a state."""
        if part.own is not None:
            return part.own(state)
        if not part.measured:
            return _PLAIN[part.kind](state)
        if part.name not in self.edges:
            raise ConfigError(_unfitted(self))
        value, there = _measure(part, state)
        if not there:
            return f"{part.kind}_none"
        return f"{part.kind}_unknown" if value is None else self.label(part, bisect_right(self.edges[part.name], value))

    def label(self, part: Part, place: int) -> str:
        """Return the name of a measured part's bucket, numbered from 0 here and from 1 in the name."""
        return f"{part.kind}_{place + 1}"


def cuts(values: NDArray[np.float64], bins: int) -> list[float]:
    """Return the edges, at most ``bins - 1`` and rising, that cut ``values`` (n,) into equal shares; none of none."""
    return np.unique(np.quantile(values, np.arange(1, bins) / bins)).tolist() if len(values) else []


def information_named(information: str | Information) -> Information:
    """Return the key function of that name or composition; a callable is returned as it is.

    Raises ConfigError for what is neither, and for settings that a part does not have; UnknownNameError for names.
    """
    if callable(information):
        return information
    if not isinstance(information, str):
        raise ConfigError(f"information must be a name or a function of the state, got {information!r}")
    if information in KEYS:
        return KEYS[information]
    parts = tuple(_part(piece.strip(), information) for piece in information.split("+"))
    names = [part.name for part in parts]
    if twice := [name for name in names if names.count(name) > 1]:
        raise ConfigError(f"information {information!r} names {twice[0]} twice")
    return Composition(parts)


def part_names() -> list[str]:
    """Return how each part is written, with the settings that it takes."""
    return [*PARTS, *(f"{kind}:{','.join(f'{setting}=' for setting in takes)}" for kind, takes in MEASURED.items())]


def check_ready(information: Information) -> Information:
    """Return a key function that can be asked; raises ConfigError for a composition that has not been fitted."""
    if isinstance(information, Composition) and information.unfitted:
        raise ConfigError(_unfitted(information))
    return information


def _unfitted(composition: Composition) -> str:
    return (
        f"information {composition.name!r} cuts {', '.join(composition.unfitted)} into buckets, whose edges are fitted "
        "on train dialogues; give it to a method that learns from trees (cfr_plus:information=...), or take a trained "
        "table's own: table.tell"
    )


def _part(piece: str, whole: str) -> Part:
    kind, colon, rest = piece.partition(":")
    own = [name for name in registered("information") if name not in KEYS]
    if piece in own:
        return Part(piece, own=resolve("information", piece)[0])
    if kind not in PARTS and kind not in MEASURED:
        known = [*PARTS, *MEASURED, *own]
        what = "information" if piece == whole else f"part of information {whole!r}"
        raise UnknownNameError(what, piece, sorted({*KEYS, *known}))
    given: dict[str, Any] = {}
    for setting in rest.split(",") if colon else ():
        found = _SETTING.fullmatch(setting.strip())
        name = found[1] if found else setting
        allowed = MEASURED.get(kind, ())
        if found is None or name not in allowed:
            takes = f"it takes {', '.join(allowed)}" if allowed else "it takes none"
            hint = did_you_mean(name, allowed) if allowed else ""
            raise ConfigError(f"part {kind} of information {whole!r} has no setting {setting!r}; {takes}{hint}")
        given[name] = found[2]
    if "of" in given and given["of"] not in _OF:
        raise ConfigError(f"information {whole!r}: {kind}:of is {given['of']!r}{did_you_mean(given['of'], _OF)}")
    if "bins" in given:
        if not given["bins"].isascii() or not given["bins"].isdigit() or not 2 <= int(given["bins"][:6]) <= _MOST_BINS:
            range_of = f"a whole number from 2 to {_MOST_BINS}"
            raise ConfigError(f"information {whole!r}: {kind}:bins must be {range_of}, got {given['bins']!r}")
        given["bins"] = int(given["bins"])
    return Part(kind, **given)


# -- what parts say of a state --------------------------------------------------------------------


def newest_review(state: DialogueState, pending: Proposal) -> Utterance | None:
    """Return the newest review of the pending proposal, None where nobody has reviewed it."""
    for turn in reversed(state.turns):
        if turn.number <= pending.turn:
            return None
        if turn.seat.role is Role.REVIEWER and turn.utterance is not None:
            return turn.utterance
    return None


def measured(part: Part, said: Utterance) -> float | None:
    """Return what a measured part reads of the utterance that it measures, None untold."""
    if part.kind == "length":
        return float(said.completion_tokens)
    value: float | None = getattr(said.signals, "margin" if part.kind == "reviewer_margin" else f"logprob_{part.of}")
    return value


def _measure(part: Part, state: DialogueState) -> tuple[float | None, bool]:
    """Return a measured part's value, None untold, and whether what it measures has been said at all."""
    pending = state.pending
    if pending is None:
        return None, False
    said = newest_review(state, pending) if part.kind == "reviewer_margin" else pending.utterance
    return (None, False) if said is None else (measured(part, said), True)


def _agreement(state: DialogueState) -> str:
    pending = state.pending
    if pending is None:
        return "no_proposal"
    if not pending.valid:
        return "no_answer"
    earlier, answer = state.proposals[:-1], pending.utterance.answer
    return agreement_name(sum(p.valid and p.utterance.answer == answer for p in earlier), len(earlier))


def agreement_name(same: int, earlier: int) -> str:
    """Return the bucket of an answer that ``same`` of the ``earlier`` proposals gave."""
    return "first" if earlier == 0 else f"again_{same}" if same else "new"


AGREES = {0: "own_none", 1: "own_same", -1: "own_other"}
"""The buckets of ``reviewer_agrees`` by `Utterance.agrees`; ``own_unsaid`` where there is no review."""


def _reviewer_agrees(state: DialogueState) -> str:
    pending = state.pending
    review = None if pending is None else newest_review(state, pending)
    return "own_unsaid" if review is None else AGREES[review.agrees]


_PLAIN: dict[str, Callable[[DialogueState], str]] = {
    "vote": vote_bucket,
    "time": iteration_bucket,
    "turn": lambda state: f"turn_{state.turn}",
    "history": lambda state: public_letters(state) or "-",
    "reviews": lambda state: f"reviews_{state.pending.reviews if state.pending else 0}",
    "agreement": _agreement,
    "reviewer_agrees": _reviewer_agrees,
}
