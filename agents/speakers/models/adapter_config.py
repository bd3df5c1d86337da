"""What ``adapter_config.json`` of a LoRA adapter may say, by our own rules, before peft sees any of it.

    read      r, lora_alpha, lora_dropout, use_rslora, rank_pattern, alpha_pattern, fan_in_fan_out, the names of modules
    let pass  what says where the adapter comes from: base model, revision, versions, task; none of it is followed
    refused   what makes more of it than a low-rank addition to an unchanged base (DoRA, biases, whole modules, a base
              that is changed first), unless it is switched off; a key that is not known, likewise

``rsLoRA`` is a matter of scaling and is taken. Names are matched as they stand: a module's whole path or its last
parts. A regular expression is never run. Where ``target_modules`` is one (peft allows it, and some tools write it), the
tensors of the file say where the adapter sits, and the expression must only be one that could be run in bounded
time, with no repetition inside another; elsewhere there must be plain names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tracer_env.intake.bounded import shown
from tracer_env.intake.checked import (
    Misfit,
    Reader,
    also,
    as_given,
    flag,
    line,
    listed,
    mapping,
    number,
    optional,
    plain,
    record,
    whole,
)

__all__ = ["AdapterConfig", "read_config"]

MOST_NAMES = 4096
MOST_PATTERNS = 128
MOST_RANK = 1 << 20
_PLAIN = re.compile(r"\^?[A-Za-z0-9_.\\-]{1,300}")
_EXPRESSION = 2000
_HARMLESS_STARTS = (True, False, "gaussian", "orthogonal", "eva", None)
"""Starts that leave the base as it is; the others (PiSSA and the like) subtract from it."""
_MORE = "is {}, which is more than a plain LoRA; train one without"
_OFF: tuple[Any, ...] = (None, False, [], {}, "")


@dataclass(frozen=True)
class AdapterConfig:
    """A plain LoRA adapter: what it computes with, and where it says that it sits."""

    r: int
    lora_alpha: float
    lora_dropout: float = 0.0
    use_rslora: bool = False
    fan_in_fan_out: bool = False
    rank_pattern: Mapping[str, int] = field(default_factory=dict)
    alpha_pattern: Mapping[str, float] = field(default_factory=dict)
    targets: tuple[str, ...] | None = None
    """Names of modules; None where the file has an expression or limits itself to some layers."""
    excluded: tuple[str, ...] = ()

    def rank(self, module: str) -> int:
        """Return the rank at a module."""
        return next((rank for name, rank in self.rank_pattern.items() if _named(name, module)), self.r)

    def sits_at(self, module: str) -> bool:
        """Return whether a module of the model is among the targets; they must be names."""
        return _ends(module, self.targets or ()) and not _ends(module, self.excluded)

    def for_peft(self, modules: Sequence[str]) -> dict[str, Any]:
        """Return the arguments of a LoraConfig that sits at these modules and does the same."""
        return {
            "r": self.r,
            "lora_alpha": self.lora_alpha,
            "lora_dropout": self.lora_dropout,
            "use_rslora": self.use_rslora,
            "fan_in_fan_out": self.fan_in_fan_out,
            "rank_pattern": {_escaped(name): rank for name, rank in self.rank_pattern.items()},
            "alpha_pattern": {_escaped(name): alpha for name, alpha in self.alpha_pattern.items()},
            "target_modules": list(modules if self.targets is None else self.targets),
            "exclude_modules": list(self.excluded) or None,
            "inference_mode": True,
            "task_type": "CAUSAL_LM",
        }


def read_config(data: Any) -> AdapterConfig:
    """Return what a file says; raises Misfit, with the place, for what is not taken."""
    if not isinstance(data, dict):
        raise Misfit(f"is {shown(data)}; it must be an object, as save_pretrained of peft writes it")
    if (kind := data.get("peft_type")) != "LORA":
        raise Misfit(f"is of type {shown(kind)}; only LORA adapters can be switched", "peft_type")
    found = _FIELDS({name: value for name, value in data.items() if name in _KNOWN})
    for name, value in data.items():
        if name not in _KNOWN and value not in _OFF and _DEFAULTS.get(name) != value:
            raise Misfit(_MORE.format(shown(value)), name)
    targets, excluded = _names(found, "target_modules"), _names(found, "exclude_modules")
    everywhere = found.get("layers_to_transform") in (None, [])
    return AdapterConfig(
        **{name: found[name] for name in _NUMBERS if found.get(name) is not None},
        targets=targets if everywhere and excluded is not None else None,
        excluded=excluded or (),
    )


# -- fields --------------------------------------------------------------------------------------

_ALPHA = as_given(also(number(0, 1e9), lambda value: value > 0, "above 0"))  # an adapter is known by it
_NAME = also(line(300, least=1), lambda name: _PLAIN.fullmatch(name) is not None, "a plain name, without a pattern")


def _modules(value: Any) -> str | list[str] | None:
    """null, names, or one expression that is bounded."""
    if value is None or isinstance(value, list):
        return optional(listed(_NAME, MOST_NAMES))(value)
    words = line(_EXPRESSION, least=1)(value)
    if _nested(words):
        raise Misfit(f"is {shown(words)}, a pattern that may take for ever; list the names of the modules")
    return words


def _start(value: Any) -> Any:
    if not any(value is known or (isinstance(value, str) and value == known) for known in _HARMLESS_STARTS):
        raise Misfit(_MORE.format(shown(value)))
    return value


def _bias(value: Any) -> Any:
    if value != "none":
        raise Misfit(_MORE.format(shown(value)))
    return value


def _layers(value: Any) -> Any:
    one = whole(0, MOST_NAMES)
    return optional(listed(one, MOST_NAMES))(value) if isinstance(value, list) else optional(one)(value)


_LABEL: Reader[Any] = optional(line(4096))
_NUMBERS: dict[str, Reader[Any]] = {
    "r": whole(1, MOST_RANK),
    "lora_alpha": _ALPHA,
    "lora_dropout": also(number(0, 1), lambda value: value < 1, "below 1"),
    "use_rslora": flag,
    "fan_in_fan_out": flag,
    "rank_pattern": optional(mapping(whole(1, MOST_RANK), MOST_PATTERNS, _NAME)),
    "alpha_pattern": optional(mapping(_ALPHA, MOST_PATTERNS, _NAME)),
}
_KNOWN: dict[str, Reader[Any]] = {
    **_NUMBERS,
    "target_modules": _modules,
    "exclude_modules": _modules,
    "layers_to_transform": _layers,
    "layers_pattern": lambda value: listed(_NAME, 64)(value) if isinstance(value, list) else optional(_NAME)(value),
    "bias": _bias,
    "init_lora_weights": _start,
    "eva_config": optional(record({}, others=plain(4))),
    "runtime_config": optional(record({}, others=plain(4))),
    "auto_mapping": optional(record({}, others=plain(2))),
    "inference_mode": flag,
    **dict.fromkeys(("peft_type", "task_type", "base_model_name_or_path", "revision", "peft_version"), _LABEL),
}
_FIELDS = record({"r": _NUMBERS["r"], "lora_alpha": _ALPHA}, may_have=_KNOWN)
_DEFAULTS = {"megatron_core": "megatron.core", "qalora_group_size": 16}
"""What peft writes for features that are off, where that is neither null nor false nor empty."""


# -- names ---------------------------------------------------------------------------------------


def _names(found: Mapping[str, Any], key: str) -> tuple[str, ...] | None:
    """Return the names of a field, none for null; None where an expression stands."""
    value = found.get(key)
    if key == "target_modules" and value is None:
        return None
    return None if isinstance(value, str) else tuple(sorted(set(value or ())))


def _ends(module: str, names: Sequence[str]) -> bool:
    return any(module == name or module.endswith(f".{name}") for name in names)


def _named(name: str, module: str) -> bool:
    """Whether a key of a pattern is a module's path, or its last parts where it has no ``^`` in front."""
    exact, plain_name = name.startswith("^"), name.removeprefix("^").replace("\\", "")
    return module == plain_name or (not exact and module.endswith(f".{plain_name}"))


def _escaped(name: str) -> str:
    mark = "^" if name.startswith("^") else ""
    return mark + re.escape(name.removeprefix("^").replace("\\", ""))


def _nested(words: str) -> bool:
    """Whether an expression cannot be read, or repeats what repeats itself, or refers back: what may take for ever."""
    depth_of_repeats: list[bool] = []  # for each open bracket, whether a repetition stands in it
    repeats = False
    place = 0
    while place < len(words):
        sign = words[place]
        if sign == "\\":
            if words[place + 1 : place + 2].isdigit():
                return True
            place += 1
        elif sign == "[":
            end = words.find("]", place + 2)
            if end < 0:
                return True
            place = end
        elif sign == "(":
            depth_of_repeats.append(repeats)
            repeats = False
        elif sign == ")":
            if not depth_of_repeats:
                return True
            inner, repeats = repeats, depth_of_repeats.pop()
            again = words[place + 1 : place + 2] in ("*", "+", "{")
            if inner and again:
                return True
            repeats = repeats or inner or again
        elif sign in "*+{":
            repeats = True
        place += 1
    return bool(depth_of_repeats)
