from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from moves import play, proposal, review

from tracer_env.trainers.gspo.batch import Sample
from tracer_env.trainers.gspo.metrics import named, rollout_metrics, samples_of
from tracer_env.trainers.gspo.rollouts import Drawn
from tracer_env.trainers.support.processes import Alone
from tracer_env.types import Utterance


def said(base: Utterance, ids: tuple[int, ...] = (5, 2), finish: str = "stop") -> Utterance:
    return Utterance(
        base.text,
        3,
        len(ids),
        finish=finish,
        answer=base.answer,
        rule=base.rule,
        grade=base.grade,
        verdict=base.verdict,
        prompt_ids=(1, 2, 3),
        token_ids=ids,
        logprobs=(-0.5,) * len(ids),
    )


def first(letter: str, reward: float | None, ids: tuple[int, ...] = (5, 2), place: int = 0, cut: bool = False) -> Drawn:
    state = play("")
    utterance = said(proposal(letter), ids, "length" if cut else "stop")
    return Drawn("proposer", state, utterance, reward, place * 256 + 1, place)


def judged(pending: str, letter: str, reward: float) -> Drawn:
    return Drawn("reviewer", play(pending), said(review(letter)), reward, 2, 0)


class Pair:
    """Two processes, of which the other one has ``items``."""

    rank, count = 0, 2

    def __init__(self, items: list[Any]) -> None:
        self.items = items

    def mine(self, place: int, minibatches: int) -> bool:
        return place % 2 == 0

    def total(self, tensors: Iterable[Any]) -> None:
        """Not asked for here."""

    def gathered(self, items: list[Any]) -> list[Any]:
        return self.items + items

    def wait(self) -> None:
        """Not asked for here."""


LOOP = (4, 5, 6, 7) * 6
DRAWN = [
    first("C", 1.0, (5, 6, 2)),
    first("W", -1.0, (5, 2)),
    first("I", -1.0, LOOP, cut=True),
    first("T", None, (9, 8, 2), place=1),
]


def test_proposals_by_hand() -> None:
    """Four candidates: right, wrong, nothing readable (24 tokens that repeat, cut), one whose grading took too long."""
    found = rollout_metrics(DRAWN, "proposer", Alone())
    assert found == {
        "reward": pytest.approx(-1 / 3),
        "accuracy": 0.25,
        "unparsable": 0.25,
        "completion_length": 8.0,
        "repetition": 0.25,
        "truncated": 0.25,
        "timeouts": 1,
        "candidates": 4,
        "tokens": 32,
    }


def test_reviews_by_hand() -> None:
    """A right judgement of a right and of a wrong proposal, a wrong one, one without a verdict."""
    drawn = [judged("C", "+", 1.0), judged("W", "-", 1.0), judged("W", "+", -1.0), judged("C", "0", -1.0)]
    found = rollout_metrics([*DRAWN, *drawn], "reviewer", Alone())
    assert (found["accuracy"], found["unparsable"], found["reward"], found["candidates"]) == (0.5, 0.25, 0.0, 4)


def test_no_candidates_have_the_same_names() -> None:
    found = rollout_metrics([], "proposer", Alone())
    assert list(found) == list(rollout_metrics(DRAWN, "proposer", Alone()))
    assert found["reward"] is None
    assert (found["candidates"], found["tokens"], found["timeouts"]) == (0, 0, 0)


def test_several_processes_log_one_line() -> None:
    """Whoever played what: the sums are taken in the order of the tasks, so they are the same to the last bit."""
    drawn = [first("C", reward, place=place) for place, reward in enumerate((0.1, 0.2, 0.3, 1e16, -1e16, 0.7))]
    alone = rollout_metrics(drawn, "proposer", Alone())
    kept: list[Any] = []

    class Listening(Pair):
        def gathered(self, items: list[Any]) -> list[Any]:
            kept.extend(items)
            return items

    rollout_metrics(drawn[1::2], "proposer", Listening([]))
    assert rollout_metrics(drawn[::2], "proposer", Pair(kept)) == alone
    assert rollout_metrics(list(reversed(drawn)), "proposer", Alone()) == alone


def test_samples_are_what_was_sampled() -> None:
    """The ids and log-probabilities of the utterance as they are; a timeout is no sample."""
    assert samples_of([DRAWN[0], DRAWN[3], judged("C", "+", 1.0)], "proposer") == [
        Sample((1, 2, 3), (5, 6, 2), (-0.5,) * 3, 1.0, 1, 0)
    ]
    with pytest.raises(ValueError, match="a sample needs a prompt"):
        samples_of([Drawn("proposer", play(""), proposal("C"), 1.0, 1, 0)], "proposer")


def test_names() -> None:
    assert named({"reward": 1.0}, "proposer", alone=True) == {"reward": 1.0}
    assert named({"reward": 1.0}, "agent_0-proposer", alone=False) == {"agent_0-proposer/reward": 1.0}
