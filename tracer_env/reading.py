"""What a seat goes by that reads one proposal only: which of those that it may read, and with what vote."""

from __future__ import annotations

from tracer_env.rules import DialogueState, Proposal, most_common

__all__ = ["read_proposal"]


def read_proposal(state: DialogueState) -> tuple[Proposal | None, int]:
    """Return the one proposal that the acting seat goes by, and its vote; (None, 0) where it may read none.

    That is the newest that it may read. A seat with a job (`Rules.jobs`: a debater, a judge) weighs all that it may
    read: it goes by the answer that most of them give, and each of the others counts as a review of it, RIGHT where it
    gives the same answer and WRONG where it gives another or none. For speakers that read one text only.
    """
    rules, proposals = state.rules, state.proposals
    if not proposals:
        return None, 0
    if rules.reads_all:
        return proposals[-1], proposals[-1].vote
    readable = {turn.number for turn in rules.schedule.readable(state.turns, state.seat)}
    found = [proposal for proposal in proposals if proposal.turn in readable]
    if not found:
        return None, 0
    if state.over or not rules.jobs[state.turn]:
        return found[-1], found[-1].vote
    best = most_common([p for p in found if p.valid] or found)
    alike = sum(p.valid and p.utterance.answer == best.utterance.answer for p in found if p is not best)
    return best, best.vote + alike - (len(found) - 1 - alike)
