"""Which episode is worth a look: the same whether all are at hand or come one at a time, in any mixture of methods."""

from __future__ import annotations

import random
from typing import Any

import pytest
from samples import RIGHT, WRONG, episode, judge, one_proposal, propose

from tracer_env.episodes.choosing import Chooser, Highlights, flip, most_interesting, select
from tracer_env.episodes.transcript import Transcript
from tracer_env.errors import ConfigError
from tracer_env.types import Grade

OK, BAD, LATE = Grade.CORRECT, Grade.WRONG, Grade.TIMEOUT


def random_episode(rng: random.Random, number: int, flips: bool) -> Transcript:
    first, last = rng.choice((OK, BAD, LATE)), rng.choice((OK, BAD, LATE))
    where: dict[str, Any] = {"method": rng.choice("abc"), "task": f"t{rng.randrange(3)}", "world": rng.randrange(2)}
    if flips and rng.random() < 0.5:
        turns = [propose(1, first), judge(2, rng.choice((RIGHT, WRONG))), propose(3, last, made=rng.randrange(1, 50))]
        return episode(turns, number, **where)
    return one_proposal(first, number, **where)


@pytest.mark.parametrize("flips", [True, False])
def test_one_pass_finds_what_all_at_hand_give(flips: bool) -> None:
    """Method by method, as they appear first, is the order that decides among equals."""
    rng = random.Random(8)
    for _ in range(200):
        told = [random_episode(rng, number, flips) for number in range(rng.randrange(1, 9))]
        grouped: dict[str, list[Transcript]] = {}
        highlights = Highlights()
        for each in told:
            grouped.setdefault(each.method, []).append(each)
            highlights.add(each)
        assert told[highlights.best()] is most_interesting(grouped)
        everything = [each for some in grouped.values() for each in some]
        if flipped := [each for each in everything if flip(each)]:
            best = max(each.correct for each in flipped)
            assert told[highlights.best()] in [each for each in flipped if each.correct == best]
        elif split := select(everything, "disagreements"):
            assert told[highlights.best()] is split[0]


def test_the_numbers_are_those_of_the_episodes_added() -> None:
    chooser = Chooser("wrong")
    for number, grade in enumerate((OK, BAD, LATE, Grade.UNPARSABLE)):
        chooser.add(one_proposal(grade, number))
    assert chooser.chosen() == [1, 3]
    with pytest.raises(ConfigError, match="did you mean 'flips'"):
        Chooser("flip")
    with pytest.raises(ConfigError, match="no episode to replay"):
        Highlights().best()
