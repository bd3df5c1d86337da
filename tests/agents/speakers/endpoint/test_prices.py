"""Prices: per million, by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from tracer_env.agents.speakers.endpoint.prices import Price, read_price
from tracer_env.errors import ConfigError

TABLE = (
    '[small]\nin = 0.5\nout = 2\n["owner/large:free"]\nin = 0\nout = 0.0\n[half]\nin = 1\n[less]\nin = -1\nout = 1\n'
)


def test_a_call_costs_its_tokens() -> None:
    assert Price(0.5, 2.0).of(1_000_000, 500_000) == 1.5


def test_a_table_of_prices(tmp_path: Path) -> None:
    path = tmp_path / "prices.toml"
    path.write_text(TABLE, encoding="utf-8")
    assert read_price(str(path), "small") == Price(0.5, 2.0)
    assert read_price(str(path), "owner/large:free") == Price(0.0, 0.0)
    for model, words in (("smal", "did you mean 'small'"), ("half", "must have in and out"), ("less", "at least 0")):
        with pytest.raises(ConfigError, match=words):
            read_price(str(path), model)
    with pytest.raises(ConfigError, match="cannot read"):
        read_price(str(tmp_path / "none.toml"), "small")
