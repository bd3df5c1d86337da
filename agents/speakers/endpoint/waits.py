"""How long to wait before another attempt.

    wait = min(longest, first * 2 ** attempt) * (1/2 .. 1)      attempt 0, 1, 2, ...; the share is drawn (full seeds)
    wait = asked * (1 .. 1.1)                                   where the server says how long (Retry-After)

``first`` is a quarter of a second where the server may be busy, and a twentieth after an answer that was malformed or
cut off: nothing says that another one would be. The exponential wait with jitter keeps many clients from coming back
together. A server that names a time is obeyed, and not asked a moment earlier. Times come in seconds, in milliseconds
(``retry-after-ms``) or as a date of HTTP (RFC 9110).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

__all__ = ["FIRST", "LONGEST", "QUICK", "asked_wait", "backoff"]

FIRST = 0.25
"""Seconds of the first wait, before the jitter, where the server may be busy."""
QUICK = 0.05
"""The same after an answer that came and could not be used."""
LONGEST = 30.0
"""Seconds of the longest wait that we choose ourselves."""


def backoff(attempt: int, share: float, asked: float | None = None, busy: bool = True) -> float:
    """Return the seconds before the attempt after ``attempt`` (from 0); ``share`` in [0, 1) is the drawn jitter."""
    if asked is not None:
        return asked * (1.0 + 0.1 * share)
    return min(LONGEST, (FIRST if busy else QUICK) * 2.0 ** min(attempt, 30)) * (0.5 + 0.5 * share)


def asked_wait(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Return the seconds that a server asks to wait, None where it asks nothing that can be read.

    A date that has passed asks for 0 seconds; ``now`` is the time by this machine's clock unless given.
    """
    exact = _number(headers.get("retry-after-ms"))
    if exact is not None:
        return exact / 1000.0
    said = headers.get("retry-after")
    seconds = _number(said)
    if seconds is not None or said is None:
        return seconds
    try:
        when = parsedate_to_datetime(said)
    except ValueError:
        return None
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return max(0.0, (when - (now or datetime.now(UTC))).total_seconds())


def _number(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None
