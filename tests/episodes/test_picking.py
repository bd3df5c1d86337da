"""Which episodes are shown: of each kind some, of all methods alike, never more than asked for."""

from __future__ import annotations

from samples import WRONG, episode, judge, one_proposal, propose

from tracer_env.episodes.picking import Picker
from tracer_env.types import Grade


def filled() -> Picker:
    """100 plain right answers of a, then 10 flips of b (each calls a wrong answer WRONG), then 10 wrong ones of c."""
    picker = Picker()
    told = [one_proposal(Grade.CORRECT, n, method="a", task=f"a{n}") for n in range(100)]
    flips = [propose(1, Grade.WRONG), judge(2, WRONG), propose(3, Grade.CORRECT)]
    told += [episode(flips, n, method="b", task=f"b{n}") for n in range(10)]
    told += [one_proposal(Grade.WRONG, n, method="c", task=f"c{n}") for n in range(10)]
    for place, each in enumerate(told):
        picker.add(each, 10 * place)
    return picker


def test_all_are_shown_where_there_is_room_and_in_file_order() -> None:
    picks = filled().pick(1000)
    assert [pick.offset for pick in picks] == list(range(0, 1200, 10))
    assert sum(pick.flips for pick in picks) == 10
    assert sum(pick.wrong for pick in picks) == 10
    assert filled().counts() == (10, 0, 10)


def test_each_kind_has_a_quarter_of_the_room_and_the_first_kinds_take_what_is_left() -> None:
    picks = filled().pick(20)
    assert (sum(pick.flips for pick in picks), sum(pick.wrong for pick in picks), len(picks)) == (10, 5, 20)
    assert len(filled().pick(3)) == 3


def test_methods_take_turns() -> None:
    picker = Picker()
    for place in range(40):
        picker.add(one_proposal(Grade.CORRECT, place, method="a" if place < 30 else "b", task=str(place)), place)
    assert [pick.offset for pick in picker.pick(8)] == [0, 1, 2, 3, 30, 31, 32, 33]


def test_one_right_and_one_wrong_on_a_task_disagree() -> None:
    picker = Picker()
    picker.add(one_proposal(Grade.CORRECT, method="a"), 0)
    picker.add(one_proposal(Grade.WRONG, method="b"), 9)
    assert [pick.disagrees for pick in picker.pick(2)] == [True, True]


def test_no_episode_is_no_pick() -> None:
    assert Picker().pick(5) == []
