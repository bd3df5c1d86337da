"""What a seat hears of a dialogue: the words of all, without the blocks in which models reason for themselves.

The same setting that keeps blocks out of reading (``scenario.unread``, `reasoning`) keeps them out of prompts: who
reads the scratch paper of others judges another dialogue than the referee. Transcripts and token counts keep them.
"""

from __future__ import annotations

from dataclasses import replace

from tracer_env.rules import DialogueState
from tracer_env.types import Utterance
from tracer_env.verification.reasoning import UNREAD, spoken

__all__ = ["WORDLESS", "heard"]

WORDLESS = "(nothing was said outside of a reasoning block)"
"""What stands for an utterance that is reasoning alone, or whose block is not closed."""


def heard(state: DialogueState, unread: tuple[str, ...] | None = None) -> DialogueState:
    """Return the dialogue without reasoning blocks, the state itself where there are none.

    ``unread``: the names of the blocks, those of a `Request`; None for the usual ones, none for everything heard.
    """
    names = UNREAD if unread is None else unread
    said = [turn.utterance for turn in state.turns if turn.utterance is not None]
    if not names or not any("<" in utterance.text for utterance in said):
        return state
    outside = {id(utterance): _outside(utterance, names) for utterance in said}
    turns = tuple(
        turn if turn.utterance is None else turn._replace(utterance=outside[id(turn.utterance)]) for turn in state.turns
    )
    proposals = tuple(proposal._replace(utterance=outside[id(proposal.utterance)]) for proposal in state.proposals)
    return state._replace(turns=turns, proposals=proposals)


def _outside(utterance: Utterance, names: tuple[str, ...]) -> Utterance:
    words = spoken(utterance.text, names)
    if words == utterance.text:
        return utterance
    return replace(utterance, text=(words or "").strip() or WORDLESS)
