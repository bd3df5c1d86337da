"""Batched generation: prompts are computed once, candidates share them, finished rows leave the batch.

    1  the prompts of a batch, padded on the left, run through the model in one forward call, behind the
       kept keys and values of their common beginning
    2  the keys and values of a prompt are copied to its candidates, with room for tokens to come (`roomy_cache`)
    3  one token at a time for all rows; a row that said its end token is dropped from the batch as soon
       as a quarter of the rows are done

This is `generate` of transformers without everything that would come between logits and choice: no
warper, no penalty, no generation config. The model only has to be a causal language model of
transformers that takes a cache.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from tracer_env.agents.speakers.models.engine import Completion
from tracer_env.agents.speakers.models.prefix import PrefixCache
from tracer_env.agents.speakers.models.roomy_cache import make_room
from tracer_env.agents.speakers.models.sampling import GumbelMax, own_logprobs
from tracer_env.errors import SpeakerError
from tracer_env.intake.bounded import shown_path

__all__ = ["Decoder", "Job"]


@dataclass(frozen=True, slots=True)
class Job:
    """One completion to write: which prompt of the batch it continues, the seed of its noise, whether it is watched."""

    prompt: int
    seed: int
    watched: bool = False


class Decoder:
    """Writes completions with one model. ``ends`` are the ids of its end tokens.

    ``stopped`` is asked about the ids of a row after each token; True ends the row like an end token. ``watch`` are the
    ids whose log-probabilities are kept at each step of the jobs that are watched.
    """

    def __init__(
        self,
        model: Any,
        prefixes: PrefixCache,
        sampler: GumbelMax,
        ends: frozenset[int],
        stopped: Callable[[list[int]], bool] | None = None,
        watch: Sequence[int] = (),
    ) -> None:
        self._watch = list(watch)
        self._model, self._prefixes, self._sampler = model, prefixes, sampler
        self._ends, self._stopped = ends, stopped
        known = inspect.signature(model.forward).parameters
        self._keep_last = {"logits_to_keep": 1} if "logits_to_keep" in known else {}
        self._takes_positions = "position_ids" in known

    def complete(
        self, prompts: Sequence[tuple[int, ...]], prefix: tuple[int, ...], jobs: Sequence[Job], max_new_tokens: int
    ) -> list[Completion]:
        """Return one completion per job, in order. Every prompt must begin with ``prefix`` and be longer."""
        done = [Completion() for _ in jobs]
        with torch.inference_mode():
            logits, mask, cache = self._prefill(prompts, prefix)
            rows = torch.tensor([job.prompt for job in jobs], device=logits.device)
            logits, mask = logits[rows], mask[rows]
            make_room(cache, rows)
            seeds = np.array([job.seed for job in jobs], dtype=np.uint64)
            watched = np.array([job.watched and bool(self._watch) for job in jobs])
            self._extend(done, logits, mask, cache, seeds, watched, max_new_tokens)
        return done

    def _prefill(
        self, prompts: Sequence[tuple[int, ...]], prefix: tuple[int, ...]
    ) -> tuple[torch.Tensor, torch.Tensor, Any]:
        """Return the last logits (P, V), the attention mask (P, L) and the filled cache."""
        cache = self._prefixes.rows(prefix, len(prompts))
        rests = [prompt[len(prefix) :] for prompt in prompts]
        width = max(map(len, rests))
        ids = torch.tensor([[0] * (width - len(rest)) + list(rest) for rest in rests], device=self._model.device)
        rest_mask = torch.tensor([[0] * (width - len(rest)) + [1] * len(rest) for rest in rests], device=ids.device)
        mask = torch.cat([rest_mask.new_ones(len(rests), len(prefix)), rest_mask], dim=1)
        positions = (mask.cumsum(dim=1) - 1).clamp_(min=0)[:, len(prefix) :]
        return self._forward(ids, mask, positions, cache), mask, cache

    def _extend(
        self,
        done: list[Completion],
        logits: torch.Tensor,
        mask: torch.Tensor,
        cache: Any,
        seeds: np.ndarray,
        watched: np.ndarray,
        max_new_tokens: int,
    ) -> None:
        """Append tokens to ``done`` until every row has ended or is full."""
        owner = np.arange(len(done))  # (B,) which completion a row of the batch writes
        live = np.ones(len(done), dtype=bool)  # (B,)
        for step in range(max_new_tokens):
            try:
                tokens, logprobs = self._sampler(logits, seeds, step)
            except FloatingPointError as error:
                raise SpeakerError(self._not_finite(logits, step, str(error))) from error
            own = logprobs if self._sampler.plain else own_logprobs(logits, tokens[:, None])[:, 0]
            seen = self._seen(logits, watched, live)
            numbers = zip(tokens.tolist(), logprobs.tolist(), own.tolist(), strict=True)
            for row, (token, logprob, mine) in enumerate(numbers):
                if live[row]:
                    here = done[owner[row]]
                    here.own.append(mine)
                    if row in seen:
                        here.watched.append(seen[row])
                    live[row] = self._append(here, token, logprob)
            if not live.any() or step + 1 == max_new_tokens:
                return
            if 4 * live.sum() <= 3 * len(live):
                kept = torch.from_numpy(np.flatnonzero(live)).to(tokens.device)
                tokens, mask = tokens[kept], mask[kept]
                cache.batch_select_indices(kept)
                owner, seeds, watched, live = owner[live], seeds[live], watched[live], live[live]
            mask = torch.cat([mask, mask.new_ones(len(mask), 1)], dim=1)
            positions = mask.sum(dim=1, keepdim=True) - 1
            logits = self._forward(tokens[:, None], mask, positions, cache)

    def _not_finite(self, logits: torch.Tensor, step: int, what: str) -> str:
        name = getattr(self._model.config, "_name_or_path", "") or type(self._model).__name__
        kind = str(logits.dtype).removeprefix("torch.")
        remedy = "load the model anew" if kind == "float32" else "try speaker.dtype=float32, which overflows later"
        return (
            f"the model {shown_path(name)} gave logits that are no finite numbers, in {kind}, at token {step + 1} of "
            f"what it was to say ({what}); {remedy}"
        )

    def _seen(self, logits: torch.Tensor, watched: np.ndarray, live: np.ndarray) -> dict[int, list[float]]:
        """Return the log-probabilities of the watched tokens, by row, of live rows that are watched."""
        rows = np.flatnonzero(watched & live)
        if not len(rows):
            return {}
        tokens = torch.tensor(self._watch, device=logits.device)
        found = own_logprobs(logits[torch.from_numpy(rows).to(logits.device)], tokens)
        return dict(zip(rows.tolist(), found.tolist(), strict=True))

    def _append(self, completion: Completion, token: int, logprob: float) -> bool:
        """Add a token; return whether the row goes on."""
        completion.token_ids.append(token)
        completion.logprobs.append(logprob)
        ended = token in self._ends or (self._stopped is not None and self._stopped(completion.token_ids))
        if ended:
            completion.finish = "stop"
        return not ended

    def _forward(self, ids: torch.Tensor, mask: torch.Tensor, positions: torch.Tensor, cache: Any) -> torch.Tensor:
        """Return the logits (B, V) after the last token of each row."""
        options: dict[str, Any] = {"position_ids": positions} if self._takes_positions else {}
        result = self._model(
            input_ids=ids, attention_mask=mask, past_key_values=cache, use_cache=True, **options, **self._keep_last
        )
        last: torch.Tensor = result.logits[:, -1]
        return last
