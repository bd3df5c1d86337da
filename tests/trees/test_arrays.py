"""Growing in arrays: chunks and limits; that the trees are right is tested leaf by leaf in test_tree_growth."""

from __future__ import annotations

import numpy as np
import pytest
from forest import SUMS

from tracer_env.errors import ConfigError
from tracer_env.rules import Rules
from tracer_env.trees import arrays as tree_arrays
from tracer_env.trees.growth import expand


def test_the_chunk_changes_nothing(monkeypatch):
    whole = expand(SUMS, "simulated", seed=4, worlds=5)
    monkeypatch.setattr(tree_arrays, "_CHUNK", 7)
    for left, right in zip(whole.levels, expand(SUMS, "simulated", seed=4, worlds=5).levels, strict=True):
        for name, array in vars(left).items():
            np.testing.assert_array_equal(array, getattr(right, name))


def test_more_utterances_than_can_be_numbered():
    with pytest.raises(ConfigError, match=r"more than 2\^31 utterances"):
        expand(SUMS, "simulated", Rules(max_turns=12), worlds=1 << 17)
