"""What GSPO pays for one utterance: ``reward(state, utterance) -> float``, None where nothing can be learnt.

``state`` is the dialogue before the utterance, whose acting seat wrote it; the referee has read the utterance.

    proposer   +1  the answer is correct and stated        -1  wrong, unparsable, empty, or not stated
    reviewer   +1  the judgement is right                   -1  wrong, or no single verdict

The paper (arXiv 2605.28699) pays 0 for a review without a verdict and takes the referee's reading as it is, and
its code pays 0 for any review of a proposal without an answer; that is `PAPER`. We differ in three places, two
because a policy finds them:

- a reviewer that is right less than half the time would be paid 0 for silence and less than 0 for trying, so
  it would learn to say nothing. Silence costs as much as being wrong;
- an answer that was merely found (the last number of a text that copies the question's numbers) earns nothing,
  nor does a text that states several (`verification.strict`);
- a proposal without an answer is wrong, so to call it WRONG is right and to call it RIGHT is not, as in the
  controllers' values (`rewards.speak_value`): it is the review that lets the proposer mend it.

A text that was cut at the token limit earns what it states: an answer that is complete before the cut is what the
dialogue goes on with, and a text that was cut before it states none. To charge for the cut as well would teach
the policy about the limit and not about the task.

A grade that ran out of time is no sample: it says nothing about the text. The reviewer's +1 and -1 hang on how often
proposals are right: where nearly all are, saying RIGHT always is nearly always right. Inside one group, which
is where advantages are taken, that gains nothing; over groups it pulls, so balance the contexts that are sampled.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Protocol

from annotated_types import Ge, Le

from tracer_env.annotations import Words
from tracer_env.rules import DialogueState, final_answer
from tracer_env.settings import Settings
from tracer_env.types import Grade, Role, Task, Utterance, Verdict
from tracer_env.verification.strict import single_verdict, states_one_answer

__all__ = ["PAPER", "REWARDS", "RoleReward", "TeamReward", "UtteranceReward"]


_SHARE = "must be a number from -1 to 0"


class UtteranceReward(Protocol):
    """Pays for what the acting seat of ``state`` said."""

    def __call__(self, state: DialogueState, utterance: Utterance, /) -> float | None:
        """Return the reward, or None when the utterance is no sample to learn from."""
        ...


@dataclass(frozen=True, slots=True)
class RoleReward(Settings):
    """Pays a proposer for a correct answer and a reviewer for a right judgement.

    ``unparsable_review`` (from -1 to 0) is paid for a review without a single verdict. ``stated_only``: pay a
    proposal only for an answer that it states, and a review only for a verdict that it does not take back; False
    takes the referee's reading as it is. An utterance whose rule is ``given`` says what it means by itself.
    ``judges_unparsable``: a review of a proposal without an answer earns what any review of a wrong one does;
    False pays it 0, whatever it says.
    """

    unparsable_review: Annotated[
        float, Ge(-1), Le(0), Words(_SHARE, _SHARE, "; above 0 a reviewer would be paid for saying nothing")
    ] = -1.0
    stated_only: bool = True
    judges_unparsable: bool = True

    def __call__(self, state: DialogueState, utterance: Utterance, /) -> float | None:
        if state.seat.role is Role.PROPOSER:
            return _proposal(utterance, state.task, self.stated_only)
        pending = state.pending
        if pending is None or pending.utterance.grade is Grade.TIMEOUT:
            return None
        if pending.utterance.grade is Grade.UNPARSABLE and not self.judges_unparsable:
            return 0.0
        verdict = utterance.verdict
        if self.stated_only and utterance.rule != "given" and single_verdict(utterance.text) is not verdict:
            verdict = Verdict.NONE
        if verdict is Verdict.NONE:
            return float(self.unparsable_review)
        return 1.0 if verdict.fits(pending.correct) else -1.0


PAPER = RoleReward(unparsable_review=0.0, stated_only=False, judges_unparsable=False)
"""The rewards of the paper, and of its code where the paper says nothing."""


@dataclass(frozen=True, slots=True)
class TeamReward:
    """Pays a whole dialogue, and so each of its utterances alike, for its final answer: +1 or -1.

    `GSPOTrainer` plays the candidates of a group to their ends for it, and asks `of`; `TracerTrainer` refuses it.
    """

    stated_only: bool = True

    def of(self, state: DialogueState) -> float | None:
        """Return what the ended dialogue ``state`` earns; None when its final answer timed out or it has none."""
        if not state.over:
            raise ValueError(f"the dialogue of task {state.task.id!r} is not over: turn {state.turn} is still to play")
        return self.so_far(state)

    def so_far(self, state: DialogueState) -> float | None:
        """Return what the answer that stands in ``state`` would earn, were it the last word."""
        answer = final_answer(state)
        return None if answer is None else _proposal(answer.utterance, state.task, self.stated_only)


REWARDS: dict[str, RoleReward | TeamReward] = {"role": RoleReward(), "paper": PAPER, "team": TeamReward()}
"""The rewards that a configuration can name."""


def _proposal(utterance: Utterance, task: Task, stated_only: bool) -> float | None:
    if utterance.grade is Grade.TIMEOUT:
        return None
    earned = utterance.grade is Grade.CORRECT and (not stated_only or states_one_answer(utterance, task))
    return 1.0 if earned else -1.0
