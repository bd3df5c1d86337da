"""The record of a training run: what is written, what a killed run leaves, what a continued one keeps."""

from __future__ import annotations

import errno
import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tracer_env.errors import ConfigError, MissingExtraError, RunFolderError, UnknownNameError
from tracer_env.trainers.support import log as training_log
from tracer_env.trainers.support.log import TrainingLog, comparable, read_metrics


def _filled(folder: Path, steps: int = 3, report_to: tuple[str, ...] = ()) -> TrainingLog:
    log = TrainingLog(folder, report_to)
    for step in range(1, steps + 1):
        log.write(step, {"reward": step / 3, "tokens": step, "kl": None})
    return log


# -- lines ---------------------------------------------------------------------------------------


def test_one_line_a_step(tmp_path: Path) -> None:
    log = _filled(tmp_path / "run", 2)
    text = (tmp_path / "run" / "metrics.jsonl").read_text(encoding="utf-8")
    assert text == (
        '{"step": 1, "reward": 0.3333333333333333, "tokens": 1, "kl": null}\n'
        '{"step": 2, "reward": 0.6666666666666666, "tokens": 2, "kl": null}\n'
    )
    assert log.read()[1] == {"step": 2, "reward": 2 / 3, "tokens": 2, "kl": None}
    log.close()
    log.write(3, {})
    assert [line["step"] for line in log.read()] == [1, 2, 3]
    log.close()
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["metrics.jsonl"]


def test_nothing_is_made_before_the_first_line(tmp_path: Path) -> None:
    log = TrainingLog(tmp_path / "run")
    assert log.read() == []
    log.cut(0)
    log.close()
    assert list(tmp_path.iterdir()) == []


def test_numbers_that_are_not_finite_are_null(tmp_path: Path) -> None:
    log = TrainingLog(tmp_path)
    log.write(1, {"loss": math.nan, "ratio_max": math.inf, "reward": -0.5})
    log.close()
    assert log.read() == [{"step": 1, "loss": None, "ratio_max": None, "reward": -0.5}]


def test_the_step_is_not_a_metric(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="the metrics hold 'step'"):
        TrainingLog(tmp_path).write(1, {"step": 1})


def test_lines_are_there_before_the_log_is_closed(tmp_path: Path) -> None:
    code = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from tracer_env.trainers.support.log import TrainingLog\n"
        "TrainingLog(Path(sys.argv[1])).write(1, {'reward': 1.0})\n"
        "os.kill(os.getpid(), 9)\n"
    )
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False).returncode == -9
    assert read_metrics(tmp_path) == [{"step": 1, "reward": 1.0}]


def test_a_full_disk_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = _filled(tmp_path, 1)

    def full(number: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RunFolderError, match=r"cannot write to .*metrics\.jsonl: No space left on device; make room"):
        log.write(2, {})
    log.close()


def test_what_a_full_disk_took_of_a_line_is_dropped(tmp_path: Path) -> None:
    """The disk is played by the limit of a process on the size of files: 100 bytes."""
    code = (
        "import resource, sys\n"
        "from pathlib import Path\n"
        "from tracer_env.errors import RunFolderError\n"
        "from tracer_env.trainers.support.log import TrainingLog\n"
        "log = TrainingLog(Path(sys.argv[1]))\n"
        "log.write(1, {'reward': 1.0})\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100, resource.RLIM_INFINITY))\n"
        "try: log.write(2, {'r' * 200: 1.0})\n"
        "except RunFolderError as error: print('full')\n"
        "log.close()\n"
        "print(log.folder.joinpath('metrics.jsonl').stat().st_size)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))\n"
        "log.write(2, {'reward': 2.0})\n"
        "log.close()\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    assert (done.stdout.split(), done.stderr) == (["full", "27"], "")
    assert read_metrics(tmp_path) == [{"step": 1, "reward": 1.0}, {"step": 2, "reward": 2.0}]


# -- killed and continued ------------------------------------------------------------------------


def test_wherever_a_line_is_cut_the_others_remain(tmp_path: Path) -> None:
    _filled(tmp_path).close()
    file = tmp_path / "metrics.jsonl"
    whole = file.read_bytes()
    ends = [place + 1 for place, byte in enumerate(whole) if byte == ord("\n")]
    for length in range(len(whole) + 1):
        file.write_bytes(whole[:length])
        complete = sum(end <= length for end in ends)
        log = TrainingLog(tmp_path)
        assert len(log.read()) == complete
        log.write(9, {})
        log.close()
        assert [line["step"] for line in log.read()] == [*range(1, complete + 1), 9]


@pytest.mark.parametrize("step", range(5))
def test_a_continued_run_has_the_bytes_of_an_uninterrupted_one(tmp_path: Path, step: int) -> None:
    _filled(tmp_path / "whole", 4).close()
    log = _filled(tmp_path / "other", 3)
    log.close()
    with (tmp_path / "other" / "metrics.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"step": 4, "rew')
    log = TrainingLog(tmp_path / "other")
    log.cut(step)
    assert [line["step"] for line in log.read()] == list(range(1, min(step, 3) + 1))
    for later in range(min(step, 3) + 1, 5):
        log.write(later, {"reward": later / 3, "tokens": later, "kl": None})
    log.close()
    assert (tmp_path / "other" / "metrics.jsonl").read_bytes() == (tmp_path / "whole" / "metrics.jsonl").read_bytes()


def test_cutting_while_it_is_open(tmp_path: Path) -> None:
    log = _filled(tmp_path)
    log.cut(1)
    log.write(2, {})
    log.close()
    assert [line["step"] for line in log.read()] == [1, 2]


@pytest.mark.parametrize("line", ["{", "[]", '{"reward": 1}', '{"step": "x"}', '{"step": null}'])
def test_a_damaged_line_is_numbered(tmp_path: Path, line: str) -> None:
    (tmp_path / "metrics.jsonl").write_text(f'{{"step": 1}}\n{line}\n{{"step": 3}}\n', encoding="utf-8")
    for use in (lambda log: log.read(), lambda log: log.cut(1)):
        with pytest.raises(RunFolderError, match=r"metrics\.jsonl line 2"):
            use(TrainingLog(tmp_path))


def test_the_clock_is_left_out_of_comparisons() -> None:
    line = {
        "step": 1,
        "reward": 0.5,
        "proposer/kl": 0.1,
        "tokens": 7,
        "memorised": 1,
        "seconds": 1.5,
        "rollout_seconds": 1.0,
        "seconds/update": 0.5,
        "proposer/tokens_per_second": 9.0,
        "memory": 3,
        "memory_peak": 4,
    }
    assert comparable(line) == {"step": 1, "reward": 0.5, "proposer/kl": 0.1, "tokens": 7, "memorised": 1}


# -- TensorBoard ---------------------------------------------------------------------------------


@pytest.mark.parametrize("report_to", ["wandb", ("jsonl", "tensorbord")])
def test_unknown_reports(tmp_path: Path, report_to: str | tuple[str, ...]) -> None:
    with pytest.raises(UnknownNameError, match="unknown report_to"):
        TrainingLog(tmp_path, report_to)


def test_reports_that_exclude_each_other(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="both 'none' and 'tensorboard'"):
        TrainingLog(tmp_path, ("none", "tensorboard"))
    TrainingLog(tmp_path, ("none", "jsonl")).close()
    TrainingLog(tmp_path, "none").close()


def test_tensorboard_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_log, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"needs the package 'tensorboard'; .*tracer-env\[train\]"):
        TrainingLog(tmp_path, ("tensorboard",))


def test_tensorboard_reads_what_was_written(tmp_path: Path) -> None:
    accumulators = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    _filled(tmp_path, 3, ("jsonl", "tensorboard")).close()
    log = TrainingLog(tmp_path, ("tensorboard",))
    log.cut(2)
    log.write(3, {"reward": 7.0, "loss": math.nan})
    log.close()
    board = accumulators.EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert sorted(board.Tags()["scalars"]) == ["loss", "reward", "tokens"]
    assert [(event.step, event.value) for event in board.Scalars("reward")] == [
        (1, pytest.approx(1 / 3)),
        (2, pytest.approx(2 / 3)),
        (3, 7.0),
    ]
    assert [event.step for event in board.Scalars("tokens")] == [1, 2]
    assert [json.loads(text)["step"] for text in (tmp_path / "metrics.jsonl").read_text().splitlines()] == [1, 2, 3]


def test_tensorboard_is_written_without_torch(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from tracer_env.trainers.support.log import TrainingLog\n"
        "log = TrainingLog(Path(sys.argv[1]), ('tensorboard',))\n"
        "log.write(1, {'reward': 1.0})\n"
        "log.close()\n"
        "print([name for name in ('torch', 'tensorflow') if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(("steps", "number"), [((1, 2, 2), 3), ((2, 1), 2), ((1, 2, 3, 1), 4)])
def test_steps_stand_once_and_in_order(tmp_path: Path, steps: tuple[int, ...], number: int) -> None:
    lines = "".join(f'{{"step": {step}, "reward": 0.5}}\n' for step in steps)
    (tmp_path / "metrics.jsonl").write_text(lines, encoding="utf-8")
    with pytest.raises(RunFolderError, match=rf"line {number}: step .* comes after step .*: take the wrong one out"):
        read_metrics(tmp_path)
    with pytest.raises(RunFolderError, match=f"line {number}"):
        TrainingLog(tmp_path).cut(5)
    assert (tmp_path / "metrics.jsonl").read_text(encoding="utf-8") == lines
