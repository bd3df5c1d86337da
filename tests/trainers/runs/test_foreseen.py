"""A dry run of a training refuses what the training refuses, in the same line, and writes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tracer_env.cli.app import main

SUMS = "--scenario arithmetic"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (f"--method gspo --speaker simulated {SUMS}", "only a language model can be trained, got 'simulated'"),
        (f"--method gspo --speaker proposer=nano,reviewer=nano {SUMS}", "one language model is trained for all seats"),
        (f"--method gspo --speaker nano {SUMS} --set speaker.temperature=0.3", "speaker.temperature is 0.3, but"),
        (f"--method gspo --speaker nano {SUMS} --set hooks.reward=no.py:f", "no.py cannot be read"),
        (f"--method gspo --speaker nano {SUMS} --set gspo.report_to=nowhere", "unknown report_to 'nowhere'"),
        (f"--set gspo.num_generations=4 {SUMS}", "gspo.num_generations is for training a language model"),
        (f"--set evaluation.seeds=[0,1] {SUMS}", "evaluation.seeds is [0, 1], but train goes by one seed"),
        (f"--speaker simulated --set speaker.skil=1 {SUMS}", "has no rate 'skil'; did you mean 'skill'?"),
        ("--scenario arithmetics", "unknown scenario 'arithmetics'; did you mean 'arithmetic'?"),
    ],
)
def test_the_same_is_refused(
    options: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if "nano" in options:
        pytest.importorskip("peft")
    monkeypatch.chdir(tmp_path)
    line = ["train", "--steps", "1", *options.split()]
    assert main([*line, "--dry-run"]) == 2
    foreseen = capsys.readouterr()
    assert words in foreseen.err
    assert foreseen.out == ""
    assert main(line) == 2
    told = capsys.readouterr().err
    assert told == foreseen.err or "train split" in told
    assert list(tmp_path.iterdir()) == []


def test_what_a_comparison_of_recorded_words_refuses(capsys: pytest.CaptureFixture[str]) -> None:
    line = ["compare", "--scenario", "recorded", "--speaker", "recorded", "--methods", "never", "--worlds", "7"]
    assert main([*line, "--dry-run"]) == 2
    assert "has 2 worlds: the others would be copies" in capsys.readouterr().err
