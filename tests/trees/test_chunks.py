"""Trees as work: chunks grow to the parts of the whole, with texts that need no speaker any more."""

from __future__ import annotations

import pickle

import pytest

from tracer_env import Rules, expand, make_scenario, make_speaker
from tracer_env.trees.chunks import Growing
from tracer_env.trees.growth import SaidAgain
from tracer_env.trees.run import join


@pytest.mark.parametrize("whole", [True, False])
def test_chunks_joined_are_the_whole(whole: bool) -> None:
    tasks = make_scenario("arithmetic", limit=7)
    work = Growing(make_speaker("simulated"), tasks, Rules(), 3, 2, True, "test", whole)
    grow = pickle.loads(pickle.dumps(work)).ready()
    parts = [grow([tasks[place] for place in places]) for places in ((0, 1, 2), (3, 4, 5), (6,))]
    assert all(isinstance(part.texts, SaidAgain) is not whole for part in parts)
    joined, at_once = join(parts), expand(tasks, "simulated", seed=3, worlds=2)
    assert joined.split == "test"
    assert list(joined.texts or ()) == list(at_once.texts or ())
    assert [level.grade.tolist() for level in joined.levels] == [level.grade.tolist() for level in at_once.levels]
