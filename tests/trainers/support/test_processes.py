"""Several processes do what one does. Real ones, on one machine, with gloo."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from launched import run

from tracer_env.errors import ConfigError, MissingExtraError
from tracer_env.trainers.support.log import comparable, read_metrics
from tracer_env.trainers.support.processes import Accelerated, Alone, running_processes

START = """
import json, sys
from pathlib import Path
import torch
from tracer_env.rules import Rules
from tracer_env.scenarios.arithmetic import Arithmetic
from tracer_env.trainers.gspo.finetune import LoRA
from tracer_env.trainers.gspo.config import GSPOConfig
from tracer_env.trainers.gspo.trainer import GSPOTrainer
from tracer_env.trainers.support.processes import running_processes
from tracer_env.trainers.gspo.rewards import RoleReward
from tracer_env.trainers.support.tensor_files import save_tensors
from tracer_env.trainers.team.influence import Influence
from tracer_env.trainers.team.settings import MAPoRLSettings
from tracer_env.trainers.team.trainer import TeamTrainer
from tracer_env.trainers.tracer.trainer import TracerTrainer

out = Path(sys.argv[1])
team = running_processes()
"""

COLLECTIVES = (
    START
    + """
one, two = torch.arange(3.0) + team.rank, torch.full((2,), 10.0 ** team.rank, dtype=torch.float64)
team.total([one, two])
found = team.gathered([(team.rank, "a")] * (team.rank + 1))
team.wait()
mine = {parts: [place for place in range(8) if team.mine(place, parts)] for parts in (1, 2, 4)}
told = [team.rank, team.count, one.tolist(), two.tolist(), found, mine, team.gathered([])]
(out / f"{team.rank}.json").write_text(json.dumps(told))
"""
)

TRAINING = (
    START
    + """
kind, steps = sys.argv[2], 3
config = GSPOConfig(
    num_generations=4, tasks_per_step=4, steps_per_generation=2, max_steps=steps, learning_rate=1e-3, epsilon=0.1,
    epsilon_high=0.1, beta=0.05, max_completion_length=48, save_steps=2, seed=3,
)
scenario = Arithmetic(split="train", level=1)
settings = dict(finetune=LoRA(r=4), out=out / f"run-{team.count}", wanted=False)
if kind == "gspo":
    trainer = GSPOTrainer("nano", scenario, config, **settings)
elif kind == "maporl":
    paid = dict(shares=Influence(MAPoRLSettings()), reward=RoleReward())
    trainer = TeamTrainer("nano", scenario, config, rules=Rules(max_turns=3), **paid, **settings)
else:
    trainer = TracerTrainer("nano", scenario, config, rules=Rules(max_turns=3), **settings)
result = trainer.train()
tensors = {f"{name}/{path}": t for name in trainer.policies.names for path, t in trainer.policies.tensors(name).items()}
save_tensors(out / f"weights-{team.count}-{team.rank}.safetensors", tensors)
told = {"metrics": result.metrics, "tables": trainer.rollouts.state_dict()}
(out / f"told-{team.count}-{team.rank}.json").write_text(json.dumps(told))
"""
)


# -- alone ---------------------------------------------------------------------------------------


def test_one_process_has_all_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    alone = running_processes()
    assert isinstance(alone, Alone)
    numbers, items = [1.0, 2.0], [("a", 1)]
    alone.total([numbers])
    alone.wait()
    assert (alone.rank, alone.count, numbers, alone.gathered(items)) == (0, 1, [1.0, 2.0], [("a", 1)])
    assert all(alone.mine(place, 3) for place in range(9))
    monkeypatch.setenv("WORLD_SIZE", "1")
    assert isinstance(running_processes(), Alone)


@pytest.mark.parametrize("count", ["", "two", "1.5", "0", "-2", "²"])
def test_a_number_of_processes_that_is_none_is_refused(count: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", count)
    with pytest.raises(ConfigError, match=rf"WORLD_SIZE must be a whole number of at least 1, got '{count}'; unset it"):
        running_processes()


def test_several_processes_need_accelerate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "accelerate", None)
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(MissingExtraError, match=r"several processes.*tracer-env\[train\]"):
        running_processes()


def test_tasks_are_dealt_out_inside_a_minibatch() -> None:
    """Two minibatches of two processes: of 0 2 | 1 3, the first four places, one gets 0 and 3, the other 2 and 1."""
    team = Accelerated.__new__(Accelerated)
    team.count = 2
    dealt = []
    for team.rank in (0, 1):
        dealt.append([place for place in range(8) if team.mine(place, 2)])
    assert dealt == [[0, 3, 4, 7], [1, 2, 5, 6]]


def test_minibatches_of_one_task_leave_no_process_without_candidates_to_draw() -> None:
    team = Accelerated.__new__(Accelerated)
    team.count = 2
    dealt = []
    for team.rank in (0, 1):
        dealt.append([place for place in range(4) if team.mine(place, 4)])
    assert dealt == [[0, 2], [1, 3]]


# -- two -----------------------------------------------------------------------------------------


@pytest.mark.slow
def test_sums_and_gathers_of_two(tmp_path: Path) -> None:
    run(COLLECTIVES, 2, str(tmp_path))
    told = [json.loads((tmp_path / f"{rank}.json").read_text(encoding="utf-8")) for rank in (0, 1)]
    shares = [
        {"1": [0, 2, 4, 6], "2": [0, 3, 4, 7], "4": [0, 2, 5, 7]},
        {"1": [1, 3, 5, 7], "2": [1, 2, 5, 6], "4": [1, 3, 4, 6]},
    ]
    for rank in (0, 1):
        gathered = [[0, "a"], [1, "a"], [1, "a"]]
        assert told[rank] == [rank, 2, [1.0, 3.0, 5.0], [11.0, 11.0], gathered, shares[rank], []]


def _told(folder: Path, count: int, rank: int) -> Any:
    return json.loads((folder / f"told-{count}-{rank}.json").read_text(encoding="utf-8"))


def _near(left: Any, right: Any, tolerance: float) -> None:
    """Compare plain data; numbers may differ by ``tolerance``."""
    if isinstance(left, dict):
        assert left.keys() == right.keys()
        for key in left:
            _near(left[key], right[key], tolerance)
    elif isinstance(left, list):
        assert len(left) == len(right)
        for a, b in zip(left, right, strict=True):
            _near(a, b, tolerance)
    else:
        assert left == (pytest.approx(right, abs=tolerance) if isinstance(right, float) else right)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["gspo", "tracer", "maporl"])
def test_two_processes_are_one(kind: str, tmp_path: Path) -> None:
    """Three steps of training: the same numbers and weights as alone, and the same bytes in both processes."""
    from safetensors.torch import load_file

    for count in (1, 2):
        run(TRAINING, count, str(tmp_path), kind)
    alone, first, second = _told(tmp_path, 1, 0), _told(tmp_path, 2, 0), _told(tmp_path, 2, 1)
    lines = [[comparable(line) for line in one["metrics"]] for one in (alone, first, second)]
    assert lines[1] == lines[2]
    assert len(lines[0]) == 3
    names = [name for name in lines[0][0] if name.endswith(("loss", "reward", "accuracy"))]
    assert len(names) >= 3
    for one, other in zip(lines[0], lines[1], strict=True):
        # Half the tasks in a batch changes the last bits of a forward pass, and steps of AdamW enlarge them.
        _near({name: one[name] for name in names}, {name: other[name] for name in names}, 1e-6)
        _near(one, other, 1e-3)
    assert any(line[name] for line in lines[0] for name in names if name.endswith("loss"))
    assert alone["tables"] == first["tables"] == second["tables"]
    assert (kind == "tracer") == bool(alone["tables"])
    weights = [load_file(tmp_path / f"weights-{name}.safetensors") for name in ("1-0", "2-0", "2-1")]
    assert all(weights[1][name].equal(weights[2][name]) for name in weights[1])
    apart = max(float((weights[0][name] - weights[1][name]).abs().max()) for name in weights[0])
    moved = max(float(tensor.abs().max()) for name, tensor in weights[0].items() if ".lora_B." in name)
    assert apart < 5e-5
    assert moved > 1e-4
    # Only the first process writes, and what it writes is complete.
    assert [comparable(line) for line in read_metrics(tmp_path / "run-2")] == lines[1]
    assert sorted(path.name for path in (tmp_path / "run-2" / "checkpoints").iterdir()) == [
        "step_000002",
        "step_000003",
    ]
