"""What becomes of an attempt that failed: tried again, given up, or the end of the whole run.

    again     408, 409, 425, 429, 5xx, timeouts, connections that broke or could not be made, malformed answers
    shorter   400 because the prompt is longer than the model's context: an old utterance is left out
    over      400, 422 and other 4xx: this request will be refused as often as it is sent
    all over  401, 403, 404, a used-up quota: every request will

Each is one line: what the server said, and what mends it. Whether an attempt may have been billed is told apart too: a
refusal is not, one that broke after it was sent may be.
"""

from __future__ import annotations

import re
from typing import Any

from tracer_env.intake.bounded import shown_path

__all__ = ["Failure", "failed_status"]

_PASSING = {408, 409, 425, 429}
_LASTING = {501, 505}
_LONG = re.compile(
    r"context.{0,20}(length|window|size)|maximum.{0,20}(context|length|tokens)|too long|exceeds.{0,40}token", re.I
)
_QUOTA = {"insufficient_quota", "billing_hard_limit_reached", "billing_not_active"}
_REMEDIES = {
    400: "mend the setting it names (speaker.limit_as, seeds, logprobs, temperature=server and extra leave things out)",
    401: "set a key that this server takes in {key}",
    402: "pay there, then continue",
    403: "this key may not use this model; take another of them",
    404: "see whether speaker.base_url ends in /v1 and whether the server has the model {model}",
    413: "lower speaker.examples, or rules.history_window",
    422: "mend the setting it names (speaker.seeds=false and speaker.logprobs=false leave out what few servers take)",
}
_SHOWN = 300


class Failure(Exception):
    """An attempt that failed, for ``reason``. ``then``: again, shorter, over, all over.

    ``billed``: whether it may have been; ``usage``: where the reply told it all the same; ``wait``: the seconds that
    the server asks for; ``busy``: whether it may have too much to do.
    """

    def __init__(
        self,
        reason: str,
        then: str = "again",
        billed: bool = True,
        usage: tuple[int, int] | None = None,
        wait: float | None = None,
        busy: bool = True,
    ) -> None:
        super().__init__(reason)
        self.then, self.billed, self.usage, self.wait, self.busy = then, billed, usage, wait, busy


def failed_status(status: int, body: Any, wait: float | None, key: str, model: str) -> Failure:
    """Return what becomes of a reply with an error status; ``body`` is what it held, ``key`` the variable's name."""
    told = body.get("error", body) if isinstance(body, dict) else body
    said = told.get("message") or told.get("detail") if isinstance(told, dict) else told
    code = str(told.get("code") or told.get("type") or "") if isinstance(told, dict) else ""
    words = shown_path(" ".join(str(said or "no reason given").split()))
    words = words if len(words) <= _SHOWN else f"{words[: _SHOWN - 3]}..."
    reason = f"the server answers {status}: {words}"
    if status == 429 and code in _QUOTA:
        return Failure(f"{reason}; the quota is used up: raise it there, then continue", "all over", False)
    if status in _PASSING:
        return Failure(reason, "again", False, wait=wait)
    if status >= 500 and status not in _LASTING:
        return Failure(reason, "again", True, wait=wait)
    if status in (400, 413, 422) and (code == "context_length_exceeded" or _LONG.search(words)):
        return Failure(f"{reason}; lower speaker.max_new_tokens or speaker.examples", "shorter", False)
    remedy = _REMEDIES.get(status, "it will be refused as often as it is sent").format(key=key, model=repr(model))
    return Failure(f"{reason}; {remedy}", "all over" if status in (401, 402, 403, 404) else "over", False)
