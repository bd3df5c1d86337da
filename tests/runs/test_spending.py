"""What a run is billed for: the file beside it, budgets that end it, and runs that go on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from faulty import Faults, FaultServer, request

from tracer_env.agents.speakers.endpoint import waits
from tracer_env.agents.speakers.endpoint.speaker import EndpointSpeaker
from tracer_env.agents.speakers.simulated.speaker import SimulatedSpeaker
from tracer_env.cli.app import main
from tracer_env.errors import BudgetReached, ConfigError, DataError
from tracer_env.parts.accounts import Spent
from tracer_env.runs.config import BudgetConfig
from tracer_env.runs.folder import load_run
from tracer_env.runs.spending import FILE, billed, check_budget, read_spending


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.setattr(waits, "FIRST", 0.001)


def test_what_is_billed_stands_in_the_file(tmp_path: Path) -> None:
    with FaultServer(Faults(0.3, ("usage",))) as server:
        speaker = EndpointSpeaker("m", base_url=server.url, price_in=1.0, price_out=2.0)
        with billed(speaker, BudgetConfig(), tmp_path) as account:
            speaker.speak([request(number) for number in range(10)])
            first = account.spent
        speaker.speak([request(99)])  # outside of the block nobody writes
        with billed(speaker, BudgetConfig(), tmp_path) as account:
            assert account.spent == first
            speaker.speak([request(number) for number in range(20, 30)])
            both = account.spent
    assert read_spending(tmp_path / FILE).spent == both
    assert both.calls == 20
    assert 0 < both.unknown < 20
    assert both.cost == pytest.approx((both.prompt_tokens + 2 * both.completion_tokens) / 1e6)
    assert len((tmp_path / FILE).read_text().splitlines()) == 40


@pytest.mark.parametrize(
    ("lines", "spent"),
    [
        ([], Spent()),
        (['{"call":1,"most_tokens":9,"most_cost":0.5}'], Spent(1, 1, 0, 0, 9, 0.0, 0.5)),
        (['{"call":1,"most_tokens":9}', '{"call":1,"usage":[1,2],"cost":0.25}'], Spent(1, 0, 1, 2, 0, 0.25)),
        (['{"call":1,"most_tokens":9}', '{"call":1,"usage":"none"}'], Spent()),
        (['{"call":1,"most_tokens":9}', '{"call":1,"usage":"unknown"}'], Spent(1, 1, 0, 0, 9)),
        (['{"call":1,"most_tokens":9}', '{"call":1,"usage":[1,'], Spent(1, 1, 0, 0, 9)),
    ],
)
def test_a_file_is_read_back(tmp_path: Path, lines: list[str], spent: Spent) -> None:
    ends = ["\n" if line.endswith("}") else "" for line in lines]
    path = tmp_path / FILE
    path.write_text("".join(line + end for line, end in zip(lines, ends, strict=True)))
    assert read_spending(path).spent == spent
    with FaultServer() as server:
        speaker = EndpointSpeaker("m", base_url=server.url)
        with billed(speaker, BudgetConfig(), tmp_path):
            speaker.speak([request()])
    after = read_spending(path).spent
    assert (after.calls, after.unknown) == (spent.calls + 1, spent.unknown)


@pytest.mark.parametrize(
    "line",
    ["", "{}", '{"call":0}', '{"call":1,"usage":"much"}', '{"call":1,"usage":[-1,2]}', '{"call":1,"cost":-1}', "7"],
)
def test_a_damaged_line_is_named(tmp_path: Path, line: str) -> None:
    (tmp_path / FILE).write_text('{"call":1,"most_tokens":9}\n' + line + "\n")
    with pytest.raises(DataError, match=f"{FILE}, line 2"):
        read_spending(tmp_path / FILE)


def test_a_budget_is_refused_where_nobody_is_billed() -> None:
    check_budget(SimulatedSpeaker(), BudgetConfig())
    with pytest.raises(ConfigError, match="no part of this speaker asks one here"):
        check_budget(SimulatedSpeaker(), BudgetConfig(max_tokens=9))
    with pytest.raises(ConfigError, match=r"budget\.max_cost must be a number above 0"):
        BudgetConfig(max_cost=0.0)
    with pytest.raises(ConfigError, match=r"budget\.max_tokens must be at least 1"):
        BudgetConfig(max_tokens=0)


def _compare(url: str, out: Path, *more: str) -> int:
    line = ["compare", "--scenario", "arithmetic", "--limit", "40", "--methods", "always", "--speaker", "endpoint:m"]
    settings = [
        "--set",
        f"speaker.base_url={url}",
        "--set",
        "evaluation.batch_size=5",
        "--set",
        "speaker.concurrency=4",
    ]
    return main([*line, *settings, "--out", str(out), *more])


def test_a_comparison_ends_at_its_budget_and_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with FaultServer() as server:
        assert _compare(server.url, tmp_path / "whole") == 0
        assert "billed  " in capsys.readouterr().out
        run = tmp_path / "run"
        assert _compare(server.url, run, "--max-tokens", "4000") == 3
        told = capsys.readouterr().err
        assert "error: the budget of 4,000 tokens is used up: " in told
        assert f"; go on with a larger one: --resume {run} --max-tokens MORE" in told
        before = (run / "episodes.jsonl").read_bytes()
        assert 0 < before.count(b"\n") < 40
        spent = read_spending(run / FILE).spent
        assert 4000 <= spent.tokens < 4000 + 5 * 200
        sent = server.seen.attempts
        assert main(["compare", "--resume", str(run)]) == 3  # the same budget: nothing is sent
        assert server.seen.attempts == sent
        capsys.readouterr()
        assert main(["compare", "--resume", str(run), "--max-tokens", "10000000", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (run / "episodes.jsonl").read_bytes() == (tmp_path / "whole" / "episodes.jsonl").read_bytes()
    after = read_spending(run / FILE).spent
    assert result["billed"]["calls"] == after.calls > spent.calls
    assert load_run(run).config.budget == BudgetConfig(max_tokens=4000)


def test_other_commands_end_at_a_budget_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with FaultServer() as server:
        common = ["--scenario", "arithmetic", "--speaker", "endpoint:m", "--set", f"speaker.base_url={server.url}"]
        trees = ["expand", *common, "--limit", "20", "--set", "rules.max_turns=3"]
        assert main([*trees, "--out", str(tmp_path / "trees"), "--max-tokens", "3000"]) == 3
        assert main(["expand", "--resume", str(tmp_path / "trees"), "--max-tokens", "9000000", "--json"]) == 0
        assert " tokens in " in json.loads(capsys.readouterr().out)["billed"]
        assert main(["play", *common, "--controller", "always", "--max-tokens", "100"]) == 3
        train = ["train", *common, "--steps", "20", "--out", str(tmp_path / "train")]
        assert main([*train, "--max-tokens", "2000"]) == 3
        assert main(["train", "--resume", str(tmp_path / "train"), "--max-tokens", "9000000"]) == 0
    capsys.readouterr()
    assert main(["compare", "--speaker", "simulated", "--limit", "2", "--max-tokens", "5"]) == 2
    assert "no part of this speaker asks one here" in capsys.readouterr().err


def test_unknown_usage_is_marked_and_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with FaultServer(Faults(0.2, ("usage",))) as server:
        assert _compare(server.url, tmp_path / "run") == 0
    shown = " ".join(capsys.readouterr().out.split())
    turns = [turn for told in load_run(tmp_path / "run").stream() for turn in told.turns]
    unknown = sum(turn.utterance is not None and not turn.utterance.counted for turn in turns)
    assert unknown == server.seen.faults["usage"] > 10
    assert f"utterances whose usage no server told: always {unknown}" in shown
    assert json.loads((tmp_path / "run" / "metrics.json").read_text())["rows"][0]["uncounted"] == unknown


def test_a_budget_that_is_reached_says_so_from_python(tmp_path: Path) -> None:
    with FaultServer() as server:
        speaker = EndpointSpeaker("m", base_url=server.url)
        with billed(speaker, BudgetConfig(max_tokens=50), None) as account:
            while account.spent.tokens < 50:
                speaker.speak([request()])
            with pytest.raises(BudgetReached, match="the budget of 50 tokens is used up"):
                speaker.speak([request()])
