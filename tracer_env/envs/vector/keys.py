"""Keys and observations of the vector environment: what a situation says, and what was told of the words.

Most parts of a composition are functions of the public state, and so of a machine's situation (`plain_parts`). What
speakers tell of their words (`confidence`, `reviewer_margin`, `length`, `reviewer_agrees`) differs from dialogue to
dialogue: it is read, and cut into buckets, each time that somebody looks.

    code = number of the plain key * B + number of the buckets         names[code] is the key of single environments
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tracer_env.compositions import AGREES, Composition, Part
from tracer_env.envs.vector.machine import Machine
from tracer_env.errors import ConfigError
from tracer_env.interfaces import Information
from tracer_env.observed import OBSERVED
from tracer_env.types import SIGNALS, Role

__all__ = ["Dialogues", "VectorKeys", "observed_of", "plain_parts", "told_parts"]

Index = NDArray[np.int64]
_MOST = 1 << 20  # names of information states
_AGREES = (AGREES[-1], AGREES[0], AGREES[1], "own_unsaid")


class Dialogues(Protocol):
    """What is asked of dialogues in step."""

    code: Index

    def told(self, role: Role, who: Index) -> Mapping[str, NDArray[Any]]:
        """Return the signals of the pending proposals, or of their newest reviews; see `SimulatedDialogues.told`."""
        ...

    def fixed_choices(self, who: Index, chances: NDArray[np.float64] | None = None) -> NDArray[np.uint8]:
        """Return what the fixed controllers choose; ``chances`` instead of the machine's P(SPEAK)."""
        ...


def told_parts(tell: Information) -> list[Part]:
    """Return the parts of a key that hang on what was told of the words."""
    return [part for part in tell.parts if _is_told(part)] if isinstance(tell, Composition) else []


def plain_parts(tell: Information) -> Information:
    """Return a key without these parts."""
    if not isinstance(tell, Composition):
        return tell
    return replace(tell, parts=tuple(part for part in tell.parts if not _is_told(part)), edges={})


class VectorKeys:
    """The information states of all dialogues: `names`, and `codes` that index them."""

    def __init__(self, machine: Machine, tell: Information, plain: Sequence[str] | None = None) -> None:
        """``plain`` are the names of the key without what is told, the machine's own by default."""
        plain = machine.information_states if plain is None else plain
        self._machine, self._told = machine, told_parts(tell)
        self.names: tuple[str, ...] = tuple(plain)
        if not self._told or not isinstance(tell, Composition):
            return
        self._edges = {part.name: np.array(tell.edges.get(part.name, ()), dtype=np.float64) for part in self._told}
        labels = [self._labels(tell, part) for part in self._told]
        self._sizes = [len(each) for each in labels]
        if len(self.names) * int(np.prod(self._sizes)) > _MOST:
            raise ConfigError(
                f"information {tell.name!r} has more than {_MOST:,} states to be numbered; give fewer parts or bins"
            )
        self.names = tuple(
            _key(tell, one, dict(zip([part.name for part in self._told], buckets, strict=True)))
            for one in plain
            for buckets in product(*labels)
        )

    def codes(self, records: NDArray[np.void], dialogues: Dialogues) -> Index:
        """Return the code of each dialogue's key, (B,); ``records`` are the machine's of where they stand."""
        if not self._told:
            return records["key"].astype(np.int64)  # what other libraries index with
        return self.bucketed(records["key"].astype(np.int64), dialogues, np.arange(len(records)))

    def bucketed(self, codes: Index, dialogues: Dialogues, who: Index) -> Index:
        """Return the codes of dialogues ``who`` from those of their keys without what is told, (m,) each."""
        reviewed = self._machine.reviewed[dialogues.code[who]]
        of = {role: dialogues.told(role, who) for role in {_role(part) for part in self._told}}
        for part, size in zip(self._told, self._sizes, strict=True):
            codes = codes * size + self._buckets(part, of[_role(part)], reviewed)
        return codes

    def _labels(self, tell: Composition, part: Part) -> list[str]:
        if part.kind == "reviewer_agrees":
            return list(_AGREES)
        cut = [tell.label(part, place) for place in range(len(self._edges[part.name]) + 1)]
        return [*cut, f"{part.kind}_unknown", f"{part.kind}_none"]

    def _buckets(self, part: Part, told: Mapping[str, NDArray[Any]], reviewed: NDArray[np.bool_]) -> Index:
        if part.kind == "reviewer_agrees":
            return np.where(reviewed, told["agrees"].astype(np.int64) + 1, 3)
        edges, values = self._edges[part.name], told[_NAMES.get(part.kind, f"logprob_{part.of}")].astype(np.float64)
        found = np.searchsorted(edges, values, side="right").astype(np.int64)
        found[np.isnan(values)] = len(edges) + 1
        if _role(part) is Role.REVIEWER:
            found[~reviewed] = len(edges) + 2
        return found


def observed_of(machine: Machine, dialogues: Dialogues) -> NDArray[np.float32]:
    """Return what the acting seat of each dialogue may know, (B, len(OBSERVED)), as `observed` has it of a state."""
    everyone, reviewed = np.arange(len(dialogues.code)), machine.reviewed[dialogues.code]
    proposal, review = (dialogues.told(role, everyone) for role in (Role.PROPOSER, Role.REVIEWER))
    known = {name: proposal[name] for name in SIGNALS if name != "margin"}
    known["length"] = np.log1p(proposal["tokens"].astype(np.float64))
    known["margin"] = np.where(reviewed, review["margin"], np.nan)
    known["agrees"] = np.where(reviewed, review["agrees"], 0)
    public = machine.features[dialogues.code]
    made = np.empty((len(everyone), len(OBSERVED)), dtype=np.float32)
    made[:, : public.shape[1]] = public
    for place, name in enumerate(OBSERVED[public.shape[1] :], public.shape[1]):
        made[:, place] = known[name]
    return made


_NAMES = {"length": "tokens", "reviewer_margin": "margin"}


def _is_told(part: Part) -> bool:
    return part.measured or part.kind == "reviewer_agrees"


def _role(part: Part) -> Role:
    return Role.REVIEWER if part.kind.startswith("reviewer") else Role.PROPOSER


def _key(tell: Composition, plain: str, buckets: Mapping[str, str]) -> str:
    """Return the whole key: seat, then the parts in their order."""
    agent, role, *rest = plain.split("/")
    pieces = iter(rest)
    return "/".join([agent, role, *(buckets[part.name] if _is_told(part) else next(pieces) for part in tell.parts)])
