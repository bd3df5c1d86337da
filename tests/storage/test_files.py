"""Writing under a name of our own: complete or absent, and never outside the folder."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tracer_env.errors import RunFolderError
from tracer_env.storage.files import append, cut, write_bytes, write_text, write_with
from tracer_env.storage.leftovers import (
    is_temporary,
    remove_files,
    remove_tree,
    sweep,
    temporary_folder,
    temporary_name,
)
from tracer_env.storage.places import refuse_links

WRITERS: dict[str, Callable[[Path], object]] = {
    "text": lambda path: write_text(path, "new\n"),
    "bytes": lambda path: write_bytes(path, b"new\n"),
    "function": lambda path: write_with(path, lambda name: name.write_bytes(b"new\n")),
    "durable": lambda path: write_text(path, "new\n", durable=True),
    "inside": lambda path: write_text(path, "new\n", inside=path.parent),
    "deep inside": lambda path: write_text(path, "new\n", inside=path.parent.parent),
}
every_writer = pytest.mark.parametrize("write", WRITERS.values(), ids=list(WRITERS))


def names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


@every_writer
def test_a_file_is_written_or_replaced_and_nothing_else_stays(write: Callable[[Path], object], tmp_path: Path) -> None:
    file = tmp_path / "a file"
    for _ in range(2):
        write(file)
        assert file.read_bytes() == b"new\n"
        assert names(tmp_path) == ["a file"]


@every_writer
@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt(), KeyError(1)])
def test_what_fails_leaves_the_old_file_and_no_temporary(
    write: Callable[[Path], object], error: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "file"
    file.write_text("old")

    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(type(error)) as caught:
        write(file)
    assert names(tmp_path) == ["file"]
    assert file.read_text() == "old"
    if isinstance(caught.value, OSError):
        assert caught.value.filename == str(file)


def make_odd(path: Path, kind: str) -> None:
    outside = path.parent.parent / "victim"
    match kind:
        case "link to a file":
            outside.write_text("victim")
            path.symlink_to(outside)
        case "link to nothing":
            path.symlink_to(path.parent.parent / "nothing")
        case "link to a folder":
            outside.mkdir()
            path.symlink_to(outside)
        case "chain of links":
            outside.write_text("victim")
            (path.parents[1] / "odd_between").symlink_to(outside)
            path.symlink_to(path.parents[1] / "odd_between")
        case "link to itself":
            path.symlink_to(path)
        case "pipe":
            os.mkfifo(path)
        case "socket":
            with socket.socket(socket.AF_UNIX) as unix:
                os.chdir(path.parent)
                unix.bind(path.name)


ODD = ("link to a file", "link to nothing", "link to a folder", "chain of links", "link to itself", "pipe", "socket")
every_odd = pytest.mark.parametrize("kind", ODD)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    return tmp_path / "folder"


@every_odd
@every_writer
def test_no_link_and_no_device_is_written_through(write: Callable[[Path], object], kind: str, folder: Path) -> None:
    make_odd(folder / "file", kind)
    before = names(folder.parent)
    with pytest.raises(RunFolderError, match="plain files"):
        write(folder / "file")
    assert names(folder.parent) == before
    assert not (folder.parent / "victim").is_file() or (folder.parent / "victim").read_text() == "victim"


@every_odd
@pytest.mark.parametrize("grow", [lambda p, i: append(p, b"x", inside=i), lambda p, i: cut(p, 0, inside=i)])
def test_no_link_and_no_device_grows_or_is_cut(grow: Callable[[Path, Path], object], kind: str, folder: Path) -> None:
    make_odd(folder / "file", kind)
    with pytest.raises(RunFolderError, match="plain files"):
        grow(folder / "file", folder)
    assert not (folder.parent / "victim").is_file() or (folder.parent / "victim").read_text() == "victim"
    assert not (folder.parent / "nothing").exists()


@every_odd
@pytest.mark.parametrize("place", ["", "controllers", "checkpoints/step_000001/adapters"])
def test_odd_things_at_every_level_are_refused(kind: str, place: str, folder: Path) -> None:
    (folder / place).mkdir(parents=True, exist_ok=True)
    (folder / "metrics.json").write_text("{}")
    refuse_links(folder)
    make_odd(folder / place / "odd", kind)
    with pytest.raises(RunFolderError, match=r"odd[a-z_]* is a"):
        refuse_links(folder)


def test_what_its_owner_removes_meanwhile_is_no_matter(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "parts" / "00000000").mkdir(parents=True)
    look = os.scandir

    def late(path: Path) -> object:
        if path.name == "parts" and path.exists():
            path.rename(folder.parent / "gone")
        return look(path)

    monkeypatch.setattr(os, "scandir", late)
    refuse_links(folder)
    monkeypatch.undo()
    assert names(folder) == []
    with pytest.raises(FileNotFoundError):
        refuse_links(folder / "parts")


def test_the_folder_itself_may_be_reached_through_a_link(folder: Path) -> None:
    (folder / "inner").mkdir()
    way = folder.parent / "way"
    way.symlink_to(folder)
    refuse_links(way)
    write_text(way / "inner" / "file", "x", inside=way)
    append(way / "inner" / "file", b"y", inside=way)
    assert (folder / "inner" / "file").read_text() == "xy"


@pytest.mark.parametrize("write", [lambda p, i: write_text(p, "x", inside=i), lambda p, i: append(p, b"x", inside=i)])
def test_a_link_on_the_way_is_not_followed(write: Callable[[Path, Path], object], folder: Path) -> None:
    outside = folder.parent / "outside"
    (outside / "deep").mkdir(parents=True)
    (folder / "controllers").symlink_to(outside)
    for path in (folder / "controllers" / "a.json", folder / "controllers" / "deep" / "a.json"):
        with pytest.raises(RunFolderError, match="controllers is a symbolic link"):
            write(path, folder)
    (folder / "adapters" / "one").mkdir(parents=True)
    (folder / "adapters" / "one" / "two").symlink_to(outside)
    with pytest.raises(RunFolderError, match="two is a symbolic link"):
        write(folder / "adapters" / "one" / "two" / "a.json", folder)
    for path in (folder / ".." / "outside" / "a.json", outside / "a.json"):
        with pytest.raises(RunFolderError, match="lies outside"):
            write(path, folder)
    assert names(outside) == ["deep"]


def test_a_name_prepared_for_the_temporary_is_left_alone(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    victim = folder.parent / "victim"
    victim.write_text("victim")
    count = int(temporary_name("x").split("-")[-2].removesuffix(".tracer")) + 1
    (folder / f".file.{os.getpid()}-{count}.tracer-env").symlink_to(victim)
    with pytest.raises(FileExistsError):
        write_text(folder / "file", "new")
    write_text(folder / "file", "new")
    assert victim.read_text() == "victim"
    assert (folder / "file").read_text() == "new"


def test_a_file_with_a_second_name_is_not_appended_to(folder: Path) -> None:
    victim = folder.parent / "victim"
    victim.write_text("victim")
    os.link(victim, folder / "episodes.jsonl")
    with pytest.raises(RunFolderError, match="2 names"):
        append(folder / "episodes.jsonl", b"x")
    with pytest.raises(RunFolderError, match="2 names"):
        cut(folder / "episodes.jsonl", 0)
    write_text(folder / "episodes.jsonl", "new")  # a new file takes the name
    assert victim.read_text() == "victim"


def test_only_leftovers_of_dead_writers_are_swept(folder: Path) -> None:
    outside = folder.parent / "victim"
    outside.write_text("victim")
    strangers = [".file.123", "notes.tmp", ".git", "file.1-2.tracer-env", ".file.1-2.tracer-env.bak", ".x.1.tracer-env"]
    for name in strangers:
        (folder / name).write_text("kept")
    (folder / ".folder.1-2.tracer-env" / "deep").mkdir(parents=True)
    (folder / ".folder.1-2.tracer-env" / "deep" / "link").symlink_to(folder.parent)
    (folder / ".link.1-2.tracer-env").symlink_to(outside)
    (folder / ".file.1-2.tracer-env").write_text("dead")
    (folder / ".other.1-2.tracer-env").write_text("dead")
    sweep(folder, "file")
    assert ".other.1-2.tracer-env" in names(folder)
    sweep(folder)
    assert names(folder) == sorted([*strangers, ".link.1-2.tracer-env"])
    sweep(folder / "missing")
    assert outside.read_text() == "victim"


def test_a_living_writer_is_not_swept_and_a_dead_one_is(folder: Path) -> None:
    script = (
        "import sys, time, pathlib; from tracer_env.storage.files import write_with\n"
        "write_with(pathlib.Path(sys.argv[1]), lambda path: (print('writing', flush=True), time.sleep(60)))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(folder / "file")], stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "writing\n"
        sweep(folder)
        [left] = names(folder)
        assert is_temporary(left, "file")
        writer.kill()
    assert names(folder) == [left]
    write_text(folder / "file", "new")  # whoever writes the same file next sweeps for it
    assert names(folder) == ["file"]


def test_a_folder_is_removed_and_never_what_its_links_show(folder: Path) -> None:
    outside = folder.parent / "outside"
    outside.mkdir()
    (outside / "kept").write_text("kept")
    (folder / "parts" / "deep").mkdir(parents=True)
    (folder / "parts" / "deep" / "link").symlink_to(outside)
    (folder / "link").symlink_to(outside)
    remove_tree(folder / "parts", inside=folder)
    remove_tree(folder / "parts", inside=folder)
    for path in (folder / "link", folder / "link" / "kept", outside, folder / ".." / "outside"):
        with pytest.raises(RunFolderError):
            remove_tree(path, inside=folder)
    assert names(outside) == ["kept"]
    assert names(folder) == ["link"]


def test_a_file_grows_and_is_cut(folder: Path) -> None:
    file = folder / "episodes.jsonl"
    append(file, b"one\n")
    append(file, b"two\n", inside=folder)
    assert file.read_bytes() == b"one\ntwo\n"
    cut(file, 4)
    assert file.read_bytes() == b"one\n"


def test_what_a_full_disk_does_not_take_is_taken_back(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system takes two bytes at a time, and none beyond ten."""
    file, write = folder / "episodes.jsonl", os.write

    def short(number: int, data: bytes) -> int:
        if os.fstat(number).st_size >= 10:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(number, data[:2])

    monkeypatch.setattr(os, "write", short)
    append(file, b"one\n")
    with pytest.raises(OSError, match="No space left") as caught:
        append(file, b"too much for it\n")
    assert caught.value.filename == str(file)
    assert file.read_bytes() == b"one\n"


def test_a_folder_is_complete_or_absent(folder: Path) -> None:
    (folder / ".made.1-2.tracer-env").mkdir()
    with temporary_folder(folder / "made") as work:
        assert is_temporary(work.name, "made")
        assert names(folder) == [work.name]
        sweep(folder)  # its writer lives
        work.rename(folder / "made")
    assert names(folder) == ["made"]
    with pytest.raises(FileNotFoundError), temporary_folder(folder / "other") as work:
        (work / "file").rename(work / "nowhere" / "file")
    assert names(folder) == ["made"]


def test_files_are_removed_by_name_and_their_folder_when_it_is_empty(folder: Path) -> None:
    for part in ("one", "two"):
        (folder / part).mkdir()
        (folder / part / "ours").write_text("x")
    (folder / "two" / "theirs").write_text("x")
    for part in ("one", "two", "three"):
        remove_files(folder / part, ["ours", "missing"], inside=folder)
    assert names(folder) == ["two", "two/theirs"]
    (folder / "link").symlink_to(folder / "two")
    with pytest.raises(RunFolderError, match="symbolic link"):
        remove_files(folder / "link", ["theirs"], inside=folder)
