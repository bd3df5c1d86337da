"""What a server answers, read strictly: the text, why it ended, what it used, how likely its words were.

    {"choices": [{"message": {"content": "..."}, "finish_reason": "stop"}], "usage": {"prompt_tokens": 57, ...}}

Malformed (and worth another attempt): bytes that are no JSON, no choice where one was asked for, a choice without a
text. Usage that is missing or contradicts itself (no whole numbers, a sum that is none, more than was allowed, no
token for a text) is None with the reason, and never guessed. Reasoning (``reasoning_content`` or ``reasoning``) stands
beside the answer and is no part of it. Whatever else a server tells is passed over.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tracer_env.intake.bounded import decode, shown

__all__ = ["Answer", "Malformed", "Usage", "read_answer"]

Usage = tuple[int, int]
"""Prompt tokens and completion tokens."""

_MOST = 10**9
_REASONS = {"length": "length", "max_tokens": "length"}


@dataclass(frozen=True, slots=True)
class Answer:
    """One candidate's answer, plain data throughout. ``usage`` None: unknown, for the reason in ``unknown``."""

    text: str
    finish: str = "stop"  # or "length"
    usage: Usage | None = None
    unknown: str = ""
    reasoning: str = ""
    logprobs: tuple[float, ...] = ()  # of each token of the completion, at most 0; empty where they are not told
    dropped: int = 0  # earlier utterances that the prompt had to lose


class Malformed(ValueError):
    """An answer that is none. ``usage`` is what it tells of its cost, None where that is unknown."""

    def __init__(self, reason: str, usage: Usage | None = None) -> None:
        super().__init__(reason)
        self.usage = usage


def read_answer(content: bytes, chat: bool, max_new_tokens: int) -> Answer:
    """Return the answer in the body of a reply; raises Malformed with the reason."""
    try:
        data = decode(content)
    except ValueError as error:
        raise Malformed(f"the reply is no JSON: {error}") from None
    if not isinstance(data, dict):
        raise Malformed(f"the reply is {shown(data)}, and no object")
    usage, unknown = _usage(data.get("usage"), max_new_tokens)
    choices = data.get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        raise Malformed(f"the reply has too few choices: {shown(choices)}", usage)
    choice = choices[0]
    message = choice.get("message") if chat else choice
    if not isinstance(message, dict):
        raise Malformed(f"the reply's choice has no message: {shown(message)}", usage)
    text = _text(message, "content" if chat else "text")
    if text is None:
        raise Malformed(f"the reply's choice has no text: {shown(message)}", usage)
    reasoning = next((said for name in ("reasoning_content", "reasoning") if (said := _string(message.get(name)))), "")
    if usage is not None and usage[1] == 0 and (text or reasoning):
        usage, unknown = None, "no completion token for a text"
    finish = _REASONS.get(str(choice.get("finish_reason")), "stop")
    if choice.get("finish_reason") is None and usage is not None and usage[1] >= max_new_tokens:
        finish = "length"
    logprobs = _logprobs(choice.get("logprobs"), chat)
    return Answer(text.strip(), finish, usage, unknown, reasoning.strip(), logprobs)


def _usage(told: Any, max_new_tokens: int) -> tuple[Usage | None, str]:
    if not isinstance(told, Mapping):
        return None, "the reply tells no usage"
    prompt: Any = told.get("prompt_tokens")
    completion: Any = told.get("completion_tokens")
    total: Any = told.get("total_tokens")
    for name, value in (("prompt_tokens", prompt), ("completion_tokens", completion)):
        if type(value) is not int or not 0 <= value <= _MOST:
            return None, f"{name} is {shown(value)}"
    if prompt == 0:
        return None, "prompt_tokens is 0"
    if total is not None and total != prompt + completion:
        return None, f"total_tokens is {shown(total)}, and the parts are {prompt} and {completion}"
    if completion > max_new_tokens:
        return None, f"completion_tokens is {completion}, and at most {max_new_tokens} were allowed"
    return (prompt, completion), ""


def _text(message: Mapping[str, Any], name: str) -> str | None:
    """Return what was said; None where the reply has no place for it. A refusal, or no content at all, is said too."""
    content = message.get(name)
    if isinstance(content, str):
        return content
    if isinstance(content, list):  # parts, as some servers send
        parts = [part.get("text") for part in content if isinstance(part, dict) and part.get("type") == "text"]
        return "".join(part for part in parts if isinstance(part, str))
    if content is None and name in message:
        return _string(message.get("refusal"))
    return None


def _string(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _logprobs(told: Any, chat: bool) -> tuple[float, ...]:
    """Return the log-probability of each token, none unless all of them are told and can be."""
    if not isinstance(told, Mapping):
        return ()
    listed = told.get("content") if chat else told.get("token_logprobs")
    if not isinstance(listed, list):
        return ()
    numbers: list[Any] = (
        [entry.get("logprob") if isinstance(entry, dict) else None for entry in listed] if chat else listed
    )
    sound = [
        min(float(number), 0.0)
        for number in numbers
        if type(number) in (int, float) and math.isfinite(number) and number <= 1e-3
    ]
    return tuple(sound) if len(sound) == len(numbers) else ()
