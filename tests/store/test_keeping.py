"""Where a run keeps what its models say, and what is said where it cannot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from answers import answer, filled

from tracer_env.errors import ConfigError, DataError
from tracer_env.store.database import Store, open_store
from tracer_env.store.keeping import FILE, check_store, kept, missing, store_at


class Voice:
    """Keeps what it is given to keep."""

    store: Any = None

    def keep(self, store: Any) -> None:
        self.store = store


class Cast:
    def __init__(self, **parts: Any) -> None:
        self.parts = parts


def test_a_run_keeps_in_its_own_folder_unless_it_is_told_where(tmp_path: Path) -> None:
    voice = Voice()
    with kept(voice, None, tmp_path) as store:
        assert isinstance(store, Store)
        assert voice.store is store
        assert store.path == (tmp_path / FILE).resolve()
    assert voice.store is None
    other = tmp_path / "other"
    other.mkdir()
    for asked in (str(other), str(other / FILE)):
        with kept(voice, asked, tmp_path) as store:
            assert store is not None
            assert store.path == (other / FILE).resolve()
    assert store_at(other) == other / FILE


@pytest.mark.parametrize(("speaker", "asked"), [(Voice(), "none"), (object(), None), (Cast(a=object()), None)])
def test_nothing_is_kept_where_nobody_is_asked_or_nobody_wants_it(tmp_path: Path, speaker: Any, asked: Any) -> None:
    with kept(speaker, asked, tmp_path) as store:
        assert store is None
    assert not list(tmp_path.iterdir())


def test_all_parts_of_a_cast_share_one_store(tmp_path: Path) -> None:
    left, right = Voice(), Voice()
    with kept(Cast(proposer=left, reviewer=right, other=object()), None, tmp_path) as store:
        assert left.store is right.store is store


def test_a_run_without_a_folder_keeps_nothing_unless_it_is_told_where(tmp_path: Path) -> None:
    with kept(Voice(), None, None) as store:
        assert store is None
    with kept(Voice(), str(tmp_path / "s.db"), None) as store:
        assert store is not None


def test_offline_a_store_is_read_alone_wherever_it_stands(tmp_path: Path) -> None:
    filled(tmp_path / FILE)
    before = (tmp_path / FILE).read_bytes()
    with kept(Voice(), None, tmp_path, offline=True) as store:
        assert store is not None
        assert store.get([answer(2).key]) == [answer(2).record]
    assert (tmp_path / FILE).read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


@pytest.mark.parametrize(
    ("speaker", "asked", "offline", "error", "words"),
    [
        (object(), "s.db", False, ConfigError, "no part of this speaker asks a language model"),
        (Voice(), "none", True, ConfigError, "--offline asks a store, and speaker.store is none"),
        (Voice(), None, True, ConfigError, "this run has no store yet; name that of an earlier run"),
        (Voice(), "s.db", True, DataError, "there is no store s.db"),
        (Voice(), "no/s.db", False, DataError, "there is no folder no; make it first"),
        (Voice(), "text.db", False, DataError, "is no store of utterances"),
    ],
)
def test_what_cannot_work_is_told_before_a_folder_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, speaker: Any, asked: Any, offline: bool, error: type, words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("text.db").write_text("hello")
    with pytest.raises(error) as caught:
        check_store(speaker, asked, offline)
    assert words.replace(" no/", " no/").split("; ")[0] in str(caught.value).replace(f"{tmp_path.resolve()}/", "")
    assert "\n" not in str(caught.value)


def test_a_miss_says_what_to_do(tmp_path: Path) -> None:
    store = open_store(tmp_path / "s.db")
    line = str(missing(store, "m", "agent_0 (proposer) at turn 1 of task 't'"))
    assert "has no answer of m for agent_0 (proposer) at turn 1 of task 't'; leave --offline out" in line
    store.close()
