"""Checkpoints: complete or absent, whatever is cut, changed, killed or full."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tracer_env.errors import ConfigError, DiskError, RunFolderError
from tracer_env.intake.checked import plain
from tracer_env.trainers.support import checkpoint
from tracer_env.trainers.support.checkpoint import Checkpoint, newest, save


def _parts(step: int) -> dict[str, Any]:
    return {
        "trainer.json": {"step": step, "seen": [1, 2.5, None]},
        "optimiser.bin": lambda path: path.write_bytes(bytes([step % 256]) * 4096),
        "adapters/proposer": _write_adapter,
    }


def _write_adapter(folder: Path) -> None:
    folder.mkdir()
    (folder / "weights.bin").write_bytes(b"weights")
    (folder / "settings.json").write_text("{}", encoding="utf-8")


def _saved(root: Path, *steps: int) -> Path:
    for step in steps:
        save(root, step, _parts(step), keep=9)
    return root


def _found(root: Path) -> tuple[Checkpoint | None, list[str]]:
    told: list[str] = []
    return newest(root, told.append), told


def _step(root: Path) -> int | None:
    found, _ = _found(root)
    return None if found is None else found.step


# -- saving and finding --------------------------------------------------------------------------


def test_what_was_saved_is_found(tmp_path: Path) -> None:
    root = tmp_path / "deep" / "checkpoints"
    assert save(root, 40, _parts(40)) == root / "step_000040"
    found, told = _found(root)
    assert found == Checkpoint(root / "step_000040", 40)
    assert told == []
    assert found.data("trainer.json", plain()) == {"step": 40, "seen": [1, 2.5, None]}
    assert found.file("optimiser.bin").read_bytes() == b"\x28" * 4096
    assert sorted(path.name for path in found.file("adapters/proposer").iterdir()) == ["settings.json", "weights.bin"]
    assert [path.name for path in root.iterdir()] == ["step_000040"]


def test_the_manifest_says_all(tmp_path: Path) -> None:
    save(tmp_path, 7, {"a.bin": lambda path: path.write_bytes(b"abc"), "b.json": []})
    manifest = json.loads((tmp_path / "step_000007" / "manifest.json").read_text(encoding="utf-8"))
    del manifest["sha256"]
    assert manifest == {
        "schema": 1,
        "step": 7,
        "files": {
            "a.bin": {
                "bytes": 3,
                "sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",  # of "abc", FIPS 180-2
            },
            "b.json": {"bytes": 3, "sha256": hashlib.sha256(b"[]\n").hexdigest()},
        },
    }


def test_the_same_parts_give_the_same_bytes(tmp_path: Path) -> None:
    one, two = (save(tmp_path / name, 3, _parts(3)) for name in "ab")
    files = [path.relative_to(one) for path in one.rglob("*") if path.is_file()]
    assert len(files) == 5
    assert all((one / file).read_bytes() == (two / file).read_bytes() for file in files)


def test_nothing_saved_nothing_found(tmp_path: Path) -> None:
    assert _found(tmp_path / "absent") == (None, [])
    (tmp_path / "step_12").mkdir()
    (tmp_path / "notes").mkdir()
    (tmp_path / "step_000012").write_text("a file", encoding="utf-8")
    assert _found(tmp_path) == (None, [])


def test_the_newest_is_by_number(tmp_path: Path) -> None:
    assert _step(_saved(tmp_path, 999_999, 1_000_000, 20)) == 1_000_000


def test_older_ones_go(tmp_path: Path) -> None:
    for step in (10, 20, 30, 40):
        save(tmp_path, step, _parts(step), keep=2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step_000030", "step_000040"]
    save(tmp_path, 50, _parts(50), keep=1)
    assert [path.name for path in tmp_path.iterdir()] == ["step_000050"]


def test_damaged_ones_do_not_count_among_those_that_are_kept(tmp_path: Path) -> None:
    _saved(tmp_path, 10, 20, 30)
    (tmp_path / "step_000030" / "optimiser.bin").write_bytes(b"short")
    save(tmp_path, 40, _parts(40), keep=2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step_000020", "step_000040"]


def test_a_later_damaged_one_does_not_push_out_the_one_just_saved(tmp_path: Path) -> None:
    """After a fall-back to step 30 the damaged step 40 is still there when step 35 is saved."""
    _saved(tmp_path, 30, 40)
    (tmp_path / "step_000040" / "optimiser.bin").unlink()
    save(tmp_path, 35, _parts(35), keep=1)
    assert _step(tmp_path) == 35
    save(tmp_path, 40, _parts(40), keep=1)
    assert _found(tmp_path) == (Checkpoint(tmp_path / "step_000040", 40), [])
    assert [path.name for path in tmp_path.iterdir()] == ["step_000040"]


def test_the_same_step_again_replaces(tmp_path: Path) -> None:
    _saved(tmp_path, 10)
    save(tmp_path, 10, {"trainer.json": "again"})
    found, told = _found(tmp_path)
    assert found is not None
    assert (found.data("trainer.json", plain()), told) == ("again", [])
    assert [path.name for path in tmp_path.iterdir()] == ["step_000010"]


def test_killed_between_the_two_renames_of_a_replacement(tmp_path: Path) -> None:
    _saved(tmp_path, 10)
    os.rename(tmp_path / "step_000010", tmp_path / "step_000010.before")
    found, told = _found(tmp_path)
    assert (found, told) == (Checkpoint(tmp_path / "step_000010.before", 10), [])
    save(tmp_path, 10, _parts(10), keep=1)
    assert [path.name for path in tmp_path.iterdir()] == ["step_000010"]


# -- damage --------------------------------------------------------------------------------------


def test_a_truncated_file(tmp_path: Path) -> None:
    _saved(tmp_path, 30, 40)
    os.truncate(tmp_path / "step_000040" / "optimiser.bin", 120)
    found, told = _found(tmp_path)
    assert found is not None
    assert found.step == 30
    assert told == ["checkpoint step_000040 is truncated (optimiser.bin: 120 of 4096 bytes); taking step_000030"]


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("manifest.json", None, "is incomplete (it has no manifest.json)"),
        (
            "manifest.json",
            b"",
            "is damaged (manifest.json is not readable as JSON: Expecting value: line 1 column 1 (char 0))",
        ),
        (
            "manifest.json",
            b"[]",
            "is damaged (manifest.json: the whole is []; it must be an object with schema, step, files, sha256)",
        ),
        ("manifest.json", b"\xff", "is damaged (manifest.json is not readable as JSON: it is not UTF-8 at byte 0)"),
        ("optimiser.bin", None, "lacks optimiser.bin"),
        ("optimiser.bin", b"\x28" * 5000, "is damaged (optimiser.bin: 5000 of 4096 bytes)"),
        ("optimiser.bin", b"\x28" * 4095 + b"\x29", "is damaged (optimiser.bin is not as it was written)"),
        (
            "adapters/proposer/weights.bin",
            b"Weights",
            "is damaged (adapters/proposer/weights.bin is not as it was written)",
        ),
    ],
)
def test_each_damage_has_its_line(tmp_path: Path, name: str, content: bytes | None, problem: str) -> None:
    _saved(tmp_path, 30, 40)
    file = tmp_path / "step_000040" / name
    if content is None:
        file.unlink()
    else:
        file.write_bytes(content)
    found, told = _found(tmp_path)
    assert found == Checkpoint(tmp_path / "step_000030", 30)
    assert told == [f"checkpoint step_000040 {problem}; taking step_000030"]


def _forged(folder: Path, **changes: Any) -> None:
    """Change the manifest as somebody would who knows how it is sealed."""
    file = folder / "manifest.json"
    content = {**json.loads(file.read_text(encoding="utf-8")), **changes}
    del content["sha256"]
    content["sha256"] = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    file.write_text(json.dumps(content), encoding="utf-8")


SEAL = {"bytes": 1, "sha256": "0" * 64}


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"step": "40"}, "manifest.json: step is '40'; it must be a whole number"),
        ({"step": 40.0}, "manifest.json: step is 40.0"),
        ({"step": True}, "manifest.json: step is True"),
        ({"schema": None}, "manifest.json: schema is None"),
        ({"files": []}, "manifest.json: files is []"),
        ({"files": {"a.json": 3}}, "manifest.json: files.a.json is 3"),
        ({"files": {"a.json": {**SEAL, "bytes": -1}}}, "manifest.json: files.a.json.bytes is -1"),
        ({"files": {"a.json": {**SEAL, "sha256": "x" * 64}}}, "it must be a SHA-256"),
        ({"files": {"../a.json": SEAL}}, "files.../a.json is '../a.json'; it must be a relative path"),
        ({"files": {"/etc/passwd": SEAL}}, "it must be a relative path that stays in the folder"),
        ({"files": {"a\\b": SEAL}}, "it must be a relative path that stays in the folder"),
        ({"files": {"a//b": SEAL}}, "it must be a relative path that stays in the folder"),
        ({"files": {"\x1b[2J": SEAL}}, "control characters are not allowed"),
        ({"files": {}}, "it holds 'trainer.json', which manifest.json does not know"),
        ({"deep": [[[[[[[[[[1]]]]]]]]]]}, "manifest.json: deep is nested more than 8 deep"),
    ],
)
def test_a_manifest_that_somebody_made_up(tmp_path: Path, changes: dict[str, Any], problem: str) -> None:
    _saved(tmp_path, 30, 40)
    if changes == {"files": {}}:
        for name in ("optimiser.bin", "adapters/proposer/weights.bin"):
            (tmp_path / "step_000040" / name).unlink()
    _forged(tmp_path / "step_000040", **changes)
    found, told = _found(tmp_path)
    assert found == Checkpoint(tmp_path / "step_000030", 30)
    assert problem in told[0]
    assert told[0].startswith("checkpoint step_000040 is damaged (")
    assert told[0].isprintable()


def test_a_file_that_nobody_sealed(tmp_path: Path) -> None:
    _saved(tmp_path, 30)
    (tmp_path / "step_000030" / "adapters" / "proposer" / "extra.json").write_text("{}")
    assert _found(tmp_path)[0] is None
    assert "extra.json', which manifest.json does not know" in _found(tmp_path)[1][0]


def test_any_changed_byte_is_found(tmp_path: Path) -> None:
    """Every byte of every file, one at a time; white space of the manifest alone may change without harm."""
    _saved(tmp_path, 30)
    path = save(tmp_path, 40, {"a.json": [1, 2], "b.bin": lambda path: path.write_bytes(b"bytes")})
    for file in [path for path in path.rglob("*") if path.is_file()]:
        content = file.read_bytes()
        for place in range(len(content)):
            file.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
            assert _step(tmp_path) == 30, (file.name, place, content[place])
        file.write_bytes(content)
    assert _step(tmp_path) == 40


def test_a_checkpoint_under_another_name(tmp_path: Path) -> None:
    _saved(tmp_path, 30)
    os.rename(tmp_path / "step_000030", tmp_path / "step_000050")
    assert _found(tmp_path) == (
        None,
        ["checkpoint step_000050 is damaged (its manifest is of step 30); no earlier one holds"],
    )


def test_each_refused_one_costs_one_line(tmp_path: Path) -> None:
    _saved(tmp_path, 10, 20, 30)
    for step in (20, 30):
        (tmp_path / f"step_0000{step}" / "manifest.json").unlink()
    found, told = _found(tmp_path)
    assert found is not None
    assert found.step == 10
    assert [line.rpartition("; ")[2] for line in told] == ["taking step_000010"] * 2
    assert [line.split()[1] for line in told] == ["step_000030", "step_000020"]


def test_a_checkpoint_with_a_digest_of_its_settings_is_still_read(tmp_path: Path) -> None:
    """The manifest held one that nobody read."""
    file = save(tmp_path, 30, _parts(30)) / "manifest.json"
    content = {**json.loads(file.read_text(encoding="utf-8")), "config_digest": "0123456789abcdef"}
    del content["sha256"]
    content["sha256"] = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    file.write_text(json.dumps(content), encoding="utf-8")
    assert _found(tmp_path) == (Checkpoint(tmp_path / "step_000030", 30), [])


def test_another_format_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "SCHEMA", 2)
    _saved(tmp_path, 30)
    monkeypatch.undo()
    with pytest.raises(RunFolderError, match="has the format 2, and this version reads 1"):
        newest(tmp_path, print)


def test_parts_that_are_not_there(tmp_path: Path) -> None:
    found, _ = _found(_saved(tmp_path, 30))
    assert found is not None
    with pytest.raises(RunFolderError, match=r"step_000030 holds no 'reviewer\.json'; move the checkpoint away"):
        found.data("reviewer.json", plain())
    found.file("optimiser.bin").write_bytes(b"\xff\xfe")
    with pytest.raises(RunFolderError, match=r"optimiser\.bin is not readable as JSON: .*; move the checkpoint away"):
        found.data("optimiser.bin", plain())


# -- what cannot be asked for --------------------------------------------------------------------


@pytest.mark.parametrize("name", ["", "/etc/a", "../a", "a/../../b", "manifest.json", "a\\b"])
def test_names_stay_inside(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="cannot name a part of a checkpoint"):
        save(tmp_path / "root", 1, {name: {}})
    assert not (tmp_path / "root").exists()


def test_numbers_in_range(tmp_path: Path) -> None:
    for step, keep in ((-1, 2), (1, 0)):
        with pytest.raises(ConfigError, match="a step of at least 0 and keep of at least 1"):
            save(tmp_path, step, {}, keep=keep)


def test_a_writer_that_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"part 'a\.bin' wrote nothing at its path"):
        save(tmp_path, 1, {"a.bin": lambda path: None})
    assert list(tmp_path.iterdir()) == []


def test_an_error_of_a_writer_passes_and_leaves_nothing(tmp_path: Path) -> None:
    def interrupted(path: Path) -> None:
        path.write_bytes(b"half")
        raise KeyboardInterrupt

    _saved(tmp_path, 30)
    with pytest.raises(KeyboardInterrupt):
        save(tmp_path, 40, {"a.bin": interrupted})
    with pytest.raises(TypeError, match="not JSON serializable"):
        save(tmp_path, 40, {"a.json": [object()]})
    assert [path.name for path in tmp_path.iterdir()] == ["step_000030"]


# -- the disk is full ----------------------------------------------------------------------------


def _full(path: Path) -> None:
    path.write_bytes(b"half")
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class SafetensorError(Exception):
    """Named as the error in which the library hides the system's."""


def _full_in_rust(path: Path) -> None:
    path.write_bytes(b"half")
    raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")


@pytest.mark.parametrize("writer", [_full, _full_in_rust])
def test_a_full_disk_leaves_the_last_good_one(tmp_path: Path, writer: Any) -> None:
    _saved(tmp_path, 30)
    with pytest.raises(RunFolderError) as caught:
        save(tmp_path, 40, {"a.json": {}, "b.bin": writer}, keep=1)
    assert str(caught.value) == (
        f"cannot save the checkpoint {tmp_path / 'step_000040'}: No space left on device; "
        "step_000030 still stands; make room there and continue with --resume"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["step_000030"]
    assert _step(tmp_path) == 30


@pytest.mark.parametrize("call", range(1, 13))
def test_a_disk_that_fills_at_any_force(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: int) -> None:
    """Each fsync in turn fails; the checkpoint is there or is not, and the one before is there in any case."""
    _saved(tmp_path, 30)
    real, calls = os.fsync, 0

    def fsync(number: int) -> None:
        nonlocal calls
        calls += 1
        if calls == call:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(number)

    monkeypatch.setattr(os, "fsync", fsync)
    try:
        save(tmp_path, 40, _parts(40), keep=1)
    except RunFolderError as error:
        assert "No space left on device" in str(error)  # noqa: PT017 - the save may also succeed
    found, told = _found(tmp_path)
    assert found is not None
    assert told == []
    assert found.step == (30 if call < 10 else 40)
    assert not list(tmp_path.glob(".*"))


def test_without_an_earlier_one_the_line_says_so(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match="no earlier one stands"):
        save(tmp_path, 40, {"b.bin": _full})
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(RunFolderError, match="cannot save the checkpoint"):
        save(tmp_path / "file", 40, {})


# -- the process is killed -----------------------------------------------------------------------

SLOW = """
import sys, time
from pathlib import Path
from tracer_env.trainers.support.checkpoint import save
root = Path(sys.argv[1])
def half(path):
    path.write_bytes(b"half")
    print("writing", flush=True)
    time.sleep(60)
save(root, 10, {"a.json": {"step": 10}})
save(root, 20, {"a.json": {"step": 20}, "b.bin": half})
"""

ENDLESS = """
import sys
from pathlib import Path
from tracer_env.trainers.support.checkpoint import newest, save
root = Path(sys.argv[1])
found = newest(root, lambda line: sys.exit(line))
step = found.step if found else 0
print("ready", flush=True)
while True:
    step += 1
    parts = {f"{n}.bin": lambda path: path.write_bytes(step.to_bytes(4, "big") * 20_000) for n in range(4)}
    save(root, step, {**parts, "a.json": {"step": step}})
"""


def _started(code: str, root: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", code, str(root)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline().strip() in ("writing", "ready")
    return process


def _killed(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    assert process.wait(30) == -signal.SIGKILL
    assert process.stdout is not None
    process.stdout.close()


def test_killed_in_the_middle_of_a_part(tmp_path: Path) -> None:
    _killed(_started(SLOW, tmp_path))
    left = [path for path in tmp_path.iterdir() if path.name.startswith(".step_000020")]
    assert [(path / "b.bin").read_bytes() for path in left] == [b"half"]
    found, told = _found(tmp_path)
    assert found is not None
    assert (found.data("a.json", plain()), told) == ({"step": 10}, [])
    save(tmp_path, 20, {"a.json": {"step": 20}})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step_000010", "step_000020"]


def test_killed_at_random_moments(tmp_path: Path) -> None:
    """A process that does nothing but save is killed again and again; every time the newest holds and is its own."""
    pauses = random.Random(4)
    reached = 0
    for _ in range(8):
        process = _started(ENDLESS, tmp_path)
        while max(tmp_path.glob("step_??????"), default=tmp_path / "step_000000").name <= f"step_{reached:06d}":
            time.sleep(0.005)  # however busy it is here, each process saves once more
        time.sleep(pauses.uniform(0.01, 0.12))
        _killed(process)
        found, told = _found(tmp_path)
        assert told == []
        if found is None:
            continue
        assert found.step >= reached
        reached = found.step
        assert found.data("a.json", plain()) == {"step": reached}
        assert all(found.file(f"{n}.bin").read_bytes() == reached.to_bytes(4, "big") * 20_000 for n in range(4))
    assert reached > 3


@pytest.mark.parametrize("name", ["checkpoints", "step_000010", "step_000030.before", "step_000030/adapters", "note"])
def test_nothing_is_written_or_deleted_through_a_link(tmp_path: Path, name: str) -> None:
    victim, root = tmp_path / "victim", tmp_path / "checkpoints"
    victim.mkdir()
    (victim / "manifest.json").write_text("kept")
    if name == "checkpoints":
        root.symlink_to(victim)
    else:
        for step in (20, 30):
            _saved(root, step)
        shutil.rmtree(root / name, ignore_errors=True)
        (root / name).symlink_to(victim)
    with pytest.raises(RunFolderError, match=f"{name} is a symbolic link"):
        save(root, 40, _parts(40), keep=1)
    assert [(path.name, path.read_text()) for path in victim.iterdir()] == [("manifest.json", "kept")]
    assert not (root / "step_000040").exists()


def test_a_full_disk_is_the_machines_failure(tmp_path: Path) -> None:
    def full(path: Path) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(DiskError, match="make room there and continue with --resume") as caught:
        save(tmp_path, 40, {"part": full})
    assert caught.value.exit_code == 1
    assert list(tmp_path.iterdir()) == []
