"""Messages as the token ids of a prompt, by the model's chat template, or as plain text where it has none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tracer_env.agents.speakers.models.engine import ModelFacts
from tracer_env.agents.speakers.models.templates import pinned, without_end
from tracer_env.agents.speakers.prompts import Message, plain_text, without_system
from tracer_env.errors import DataError
from tracer_env.intake.bounded import told

__all__ = ["Rendering"]


class Rendering:
    """Makes prompts for one model. ``options`` go to the chat template, ``date`` is the day that it is told.

    Raises DataError for a template that renders nothing, ConfigError for a date that is none.
    """

    def __init__(self, facts: ModelFacts, options: Mapping[str, Any], date: str) -> None:
        self._path, self._tokenizer, self._ends = facts.path, facts.tokenizer, facts.ends
        self.chat = facts.tokenizer.chat_template is not None
        """Whether there is a chat template; without one a reply also ends where a next section begins."""
        self.options = dict(options)
        self.date = pinned(date, facts.tokenizer)
        self._system_role = not self.chat or self._renders_system()

    def ids(self, messages: list[Message]) -> tuple[int, ...]:
        """Return the token ids of a prompt."""
        if not self.chat:
            return without_end(self._tokenizer(plain_text(messages))["input_ids"], self._ends)
        if not self._system_role:
            messages = without_system(messages)
        return tuple(self._tokenizer(self._rendered(messages), add_special_tokens=False)["input_ids"])

    def shared(self, opening: list[Message]) -> tuple[int, ...]:
        """Return the ids that all prompts with this opening begin with: what two of them have in common."""
        left, right = (self.ids([*opening, {"role": "user", "content": word}]) for word in ("?", "A"))
        same = next((i for i, (a, b) in enumerate(zip(left, right, strict=False)) if a != b), 0)
        return left[:same]

    def _renders_system(self) -> bool:
        """Return whether the chat template takes a system message; some refuse one. DataError when it takes none."""
        asked: Message = {"role": "user", "content": "u"}
        try:
            return bool(self._rendered([{"role": "system", "content": "s"}, asked]))
        except Exception as error:
            try:
                self._rendered([asked])
                return False
            except Exception:
                raise DataError(
                    f"the chat template of {self._path!r} cannot be used: {told(error)}; mend it or "
                    "speaker.chat_options"
                ) from error

    def _rendered(self, messages: list[Message]) -> str:
        text = self._tokenizer.apply_chat_template(
            messages, tokenize=False, add_generation_prompt=True, **{**self.date, **self.options}
        )
        if not isinstance(text, str) or not text:
            raise ValueError("it makes no text")
        return text
