"""What an utterance earns that moves others: verifier scores and influence-aware shaping. MAPoRL, arXiv 2502.18439.

Each utterance has a score of 0 or 1: whether the proposal is right, or the judgement. It is said at a level: 0 where
its seat could read nothing, else one above the highest it could read. In turns that all read, levels are turns; in a
debate they are rounds. Of an utterance at level t with score s

    verification   (s + sum over later levels u of discount^(u - t) mean score at u) / sum of the discounts
    alpha0         + when one's own answer became right and the others' before it were right  (persuaded)
                   - when it became wrong and theirs were wrong                               (misled)
    alpha1         + when it became right and theirs were wrong, or there are no others       (mended by oneself)
                   - when it became wrong and theirs were right, or there are no others       (spoilt by oneself)
    beta1          + when the others' next answers became right and one's own was, where theirs were not   (corrected)
                   - when they became wrong and one's own was, where theirs were not                       (led astray)
    beta0          + when they became right though one's own was wrong as well                (of use all the same)
                   - when they became wrong though one's own was right as well                (did not keep them)

The others are right or wrong by their mean score; at exactly one half nothing is paid. The sum is compared with that
of the G dialogues of the task at the same turn, over its deviation: the form of GRPO.

Here of the paper: co-training of all agents over several turns, the influence-aware verification reward (shared by all
agents, discounted), the incentives for one's own change (alpha0, alpha1) and for that of others (beta0, beta1).

Otherwise than there: GRPO in the place of PPO, so no value model; a verifier that knows (the referee, 1 or 0, as its
code can) in the place of a trained one, whose scores agents do not read; agents in the roles that the rules give them,
a reviewer being right where its judgement is, and the same in a schedule of proposers alone. In its code beta is paid
from the second turn on, subtracted where others become right and added where they become wrong; ours is paid at all
turns, with the signs that the paper's words ask for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from tracer_env.parts.contracts import worth
from tracer_env.rules import DialogueState
from tracer_env.trainers.gspo.rewards import UtteranceReward
from tracer_env.trainers.gspo.rollouts import Said
from tracer_env.trainers.team.settings import MAPoRLSettings

__all__ = ["Influence", "Spoken", "incentive", "levels", "shaped", "verification"]


class Spoken(NamedTuple):
    """An utterance as the shaping sees it; ``right`` None: it could not be graded."""

    agent: int
    level: int
    right: bool | None


@dataclass(frozen=True, slots=True)
class Influence:
    """Pays the utterances of a dialogue by `shaped`; what ``reward`` pays above 0 for is right."""

    settings: MAPoRLSettings

    def __call__(self, reward: UtteranceReward, end: DialogueState, said: Sequence[Said]) -> list[float | None]:
        """Return what each of ``said`` earns; None for one that could not be graded."""
        paid = [worth(reward, state, utterance) for state, utterance in said]
        spoken = [
            Spoken(state.seat.agent, level, None if each is None else each > 0)
            for (state, _), level, each in zip(said, levels([state for state, _ in said]), paid, strict=True)
        ]
        return shaped(spoken, self.settings)


def levels(states: Sequence[DialogueState]) -> list[int]:
    """Return the level of what is said in each state of one dialogue, in order: by what its seat may read."""
    found: dict[int, int] = {}
    for state in states:
        read = state.rules.schedule.readable(state.turns, state.seat)
        found[state.turn] = 1 + max((found[turn.number] for turn in read if turn.number in found), default=-1)
    return list(found.values())


def shaped(said: Sequence[Spoken], settings: MAPoRLSettings) -> list[float | None]:
    """Return what each utterance of a dialogue earns: verification and incentive, None where it was not graded."""
    return [
        None if one.right is None else verification(said, at, settings.discount) + incentive(said, at, settings)
        for at, one in enumerate(said)
    ]


def verification(said: Sequence[Spoken], at: int, discount: float) -> float:
    """Return the discounted mean of one's own score and those of all who speak at later levels."""
    own = said[at]
    total, weights = float(bool(own.right)), 1.0
    for level in sorted({one.level for one in said if one.level > own.level}):
        scores = [one.right for one in said if one.level == level and one.right is not None]
        if scores:
            weight = discount ** (level - own.level)
            total, weights = total + weight * sum(scores) / len(scores), weights + weight
    return total / weights


def incentive(said: Sequence[Spoken], at: int, settings: MAPoRLSettings) -> float:
    """Return what one's own change and that of the others are worth."""
    own, right = said[at], bool(said[at].right)
    others = {one.agent for one in said} - {own.agent}
    before = _last(said, [own.agent], lambda one: one.level < own.level)
    earned = 0.0
    if before and before[0] != right:
        heard = _last(said, others, lambda one: one.level < own.level)
        they = _mostly(heard) if heard else not right  # alone, one mends or spoils by oneself
        earned += _sign(right) * (0.0 if they is None else settings.alpha0 if they == right else settings.alpha1)
    pairs = [
        (now[0], later[0])
        for agent in sorted(others)
        if (now := _last(said, [agent], lambda one: one.level <= own.level))
        and (later := _last(said[::-1], [agent], lambda one: one.level > own.level))
    ]
    stood, became = _mostly([a for a, _ in pairs]), _mostly([b for _, b in pairs])
    if stood is not None and became is not None and stood != became:
        earned += _sign(became) * (settings.beta0 if right == stood else settings.beta1)
    return earned


def _last(said: Iterable[Spoken], agents: Iterable[int], when: Callable[[Spoken], bool]) -> list[bool]:
    """Return the last score that each of the agents has where ``when`` holds, of those that have one."""
    found: dict[int, bool] = {}
    wanted = set(agents)
    for one in said:
        if one.agent in wanted and one.right is not None and when(one):
            found[one.agent] = one.right
    return list(found.values())


def _mostly(scores: Sequence[bool]) -> bool | None:
    """Return whether most are right; None for nobody, and where as many are as are not."""
    ahead = 2 * sum(scores) - len(scores)
    return None if ahead == 0 else ahead > 0


def _sign(right: bool) -> int:
    return 1 if right else -1
