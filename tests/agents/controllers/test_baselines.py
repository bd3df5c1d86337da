"""Fixed controllers, decision by decision."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from moves import play

import tracer_env
from tracer_env.agents.controllers.baselines import (
    Always,
    MajorityVoting,
    Never,
    Oracle,
    Periodic,
    Random,
    UntilApproved,
    VoteThreshold,
)
from tracer_env.errors import ConfigError
from tracer_env.interfaces import Controller
from tracer_env.rules import Rules, final_answer, under
from tracer_env.trees.finals import ending_under
from tracer_env.trees.tree import DialogueTrees

RECORDING = Path(tracer_env.__file__).parent / "data" / "recording"

EVERYWHERE = ["C", "W", "I", "C+", "C-", "W-.", "W-.0", "C+.-"]


@pytest.mark.parametrize("letters", EVERYWHERE)
def test_always_never_and_random(letters: str) -> None:
    state = play(letters)
    assert Always().speak_probability(state, "key") == 1.0
    assert Never().speak_probability(state, "key") == 0.0
    assert Random().speak_probability(state, "key") == 0.5
    assert Random(0.125).speak_probability(state, "key") == 0.125
    assert Random(1).speak_probability(state, "key") == 1.0


@pytest.mark.parametrize(("k", "turns"), [(1, [2, 3, 4, 5]), (2, [3, 5]), (3, [4]), (4, [5]), (9, [])])
def test_periodic_speaks_at_turns_1_and_1_plus_k(k: int, turns: list[int]) -> None:
    speaks = [len(s) + 1 for s in ("C", "C.", "C..", "C...") if Periodic(k).speak_probability(play(s), "") == 1.0]
    assert speaks == turns


@pytest.mark.parametrize(
    ("letters", "threshold", "chance"),
    [
        ("C", 0, 1.0),  # reviewers always speak
        ("C+", 0, 0.0),
        ("C0", 0, 0.0),
        ("C-", 0, 1.0),
        ("C0", 1, 1.0),
        ("C+", 1, 0.0),
        ("C+.+", 2, 0.0),
        ("C-", -1, 0.0),
        ("I+", 0, 1.0),  # an invalid text is never kept
    ],
)
def test_vote_threshold(letters: str, threshold: int, chance: float) -> None:
    assert VoteThreshold(threshold).speak_probability(play(letters), "") == chance


@pytest.mark.parametrize(
    ("letters", "chance"),
    [("C", 1.0), ("C+", 0.0), ("C+.", 0.0), ("C-", 1.0), ("C0", 1.0), ("C+.-", 1.0), ("C-.+", 0.0), ("C+W", 1.0)],
)
def test_until_approved(letters: str, chance: float) -> None:
    assert UntilApproved().speak_probability(play(letters), "") == chance


@pytest.mark.parametrize(
    ("letters", "chance"), [("C", 0.0), ("W", 1.0), ("I", 1.0), ("T", 1.0), ("C-", 0.0), ("W+", 1.0), ("W+C", 0.0)]
)
def test_the_oracle_knows(letters: str, chance: float) -> None:
    assert Oracle().speak_probability(play(letters), "") == chance


@pytest.mark.parametrize(
    "controller", [Always(), Never(), Random(), Periodic(), VoteThreshold(), UntilApproved(), Oracle()]
)
def test_they_are_controllers(controller: object) -> None:
    assert isinstance(controller, Controller)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Random(-0.1), "controller random: p must be a probability between 0 and 1, got -0.1"),
        (lambda: Random(1.1), "controller random: p must be a probability between 0 and 1, got 1.1"),
        (lambda: Random(float("nan")), "controller random: p must be a probability between 0 and 1, got nan"),
        (lambda: Random(True), "controller random: p must be a probability between 0 and 1, got True"),
        (lambda: Random("0.5"), "controller random: p must be a probability between 0 and 1, got '0.5'"),
        (lambda: Periodic(0), "controller periodic: k must be a whole number of at least 1, got 0"),
        (lambda: Periodic(1.5), "controller periodic: k must be a whole number of at least 1, got 1.5"),
        (lambda: VoteThreshold(0.5), "controller vote_threshold: threshold must be a whole number, got 0.5"),
    ],
)  # fmt: skip
def test_impossible_settings_are_refused(build, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        build()
    assert str(caught.value) == message


def test_majority_voting_counts_the_words_that_always_hears() -> None:
    trees = DialogueTrees.load(RECORDING)
    counted = trees.evaluate("majority_voting")
    ended = ending_under(trees, replace(trees.rules, final_answer="majority"))
    assert counted.accuracy == ended.evaluate("always").accuracy != trees.evaluate("always").accuracy
    assert counted.tokens_per_task == trees.evaluate("always").tokens_per_task


def test_a_dialogue_of_majority_voting_ends_by_the_majority() -> None:
    rules = Rules()
    assert under(rules, Always()) is rules
    assert under(rules, MajorityVoting()) == replace(rules, final_answer="majority")
    assert under(rules, MajorityVoting()) is under(rules, MajorityVoting())
    final = final_answer(play("W+C-C", under(rules, MajorityVoting())))
    assert final is not None
    assert final.turn == 5
