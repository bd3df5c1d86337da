"""A cache of keys and values with room for tokens to come.

The cache of transformers makes every layer's keys and values anew for each token, one token longer. That copies the
whole cache a token, and the ever larger blocks leave holes that an allocator cannot fill again. A `RoomyLayer` is made
`ROOM` tokens too long and written into; it is made anew only when it is full. Rows that leave are closed up in place.
"""

from __future__ import annotations

from typing import Any

import torch
from transformers.cache_utils import DynamicLayer

__all__ = ["ROOM", "RoomyLayer", "make_room"]

ROOM = 64
"""Tokens a layer can take before it is made anew."""


class RoomyLayer(DynamicLayer):  # type: ignore[misc]  # transformers tells mypy nothing
    """A layer of a `DynamicCache` whose ``keys`` and ``values`` (B, H, L, D) are the used part of longer tensors."""

    def __init__(self, keys: torch.Tensor, values: torch.Tensor) -> None:
        super().__init__()
        self.dtype, self.device, self.is_initialized = keys.dtype, keys.device, True
        self._used = keys.shape[-2]
        self._stores = [_longer(keys, ROOM), _longer(values, ROOM)]
        self._show()

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Write the keys and values of new tokens behind the used part; return the used part."""
        start, self._used = self._used, self._used + key_states.shape[-2]
        if self._used > self._stores[0].shape[-2]:
            room = self._used - start + ROOM
            self._stores = [_longer(store[:, :, :start], room) for store in self._stores]
        for store, states in zip(self._stores, (key_states, value_states), strict=True):
            store[:, :, start : self._used] = states
        return self._show()

    def batch_select_indices(self, indices: torch.Tensor) -> None:
        """Keep the rows ``indices``, which must rise: they are closed up in place."""
        for store in self._stores:
            store[: len(indices), :, : self._used] = store[indices, :, : self._used]
        self._stores = [store[: len(indices)] for store in self._stores]
        self._show()

    def _show(self) -> tuple[torch.Tensor, torch.Tensor]:
        keys, values = (store[:, :, : self._used] for store in self._stores)
        self.keys, self.values = keys, values
        return keys, values


def make_room(cache: Any, rows: torch.Tensor) -> None:
    """Give the plain layers of a filled cache room, and copy to each new row the old row that ``rows`` names.

    Layers of another kind (sliding windows, recurrent states) stay what they are; their rows are chosen all the same.
    """
    for number, layer in enumerate(cache.layers):
        if type(layer) is DynamicLayer and layer.get_seq_length() > 0:
            cache.layers[number] = RoomyLayer(layer.keys[rows], layer.values[rows])
        else:
            layer.batch_select_indices(rows)


def _longer(states: torch.Tensor, room: int) -> torch.Tensor:
    """Return a copy of (B, H, L, D) with ``room`` more tokens, which hold anything."""
    rows, heads, length, size = states.shape
    store = states.new_empty(rows, heads, length + room, size)
    store[:, :, :length] = states
    return store
