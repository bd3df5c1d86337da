"""The model is asked whether to speak: a yes or a no, before every choice, and paid for.

    llm_decides                          the acting seat's own speaker is asked
    llm_decides:asks=smollm2             another one; so a recording of SmolLM2 can be played under its own decisions

It sees what it would see if it spoke: the question, the discussion inside the window, the pending answer. The answer's
first YES or NO counts; where there is neither, ``otherwise`` does. What is asked and answered is no part of the
dialogue, and nobody reads it; its tokens and its call are those of the turn (`TurnRecord.asked`), whatever is decided.

A controller has no speaker by itself. The seam is small: it offers `seams.Consulting`, and whoever plays dialogues in
step asks for it, all at once, by `Request.question`, of speakers that say ``answers_questions``. Others are refused by
name: a recording holds no such answers, the simulated speaker has no mind to ask, nano reads no such question.
Environments ask no controller of others in this way; it stands in `compare`.
"""

from __future__ import annotations

import re
from typing import Literal

from tracer_env.errors import ConfigError
from tracer_env.interfaces import Speaker
from tracer_env.parts.casting import make_speaker
from tracer_env.registry import check
from tracer_env.rules import DialogueState
from tracer_env.types import Role

__all__ = ["LLMDecides"]

_WORD = re.compile(r"\b(yes|no)\b", re.IGNORECASE)
_JOBS = {
    Role.PROPOSER: "write a new answer in place of the proposed one",
    Role.REVIEWER: "say whether the proposed answer is right or wrong",
}
_ASKED = (
    "It is your turn. You may {job}, or stay silent, which costs nothing. Would it make the final answer more likely "
    "to be correct? Reply with one word: YES to do it, NO to stay silent."
)


class LLMDecides:
    """Asks the speaker before every choice whether the seat should speak; its tokens count.

    ``asks``: the name of the speaker that is asked, None for the acting seat's own. ``otherwise``: what is done where
    the answer holds neither YES nor NO.
    """

    name = "llm_decides"

    def __init__(self, asks: str | None = None, otherwise: Literal["speak", "skip"] = "speak") -> None:
        if asks is not None:
            check("speaker", asks)
        self._named, self.otherwise = asks, otherwise
        self._made: Speaker | None = None

    @property
    def asks(self) -> Speaker | None:
        """The speaker that is asked, made when it is first wanted; None for the acting seat's own."""
        if self._made is None and self._named is not None:
            self._made = make_speaker(self._named)
        return self._made

    def question(self, state: DialogueState) -> str:
        """Return what is asked before the seat that acts in ``state`` decides."""
        return _ASKED.format(job=_JOBS[state.seat.role])

    def decided(self, said: str) -> float:
        """Return 1.0 for an answer whose first yes or no is a yes, 0.0 for a no."""
        found = _WORD.search(said)
        return float(self.otherwise == "speak" if found is None else found[1].lower() == "yes")

    def speak_probability(self, state: DialogueState, key: str) -> float:
        raise ConfigError(
            f"{self.name} asks a speaker before it decides, which those who play this dialogue do not do; name it in "
            "compare --methods"
        )
