"""Hooks by import path: found, loaded and checked before any work starts.

    package.module:name    imported as Python imports it
    file.py:name           read from the file, relative to the working directory

A hook must take its keywords (`HOOKS`) by name or by ``**context``. Each mistake is a ConfigError in one line: no
such file or module, an error while it is run, no such name, not callable, a keyword that it does not take.
"""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass, field, make_dataclass
from pathlib import Path
from typing import Any

from tracer_env.code_files import CODE, found_at
from tracer_env.errors import ConfigError, UnknownNameError
from tracer_env.parts.blame import told as shown
from tracer_env.settings import Settings

__all__ = ["CONTEXT", "HOOKS", "Hook", "HookPaths", "as_hook", "load_hook"]

HOOKS: dict[str, str] = {
    "value": "value(action=, default=, answer=, correct=, **context) -> float",
    "reward": "reward(text=, default=, answer=, correct=, **context) -> float",
    "prompt": "prompt(default=, **context) -> str: the last user message",
    "extract": "extract(text=, default=, **context) -> str or None: the answer",
    "updater": "updater.update(policy=, context=, candidates=, rewards=) -> dict of metrics or None",
}
"""The kinds of hook and what each is called with."""
CONTEXT = (
    *("role", "agent_index", "turn", "max_turns", "vote", "question", "pending", "history", "task", "dataset_name"),
)
"""The keywords that every hook gets; an updater gets them as one dict."""
_OWN = {
    "value": ("action", "default", "answer", "correct"),
    "reward": ("text", "default", "answer", "correct"),
    "prompt": ("default",),
    "extract": ("text", "default"),
    "updater": ("policy", "context", "candidates", "rewards"),
}

_PATHS: Any = [(kind, str | None, field(default=None)) for kind in HOOKS]
_TOLD = {"at": "hooks", "__doc__": "Functions asked in training alone: ``package.module:name`` or ``file.py:name``."}
HookPaths = make_dataclass("HookPaths", _PATHS, bases=(Settings,), namespace=_TOLD, frozen=True)
"""The section ``[hooks]``: functions asked in training alone, as ``package.module:name`` or ``file.py:name``."""


@dataclass(frozen=True, slots=True)
class Hook:
    """A checked hook: its kind, the path it came by, what is called, and a digest of the source file ('' if none)."""

    kind: str
    name: str = field(repr=False)  # the path it came by, which may be another one elsewhere
    function: Callable[..., Any]
    digest: str = ""

    def call(self, **keywords: Any) -> Any:
        """Call the hook; whatever it raises becomes a ConfigError that names it."""
        try:
            return self.function(**keywords)
        except Exception as error:
            raise ConfigError(f"the {self.kind} hook {self.name!r} raised {_line(error)}") from error

    def refused(self, told: object, wanted: str) -> ConfigError:
        """Return the error for a hook that returned ``told`` where ``wanted`` was due."""
        return ConfigError(f"the {self.kind} hook {self.name!r} returned {shown(told)}; it must return {wanted}")


def load_hook(kind: str, path: str) -> Hook:
    """Load the hook of ``kind`` at ``path`` and check that it can be called with its keywords."""
    _check_kind(kind)
    if not isinstance(path, str) or not CODE.fullmatch(path):
        raise ConfigError(f'the {kind} hook must look like "package.module:name" or "file.py:name", got {path!r}')
    return _checked(kind, path, found_at(f"{kind} hook {path!r}", path))


def as_hook(kind: str, given: Any) -> Hook:
    """Return ``given`` as a checked hook; one that `load_hook` has returned passes as it is."""
    _check_kind(kind)
    if isinstance(given, Hook):
        if given.kind != kind:
            raise ConfigError(f"{given.name!r} was loaded as the {given.kind} hook and cannot be the {kind} hook")
        return given
    return _checked(kind, str(getattr(given, "__qualname__", type(given).__qualname__)), given)


def _check_kind(kind: str) -> None:
    if kind not in HOOKS:
        raise UnknownNameError("kind of hook", kind, HOOKS)


def _checked(kind: str, name: str, found: Any) -> Hook:
    function, keywords = found, (*_OWN[kind], *(() if kind == "updater" else CONTEXT))
    if kind == "updater":
        if inspect.isclass(found):
            try:
                found = found()
            except Exception as error:
                raise ConfigError(
                    f"the updater hook {name!r} cannot be made without arguments: {_line(error)}"
                ) from error
        function = getattr(found, "update", None)
    if not callable(function):
        what = "has no update method" if kind == "updater" else f"is not callable: {found!r:.80}"
        raise ConfigError(f"the {kind} hook {name!r} {what}; it is called as {HOOKS[kind]}")
    _check_keywords(kind, name, function, keywords)
    return Hook(kind, name, function, _digest(function))


def _check_keywords(kind: str, name: str, function: Callable[..., Any], keywords: tuple[str, ...]) -> None:
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # a function written in C that does not tell: its first call will
        return
    parameters = signature.parameters.values()
    named = {p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
    if not any(p.kind is p.VAR_KEYWORD for p in parameters) and (missing := sorted(set(keywords) - named)):
        raise ConfigError(
            f"the {kind} hook {name!r} does not take the keyword{'s' * (len(missing) > 1)} {', '.join(missing)}; "
            "add them, or **context for all"
        )
    try:
        signature.bind(**dict.fromkeys(keywords))
    except TypeError as error:
        raise ConfigError(f"the {kind} hook {name!r} cannot be called as {HOOKS[kind]}: {error}") from error


def _digest(function: Callable[..., Any]) -> str:
    """Return a digest of the file that ``function`` is written in, '' when there is none to read."""
    try:
        file = inspect.getsourcefile(inspect.unwrap(function))
        return hashlib.sha256(Path(file).read_bytes()).hexdigest() if file else ""
    except (TypeError, OSError):  # an object with __call__, or typed at a prompt
        return ""


def _line(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0]
