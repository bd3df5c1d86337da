"""The episodes of a run, read when they are asked for."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from samples import one_proposal

from tracer_env.episodes import index, shelf
from tracer_env.episodes.choosing import select
from tracer_env.episodes.index import NAME
from tracer_env.episodes.shelf import chosen
from tracer_env.episodes.transcript import Transcript
from tracer_env.errors import ConfigError, UnknownNameError
from tracer_env.types import Grade

TOLD = [
    one_proposal(
        Grade.CORRECT if (n // 2 + n) % 3 else Grade.WRONG,
        n // 2,
        method="ab"[n % 2],
        task=f"t{n // 2 % 5}",
        world=n // 10,
    )
    for n in range(20)
]


@pytest.fixture(autouse=True)
def always_an_index(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "SMALL", 0)


@pytest.fixture(params=[1000, 0])
def path(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Episodes that are read at once, and such that are read one by one."""
    monkeypatch.setattr(shelf, "_AT_ONCE", request.param)
    return write(tmp_path / "episodes.jsonl", TOLD)


def write(path: Path, told: list[Transcript]) -> Path:
    path.write_text("".join(f"{each.to_json()}\n" for each in told), encoding="utf-8")
    return path


def test_all_of_them(path: Path) -> None:
    found = chosen(path, None, None, None)
    assert list(found) == TOLD
    assert list(found[3:5]) == TOLD[3:5]
    assert found[-1] == TOLD[-1]


def test_by_method_task_and_number(path: Path) -> None:
    assert list(chosen(path, "b", None, None)) == TOLD[1::2]
    assert list(chosen(path, None, "t2", None)) == [TOLD[n] for n in (4, 5, 14, 15)]
    assert list(chosen(path, None, "7", None)) == TOLD[14:16]
    assert list(chosen(path, "a", "7", None)) == [TOLD[14]]
    assert list(chosen(path, "a", None, "wrong")) == [each for each in TOLD[::2] if not each.correct]


def test_an_id_goes_before_a_number(tmp_path: Path) -> None:
    told = [one_proposal(Grade.WRONG, n, task=str(3 - n)) for n in range(3)]
    found = chosen(write(tmp_path / "episodes.jsonl", told), None, "1", None)
    assert [each.episode for each in found] == [2]


@pytest.mark.parametrize("only", ["flips", "wrong", "disagreements"])
def test_a_kind_is_that_of_the_whole_list(path: Path, only: str) -> None:
    assert list(chosen(path, None, None, only)) == select(TOLD, only)


@pytest.mark.parametrize(
    ("choice", "error", "message"),
    [
        (("c", None, None), UnknownNameError, "unknown method of this run 'c'"),
        ((None, "t9", None), ConfigError, "no episode 't9' in .*; choose one of: t0, t1"),
        ((None, "007", None), ConfigError, "no episode '007'"),
        ((None, "9" * 30, None), ConfigError, "no episode"),
        ((None, "²", None), ConfigError, "no episode"),
        ((None, None, "wrng"), ConfigError, "did you mean 'wrong'"),
    ],
)
def test_what_is_not_there(path: Path, choice: tuple[str | None, ...], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        chosen(path, *choice)


def test_an_index_that_lies_is_found_out(path: Path) -> None:
    """Same size, first and last bytes; the index is not older: only the line itself tells."""
    chosen(path, None, None, None)
    renamed = path.read_bytes().replace(b'"id":"t2"', b'"id":"t8"')
    path.write_bytes(renamed)
    kept = path.with_name(NAME)
    header, _, body = kept.read_bytes().partition(b"\n")
    probe = hashlib.sha256(renamed[: 1 << 16] + renamed[-(1 << 16) :]).hexdigest()
    kept.write_bytes(json.dumps({**json.loads(header), "probe": probe}).encode() + b"\n" + body)
    assert [each.task.id for each in chosen(path, None, "t8", None)] == ["t8"] * 4
