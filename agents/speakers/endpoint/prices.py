"""What tokens cost, in the currency of whoever writes the price down.

    Price(0.15, 0.6)                        per million tokens of prompts and of completions
    read_price("prices.toml", "small")      from a table:    [small]
                                                             in = 0.15
                                                             out = 0.6

Prompts that a server takes from its cache count at the full price: costs are those of the table, or less.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from annotated_types import Ge

from tracer_env.errors import ConfigError, did_you_mean
from tracer_env.intake.toml_files import read_toml
from tracer_env.settings import require

__all__ = ["Price", "read_price"]

_AMOUNT: Any = Annotated[float, Ge(0)]


@dataclass(frozen=True)
class Price:
    """Per million tokens: ``prompt`` of those that are read, ``completion`` of those that are written."""

    prompt: float
    completion: float

    def of(self, prompt_tokens: int, completion_tokens: int) -> float:
        """Return what a call cost."""
        return (prompt_tokens * self.prompt + completion_tokens * self.completion) / 1e6


def read_price(path: str, model: str) -> Price:
    """Return the price of a model from a TOML table; raises ConfigError where it has none of this model."""
    table = read_toml(Path(path).expanduser())
    entry = table.get(model)
    if not isinstance(entry, dict):
        raise ConfigError(
            f"{path} has no price of the model {model!r}{did_you_mean(model, table)}; add a section "
            f'["{model}"] with in and out, per million tokens'
        )
    if set(entry) != {"in", "out"}:
        raise ConfigError(f"{path}: the price of {model!r} must have in and out, per million tokens, got {entry!r:.80}")
    require(f"{path}: {model}.", _AMOUNT, **entry)
    return Price(float(entry["in"]), float(entry["out"]))
