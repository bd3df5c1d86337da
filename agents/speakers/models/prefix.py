"""Keys and values of prompt beginnings, computed once.

All prompts of a role open with the same system message and the same worked examples. What a model
computes for those tokens does not hang on what follows, so it is kept, one row for each beginning, and
copied to as many rows as a batch needs. The newest few beginnings are remembered.

Only models whose layers all keep plain keys and values can do this: in a layer with a sliding window or
a recurrent state, padding between the beginning and the rest would shift what the model sees. For those
`PrefixCache.usable` is False and every prompt is computed whole. Trap: after a change of the weights the
kept values are stale; call `clear`.
"""

from __future__ import annotations

import copy
from collections import OrderedDict
from typing import Any

import torch
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

__all__ = ["PrefixCache"]


class PrefixCache:
    """The kept beginnings of one model, at most ``size`` of them. Copies are the caller's to change."""

    def __init__(self, model: Any, size: int = 8) -> None:
        self._model, self._size = model, size
        self._kept: OrderedDict[tuple[int, ...], Any] = OrderedDict()
        self.usable = all(type(layer) is DynamicLayer for layer in DynamicCache(config=model.config).layers)

    def __len__(self) -> int:
        return len(self._kept)

    def rows(self, prefix: tuple[int, ...], count: int) -> Any:
        """Return a cache of ``count`` rows that hold ``prefix``; a fresh empty one when it is empty."""
        if not prefix:
            return DynamicCache(config=self._model.config)
        if prefix in self._kept:
            self._kept.move_to_end(prefix)
        else:
            self._kept[prefix] = self._computed(prefix)
            if len(self._kept) > self._size:
                self._kept.popitem(last=False)
        cache = copy.deepcopy(self._kept[prefix])
        cache.batch_repeat_interleave(count)
        return cache

    def clear(self) -> None:
        """Forget everything; needed whenever the model's weights or active adapter change."""
        self._kept.clear()

    def _computed(self, prefix: tuple[int, ...]) -> Any:
        ids = torch.tensor([prefix], device=self._model.device)
        cache = DynamicCache(config=self._model.config)
        self._model(input_ids=ids, past_key_values=cache, use_cache=True)
        return cache
