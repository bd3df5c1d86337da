"""The numbers of a training step, from the candidates that were drawn and what the update did with them.

With one policy they stand under their plain names (``reward``, ``accuracy``, ...), with several under
``proposer/reward`` and so on. Rewards, grades and lengths are gathered from all processes, so every process logs the
same line.

    reward             mean over candidates            accuracy        share of +: correct proposals, right judgements
    unparsable         share without answer/verdict    timeouts        candidates that are no samples
    completion_length  tokens, the end token included  repetition      share that repeat themselves
    truncated          share cut at the token limit    candidates      how many there were
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tracer_env.trainers.gspo.batch import Sample
from tracer_env.trainers.gspo.rollouts import Drawn
from tracer_env.trainers.support.alarms import repeating
from tracer_env.trainers.support.processes import Processes
from tracer_env.types import Grade, Role, Verdict

__all__ = ["Metrics", "named", "rollout_metrics", "samples_of"]

Metrics = dict[str, float | int | None]
_Facts = tuple[int, int, float | None, bool, bool, int, int, bool]


def samples_of(drawn: Sequence[Drawn], policy: str) -> list[Sample]:
    """Return what the policy can learn from; an utterance that no model has sampled (no ids) is a ValueError."""
    return [
        Sample(
            one.utterance.prompt_ids,
            one.utterance.token_ids,
            one.utterance.logprobs,
            one.reward,
            one.group,
            one.place,
        )
        for one in drawn
        if one.policy == policy and one.reward is not None and one.learns
    ]


def rollout_metrics(drawn: Sequence[Drawn], policy: str, processes: Processes) -> Metrics:
    """Return the metrics of one policy's candidates in all processes."""
    mine = [_facts(one) for one in drawn if one.policy == policy]
    # In an order that does not hang on who played what, so that sums are the same to the last bit.
    facts = sorted(processes.gathered(mine), key=lambda fact: fact[:2])
    rewards = [fact[2] for fact in facts if fact[2] is not None]
    if not facts:
        shares = ("reward", "accuracy", "unparsable", "completion_length", "repetition", "truncated")
        return dict.fromkeys(shares) | dict.fromkeys(("timeouts", "candidates", "tokens"), 0)
    return {
        "reward": sum(rewards) / len(rewards) if rewards else None,
        "accuracy": sum(fact[3] for fact in facts) / len(facts),
        "unparsable": sum(fact[4] for fact in facts) / len(facts),
        "completion_length": sum(fact[5] for fact in facts) / len(facts),
        "repetition": sum(fact[7] for fact in facts) / len(facts),
        "truncated": sum(fact[6] for fact in facts) / len(facts),
        "timeouts": sum(fact[2] is None for fact in facts),
        "candidates": len(facts),
        "tokens": sum(fact[5] for fact in facts),
    }


def named(metrics: Mapping[str, float | int | None], policy: str, alone: bool) -> Metrics:
    """Return the metrics under the names of the log."""
    return dict(metrics) if alone else {f"{policy}/{name}": value for name, value in metrics.items()}


def _facts(one: Drawn) -> _Facts:
    said = one.utterance
    if one.state.seat.role is Role.PROPOSER:
        right, unread = said.grade is Grade.CORRECT, said.grade is Grade.UNPARSABLE
    else:
        pending = one.state.pending
        right = pending is not None and said.verdict == (1 if pending.correct else -1)
        unread = said.verdict is Verdict.NONE
    return (
        one.place,
        one.group,
        one.reward,
        right,
        unread,
        len(said.token_ids),
        int(said.finish == "length"),
        repeating([said.token_ids]) > 0,
    )
