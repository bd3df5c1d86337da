"""Compositions in which every part of information stands, alone and beside others."""

from __future__ import annotations

ALL = [
    "vote+time",
    "vote+time+confidence",
    "turn+confidence:of=sum,bins=2",
    "history+agreement",
    "reviews+reviewer_agrees+reviewer_margin+length:bins=3",
    "confidence:of=min,bins=64+time",
]
