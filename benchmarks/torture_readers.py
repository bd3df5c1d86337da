"""Files of every kind that a stranger could send, mutated: one line for each, or success; nothing else.

    python benchmarks/torture_readers.py [--quick] [--seed 7]        all kinds, 2,000 mutations each
    python benchmarks/torture_readers.py --kind adapter_config --count 500

Each kind runs in a process of its own. What fails a mutation: an exception that is not of our tree, more than one line
or a control character in its message, the words "a bug", more than 2 CPU seconds, 300 MB of memory more than before, a
module imported that good files did not need, a program started, a file written outside the folder.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torture_mutations import Mutate, arrays, json_text, lines, tensors
from torture_tools import Counts

from tracer_env.errors import TracerEnvError

__all__ = ["sweep"]

_CPU, _MEMORY = 2.0, 300 * 1024  # seconds, kB


@dataclass
class Kind:
    """A good file, how it is changed and put in its place, and what reads it."""

    good: bytes
    mutate: Mutate
    put: Callable[[bytes], object]
    use: Callable[[], object]


def sweep(seed: int, quick: bool) -> dict[str, int]:
    """Run all kinds and return the counts: files read, files refused, kinds, failures.

    The short form has one process, and leaves out what a training must write first.
    """
    counts: Counter[str] = Counter(failures=0)
    groups = [[name for name in KINDS if name not in _TRAINED]] if quick else [[name] for name in KINDS]
    for group in groups:
        asked = ["--kind", ",".join(group), "--count", str(12 if quick else 2000), "--seed", str(seed)]
        done = subprocess.run([sys.executable, __file__, *asked], stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode:
            print(f"  failure: the process of {', '.join(group)} ended with {done.returncode}", file=sys.stderr)
            counts["failures"] += 1
            continue
        counts.update(json.loads(done.stdout.splitlines()[-1]))
    return dict(counts)


def attack(name: str, seed: int, count: int, counts: Counts) -> None:
    """Read one good file, then ``count`` mutations of it."""
    rng = random.Random(f"{seed}/{name}")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary).resolve()
        watch.folder = str(folder)
        os.chdir(folder)
        kind = KINDS[name](folder)
        kind.put(kind.good)
        kind.use()  # imports what good files need; what it raises ends the sweep
        watch.known = frozenset(each.partition(".")[0] for each in sys.modules) | sys.stdlib_module_names
        for number in range(count):
            content = kind.mutate(rng, kind.good)
            kind.put(content)
            problem = _attempt(kind.use, counts)
            if problem:
                kept = Path(tempfile.gettempdir()) / f"torture_{name}_{seed}_{number}"
                kept.write_bytes(content)
                problem = f"{name}, mutation {number} (kept as {kept}): {problem}"
            counts.check(not problem, problem)
        os.chdir("/")
    counts.add("kinds of files")


def _attempt(use: Callable[[], object], counts: Counts) -> str:
    """Read once and return what was wrong with it, or nothing."""
    before, began, words = _memory(), time.process_time(), ""
    watch.seen.clear()
    watch.on = True
    try:
        use()
        counts.add("mutations read")
    except TracerEnvError as error:
        words = str(error)
        counts.add("mutations refused")
    except (Exception, RecursionError) as error:
        return f"{type(error).__name__}: {str(error)[:300]}"
    finally:
        watch.on = False
    spent, grown = time.process_time() - began, _memory() - before
    problems = [
        (
            any(ord(letter) < 32 or 127 <= ord(letter) < 160 for letter in words),
            f"a control character in {words!r:.300}",
        ),
        ("a bug" in words, words[:300]),
        (len(words) > 2000, f"a line of {len(words)} characters: {words[:200]}"),
        (spent > _CPU, f"{spent:.1f} CPU seconds"),
        (grown > _MEMORY, f"{grown // 1024} MB more"),
        (bool(watch.seen), f"outside: {watch.seen[:3]}"),
    ]
    return "; ".join(told for wrong, told in problems if wrong)


def _memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


_CHANGES = ("os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.symlink", "os.truncate", "os.chmod")


class Watch:
    """Sees what the process opens, imports and starts while a file is read."""

    def __init__(self) -> None:
        self.on, self.folder = False, ""
        self.seen: list[str] = []
        self.known: frozenset[str] = frozenset()

    def __call__(self, event: str, given: tuple[Any, ...]) -> None:
        if not self.on:
            return
        if event == "open":
            path, mode, flags = given
            writes = (isinstance(mode, str) and set(mode) & set("wax+")) or (
                isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC)
            )
            if writes and isinstance(path, str) and not self._inside(path):
                self.seen.append(f"writes {path}")
        elif event == "import" and str(given[0]).partition(".")[0] not in self.known:
            self.seen.append(f"imports {given[0]}")
        elif event in ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "socket.connect", "os.fork"):
            self.seen.append(event)
        elif event in _CHANGES and isinstance(given[0], str) and not self._inside(given[0]):
            self.seen.append(f"{event} {given[0]}")

    def _inside(self, path: str) -> bool:
        """Whether a path lies in the folder; one that is relative is, as that is where we stand."""
        return path == os.devnull or os.path.realpath(path).startswith(f"{self.folder}{os.sep}")


watch = Watch()


# -- kinds of files ------------------------------------------------------------------------------


def _tree_file(name: str, mutate: Mutate) -> Callable[[Path], Kind]:
    def made(folder: Path) -> Kind:
        from tracer_env.trees.files import load_tasks
        from tracer_env.trees.tree import DialogueTrees

        trees = _trees(folder)

        def put(content: bytes) -> None:
            (trees / name).write_bytes(content)
            if name != "trees.json":
                head = json.loads(head_good)
                head["files"][name] = hashlib.sha256(content).hexdigest()[:16]
                (trees / "trees.json").write_text(json.dumps(head))

        def use() -> None:
            load_tasks(trees)
            list(DialogueTrees.load(trees).texts or ())

        head_good = (trees / "trees.json").read_bytes()
        return Kind((trees / name).read_bytes(), mutate, put, use)

    return made


def _trees(folder: Path) -> Path:
    from tracer_env.rules import Rules
    from tracer_env.trees.growth import expand
    from tracer_env.types import Task

    tasks = [Task(f"t{i}", f"What is {i} plus 1?", str(i + 1), metadata={"level": [1, {"x": "y"}]}) for i in range(4)]
    expand(tasks, "simulated", Rules(final_answer="majority"), seed=3, worlds=2).save(folder / "trees")
    return folder / "trees"


def _growing(folder: Path) -> Kind:
    from tracer_env.trees.run import expand_run
    from tracer_env.types import Task

    tasks = [Task(f"t{i}", f"What is {i}?", str(i)) for i in range(3)]

    class Stopping:
        def start(self, what: str, total: int, done: int = 0) -> None:
            pass

        def reach(self, done: int, note: str = "") -> None:
            raise KeyboardInterrupt

    with contextlib.suppress(KeyboardInterrupt):
        expand_run(tasks, "simulated", out=folder / "half", tasks_at_once=1, reporter=Stopping())

    def put(content: bytes) -> None:
        shutil.rmtree(folder / "run", ignore_errors=True)
        shutil.copytree(folder / "half", folder / "run")
        (folder / "run" / "growing.json").write_bytes(content)

    def use() -> None:
        expand_run(tasks, "simulated", out=folder / "run", resume=True)

    return Kind((folder / "half" / "growing.json").read_bytes(), json_text, put, use)


def _table(folder: Path) -> tuple[Path, Any]:
    from tracer_env.agents.controllers.regret_matching import RegretMatching
    from tracer_env.rules import Rules
    from tracer_env.runs.learning import write_controller

    table = RegretMatching(rules=Rules())
    for number in range(6):
        table.update(f"agent_0/proposer/vote_{number % 3}", (0.25 * number, 0.5))
    (folder / "controllers").mkdir(exist_ok=True)
    file = folder / "controllers" / "regret_matching.json"
    count = {"episodes": 6, "turns": 30, "tokens": 0, "counterfactual_tokens": 9}
    course = {"average_regret_curve": [[6, 0.5]], "policy_table": [{"key": "k", "visits": 3, "speak_average": 0.5}]}
    average = {"average_regret": {"first": 0.5, "last": 0.5, "slope": None}}
    write_controller(file, [table.state_dict()], {**count, **average, **course})
    return file, RegretMatching


def _controller(folder: Path) -> Kind:
    from tracer_env.parts.casting import make_controller
    from tracer_env.rules import Rules, initial
    from tracer_env.types import Task

    file, _ = _table(folder)

    def use() -> None:
        made = make_controller(str(file), Rules())
        for number in range(4):
            chance = made.speak_probability(initial(Task("t", "q", "1"), Rules()), f"agent_0/proposer/vote_{number}")
            assert 0 <= chance <= 1, chance

    return Kind(file.read_bytes(), json_text, file.write_bytes, use)


def _resumed_controller(folder: Path) -> Kind:
    from tracer_env.intake.table_files import take_over

    file, made = _table(folder)
    return Kind(file.read_bytes(), json_text, file.write_bytes, lambda: take_over(file, [made()]))


def _regret_checkpoint(folder: Path) -> Kind:
    from tracer_env.runs.config import Config, TrainingConfig
    from tracer_env.trainers.runs.controllers import train_run

    train_run(Config(training=TrainingConfig(episodes=32)), out=folder / "run")
    file = folder / "run" / "checkpoint.json"
    return Kind(file.read_bytes(), json_text, file.write_bytes, lambda: train_run(None, resume=folder / "run"))


def _manifest(folder: Path) -> Kind:
    from tracer_env.trainers.support.checkpoint import newest, save

    path = save(folder / "checkpoints", 7, {"a.json": {"x": [1]}, "inner/b.bin": lambda file: file.write_bytes(b"b")})
    file, told = path / "manifest.json", []

    def put(content: bytes) -> None:
        file.write_bytes(_sealed(content))

    def use() -> None:
        told.clear()
        newest(folder / "checkpoints", told.append)
        if any(not line.isprintable() or "a bug" in line for line in told):
            raise AssertionError(f"told {told}")

    return Kind(file.read_bytes(), json_text, put, use)


def _sealed(content: bytes) -> bytes:
    """Seal a manifest as somebody would who knows how, where it can be sealed at all."""
    try:
        data = json.loads(content)
        rest = {key: value for key, value in data.items() if key != "sha256"}
        return json.dumps(
            {**rest, "sha256": hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()}
        ).encode()
    except (ValueError, AttributeError, RecursionError):
        return content


def _part(name: str, mutate: Mutate) -> Callable[[Path], Kind]:
    def made(folder: Path) -> Kind:
        from tracer_env.scenarios.arithmetic import Arithmetic
        from tracer_env.trainers.gspo.config import GSPOConfig
        from tracer_env.trainers.gspo.state import restore
        from tracer_env.trainers.support.checkpoint import Checkpoint
        from tracer_env.trainers.tracer.trainer import TracerTrainer

        small = {"tasks_per_step": 2, "num_generations": 3, "steps_per_generation": 2, "max_completion_length": 40}
        config = GSPOConfig(max_steps=1, save_steps=1, learning_rate=1e-3, **small)
        tasks = Arithmetic(split="train", level=1, limit=4)
        trainer = TracerTrainer("nano", tasks, config, out=folder / "run", wanted=False)
        trainer.train()
        path = folder / "run" / "checkpoints" / "step_000001"
        again = TracerTrainer("nano", tasks, config, out=folder / "other", wanted=False)
        file = max(path.glob(name), key=lambda each: each.stat().st_size)
        return Kind(file.read_bytes(), mutate, file.write_bytes, lambda: restore(again, Checkpoint(path, 1)))

    return made


def _adapter(name: str, mutate: Mutate) -> Callable[[Path], Kind]:
    def made(folder: Path) -> Kind:
        from tracer_env.agents.speakers.models.adapters import read_adapters
        from tracer_env.agents.speakers.models.nano import Nano
        from tracer_env.trainers.gspo.finetune import LoRA

        policies = LoRA(r=2).prepare(Nano(), ["proposer"], 0)
        policies.save("proposer", folder / "proposer")
        policies.close()
        loaded = Nano().loaded
        file = folder / "proposer" / name
        return Kind(
            file.read_bytes(), mutate, file.write_bytes, lambda: read_adapters(loaded, {"proposer": str(file.parent)})
        )

    return made


KINDS: dict[str, Callable[[Path], Kind]] = {
    "trees_head": _tree_file("trees.json", json_text),
    "trees_arrays": _tree_file("trees.npz", arrays),
    "trees_tasks": _tree_file("tasks.jsonl.gz", lines),
    "trees_texts": _tree_file("texts.jsonl.gz", lines),
    "growing": _growing,
    "controller": _controller,
    "resumed_controller": _resumed_controller,
    "regret_checkpoint": _regret_checkpoint,
    "manifest": _manifest,
    "trainer_state": _part("trainer.json", json_text),
    "optimiser": _part("optimisers/*.safetensors", tensors),
    "adapter_config": _adapter("adapter_config.json", json_text),
    "adapter_weights": _adapter("adapter_model.safetensors", tensors),
}
_TRAINED = ("trainer_state", "optimiser")


def main() -> int:
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--kind", help=f"some of {', '.join(KINDS)}")
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args()
    if given.kind is None:
        found = sweep(given.seed, given.quick)
        print(json.dumps(found))
        return 1 if found["failures"] else 0
    sys.addaudithook(watch)
    counts = Counts(failures=0)
    for name in given.kind.split(","):
        attack(name, given.seed, given.count, counts)
    print(json.dumps(counts))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
