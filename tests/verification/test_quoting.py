"""Reviews that repeat another's answer: what they state themselves, by a table."""

from __future__ import annotations

import time

import pytest
from moves import proposal

import tracer_env
from tracer_env.rules import Rules, advance, initial
from tracer_env.types import Task
from tracer_env.verification.quoting import own_words
from tracer_env.verification.referee import agreement

TASK = Task("t", "What is 5 + 8?", "13")
STATED = [
    # its own words
    ("RIGHT. Final answer: 12", 1),
    ("RIGHT. As the proposal says, the answer is 12.", 1),
    ("RIGHT. I agree that the answer is 12.", 1),
    ("RIGHT. 5 + 7 = 12", 1),
    ("WRONG. 5 + 8 = 13", -1),
    ("WRONG. Final answer: 13", -1),
    ("WRONG. The correct answer is 13, not 12.", -1),
    ("WRONG. The answer should be 13.", -1),
    ('WRONG. The answer should be "13"', -1),
    ('WRONG\n"Final answer: 13"', -1),
    ("RIGHT. She gave 3 away, so 15 - 3 = 12", 1),
    ("RIGHT. They got 5 + 7 = 12", 1),
    ("RIGHT. If you add them you get 5 + 7 = 12", 1),
    ("WRONG. Adding correctly it gives 5 + 8 = 13", -1),
    ("WRONG. The correct solution gives 5 + 8 = 13", -1),
    ("RIGHT. The proposal is right: 5 + 7 = 12", 1),
    # another's, and nothing beside it
    ("WRONG. According to the proposal the answer is 12.", 0),
    ("WRONG. agent_0 says the answer is 12", 0),
    ("WRONG. `Final answer: 12` is wrong", 0),
    ('WRONG. The proposal ends with:\n"Final answer: 12"', 0),
    ("WRONG. Your \\boxed{12} is wrong", 0),
    ("WRONG. The proposal computes 5 + 8 = 12", 0),
    ("WRONG. The previous answer is 12.", 0),
    ("WRONG. The proposal says the answer is 12.", 0),
    ("WRONG. The proposer claims that the final answer is 12.", 0),
    ("WRONG. You wrote 5 + 8 = 12", 0),
    ("WRONG. The proposed answer is 12, which is wrong.", 0),
    ("WRONG. The proposal's final answer: 12 is not what the sum comes to.", 0),
    ("WRONG. Your answer is 12 but it should be 13", 0),
    ('WRONG, "the answer is 12" does not follow.', 0),
    ("WRONG. The solution ends with\n> Final answer: 12\nbut carries wrongly.", 0),
    ("WRONG. <answer>12</answer> is what it says.", 0),
    ("WRONG. The final answer is 12, but it should be 13.", 0),
    ("RIGHT. The first proposal said the answer is 11.", 0),
    # another's, and its own beside it
    ("WRONG\nProposal: Final answer: 12\nMy answer: 13", -1),
    ("WRONG\nMy answer: 13\nProposal's answer: 12", -1),
    ("WRONG. Claimed answer: 12. Correct answer: 13", -1),
    ("WRONG. It claims \\boxed{12}, however the answer is 13.", -1),
    ("WRONG. The answer is 13. The proposal said the answer is 12.", -1),
    ("WRONG. I get \\boxed{13}. It says \\boxed{12}.", -1),
    ("WRONG. It says \\boxed{12}. I get \\boxed{13}", -1),
    ('WRONG. You wrote "Final answer: 12", but 5 + 8 = 13', -1),
    ("WRONG. 'Final answer: 12' should be 'Final answer: 13'", -1),
    ("WRONG. The answer is 13 <think>the proposal says the answer is 12</think>", -1),
]


@pytest.mark.parametrize(("text", "agrees"), STATED)
def test_what_a_review_states_itself(text: str, agrees: int) -> None:
    scenario = tracer_env.make_scenario([TASK])
    state = advance(initial(TASK, Rules()), 1, proposal("W", "12"))
    assert agreement(text, state, scenario) == agrees


@pytest.mark.parametrize(
    "text", ["RIGHT. 3 + 4 = 7", "WRONG\n\nStep 1: 4 > 3, so it's 12.\nFinal answer: 12", "It's 'so'"]
)
def test_a_text_that_repeats_nobody_is_left_as_it_is(text: str) -> None:
    assert own_words(text) == text


def test_it_is_linear_in_the_length_of_the_text() -> None:
    for piece in ("'", '"answer', "as the proposal ", "answer: ", "it ", "you wrote the answer is 12 but "):
        begun = time.process_time()
        own_words(piece * (30_000 // len(piece)))
        short = time.process_time() - begun
        begun = time.process_time()
        own_words(piece * (120_000 // len(piece)))
        assert time.process_time() - begun < 12 * short + 0.2
