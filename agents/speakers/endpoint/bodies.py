"""The exact body of a request: what is sent for one candidate, as plain data, and nothing that is not in it.

    chat          {"model", "messages", "temperature", "max_tokens", "seed", ...}      POST /chat/completions
    completion    {"model", "prompt", "temperature", "max_tokens", "stop", "seed"}     POST /completions

Candidate c of a request asks for one text with a seed of its own, drawn from (stream, turn, GENERATION, c) as a local
model draws its noise: the body hangs on the request and on c alone, whatever is asked beside it. Whether equal seeds
give equal texts is the server's promise, and few make it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tracer_env.agents.speakers.prompts import PLAIN_STOP, Message, plain_text, without_system
from tracer_env.errors import ConfigError
from tracer_env.interfaces import Request
from tracer_env.randomness import Purpose, draw

__all__ = ["Form", "most_tokens", "seed_of"]

_OURS = ("model", "messages", "prompt", "temperature", "seed", "n", "stream", "logprobs", "top_logprobs", "stop")
_LIMITS = ("max_tokens", "max_completion_tokens")
_SECRET = ("api_key", "api-key", "authorization")
_AROUND = 16  # tokens that a template may put around a message, generously


@dataclass(frozen=True)
class Form:
    """How requests are written. ``temperature`` None leaves it to the server; ``extra`` goes into each body as it is.

    Raises ConfigError for an ``extra`` key that has a setting of its own, or that would hold a secret.
    """

    model: str
    chat: bool = True
    temperature: float | None = 0.3
    max_new_tokens: int = 256
    limit_as: str = "max_tokens"
    seeds: bool = True
    logprobs: bool = False
    system: bool = True
    extra: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for key in self.extra:
            if str(key).lower() in _SECRET:
                raise ConfigError(
                    f"speaker.extra.{key} would put a key into the run's files; set the environment variable that "
                    "speaker.api_key_env names"
                )
            if key in (*_OURS, *_LIMITS):
                raise ConfigError(
                    f"speaker.extra.{key} has a setting of its own; see docs/endpoints.md, and leave it out"
                )

    @property
    def path(self) -> str:
        """Where requests go below the base URL."""
        return "/chat/completions" if self.chat else "/completions"

    def body(self, messages: list[Message], seed: int) -> dict[str, Any]:
        """Return the body of one candidate: a fresh dict of plain data."""
        told = messages if self.system else without_system(messages)
        said: dict[str, Any] = {"messages": told} if self.chat else {"prompt": plain_text(told), "stop": [PLAIN_STOP]}
        body: dict[str, Any] = {"model": self.model, **said}
        if self.temperature is not None:
            body["temperature"] = self.temperature
        body[self.limit_as if self.chat else "max_tokens"] = self.max_new_tokens
        if self.seeds:
            body["seed"] = seed
        if self.logprobs:
            body["logprobs"] = True if self.chat else 0
        return {**body, **self.extra}


def seed_of(request: Request, candidate: int) -> int:
    """Return the seed of a candidate, below 2 ** 31: what every server takes that takes any."""
    purpose = Purpose.GENERATION if request.question is None else Purpose.QUESTION
    return draw(request.stream, request.state.turn, purpose, candidate) >> 33


def most_tokens(body: Mapping[str, Any], max_new_tokens: int) -> tuple[int, int]:
    """Return the most tokens of prompt and completion that a body can be billed for.

    No tokenizer makes more tokens of a text than it has bytes; what a template puts around it is allowed for.
    """
    texts = [m["content"] for m in body["messages"]] if "messages" in body else [body["prompt"]]
    prompt = sum(len(text.encode("utf-8", "surrogatepass")) + _AROUND for text in texts) + _AROUND
    return prompt, max_new_tokens
