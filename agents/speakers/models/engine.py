"""The seam between what is said and what computes it: prompts as token ids in, sampled ids out.

    ModelSpeaker     prompts, chat templates, contexts that overflow, reading of texts, adapters by seat
        asks         one `Ask` for each completion: ids, seed, adapter, what is shared and watched
    Engine           TransformersEngine (our own decoding), VLLMEngine; or one in front of another (a store)
        completes    one `Completion` for each, in the same order

What a completion is a function of: the engine's `identity`, the adapter's, the ask without its hints, and the
`Sampling`. An engine that stands in front of another may answer from there. Rounding is left out of this: what shares a
batch may move the last bits of a log-probability, and where two tokens are that close the choice.

To put an engine in front: ``speaker.engine = Mine(speaker.engine)``. Nothing here imports torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

__all__ = ["Ask", "Completion", "Engine", "ModelFacts", "Sampling"]


class Ask(NamedTuple):
    """One completion that is wanted. Equal seeds meet the same noise, whatever the prompt.

    ``shared`` is a hint: so many of the first ids stand in other prompts too, and may be kept between calls.
    """

    ids: tuple[int, ...]
    seed: int
    """From 0, below 2**64."""
    adapter: str | None = None
    """The adapter by the engine's name for it; None is the base."""
    watched: bool = False
    """Whether the log-probabilities of ``Sampling.watch`` are wanted at each of its tokens."""
    shared: int = 0


@dataclass(frozen=True, slots=True)
class Sampling:
    """How completions are drawn: all of softmax(logits / temperature), or the most likely token at temperature 0."""

    max_tokens: int
    temperature: float
    ends: frozenset[int] = frozenset()
    """The tokens that end a completion, the ending one being its last."""
    stops: tuple[str, ...] = ()
    """Texts that end a completion as soon as they stand in it; the tokens that wrote them are its last."""
    watch: tuple[int, ...] = ()
    """The tokens whose log-probabilities are read where an ask is ``watched``."""


@dataclass(slots=True)
class Completion:
    """The sampled ids (the end token included), their log-probabilities, and how it ended: ``stop`` or ``length``.

    ``logprobs`` are those that were sampled from, at the sampling's temperature (at 1 where that is 0). ``own`` are
    those at temperature 1, empty where the engine cannot tell; ``watched`` those of ``Sampling.watch`` at temperature
    1, (steps, W), up to a constant of the step; empty where they were not asked for.
    """

    token_ids: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    own: list[float] = field(default_factory=list)
    watched: list[list[float]] = field(default_factory=list)
    finish: str = "length"


@dataclass(frozen=True)
class ModelFacts:
    """What a speaker has to know of the model behind an engine."""

    path: str
    """The folder or hub name as it was given."""
    tokenizer: Any
    """One of transformers."""
    ends: frozenset[int]
    """The tokens that end a reply."""
    context: int | None
    """How many tokens prompt and completion may have together; None when there is no limit."""
    parameters: int
    dtype: str
    keeps_openings: bool = False
    """Whether the engine makes use of ``Ask.shared``."""


class Engine(Protocol):
    """Completes prompts with one model."""

    @property
    def facts(self) -> ModelFacts:
        """The model as the speaker above has to know it."""
        ...

    def complete(self, asked: Sequence[Ask], sampling: Sampling) -> list[Completion]:
        """Return one completion for each ask, in order.

        Raises ConfigError for an adapter that is not there, SpeakerError where the model's numbers are not finite.
        """
        ...

    def identity(self) -> str:
        """Return what completions hang on besides asks and sampling: engine, weights as of now, number type."""
        ...

    def adapter_identity(self, name: str) -> str:
        """Return a digest of what the adapter of this name does as of now, whatever it is called."""
        ...
