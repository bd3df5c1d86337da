"""Transfer: the grammar of variants, the matrix on small worlds, its table and heat map."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from tracer_env.cli.app import main
from tracer_env.display.gaps import check_picture, draw_gaps, gap_records, gap_tables
from tracer_env.errors import ConfigError, RunFolderError
from tracer_env.runs.comparing import compare
from tracer_env.runs.config import Config
from tracer_env.runs.folder import load_run
from tracer_env.runs.transferring import transfer
from tracer_env.runs.variants import variants


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("scenario.level=1;scenario.level=2", {"scenario.level=1": ["scenario.level=1"], "scenario.level=2": None}),
        ("max_turns=3|7", {"max_turns=3": ["rules.max_turns=3"], "max_turns=7": ["rules.max_turns=7"]}),
        (
            "speaker=simulated num_agents=2|3",
            {
                "speaker=simulated num_agents=2": ["speaker.name=simulated", "rules.num_agents=2"],
                "speaker=simulated num_agents=3": ["speaker.name=simulated", "rules.num_agents=3"],
            },
        ),
        (
            "arithmetic:level=1,arithmetic:level=2",
            {"arithmetic:level=1": ["scenario.name=arithmetic:level=1"], "arithmetic:level=2": None},
        ),
        ("simulated", {"simulated": ["speaker.name=simulated"]}),
    ],
)
def test_variants_are_settings(text: str, found: dict[str, list[str] | None]) -> None:
    made = variants(text)
    assert list(made) == list(found)
    assert all(made[name] == settings for name, settings in found.items() if settings is not None)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "looks like"),
        ("max_turns=3;max_turns=3", "named twice"),
        ("nowhere", "no scenario or speaker is called so"),
    ],
)
def test_what_is_no_list_of_variants_is_refused(text: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        variants(text)


def _config(**evaluation: Any) -> Config:
    asked = {"methods": ["until_approved", "cfr_plus:iterations=20"], **evaluation}
    data = {"scenario": {"name": "arithmetic", "limit": 20}, "training": {"tasks": 20}, "evaluation": asked}
    return Config.from_data({**data, "speaker": {"name": "simulated"}})


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    out = tmp_path_factory.mktemp("transfer") / "run"
    return transfer(_config(), "max_turns=3", "max_turns=5;num_agents=3", out=out)


def test_each_variant_teaches_and_the_tested_ones_are_played(found: dict[str, Any]) -> None:
    assert found["train_on"] == ["max_turns=3", "max_turns=5", "num_agents=3"]
    assert found["test_on"] == ["max_turns=5", "num_agents=3"]
    (one,) = found["methods"]
    assert found["left_out"] == ["until_approved"]  # a fixed rule has nothing to carry over
    assert one["method"] == "cfr_plus:iterations=20"
    for column in found["test_on"]:
        own = one["cells"][column][column]
        assert own["paired_difference"] is None
        for row in found["train_on"]:
            cell = one["cells"][row][column]
            if row != column:
                assert cell["paired_difference"] == pytest.approx(cell["accuracy"] - own["accuracy"])
                low, high = cell["paired_difference_ci"]
                assert low <= cell["paired_difference"] <= high
    run = load_run(Path(found["run"]) / "tested" / "0-0")
    assert run.config.rules.max_turns == 5
    assert json.loads((Path(found["run"]) / "transfer.json").read_text()) == found


def test_keys_that_were_never_met_are_counted(found: dict[str, Any]) -> None:
    cells = found["methods"][0]["cells"]
    assert cells["max_turns=5"]["max_turns=5"]["unseen"] == 0
    # two agents never saw the third: of the choices at turns 2 to 5, agents 1, 2, 0 and 1, each in a role of its own
    strange = cells["max_turns=5"]["num_agents=3"]
    assert 0 < strange["unseen"] <= strange["choices"] == 20 * 4


def test_table_records_and_heat_map(found: dict[str, Any], tmp_path: Path) -> None:
    console = Console(width=100)
    with console.capture() as told:
        for table in gap_tables(found):
            console.print(table)
    words = told.get()
    for cell in ("own 0.", "1  max_turns=3", "3  num_agents=3", "?"):
        assert cell in words
    assert len(gap_records(found)) == 6
    for name in ("a.svg", "b.svg"):
        draw_gaps(found, tmp_path / name)
    first = (tmp_path / "a.svg").read_text()
    assert "trained on" in first
    assert first == (tmp_path / "b.svg").read_text()
    with pytest.raises(ConfigError, match="is an"):
        check_picture(tmp_path / "a.pdf")


def test_what_cannot_be_carried_over_is_refused() -> None:
    with pytest.raises(ConfigError, match="has anything to learn"):
        transfer(_config(methods=["until_approved"]), "max_turns=3")
    with pytest.raises(ConfigError, match="goes by one seed"):
        transfer(_config(seeds=[0, 1]), "max_turns=3")


def test_the_commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["--scenario", "arithmetic", "--speaker", "simulated", "--limit", "10", "--train-tasks", "10"]
    asked += ["--methods", "cfr_plus:iterations=5", "--train-on", "scenario.level=1;scenario.level=2"]
    assert main(["compare", *asked, "--test-on", "scenario.level=2", "--out", str(tmp_path / "a"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["test_on"] == ["scenario.level=2"]
    assert main(["transfer", *asked, "--out", str(tmp_path / "b"), "--picture", str(tmp_path / "gaps.svg")]) == 0
    assert "trained on row, tested on column" in " ".join(capsys.readouterr().out.split())
    assert (tmp_path / "gaps.svg").is_file()
    assert main(["compare", "--test-on", "max_turns=3"]) == 2
    assert "--test-on goes with --train-on" in capsys.readouterr().err


def test_a_dry_run_plays_nothing_and_refuses_what_a_transfer_would(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    asked = ["--scenario", "arithmetic", "--speaker", "simulated", "--limit", "10", "--train-on", "max_turns=3|5"]
    methods = ["--methods", "cfr_plus,cot,until_approved", "--dry-run"]
    for command in ("compare", "transfer"):
        assert main([command, *asked, *methods, "--test-on", "max_turns=3"]) == 0
        said = capsys.readouterr()
        assert "# max_turns=3: trained and tested on" in said.out
        assert "# max_turns=5: trained on" in said.out
        assert "max_turns = 3" in said.out
        for name in ("cot", "until_approved"):
            assert f"{name} has nothing that a transfer could carry" in said.err
        assert main([command, *asked, *methods, "--json"]) == 0
        told = json.loads(capsys.readouterr().out)
        assert told["left_out"] == ["cot", "until_approved"]
        assert [each["rules"]["max_turns"] for each in told["worlds"].values()] == [3, 5]
        for wrong, words in (
            (["--methods", "cot"], "anything to learn"),
            (["--methods", "cfr_plus,cot:q=1"], "q"),
            (["--methods", "cfr_plus", "--test-on", "speaker=simulatd"], "simulated"),
        ):
            assert main([command, *asked, "--dry-run", *wrong]) == 2
            assert words in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


ASKED = ["--scenario", "arithmetic", "--speaker", "simulated", "--limit", "10", "--train-tasks", "10"]
WORLDS = ["--methods", "cfr_plus:iterations=5", "--train-on", "max_turns=3|5"]


def test_an_interrupted_transfer_goes_on_to_the_same_bytes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["transfer", *ASKED, *WORLDS, "--out", "whole"]) == 0
    real, played = compare, 0

    def stopped(*given: Any, **more: Any) -> Any:
        nonlocal played
        played += 1
        if played == 2:
            raise KeyboardInterrupt
        return real(*given, **more)

    monkeypatch.setattr("tracer_env.runs.transferring.compare", stopped)
    capsys.readouterr()
    assert main(["transfer", *ASKED, *WORLDS, "--out", "part"]) == 130
    assert "continue with: tracer-env transfer --resume part" in capsys.readouterr().err
    assert not Path("part", "transfer.json").exists()
    assert main(["report", "part"]) == 2
    assert "part is a transfer: its runs lie in part/tested; continue it with" in capsys.readouterr().err
    before = Path("part", "tested", "0-0", "episodes.jsonl").stat().st_mtime_ns
    assert main(["transfer", "--resume", "part"]) == 0
    assert Path("part", "tested", "0-0", "episodes.jsonl").stat().st_mtime_ns == before
    told = [json.loads(Path(name, "transfer.json").read_text()) for name in ("whole", "part")]
    assert told[0]["methods"] == told[1]["methods"]
    assert told[0] == {**told[1], "run": "whole"}
    assert main(["compare", "--resume", "part"]) == 0  # says the same
    assert "trained on row" in " ".join(capsys.readouterr().out.split())
    with pytest.raises(RunFolderError, match="part is a transfer"):
        real(None, resume="part")


def test_a_folder_is_continued_as_it_was_begun(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "run"
    assert main(["transfer", *ASKED, *WORLDS, "--out", str(out)]) == 0
    for wrong, told in (
        (["--out", str(out)], "exists"),
        (["--resume", str(out), "--train-on", "max_turns=3|7"], "begun with other variants"),
        (["--resume", str(out), "--seed", "5"], "differ in: seed"),
        (["--resume", str(tmp_path)], "is not a run folder"),
    ):
        capsys.readouterr()
        assert main(["transfer", *(ASKED + WORLDS if "--out" in wrong else []), *wrong]) == 2, wrong
        assert told in capsys.readouterr().err
    (tmp_path / "mine.py").write_text("raise SystemExit('ran')")
    (out / "variants.json").write_text(json.dumps({"train_on": f"speaker={tmp_path / 'mine.py'}:S", "test_on": None}))
    assert main(["transfer", "--resume", str(out)]) == 2
    assert "--trust-code" in capsys.readouterr().err
