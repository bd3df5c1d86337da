"""Episodes written by hand, for the tests of transcripts, metrics, replay and report."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tracer_env.episodes.transcript import Transcript, TurnRecord
from tracer_env.types import Action, Grade, Role, Task, Utterance, Verdict

RIGHT, WRONG, NONE = Verdict.RIGHT, Verdict.WRONG, Verdict.NONE
FREE, MUST = (1, 1), (0, 1)

TASK = Task(
    id="bakery-7",
    question="A bakery packs 12 rolls in a box. It fills 9 boxes and has 5 rolls left over. "
    "On Monday it sells 37 rolls. How many rolls are there on Monday evening?",
    answer="76",
    kind="number",
    difficulty=0.4,
    scenario="arithmetic",
)


def proposal(grade: Grade, answer: str | None = "76", text: str = "", prompt: int = 60, made: int = 40) -> Utterance:
    return Utterance(text or f"Final answer: {answer}", prompt, made, answer=answer, rule="final_answer", grade=grade)


def review(verdict: Verdict, text: str = "", prompt: int = 90, made: int = 10, finish: str = "stop") -> Utterance:
    return Utterance(text or verdict.name, prompt, made, finish=finish, verdict=verdict)


def propose(turn: int, grade: Grade, **options: Any) -> TurnRecord:
    """A proposal turn at which the proposer speaks."""
    return TurnRecord(
        turn=turn,
        agent=0,
        role=Role.PROPOSER,
        mask=MUST if turn == 1 else FREE,
        key="key",
        speak_probability=1.0 if turn == 1 else 0.75,
        action=Action.SPEAK,
        vote=0,
        skip_value=0.0,
        speak_value=1.0 if grade is Grade.CORRECT else -1.0,
        utterance=proposal(grade, **options),
    )


def judge(turn: int, verdict: Verdict, vote: int = 0, **options: Any) -> TurnRecord:
    """A review turn at which the reviewer speaks."""
    said = review(verdict, **options)
    return TurnRecord(turn, 1, Role.REVIEWER, FREE, "key", 0.8, Action.SPEAK, vote, -1.0, 1.0, said)


def silent(turn: int, role: Role, other: Utterance | None = None, vote: int = 0) -> TurnRecord:
    """A turn at which the seat skips."""
    value = None if other is None else -1.0
    return TurnRecord(turn, int(role), role, FREE, "key", 0.2, Action.SKIP, vote, 1.0, value, None, other)


def episode(
    turns: Iterable[TurnRecord], number: int = 0, method: str = "m", task: str = "t", world: int = 0
) -> Transcript:
    """An episode whose newest proposal is the answer."""
    played = tuple(turns)
    final = max(t.turn for t in played if t.role is Role.PROPOSER and t.utterance is not None)
    where = Task(task, "How many?", "76", scenario="arithmetic")
    return Transcript(number, method, where, world, 1, played, final, max_turns=len(played))


def one_proposal(grade: Grade, number: int = 0, **where: Any) -> Transcript:
    """An episode of a single turn."""
    return episode([propose(1, grade)], number, **where)


def mended() -> Transcript:
    """Wrong, judged WRONG, mended, left alone, kept: the episode of the README's picture."""
    first = proposal(
        Grade.WRONG,
        "66",
        "9 boxes of 12 rolls are 9 × 12 = 98 rolls.\n98 + 5 = 103 rolls before Monday.\n103 − 37 = 66.\n"
        "Final answer: 66",
        182,
        51,
    )
    verdict = review(WRONG, "WRONG\n9 × 12 is 108, not 98. The later steps carry the slip along.", 254, 24)
    second = proposal(
        Grade.CORRECT,
        "76",
        "Checking the product again: 9 × 12 = 108.\n108 + 5 = 113, and 113 − 37 = 76.\nFinal answer: 76",
        297,
        43,
    )
    unsaid = review(RIGHT, "RIGHT\nEach step checks out: 108, 113, 76.", 352, 17)
    again = proposal(Grade.CORRECT, "76", "9 × 12 + 5 − 37 = 76.\nFinal answer: 76", 297, 22)
    turns = (
        TurnRecord(1, 0, Role.PROPOSER, MUST, "no_pending|not_last", 1.0, Action.SPEAK, 0, 0.0, -1.0, first),
        TurnRecord(2, 1, Role.REVIEWER, FREE, "vote_0|not_last", 0.83, Action.SPEAK, -1, -1.0, 1.0, verdict),
        TurnRecord(3, 0, Role.PROPOSER, FREE, "vote_minus_1|not_last", 0.94, Action.SPEAK, 0, -1.0, 1.0, second),
        TurnRecord(4, 1, Role.REVIEWER, FREE, "vote_0|last", 0.31, Action.SKIP, 0, 1.0, 1.0, None, unsaid),
        TurnRecord(5, 0, Role.PROPOSER, FREE, "vote_0|last", 0.08, Action.SKIP, 0, 1.0, 1.0, None, again),
    )
    return Transcript(12, "regret_matching", TASK, 0, 42, turns, final_turn=3)
