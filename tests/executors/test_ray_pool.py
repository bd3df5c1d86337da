"""Ray's workers, real ones: the same bytes as one process, also when they are killed.

They run where ray is installed and nothing but the loopback can be reached, since Ray listens on all interfaces:
``python benchmarks/ray_environment.py`` makes such a place.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from tracer_env import make_scenario
from tracer_env.cli.app import main
from tracer_env.errors import ConfigError, ExecutorError, MissingExtraError
from tracer_env.executors.ray_pool import LIVES, RayExecutor
from tracer_env.runs.folder import RunFolder
from tracer_env.trees.run import expand_run

HERE = find_spec("ray") is not None
ALONE = [name for _, name in socket.if_nameindex()] == ["lo"]
with_ray = pytest.mark.skipif(
    not (HERE and ALONE),
    reason="ray is not installed" if not HERE else "Ray listens on all interfaces: run benchmarks/ray_environment.py",
)

SLOW = '''
import time

class Slow:
    """Waits as a server would, and says what hangs on the request alone."""

    def __init__(self, seconds=0.02):
        self.seconds = seconds

    def speak(self, requests):
        from tracer_env.types import Utterance
        time.sleep(self.seconds)
        return [
            Utterance(text=f"Final answer: {(len(r.state.task.question) + r.state.turn + r.stream) % 5}",
                      prompt_tokens=3, completion_tokens=2)
            for r in requests for _ in range(r.candidates)
        ]

class Broken(Slow):
    def speak(self, requests):
        if any(r.state.task.id.endswith("7") for r in requests):
            raise RuntimeError("seven")
        return super().speak(requests)
'''


@pytest.fixture
def code(tmp_path: Path) -> Path:
    (tmp_path / "slow.py").write_text(SLOW)
    return tmp_path / "slow.py"


@pytest.fixture(scope="module")
def pool() -> Iterator[RayExecutor]:
    made = RayExecutor(workers=2, num_cpus=0.5, chunk=3)
    yield made
    made.close()


def test_without_ray_the_line_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    if HERE:
        pytest.skip("ray is installed")
    with pytest.raises(MissingExtraError, match=r'--executor ray needs .*pip install "tracer-env\[ray\]"'):
        RayExecutor()


def contents(folder: Path) -> dict[str, bytes]:
    """Return the bytes of all files but the settings, which say where the work was done."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix != ".toml")
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


@with_ray
def test_expand_comes_to_the_same_bytes(pool: RayExecutor, code: Path, tmp_path: Path) -> None:
    tasks = make_scenario("arithmetic", limit=20)
    speaker = f"{code}:Slow"
    expand_run(tasks, speaker, out=tmp_path / "one", worlds=2)
    expand_run(tasks, pool.speaker(speaker), out=tmp_path / "two", worlds=2, executor=pool)
    assert contents(tmp_path / "one") == contents(tmp_path / "two") | {
        "trees.json": (tmp_path / "one" / "trees.json").read_bytes()
    }
    assert b'"Slow"' in (tmp_path / "two" / "trees.json").read_bytes()


class Pid:
    """Work that says who did it, and dies for chunks below ``deadly`` while the file is not there."""

    def __init__(self, once: Path | None = None) -> None:
        self.once = once

    def ready(self) -> Callable[[int], tuple[int, int]]:
        def do(chunk: int) -> tuple[int, int]:
            if self.once is not None and not (self.once / str(chunk)).exists():
                (self.once / str(chunk)).touch()
                os.kill(os.getpid(), signal.SIGKILL)
            return chunk, os.getpid()

        return do


class Meeting:
    """Work whose first chunks wait until two processes have come: one alone may else have done it all."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def ready(self) -> Callable[[int], tuple[int, int]]:
        def do(chunk: int) -> tuple[int, int]:
            (self.place / str(os.getpid())).touch()
            for _ in range(600):
                if len(list(self.place.iterdir())) > 1:
                    break
                time.sleep(0.1)
            return chunk, os.getpid()

        return do


class Deadly:
    """Work that no worker survives."""

    def ready(self) -> Callable[[int], int]:
        return lambda chunk: os.kill(os.getpid(), signal.SIGKILL) or chunk


@with_ray
def test_two_workers_share_the_chunks_in_order(pool: RayExecutor, tmp_path: Path) -> None:
    found = list(pool.run(Meeting(tmp_path), range(40)))
    assert [chunk for chunk, _ in found] == list(range(40))
    assert len({pid for _, pid in found} - {os.getpid()}) == 2


@with_ray
def test_every_chunk_of_a_lost_worker_is_done_again(
    pool: RayExecutor, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    found = list(pool.run(Pid(tmp_path), range(6)))
    assert [chunk for chunk, _ in found] == list(range(6))
    told = capfd.readouterr()
    assert told.err.count("a worker was lost; its chunk is done again") == 6
    assert told.out == ""


@with_ray
def test_a_chunk_that_kills_ends_the_run(pool: RayExecutor) -> None:
    with pytest.raises(ExecutorError, match=rf"chunk 0 has cost {LIVES} workers"):
        list(pool.run(Deadly(), [1]))
    assert [chunk for chunk, _ in pool.run(Pid(), range(4))] == list(range(4))


@with_ray
def test_what_is_let_go_in_the_middle_is_gone(pool: RayExecutor) -> None:
    begun = pool.run(Pid(), iter(range(10**9)))
    next(begun)
    begun.close()  # type: ignore[attr-defined]
    assert next(iter(pool.run(Pid(), [5])))[0] == 5


@with_ray
def test_objects_that_cannot_be_sent_are_told(pool: RayExecutor) -> None:
    work = Pid()
    work.once = threading.Lock()  # type: ignore[assignment]
    with pytest.raises(ConfigError, match=r"a part cannot be sent to workers .*file\.py:Name"):
        pool.run(work, [1]).__next__()


@with_ray
def test_a_fault_of_a_speaker_is_the_same_line_and_keeps_what_came_before(
    pool: RayExecutor, code: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base = ["expand", "--scenario", "arithmetic", "--limit", "20", "--speaker", f"{code}:Broken"]
    base += [
        "--set",
        "executor.workers=2",
        "--executor",
        "ray",
        "--set",
        "executor.chunk=3",
        "--set",
        "executor.num_cpus=0.5",
    ]
    assert main([*base, "--out", str(tmp_path / "broken")]) == 1
    told = capsys.readouterr().err
    assert "Broken" in told
    assert "RuntimeError: seven" in told
    assert "Traceback" not in told
    assert sorted(path.name for path in (tmp_path / "broken" / "parts").iterdir()) == ["00000000", "00000003"]
    code.write_text(SLOW.replace('endswith("7")', 'endswith("x")'))
    assert main(["expand", "--resume", str(tmp_path / "broken"), "--trust-code", "--executor", "process"]) == 0
    assert main([*base[:6], f"{code}:Broken", "--out", str(tmp_path / "whole")]) == 0
    assert contents(tmp_path / "broken") == contents(tmp_path / "whole")


COMPARE = [
    "compare",
    "--scenario",
    "arithmetic",
    "--limit",
    "24",
    "--methods",
    "until_approved,cfr_plus,regret_matching",
]
COMPARE += ["--train-tasks", "8", "--train-episodes", "20", "--set", "evaluation.batch_size=12"]
RAY = ["--executor", "ray", "--set", "executor.workers=2", "--set", "executor.num_cpus=0.5"]


@with_ray
@pytest.mark.parametrize("speaker", ["slow", "simulated"])
def test_compare_trains_and_plays_to_the_same_bytes(
    pool: RayExecutor, code: Path, tmp_path: Path, speaker: str, capsys: pytest.CaptureFixture[str]
) -> None:
    voice = ["--speaker", f"{code}:Slow" if speaker == "slow" else speaker]
    assert main([*COMPARE, *voice, "--out", str(tmp_path / "one"), "--json"]) == 0
    one = json.loads(capsys.readouterr().out)
    assert main([*COMPARE, *voice, "--out", str(tmp_path / "two"), "--json", *RAY]) == 0
    two = json.loads(capsys.readouterr().out)
    assert one["rows"] == two["rows"]
    here, there = contents(tmp_path / "one"), contents(tmp_path / "two")
    assert {name for name in here if here[name] != there[name]} <= {"report.html", "environment.json"}
    assert here["episodes.jsonl"].count(b"\n") == 24 * 3


@with_ray
def test_a_run_is_continued_by_another_executor(
    pool: RayExecutor, code: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped by Ctrl-C while Ray's workers play; what it comes to is what it would have come to."""
    voice = ["--speaker", f"{code}:Slow"]
    run, stopped = tmp_path / "run", []

    def stop(folder: RunFolder, lines: list[bytes]) -> None:
        stopped.append(1)
        if len(stopped) == 3:
            raise KeyboardInterrupt
        append(folder, lines)

    append = RunFolder.append_lines
    with monkeypatch.context() as patched:
        patched.setattr(RunFolder, "append_lines", stop)
        assert main([*COMPARE, *voice, "--out", str(run), *RAY]) == 130
    assert (run / "episodes.jsonl").read_bytes().count(b"\n") == 2 * 12
    assert main(["compare", "--resume", str(run), "--trust-code", "--executor", "process"]) == 0
    assert main([*COMPARE, *voice, "--out", str(tmp_path / "whole")]) == 0
    for name in ("episodes.jsonl", "metrics.json"):
        assert (run / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


@with_ray
def test_a_sweep_trains_by_the_workers_what_this_process_trains(pool: RayExecutor, tmp_path: Path) -> None:
    base = ["train", "--scenario", "arithmetic", "--steps", "60", "--seeds", "0,1,2", "--grid", "rules.max_turns=3,5"]
    assert main([*base, "--out", str(tmp_path / "one")]) == 0
    assert main([*base, "--out", str(tmp_path / "two"), *RAY]) == 0
    kept = [sorted((tmp_path / name).glob("runs/*/controllers/*.json")) for name in ("one", "two")]
    assert len(kept[0]) == 6
    one, two = ([json.loads(path.read_bytes())["tables"] for path in paths] for paths in kept)
    assert one == two


@with_ray
@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"num_gpus": 3}, "there is room for 0 workers of executor.num_cpus=1 and executor.num_gpus=3"),
        ({"num_cpus": 0}, "say how many: executor.workers=4"),
    ],
)
def test_workers_that_never_fit_are_refused(pool: RayExecutor, settings: dict[str, float], line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        RayExecutor(**settings)  # type: ignore[arg-type]
    assert line in str(caught.value)
