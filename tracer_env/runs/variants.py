"""Variants of a run's settings, as `transfer` takes them: worlds to train on and to test on.

scenario.level=1;scenario.level=2          two variants: settings as ``--set`` takes them, on top of the run's
max_turns=3|5|7                            three, for short; so are num_agents, scenario and speaker
speaker=simulated:gsm8k max_turns=3        one variant of two settings
arithmetic:level=1,arithmetic:level=2      scenarios, or speakers, by their names
"""

from __future__ import annotations

import re
from itertools import product

from tracer_env.errors import ConfigError, UserError
from tracer_env.registry import resolve
from tracer_env.specs import name_and_settings, split_list

__all__ = ["variants"]

_SHORT = {
    "scenario": "scenario.name",
    "speaker": "speaker.name",
    "max_turns": "rules.max_turns",
    "num_agents": "rules.num_agents",
}
_SETTING = re.compile(r"([\w.]+)=(.*)")


def variants(text: str) -> dict[str, list[str]]:
    """Return what a list of variants sets, as ``KEY=VALUE``, by how each is called.

    Raises ConfigError for an empty list, a variant named twice, and a word that is neither a setting nor a name.
    """
    listed = [piece.strip() for piece in text.split(";") if piece.strip()]
    if len(listed) == 1 and not _SETTING.match(listed[0]):
        listed = split_list(listed[0])
    found: dict[str, list[str]] = {}
    for piece in listed:
        for words in product(*(_choices(word) for word in piece.split())):
            name = " ".join(words)
            if name in found:
                raise ConfigError(f"{name} is named twice in {text!r}")
            found[name] = [_setting(word) for word in words]
    if not found:
        raise ConfigError("a list of variants looks like scenario.level=1;scenario.level=2, or max_turns=3|5|7")
    return found


def _choices(word: str) -> list[str]:
    setting = _SETTING.match(word)
    return [f"{setting[1]}={value}" for value in setting[2].split("|")] if setting else [word]


def _setting(word: str) -> str:
    """Return a word as ``section.key=value``; a name alone is a scenario, else a speaker."""
    setting = _SETTING.match(word)
    if setting:
        return f"{_SHORT.get(setting[1], setting[1])}={setting[2]}"
    for kind in ("scenario", "speaker"):
        try:
            resolve(kind, name_and_settings(word)[0])
        except UserError:
            continue
        return f"{kind}.name={word}"
    raise ConfigError(f"{word!r} is no setting (KEY=VALUE), and no scenario or speaker is called so")
