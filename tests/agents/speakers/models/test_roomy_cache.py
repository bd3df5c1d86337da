"""The roomy cache holds what the cache of transformers holds, token by token and row by row."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from transformers import DynamicCache  # noqa: E402  (after the skip)
from transformers.cache_utils import DynamicLayer, DynamicSlidingWindowLayer  # noqa: E402

from tracer_env.agents.speakers.models.roomy_cache import ROOM, RoomyLayer, make_room  # noqa: E402

HEADS, SIZE = 2, 3


def _states(rows: int, tokens: int, seed: int) -> torch.Tensor:
    return torch.randn(rows, HEADS, tokens, SIZE, generator=torch.Generator().manual_seed(seed))


def _filled(layer: DynamicLayer, rows: int = 2, tokens: int = 5) -> DynamicLayer:
    layer.update(_states(rows, tokens, 1), _states(rows, tokens, 2))
    return layer


def test_it_holds_what_the_growing_layer_holds_past_its_room() -> None:
    plain, roomy = _filled(DynamicLayer()), RoomyLayer(_states(2, 5, 1), _states(2, 5, 2))
    for token in range(2 * ROOM + 3):
        new = _states(2, 1, 10 + token), _states(2, 1, 1000 + token)
        for mine, theirs in zip(roomy.update(*new), plain.update(*new), strict=True):
            assert torch.equal(mine, theirs)
    assert roomy.get_seq_length() == plain.get_seq_length() == 2 * ROOM + 8
    assert roomy.get_mask_sizes(1) == plain.get_mask_sizes(1)


def test_many_tokens_at_once_find_room() -> None:
    plain, roomy = _filled(DynamicLayer()), RoomyLayer(_states(2, 5, 1), _states(2, 5, 2))
    new = _states(2, 3 * ROOM, 3), _states(2, 3 * ROOM, 4)
    assert torch.equal(roomy.update(*new)[1], plain.update(*new)[1])


def test_rows_that_leave_are_closed_up_without_a_new_store() -> None:
    roomy = RoomyLayer(_states(4, 5, 1), _states(4, 5, 2))
    home = roomy.keys.data_ptr()
    roomy.batch_select_indices(torch.tensor([1, 3]))
    assert torch.equal(roomy.keys, _states(4, 5, 1)[[1, 3]])
    assert torch.equal(roomy.values, _states(4, 5, 2)[[1, 3]])
    keys, _ = roomy.update(_states(2, 1, 5), _states(2, 1, 6))
    assert torch.equal(keys[:, :, 5:], _states(2, 1, 5))
    assert keys.data_ptr() == home


def test_a_token_is_written_without_moving_the_others() -> None:
    roomy = RoomyLayer(_states(2, 5, 1), _states(2, 5, 2))
    home = roomy.keys.data_ptr()
    for token in range(ROOM):
        roomy.update(_states(2, 1, token), _states(2, 1, token))
    assert roomy.keys.data_ptr() == home


def test_prompts_are_copied_to_their_candidates() -> None:
    cache = DynamicCache()
    cache.update(_states(2, 5, 1), _states(2, 5, 2), 0)
    make_room(cache, torch.tensor([0, 0, 1]))
    assert type(cache.layers[0]) is RoomyLayer
    assert torch.equal(cache.layers[0].keys, _states(2, 5, 1)[[0, 0, 1]])
    assert cache.get_seq_length() == 5


def test_layers_of_another_kind_keep_their_kind() -> None:
    cache = DynamicCache()
    cache.layers = [_filled(DynamicSlidingWindowLayer(sliding_window=4)), DynamicLayer()]
    make_room(cache, torch.tensor([1]))
    assert [type(layer) for layer in cache.layers] == [DynamicSlidingWindowLayer, DynamicLayer]
    assert cache.layers[0].keys.shape[0] == 1
