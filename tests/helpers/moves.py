"""Dialogues written by hand, one letter a turn.

C W I T   a proposal that is correct, wrong, unparsable, timed out
+ - 0     a review that says RIGHT, WRONG, nothing
.         silence
"""

from __future__ import annotations

from collections.abc import Sequence

from tracer_env.interfaces import Request
from tracer_env.rules import DialogueState, Rules, advance, initial
from tracer_env.types import Grade, Role, Task, Utterance, Verdict

TASK = Task("sum-1", "What is 6 times 7?", "42", scenario="sums")
GRADES = {"C": Grade.CORRECT, "W": Grade.WRONG, "I": Grade.UNPARSABLE, "T": Grade.TIMEOUT}
VERDICTS = {"+": Verdict.RIGHT, "-": Verdict.WRONG, "0": Verdict.NONE}
ANSWERS = {"C": "42", "W": "41", "I": None, "T": "43"}


def proposal(letter: str = "C", answer: str | None = "", prompt: int = 0, made: int = 0) -> Utterance:
    said = ANSWERS[letter] if answer == "" else answer
    return Utterance(f"proposal {letter}", prompt, made, answer=said, rule="given", grade=GRADES[letter])


def review(letter: str = "+", prompt: int = 0, made: int = 0) -> Utterance:
    return Utterance(f"review {letter}", prompt, made, rule="given", verdict=VERDICTS[letter])


def utterance(letter: str, prompt: int = 0, made: int = 0) -> Utterance | None:
    if letter == ".":
        return None
    return proposal(letter, "", prompt, made) if letter in GRADES else review(letter, prompt, made)


def play(letters: str, rules: Rules | None = None, task: Task = TASK) -> DialogueState:
    state = initial(task, rules or Rules())
    for letter in letters:
        said = utterance(letter)
        state = advance(state, 0 if said is None else 1, said)
    return state


class Script:
    """A speaker that says the letter of the turn: its first line to proposers, its second to reviewers."""

    free = True

    def __init__(self, proposals: str, reviews: str = "+", prompt: int = 7, made: int = 3) -> None:
        self.proposals, self.reviews, self.prompt, self.made = proposals, reviews, prompt, made
        self.asked: list[int] = []

    def speak(self, requests: Sequence[Request]) -> list[Utterance]:
        self.asked.append(len(requests))
        return [self._say(r) for r in requests for _ in range(r.candidates)]

    def _say(self, request: Request) -> Utterance:
        letters = self.proposals if request.seat.role is Role.PROPOSER else self.reviews
        said = utterance(letters[(request.state.turn - 1) % len(letters)], self.prompt, self.made)
        assert said is not None
        return said
