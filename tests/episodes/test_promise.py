"""What a run promises, and how much of it a file holds: small sums by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest
from samples import one_proposal

from tracer_env.episodes.promise import Ledger, Promise, TasksDigest
from tracer_env.episodes.transcript import Transcript
from tracer_env.errors import RunFolderError
from tracer_env.runs.environment import scenario_digest
from tracer_env.types import Grade

# Three tasks in two worlds by two methods: places 0 to 11.
PROMISE = Promise(("a", "b"), 2, 1, 3, ("t0", "t1", "t2"))


def told(episode: int, method: str) -> Transcript:
    return one_proposal(Grade.CORRECT, episode, method=method, task=f"t{episode % 3}", world=episode // 3)


ALL = [told(episode, method) for episode in range(6) for method in "ab"]


def ledger(episodes: list[Transcript], promise: Promise = PROMISE) -> Ledger:
    made = Ledger(promise)
    for number, each in enumerate(episodes):
        made.add(each, 10 * number, number + 1)
    return made


def test_each_episode_has_its_place() -> None:
    assert PROMISE.size == 12
    assert [PROMISE.place(each) for each in ALL] == list(range(12))
    assert PROMISE.named(9) == "task 't1' in world 1 by b"
    assert replace(PROMISE, ids=None).named(9) == "task number 1 in world 1 by b"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"method": "c"}, "method 'c' is none of the run's"),
        ({"seed": 2}, "seed 2 is not the run's 1"),
        ({"world": 2}, "world 2 is none of the run's 2"),
        ({"world": 1}, "episode 0 does not lie in world 1 of 3 tasks"),
        ({"episode": 6}, "episode 6 does not lie in world 0"),
        ({"episode": 1}, "task 't0' is not the run's number 1"),
    ],
)
def test_what_is_foreign(change: dict[str, object], message: str) -> None:
    assert PROMISE.foreign(ALL[0]) == ""
    odd = replace(ALL[0], **change)
    assert message in PROMISE.foreign(odd)
    assert f"1 are foreign (line 13: {message}" in ledger([*ALL, odd]).problems()[0]


def test_all_of_them() -> None:
    full = ledger(ALL)
    assert (full.problems(), full.in_order, full.doubled(), list(full.missing())) == ([], True, [], [])
    assert full.complete() == set(range(6))
    assert full.offsets.tolist() == list(range(0, 120, 10))
    assert full.tasks_digest == str(TasksDigest([each.task for each in ALL[0:6:2]]))


def test_some_of_them() -> None:
    some = ledger([*ALL[1:7], ALL[3], *ALL[8:11]])
    assert list(some.missing()) == [0, 7, 11]
    assert some.problems() == [
        "3 of 12 episodes are missing (task 't0' in world 0 by a; task 't0' in world 1 by b; "
        "task 't2' in world 1 by b)",
        "1 stand more than once (task 't1' in world 0 by b)",
    ]
    assert some.complete() == {1, 2, 4}
    assert not some.in_order


def test_none_of_very_many() -> None:
    """What is missing is named without listing it all."""
    huge = Promise(("a",), 10**9, 1, 10**9)
    assert ledger([], huge).problems() == [
        f"{10**18} of {10**18} episodes are missing (task number 0 in world 0 by a; task number 1 in world 0 by a; "
        "task number 2 in world 0 by a, ...)"
    ]
    with pytest.raises(RunFolderError, match="more episodes than can be counted; ask for fewer"):
        Promise(("a",) * 10, 10**9, 1, 10**9)


def test_a_task_is_told_in_one_way() -> None:
    odd = replace(ALL[3], task=replace(ALL[3].task, question="How few?"))
    assert ledger([*ALL[:3], odd, *ALL[4:]]).problems() == ["1 tell their task otherwise than others do (line 4: 't1')"]


def test_the_digest_is_that_of_the_scenario() -> None:
    from tracer_env.parts.casting import make_scenario

    tasks = [each.task for each in ALL[0:6:2]]
    assert scenario_digest(make_scenario(tasks)) == str(TasksDigest(tasks))
    assert ledger(ALL[2:]).tasks_digest is None
