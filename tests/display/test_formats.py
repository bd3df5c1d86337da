"""Tables for other programs: what they hold, and what no character of theirs breaks."""

from __future__ import annotations

import csv
import io

import pytest
from rich.console import Group
from rich.table import Table
from rich.text import Text

from tracer_env.display.formats import FORMATS, as_csv, as_latex, as_markdown, check_format
from tracer_env.display.tables import number_table
from tracer_env.errors import UnknownNameError


def _table() -> Table:
    table = number_table("50% of it & more", "method", ("accuracy\n[95%]", "p"))
    table.add_row("vote_threshold|a", "0.740 [0.61, 0.85]", "<.001")
    table.add_row()
    table.add_row(Text("always"), "[not an argument]", "–")
    return table


def test_csv_has_every_digit_and_two_columns_for_an_interval() -> None:
    records = [
        {"method": "a", "accuracy": 1 / 3, "accuracy_ci": [0.25, 0.5], "by_role": {"proposer": 1, "reviewer": None}},
        {"method": 'b, "quoted"\n=1', "accuracy": 0.5, "accuracy_ci": None, "seeds": [1, 2]},
    ]
    text = as_csv(records)
    rows = list(csv.DictReader(io.StringIO(text)))
    assert text.splitlines()[0] == (
        "method,accuracy,accuracy_ci_low,accuracy_ci_high,by_role.proposer,by_role.reviewer,seeds"
    )
    assert float(rows[0]["accuracy"]) == 1 / 3
    assert (rows[0]["accuracy_ci_low"], rows[1]["accuracy_ci_low"]) == ("0.25", "")
    assert (rows[1]["method"], rows[1]["seeds"], rows[1]["by_role.proposer"]) == ('b, "quoted"\n=1', "1 2", "")
    assert as_csv([]) == "\n"


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@x", "\tx"])
def test_no_cell_is_run_by_a_spreadsheet(name: str) -> None:
    assert next(csv.DictReader(io.StringIO(as_csv([{"method": name, "difference": -0.5}])))) == {
        "method": f"'{name}",
        "difference": "-0.5",
    }


def test_markdown() -> None:
    assert as_markdown([Text("before"), Group(_table(), "after")]).splitlines() == [
        "**50% of it & more**",
        "",
        r"| method | accuracy \[95%\] | p |",
        "| --- | ---: | ---: |",
        r"| vote\_threshold\|a | 0.740 \[0.61, 0.85\] | \<.001 |",
        r"| always | \[not an argument\] | – |",
    ]


def test_latex() -> None:
    assert as_latex([_table()]).splitlines() == [
        "% 50% of it & more",
        r"\begin{tabular}{lrr}",
        r"\toprule",
        r"method & accuracy [95\%] & p \\",
        r"\midrule",
        r"vote\_threshold|a & 0.740 [0.61, 0.85] & $<$.001 \\",
        r"always & {}[not an argument] & -- \\",
        r"\bottomrule",
        r"\end{tabular}",
    ]


def test_control_characters_of_strangers_are_spelled_out() -> None:
    table = number_table("", "method", ("n",))
    table.add_row("\x1b[31mred", "1")
    assert "\x1b" not in as_markdown([table]) + as_latex([table])


def test_an_unknown_format() -> None:
    for name in FORMATS:
        check_format(name)
    with pytest.raises(UnknownNameError, match="unknown format 'markdwon'; did you mean 'markdown'"):
        check_format("markdwon")
