"""The index: a shortcut, made again whenever it does not fit, and believed no further than the line it points to."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from samples import mended, one_proposal

from tracer_env.episodes import index as module
from tracer_env.episodes.index import NAME, Moved, index_of, open_index
from tracer_env.episodes.transcript import Transcript
from tracer_env.errors import DataError
from tracer_env.types import Grade

TOLD = [
    one_proposal(Grade.CORRECT if n % 3 else Grade.WRONG, n // 2, method="ab"[n % 2], task=f"t{n // 2}", world=0)
    for n in range(20)
]


@pytest.fixture
def episodes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of twenty episodes, which is held to be large enough for an index."""
    monkeypatch.setattr(module, "SMALL", 0)
    path = tmp_path / "episodes.jsonl"
    write(path, TOLD)
    return path


def write(path: Path, told: list[Transcript]) -> None:
    path.write_text("".join(f"{each.to_json()}\n" for each in told), encoding="utf-8")


def test_each_episode_is_found(episodes: Path) -> None:
    index = open_index(episodes)
    assert [index.read(place) for place in range(len(index))] == TOLD
    assert index.method_names == ("a", "b")
    assert [index.task_id(place) for place in (0, 1, 19)] == ["t0", "t0", "t9"]


def test_a_kept_index_is_taken_and_hangs_on_the_episodes_alone(episodes: Path, tmp_path: Path) -> None:
    open_index(episodes)
    kept = (tmp_path / NAME).read_bytes()
    (tmp_path / "other").mkdir()
    write(tmp_path / "other" / "episodes.jsonl", TOLD)
    open_index(tmp_path / "other" / "episodes.jsonl")
    assert (tmp_path / "other" / NAME).read_bytes() == kept
    before = (tmp_path / NAME).stat().st_mtime_ns
    again = open_index(episodes)
    assert (tmp_path / NAME).stat().st_mtime_ns == before
    assert np.array_equal(again.offsets, index_of(episodes).offsets)


def test_a_small_file_gets_none(tmp_path: Path) -> None:
    write(tmp_path / "episodes.jsonl", TOLD)
    assert len(open_index(tmp_path / "episodes.jsonl")) == 20
    assert not (tmp_path / NAME).exists()


def flip(content: bytes, place: int) -> bytes:
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


@pytest.mark.parametrize(
    "damage",
    [
        lambda kept: b"",
        lambda kept: b"\x00" * len(kept),
        lambda kept: kept[: len(kept) // 2],
        lambda kept: kept + b"x",
        lambda kept: kept.replace(b'"lines":20', b'"lines":19'),
        lambda kept: kept.replace(b'"lines":20', b'"lines":900000000000'),
        lambda kept: kept.replace(b'"schema":1', b'"schema":2'),
        lambda kept: b"[" * 100_000 + kept,
        *(lambda kept, place=place: flip(kept, place) for place in (3, 40, 120, 250, 300, 500, -1, -20)),
    ],
)
def test_a_damaged_index_is_made_again(episodes: Path, damage: Callable[[bytes], bytes]) -> None:
    open_index(episodes)
    file = episodes.with_name(NAME)
    kept = file.read_bytes()
    file.write_bytes(damage(kept))
    index = open_index(episodes)
    assert [index.read(place) for place in range(len(index))] == TOLD
    assert file.read_bytes() == kept


def test_an_index_of_other_episodes_is_made_again(episodes: Path) -> None:
    open_index(episodes)
    write(episodes, TOLD[:10])
    assert len(open_index(episodes)) == 10
    write(episodes, [*TOLD[:9], TOLD[10]])
    os.utime(episodes, ns=(0, 0))  # older than its index, as a copy may be
    assert open_index(episodes).read(9) == TOLD[10]


def test_a_line_that_is_another_episode_is_not_believed(episodes: Path) -> None:
    index = open_index(episodes)
    write(episodes, [TOLD[1], TOLD[0], *TOLD[2:]])
    with pytest.raises(Moved, match="has changed while it was read; run the command again"):
        index.read(0)
    write(episodes, TOLD[:3])
    with pytest.raises(Moved, match="line 20: not a transcript"):
        index.read(19)


@pytest.mark.skipif(os.name == "nt", reason="links are a matter of POSIX here")
def test_nothing_is_written_through_a_link(episodes: Path, tmp_path: Path) -> None:
    (tmp_path / "victim").write_text("mine", encoding="utf-8")
    episodes.with_name(NAME).symlink_to(tmp_path / "victim")
    assert open_index(episodes).read(3) == TOLD[3]
    assert (tmp_path / "victim").read_text(encoding="utf-8") == "mine"
    assert episodes.with_name(NAME).is_symlink()


def test_a_line_that_is_no_episode_is_named(episodes: Path) -> None:
    with episodes.open("a", encoding="utf-8") as file:
        file.write('{"schema":1')
    with pytest.raises(DataError, match="line 21: not a transcript"):
        open_index(episodes)
    write(episodes, [mended()])
    assert open_index(episodes).read(0) == mended()
