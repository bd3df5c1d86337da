"""An engine in front of another that asks it for nothing that is in a store of utterances.

    asks -> keys -> what the store has; the rest in one call to the engine behind -> kept -> completions

A completion is found by all that it is a function of: the engine's identity (what computes, weights as of now, number
type), the adapter's, the prompt's ids, the seed, the sampling, and whether it was watched. Equal asks of one call are
computed once. Rounding is what a key leaves out: where the batch would move a last bit, what was said first stays.
"""

from __future__ import annotations

from collections.abc import Sequence

from tracer_env.agents.speakers.models.engine import Ask, Completion, Engine, ModelFacts, Sampling
from tracer_env.errors import DataError
from tracer_env.store.database import Entry, Store
from tracer_env.store.keys import Prompt, key_of, prompt_of_ids, source_of
from tracer_env.store.records import Record

__all__ = ["NotKept", "StoredEngine"]


class NotKept(DataError):
    """Something is not in a store that is read alone: ``place`` is its place among the asks."""

    def __init__(self, store: Store, place: int) -> None:
        super().__init__(f"the store {store.path} has no answer to ask number {place + 1}, and no model may be asked")
        self.store, self.place = store, place


class StoredEngine:
    """Completes from ``store``, else by ``inner``. ``name`` is what the model is called where a person reads it."""

    def __init__(self, inner: Engine, store: Store, name: str = "") -> None:
        self.inner, self.store, self.name = inner, store, name

    @property
    def facts(self) -> ModelFacts:
        return self.inner.facts

    def identity(self) -> str:
        return self.inner.identity()

    def adapter_identity(self, name: str) -> str:
        return self.inner.adapter_identity(name)

    def complete(self, asked: Sequence[Ask], sampling: Sampling) -> list[Completion]:
        """Return one completion for each ask; raises NotKept offline, else what the engine behind raises."""
        sources = self._sources(asked, sampling)
        prompts = {ask.ids: None for ask in asked}
        made: dict[tuple[int, ...], Prompt] = {ids: prompt_of_ids(ids) for ids in prompts}
        keys = [key_of(sources[ask.adapter, ask.watched], made[ask.ids], ask.seed) for ask in asked]
        known = dict(zip(keys, self.store.get(keys), strict=True))
        new = {key: place for place, key in reversed(list(enumerate(keys))) if known[key] is None}
        if new:
            places = sorted(new.values())
            if self.store.offline:
                raise NotKept(self.store, places[0])
            done = self.inner.complete([asked[place] for place in places], sampling)
            entries = [
                self._entry(asked[place], completion, sources, made)
                for place, completion in zip(places, done, strict=True)
            ]
            known.update(zip((keys[place] for place in places), self.store.put(entries), strict=True))
        return [_completion(known[key]) for key in keys]

    def _sources(self, asked: Sequence[Ask], sampling: Sampling) -> dict[tuple[str | None, bool], str]:
        """Return what asks of one adapter have in common, as of now: weights may be trained between two calls."""
        identity = self.inner.identity()
        adapters = {ask.adapter: None if ask.adapter is None else self.adapter_identity(ask.adapter) for ask in asked}
        return {
            (adapter, watched): source_of(
                engine=identity,
                adapter=digest,
                max_tokens=sampling.max_tokens,
                temperature=sampling.temperature,
                ends=sorted(sampling.ends),
                stops=list(sampling.stops),
                watch=list(sampling.watch) if watched else [],
            )
            for adapter, digest in adapters.items()
            for watched in (False, True)
        }

    def _entry(
        self,
        ask: Ask,
        done: Completion,
        sources: dict[tuple[str | None, bool], str],
        prompts: dict[tuple[int, ...], Prompt],
    ) -> Entry:
        text: str = self.facts.tokenizer.decode(done.token_ids, skip_special_tokens=True)
        record = Record(
            "stop" if done.finish == "stop" else "length",
            text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"),
            token_ids=tuple(done.token_ids),
            logprobs=tuple(done.logprobs),
            own=tuple(done.own),
            watched=tuple(map(tuple, done.watched)),
        )
        return Entry(sources[ask.adapter, ask.watched], prompts[ask.ids], ask.seed, 0, record, self.name)


def _completion(record: Record | None) -> Completion:
    assert record is not None
    rows = [list(row) for row in record.watched]
    return Completion(list(record.token_ids), list(record.logprobs), list(record.own), rows, record.finish)
