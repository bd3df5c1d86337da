"""What a team earns, by hand: one reward, returns turn by turn, and the advantage of everybody who spoke."""

from __future__ import annotations

import pytest
import torch
from moves import TASK, proposal, review

from tracer_env.rules import DialogueState, Rules, advance, initial
from tracer_env.trainers.gspo.advantages import group_advantages
from tracer_env.trainers.gspo.rewards import TeamReward
from tracer_env.trainers.gspo.rollouts import Said
from tracer_env.trainers.team.returns import JointReturn, discounted

REWARD = TeamReward(stated_only=False)


def played(letters: str) -> tuple[DialogueState, list[Said]]:
    """Return the end of a dialogue in which everybody speaks, and what was said where."""
    state, said = initial(TASK, Rules(max_turns=len(letters))), []
    for turn, letter in enumerate(letters, start=1):
        utterance = proposal(letter) if turn % 2 else review(letter)
        said.append((state, utterance))
        state = advance(state, 1, utterance)
    return state, said


def test_discounted_sums() -> None:
    assert discounted([1.0, -1.0, 2.0], 1.0) == [2.0, 1.0, 2.0]
    assert discounted([1.0, -1.0, 2.0], 0.5) == [1.0, 0.0, 2.0]
    assert discounted([], 0.5) == []


@pytest.mark.parametrize(
    ("letters", "joint", "turns", "half"),
    [
        ("W-C", [1.0] * 3, [-1.0, 0.0, 1.0], [-1.25, -0.5, 1.0]),
        ("C+C", [1.0] * 3, [3.0, 2.0, 1.0], [1.75, 1.5, 1.0]),
        ("C-W", [-1.0] * 3, [1.0, 0.0, -1.0], [1.25, 0.5, -1.0]),
        ("I", [-1.0], [-1.0], [-1.0]),
        ("C-T", [None] * 3, [None] * 3, [None] * 3),
    ],
)
def test_returns_by_hand(
    letters: str, joint: list[float | None], turns: list[float | None], half: list[float | None]
) -> None:
    end, said = played(letters)
    assert JointReturn()(REWARD, end, said) == joint
    assert JointReturn(per_turn=True)(REWARD, end, said) == turns
    assert JointReturn(per_turn=True, discount=0.5)(REWARD, end, said) == half


def test_advantages_of_a_joint_group_by_hand() -> None:
    """Of three dialogues one ends right: 1 - (-1/3) for all who spoke in it, -1 - (-1/3) for the others."""
    ends = [played(letters) for letters in ("W-C", "W+W", "C-W")]
    earned = [JointReturn()(REWARD, end, said) for end, said in ends]
    rewards = torch.tensor([value for dialogue in earned for value in dialogue])
    turns = torch.tensor([state.turn for _, said in ends for state, _ in said])
    found = group_advantages(rewards, turns, scale="none")
    assert found.values.tolist() == pytest.approx([4 / 3] * 3 + [-2 / 3] * 6)
    assert (found.groups, found.dropped) == (3, 0)
