"""Tables of names and numbers: whatever the width, every digit is there."""

from __future__ import annotations

import io

import pytest

from tracer_env.display.tables import number_table
from tracer_env.terminal.screen import Screen


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_numbers_are_never_cut(width: int) -> None:
    table = number_table("a title", "information state", ("visits", "P(speak)", "now", "regret"))
    table.add_row("agent_0/proposer/invalid_pending/not_last", "1,234", "0.962", "1.000", "0.07612")
    screen = Screen(width=width, file=io.StringIO())
    screen.print(table)
    told = screen.file.getvalue()  # type: ignore[attr-defined]
    assert "…" not in told
    for cell in ("P(speak)", "1,234", "0.962", "1.000", "0.07612"):
        assert cell in told
    assert "agent_0/proposer/invalid_pending/not_last" in told or width < 80
    assert max(map(len, told.splitlines())) <= width
