"""How sure a reviewer is of its verdict word: the log-odds of RIGHT against WRONG where the word stands.

Both words are scored at the same place of the same text, by the first token in which they differ: the rest of a word
follows from it all but surely. Words are taken as the review wrote them, with what the tokenizer glues before them
(`` RIGHT``, ``Right``, ``CORRECT`` against ``INCORRECT``). A tokenizer that begins both words alike, or that spells the
word in another way than it would by itself, tells no margin.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tracer_env.verification.verdicts import verdict_place

__all__ = ["VerdictWords"]

_PAIRS = (("RIGHT", "WRONG"), ("CORRECT", "INCORRECT"))
_CASES = (str.upper, str.title, str.lower)
_LEADS = ("", " ")


class VerdictWords:
    """The first tokens of a tokenizer's verdict words; `margin` reads the log-probabilities of the ids ``watch``."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._first: dict[str, tuple[int, int]] = {}  # how a word is written: first ids of the approving and other word
        for approving, other in _PAIRS:
            for case in _CASES:
                for lead in _LEADS:
                    pair = (lead + case(approving), lead + case(other))
                    ids = [tokenizer(word, add_special_tokens=False)["input_ids"] for word in pair]
                    if all(ids) and ids[0][0] != ids[1][0]:
                        self._first |= dict.fromkeys(pair, (ids[0][0], ids[1][0]))
        self.watch = sorted({one for pair in self._first.values() for one in pair})

    def margin(
        self,
        text: str,
        token_ids: Sequence[int],
        watched: Sequence[Sequence[float]],
        unread: tuple[str, ...] | None = None,
    ) -> float | None:
        """Return log P(RIGHT) - log P(WRONG) of a review, None where it has no verdict or its word is spelled oddly.

        ``watched`` are the log-probabilities of ``watch`` at each of its tokens. ``unread`` names the reasoning blocks
        that are left out, None the usual ones: a word inside of one is no verdict.
        """
        place = verdict_place(text) if unread is None else verdict_place(text, unread)
        if place is None or not watched:
            return None
        whole = self._text(token_ids)
        start = whole.find(text) + place[0] if text in whole else -1
        if start < 0:
            return None
        step = next((k for k in range(len(token_ids)) if len(self._text(token_ids[: k + 1])) > start), None)
        if step is None or step >= len(watched):
            return None
        lead = whole[len(self._text(token_ids[:step])) : start]
        pair = self._first.get(lead + place[1])
        if pair is None or token_ids[step] not in pair:
            return None
        right, wrong = (watched[step][self.watch.index(one)] for one in pair)
        return right - wrong

    def _text(self, ids: Sequence[int]) -> str:
        text: str = self._tokenizer.decode(list(ids), skip_special_tokens=True)
        return text
