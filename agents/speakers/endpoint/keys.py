"""API keys: read from the environment, sent to the server, and shown to nobody.

A key is known by the name of its variable. Its value stands in no setting, no repr, no pickle and no error: what a
server says is passed through `Key.hidden` first, for some repeat the key they were given, in whole or in part.
"""

from __future__ import annotations

import os
import re

from tracer_env.errors import ConfigError

__all__ = ["Key", "check_name"]

_NAME = re.compile(r"[A-Z_][A-Z0-9_]{0,99}")
_SHORTEST = 8
_NONE = "none"  # what servers without keys are sent: the client wants a text


def check_name(name: object) -> str:
    """Return the name of an environment variable; raises ConfigError without showing what may be a key itself."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ConfigError(
            "speaker.api_key_env must be the name of an environment variable in capitals, such as OPENAI_API_KEY, and "
            "not the key itself (what was given is not shown)"
        )
    return name


class Key:
    """The key in the environment variable ``name``; ``needed`` says that there must be one.

    Raises ConfigError when a needed one is missing, and for characters that no header can carry.
    """

    __slots__ = ("_value", "name", "needed")

    def __init__(self, name: str, needed: bool) -> None:
        self.name, self.needed = check_name(name), needed
        self._value = os.environ.get(name, "").strip()
        if needed and not self._value:
            raise ConfigError(
                f"no API key: the environment variable {name} is not set; set it, or name another one with "
                "--set speaker.api_key_env=NAME"
            )
        if not (self._value.isascii() and self._value.isprintable()) or " " in self._value:
            raise ConfigError(
                f"the API key in the environment variable {name} holds a space, a line break or a letter that is not "
                "ASCII, which no header can carry; set it anew"
            )

    def __repr__(self) -> str:
        return f"Key({self.name})"

    def __reduce__(self) -> tuple[type[Key], tuple[str, bool]]:
        """Be pickled by name: whoever unpickles reads an environment of his own."""
        return Key, (self.name, self.needed)

    def reveal(self) -> str:
        """Return the value for the request's header, and for nothing else."""
        return self._value or _NONE

    def hidden(self, text: str) -> str:
        """Return ``text`` without the key, and without any eight characters of it in a row."""
        key = self._value
        if not key:
            return text
        text = text.replace(key, f"(${self.name})")
        pieces = {key[start : start + _SHORTEST] for start in range(len(key) - _SHORTEST + 1)}
        covered = [False] * len(text)
        for start in range(len(text) - _SHORTEST + 1):
            if text[start : start + _SHORTEST] in pieces:
                covered[start : start + _SHORTEST] = [True] * _SHORTEST
        shown = "".join("\0" if hide else letter for letter, hide in zip(text, covered, strict=True))
        return re.sub("\0+", f"(${self.name})", shown)
