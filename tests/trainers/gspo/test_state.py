"""Stopped, killed, interrupted, damaged: a training that goes on is the one that was never stopped."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file, save
from training import STEPS, config, gspo, left, tasks, tracer

from tracer_env.errors import ConfigError, RunFolderError, UserError
from tracer_env.trainers.gspo.finetune import LoRA
from tracer_env.trainers.gspo.hooks import Hooks
from tracer_env.trainers.gspo.loss import grpo_loss
from tracer_env.trainers.gspo.rewards import PAPER
from tracer_env.trainers.gspo.state import find, told, write_adapters
from tracer_env.trainers.gspo.trainer import GSPOTrainer
from tracer_env.trainers.support import tensor_files

CHANGES: dict[str, dict[str, Any]] = {
    "gspo.learning_rate was 0.001, now 0.002": {"learning_rate": 2e-3},
    "gspo.seed was 0, now 1": {"seed": 1},
    'finetune was "LoRA.r=16': {"made": {"finetune": LoRA(r=4)}},
    'objective was "<function gspo_loss>", now "<function grpo_loss>"': {"made": {"objective": grpo_loss}},
    "reward was .*unparsable_review=-1.0": {"made": {"reward": PAPER}},
    "rollouts was .*ProposalRollouts": {"made": {"role": "reviewer"}},
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A training that was never stopped."""
    out = tmp_path_factory.mktemp("whole") / "run"
    tracer(out, max_steps=STEPS).train()
    return left(out)


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training of two steps, each with its checkpoint; to be copied."""
    out = tmp_path_factory.mktemp("two") / "run"
    gspo(out).train()
    return out


@pytest.fixture
def run(two: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(two, tmp_path / "run"))


def _resumed(run: Path, **changes: Any) -> GSPOTrainer:
    return gspo(run, **{"max_steps": 3, "resume_from_checkpoint": str(run)} | changes)


def _script(out: Path, *words: str) -> str:
    root = Path(__file__).parents[3]
    done = subprocess.run(
        [sys.executable, str(root / "tests" / "helpers" / "training.py"), str(out), *words],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=root,
        # As pytest itself sees it, the package lies in the checkout, whatever else is installed.
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(root)},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


# -- going on --------------------------------------------------------------------------------------


@pytest.mark.parametrize("stop", [1, 3])
def test_stopped_and_continued_is_never_stopped(stop: int, whole: dict[str, Any], tmp_path: Path) -> None:
    out = tmp_path / "run"
    tracer(out, max_steps=stop).train()
    result = tracer(out, max_steps=STEPS, resume_from_checkpoint=str(out)).train()
    assert left(out) == whole
    assert (result.steps, len(result.metrics)) == (STEPS, STEPS)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0])
def test_killed_at_any_moment_and_continued_is_never_stopped(seed: int, whole: dict[str, Any], tmp_path: Path) -> None:
    said = _script(tmp_path / "run", "killed", str(seed))
    assert "killed" in said
    assert int(said.split("killed ")[1].split()[0]) >= 2
    assert left(tmp_path / "run") == whole
    assert not list(tmp_path.glob("run/**/.*"))


@pytest.mark.slow
def test_a_ctrl_c_finishes_the_step_saves_and_leaves(whole: dict[str, Any], tmp_path: Path) -> None:
    said = _script(tmp_path / "run", "interrupted")
    assert "finishing this step, then saving" in said
    code, steps = int(said.split("left with ")[1].split()[0]), int(said.split(" steps")[0].split()[-1])
    assert code == 130
    assert f"checkpoint step_{steps:06d}" in said
    assert 1 <= steps < STEPS
    assert left(tmp_path / "run") == whole


def test_a_finished_training_is_continued_in_vain_and_writes_its_adapters_again(run: Path) -> None:
    before = left(run)
    shutil.rmtree(run / "adapters")
    assert _resumed(run, max_steps=2).train().steps == 2
    assert left(run) == before


def test_checkpoints_that_a_kill_left_over_go_when_the_run_goes_on(run: Path) -> None:
    kept = [path.name for path in sorted((run / "checkpoints").iterdir())]
    assert kept == ["step_000001", "step_000002"]
    _resumed(run, max_steps=2, save_total_limit=1).train()
    assert [path.name for path in (run / "checkpoints").iterdir()] == ["step_000002"]


@pytest.mark.parametrize("place", ["", "checkpoints", "checkpoints/step_000002"])
def test_the_run_its_checkpoints_or_the_newest_can_be_named(place: str, run: Path) -> None:
    assert _resumed(run, resume_from_checkpoint=str(run / place)).train().steps == 3


def test_another_folder_may_take_the_rest(run: Path, tmp_path: Path) -> None:
    whole = gspo(tmp_path / "whole", max_steps=3)
    whole.train()
    gspo(tmp_path / "rest", max_steps=3, resume_from_checkpoint=str(run)).train()
    mine, theirs = left(tmp_path / "rest"), left(tmp_path / "whole")
    assert mine["metrics"] == theirs["metrics"][2:]
    assert {name: data for name, data in mine.items() if name != "metrics"} == {
        name: data for name, data in theirs.items() if name != "metrics"
    }
    assert gspo(max_steps=3, resume_from_checkpoint=str(run)).train().out is None


def test_a_training_stopped_before_its_first_checkpoint_begins_again(tmp_path: Path) -> None:
    out = tmp_path / "run"
    out.mkdir()
    (out / "metrics.jsonl").write_text('{"step": 1, "reward": 7.0}\n{"step": 2, "rew', encoding="utf-8")
    gspo(out, resume_from_checkpoint=str(out)).train()
    gspo(tmp_path / "whole").train()
    assert left(out) == left(tmp_path / "whole")


def test_metrics_after_the_checkpoint_are_cut(run: Path) -> None:
    with (run / "metrics.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"step": 3, "reward": 7.0}\n{"step": 4, "rew')
    result = _resumed(run).train()
    assert [line["step"] for line in result.metrics] == [1, 2, 3]
    assert result.metrics[2]["reward"] != 7.0


# -- damage ----------------------------------------------------------------------------------------


def test_a_truncated_checkpoint_is_refused_and_the_one_before_taken(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = run / "checkpoints" / "step_000002" / "optimisers" / "proposer.safetensors"
    size = weights.stat().st_size
    with weights.open("r+b") as file:
        file.truncate(size // 2)
    _resumed(run).train()
    lines = [line for line in capsys.readouterr().err.splitlines() if "checkpoint" in line]
    assert lines == [
        f"checkpoint step_000002 is truncated (optimisers/proposer.safetensors: {size // 2} of {size} bytes); "
        "taking step_000001"
    ]
    gspo(tmp_path / "whole", max_steps=3).train()
    assert left(run) == left(tmp_path / "whole")


def test_a_training_whose_checkpoints_are_all_damaged_does_not_begin_anew(run: Path) -> None:
    before = (run / "metrics.jsonl").read_bytes()
    for manifest in run.glob("checkpoints/*/manifest.json"):
        manifest.write_text("{}", encoding="utf-8")
    with pytest.raises(RunFolderError, match="holds no checkpoint to resume from; begin a new training"):
        _resumed(run).train()
    assert (run / "metrics.jsonl").read_bytes() == before


def _forged(run: Path, name: str, content: bytes) -> None:
    """Change a part of the newest checkpoint and seal it again, as somebody would who knows how."""
    folder = run / "checkpoints" / "step_000002"
    (folder / name).write_bytes(content)
    sealed = json.loads((folder / "manifest.json").read_text())
    del sealed["sha256"]
    sealed["files"][name] = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    sealed["sha256"] = hashlib.sha256(json.dumps(sealed, sort_keys=True).encode()).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(sealed))


STATES: dict[str, tuple[dict[str, Any], str]] = {
    "step of another": ({"step": 7}, "is of step 7"),
    "step as text": ({"step": "2"}, "step is '2'"),
    "no optimisers": ({"optimisers": {}}, r"optimisers\.proposer is missing"),
    "optimisers as list": ({"optimisers": []}, r"optimisers is \[\]"),
    "foreign policy": ({"nonfinite": {"proposer": 0, "x": 0}}, r"nonfinite\.x is unknown"),
    "fractions": ({"optimiser_steps": {"proposer": 0.5}}, r"optimiser_steps\.proposer is 0\.5"),
    "alarms": ({"alarms": {"proposer": {"first": {"x": ["y"]}, "recent": {}, "raised": []}}}, r"first\.x\[0\] is 'y'"),
    "settings": ({"settings": None}, "settings is None"),
}


@pytest.mark.parametrize("name", STATES)
def test_a_state_that_somebody_made_up_is_one_line(run: Path, name: str) -> None:
    changes, message = STATES[name]
    state = json.loads((run / "checkpoints" / "step_000002" / "trainer.json").read_text())
    _forged(run, "trainer.json", json.dumps({**state, **changes}).encode())
    with pytest.raises(RunFolderError, match=message) as caught:
        _resumed(run).train()
    assert str(caught.value).isprintable()


def test_weights_that_somebody_made_up_are_named(run: Path) -> None:
    name = "adapters/proposer/adapter_model.safetensors"
    tensors = load_file(run / "checkpoints" / "step_000002" / name)
    first = sorted(tensors)[0]
    tensors[first][0, 0] = float("nan")
    _forged(run, name, save(tensors))
    with pytest.raises(UserError, match=f"the tensor '{first}' holds a number that is not finite"):
        _resumed(run).train()


def test_what_is_not_there_is_not_resumed(run: Path, tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match=r"there is no training to resume from: .*nowhere is no folder"):
        _resumed(tmp_path / "nowhere").train()
    (tmp_path / "empty").mkdir()
    with pytest.raises(RunFolderError, match="empty holds no checkpoint to resume from"):
        gspo(tmp_path / "other", resume_from_checkpoint=str(tmp_path / "empty")).train()
    assert not (tmp_path / "other").exists()
    with pytest.raises(RunFolderError, match="step_000001 is not the newest checkpoint that holds, step_000002 is"):
        _resumed(run, resume_from_checkpoint=str(run / "checkpoints" / "step_000001")).train()


def test_another_training_in_the_folder_is_not_overwritten(run: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(run, tmp_path / "other"))
    before = left(other)
    with pytest.raises(RunFolderError, match="other holds a training already"):
        gspo(other, max_steps=3, resume_from_checkpoint=str(run)).train()
    assert left(other) == before


def test_a_full_disk_leaves_the_last_good_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out, real, calls = tmp_path / "run", tensor_files.save_tensors, []

    def full(path: Path, *others: Any) -> None:
        calls.append(path)
        if len(calls) == 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(path, *others)

    monkeypatch.setattr(tensor_files, "save_tensors", full)
    with pytest.raises(RunFolderError, match=r"No space left on device; step_000001 still stands; make room"):
        gspo(out).train()
    assert [path.name for path in (out / "checkpoints").iterdir()] == ["step_000001"]
    gspo(out, resume_from_checkpoint=str(out)).train()
    gspo(tmp_path / "whole").train()
    assert left(out) == left(tmp_path / "whole")


# -- settings --------------------------------------------------------------------------------------


@pytest.mark.parametrize("message", CHANGES)
def test_other_settings_are_refused_by_name(message: str, run: Path) -> None:
    before = left(run)
    with pytest.raises(RunFolderError, match=f"step_000002 was saved under other settings: .*{message}"):
        _resumed(run, **CHANGES[message]).train()
    assert left(run) == before


def test_other_tasks_hooks_or_prompts_are_refused(run: Path) -> None:
    more = config(max_steps=3, resume_from_checkpoint=str(run))
    with pytest.raises(RunFolderError, match=r"settings: scenario was \S+, now \S+; continue it with the settings"):
        GSPOTrainer("nano", tasks(8), more, out=run, wanted=False).train()
    hooks = Hooks(extract=lambda text, default, **context: default)
    with pytest.raises(RunFolderError, match=r"settings: hooks was \{\}, now \{\"extract\""):
        _resumed(run, made={"hooks": hooks}).train()


def test_what_may_change_may_change(run: Path) -> None:
    free: dict[str, Any] = {"save_steps": 7, "save_total_limit": 1, "report_to": ("tensorboard",)}
    assert _resumed(run, **free, max_batch_tokens=64, gradient_checkpointing=True).train().steps == 3


def test_a_trainer_trains_once(run: Path) -> None:
    trainer = gspo(max_steps=1)
    trainer.train()
    with pytest.raises(ConfigError, match="has trained already; make another one, with resume_from_checkpoint"):
        trainer.train()


def test_a_schedule_that_hangs_on_the_number_of_steps_fixes_it(tmp_path: Path) -> None:
    gspo(tmp_path / "run", lr_scheduler_type="linear", max_steps=1).train()
    with pytest.raises(RunFolderError, match=r"gspo.max_steps was 1, now 3"):
        _resumed(tmp_path / "run", lr_scheduler_type="linear").train()


def test_settings_are_plain_and_hang_on_no_address() -> None:
    class Mine:
        def __call__(self, state: object, utterance: object) -> float:
            return 1.0

    first, second = told(gspo(made={"reward": Mine()})), told(gspo(made={"reward": Mine()}))
    assert first == second
    assert first["reward"] == f"<{__name__}.{Mine.__qualname__} object>"
    assert told(gspo(seed=1)) != first


def test_find_tells_each_refused_checkpoint(run: Path) -> None:
    lines: list[str] = []
    (run / "checkpoints" / "step_000002" / "trainer.json").unlink()
    settings = told(gspo())
    found = find(str(run), run, settings, lines.append)
    assert found is not None
    assert found.step == 1
    assert lines == ["checkpoint step_000002 lacks trainer.json; taking step_000001"]


# -- adapters --------------------------------------------------------------------------------------


class Written:
    """Policies that write a word, or fail."""

    names = ("proposer", "reviewer")

    def __init__(self, word: str, fails: bool = False) -> None:
        self.word, self.fails = word, fails

    def save(self, name: str, folder: Path) -> None:
        folder.mkdir(parents=True)
        (folder / "weights").write_text(self.word, encoding="utf-8")
        if self.fails and name == "reviewer":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_adapters_appear_all_at_once(tmp_path: Path) -> None:
    folder = tmp_path / "adapters"
    (tmp_path / ".adapters.7-0.tracer-env" / "old").mkdir(parents=True)  # of a process that was killed
    assert write_adapters(Written("first"), folder)["reviewer"] == folder / "reviewer"
    (folder / "stranger").mkdir()
    with pytest.raises(RunFolderError, match=r"cannot write .*adapters: No space left on device; make room"):
        write_adapters(Written("second", fails=True), folder)
    assert {path.read_text(encoding="utf-8") for path in folder.glob("*/weights")} == {"first"}
    write_adapters(Written("third"), folder)
    assert {path.read_text(encoding="utf-8") for path in folder.glob("*/weights")} == {"third"}
    assert [path.name for path in tmp_path.iterdir()] == ["adapters"]
    assert sorted(path.name for path in folder.iterdir()) == ["proposer", "reviewer"]
