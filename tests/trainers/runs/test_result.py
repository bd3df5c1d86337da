"""The course of a training in numbers, and the command that plays with what was learned."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tracer_env.runs.config import Config
from tracer_env.trainers.runs.handed import handed_over
from tracer_env.trainers.runs.result import command, course

LORA = {"proposer": Path("run/adapters/proposer"), "reviewer": Path("run/adapters/reviewer")}


def test_a_course_by_hand() -> None:
    lines: list[dict[str, Any]] = [{"reward": step} for step in range(1, 13)]
    assert course(lines, "reward") == {
        "first": 1.0,
        "last": 12.0,
        "mean_of_first_ten": 5.5,
        "mean_of_last_ten": 7.5,
    }
    lines[-1] = {"reward": None}
    assert course(lines, "reward")["last"] is None
    assert course(lines, "reward")["mean_of_last_ten"] == 7.0  # 3 to 11
    assert course([], "reward") == dict.fromkeys(("first", "last", "mean_of_first_ten", "mean_of_last_ten"))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (
            {"gspo": {"role": "proposer"}},
            "--scenario arithmetic --speaker nano --set speaker.adapters=run/adapters --methods never",
        ),
        (
            {"gspo": {"role": "reviewer"}, "scenario": {"path": "my tasks", "level": 1}},
            "--scenario arithmetic --path 'my tasks' --speaker nano --set scenario.level=1 "
            "--set speaker.adapters=run/adapters --methods until_approved,never",
        ),
        (
            {
                **{"rules": {"max_turns": 7}, "information": "time_only", "training": {"method": "tracer"}},
                "speaker": {"name": "nano", "dtype": "float32"},
            },
            "--scenario arithmetic --speaker nano --set speaker.dtype=float32 --set speaker.adapters=run/adapters "
            "--set rules.max_turns=7 --methods run/controllers/tracer.json,never",
        ),
        (
            {"gspo": {"role": "proposer", "finetune": "full"}},
            "--scenario arithmetic --speaker nano --set speaker.path=run/adapters/proposer --methods never",
        ),
        (
            {"gspo": {"role": "proposer", "finetune": "last_n"}, "speaker": {"name": "smollm2"}},
            "--scenario arithmetic --speaker hf:run/adapters/proposer --methods never",
        ),
    ],
)
def test_the_command_plays_under_the_settings_of_the_training(data: dict[str, Any], words: str) -> None:
    config = Config.from_data({"speaker": {"name": "nano"}, **data})
    assert command(config, handed_over(config, Path("run"), LORA)) == f"tracer-env compare {words}"
