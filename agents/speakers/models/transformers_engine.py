"""The engine of our own: batched decoding with a causal language model of transformers, in this process.

    asks -> by adapter, by kept beginning, by length -> batches within a budget of tokens -> `decoding`

Equal prompts of a batch are computed once, whoever sent them. All engines of one model share one copy of the weights.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tracer_env.agents.speakers.models.batching import batches
from tracer_env.agents.speakers.models.engine import Ask, Completion, ModelFacts, Sampling
from tracer_env.agents.speakers.models.files import digest, form_digest

if TYPE_CHECKING:
    from tracer_env.agents.speakers.models.decoding import Decoder
    from tracer_env.agents.speakers.models.weights import LoadedModel

__all__ = ["TransformersEngine", "stopped_by"]

_STOP_WINDOW = 6  # tokens; a stop text is no longer than that


class TransformersEngine:
    """Completes with a model that was loaded here. ``max_batch_tokens``: rows times (prompt + completion) of a batch.

    ``reuse_prefix``: keep the keys and values of beginnings that prompts share.
    """

    def __init__(
        self, path: str, loaded: LoadedModel, max_batch_tokens: int = 65_536, reuse_prefix: bool = True
    ) -> None:
        self.loaded, self.max_batch_tokens = loaded, max_batch_tokens
        self._facts = ModelFacts(
            path,
            loaded.tokenizer,
            loaded.ends,
            loaded.context,
            loaded.parameters,
            str(loaded.model.dtype),
            reuse_prefix and loaded.prefixes.usable,
        )

    @property
    def facts(self) -> ModelFacts:
        return self._facts

    @property
    def weights(self) -> str:
        """The digest of the model's files, or of its numbers where no file is found: what it is known by."""
        found = None if self.loaded.folder is None else digest(self.loaded.folder)
        if found is not None:
            return found
        from tracer_env.agents.speakers.models.adapters import weights_digest

        return weights_digest(self.loaded)

    def identity(self) -> str:
        from tracer_env.agents.speakers.models.adapters import weights_digest

        weights = weights_digest(self.loaded) if self.loaded.withdrawn else self.weights
        return f"transformers {weights} {self._form} {self._facts.dtype}"

    @cached_property
    def _form(self) -> str:
        """What is computed with the weights: a digest of the model's settings, whoever wrote them where."""
        return form_digest(self.loaded.model.config.to_dict())

    def adapter_identity(self, name: str) -> str:
        from tracer_env.agents.speakers.models.adapters import adapter_digest

        return adapter_digest(self.loaded, name)

    def complete(self, asked: Sequence[Ask], sampling: Sampling) -> list[Completion]:
        """Write all completions in as few forward batches as the token budget allows, adapter by adapter."""
        shares: dict[str | None, list[int]] = {}
        for place, ask in enumerate(asked):
            shares.setdefault(ask.adapter, []).append(place)
        decoder, done = self._decoder(sampling), [Completion()] * len(asked)
        for adapter, places in shares.items():
            self.loaded.use(adapter)
            for place, completion in self._share(decoder, asked, places, sampling.max_tokens):
                done[place] = completion
        return done

    def _share(
        self, decoder: Decoder, asked: Sequence[Ask], places: Sequence[int], new: int
    ) -> list[tuple[int, Completion]]:
        from tracer_env.agents.speakers.models.decoding import Job

        jobs: dict[tuple[tuple[int, ...], tuple[int, ...]], list[tuple[int, int]]] = {}
        for place in places:
            ask = asked[place]
            jobs.setdefault((ask.ids[: ask.shared], ask.ids), []).append((place, ask.seed))
        done: list[tuple[int, Completion]] = []
        for prefix, batch in batches(jobs, new, self.max_batch_tokens):
            rank = {ids: number for number, ids in enumerate(dict.fromkeys(ids for ids, _, _ in batch))}
            rows = [Job(rank[ids], seed, asked[place].watched) for ids, place, seed in batch]
            completions = decoder.complete(list(rank), prefix, rows, new)
            done += [(place, completion) for (_, place, _), completion in zip(batch, completions, strict=True)]
        return done

    def _decoder(self, sampling: Sampling) -> Decoder:
        from tracer_env.agents.speakers.models.decoding import Decoder
        from tracer_env.agents.speakers.models.sampling import GumbelMax

        return Decoder(
            self.loaded.model,
            self.loaded.prefixes,
            GumbelMax(sampling.temperature),
            sampling.ends,
            stopped_by(self.loaded.tokenizer, sampling.stops) if sampling.stops else None,
            sampling.watch,
        )


def stopped_by(tokenizer: Any, stops: Sequence[str]) -> Callable[[list[int]], bool]:
    """Return what tells of the ids so far whether one of the texts ``stops`` has just been written."""

    def stopped(ids: list[int]) -> bool:
        text = tokenizer.decode(ids[-_STOP_WINDOW:])
        return any(stop in text for stop in stops)

    return stopped
