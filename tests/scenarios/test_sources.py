from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tracer_env.errors import DataError, MissingExtraError
from tracer_env.scenarios.sources import find_rows, hub_rows, huggingface_rows
from tracer_env.scenarios.tables import read_rows

HUB = ("owner/set", "main", "test")


def from_hub(repository: str, configuration: str | None, split: str) -> Iterable[Mapping[str, Any]]:
    return [{"from": f"{repository} {configuration} {split}"}]


def test_the_path_comes_first_then_the_folder_then_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    named = tmp_path / "named.jsonl"
    named.write_text('{"from": "path"}\n')
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "test.jsonl").write_text('{"from": "folder"}\n')
    monkeypatch.setenv("TRACER_ENV_DATA", str(tmp_path))
    assert find_rows("set", named, "test", HUB, from_hub)[0].values == {"from": "path"}
    assert find_rows("set", None, "test", HUB, from_hub)[0].values == {"from": "folder"}
    assert find_rows("set", None, "train", HUB, from_hub)[0].values == {"from": "owner/set main test"}
    monkeypatch.delenv("TRACER_ENV_DATA")
    assert find_rows("set", None, "test", HUB, from_hub)[0].values == {"from": "owner/set main test"}


def test_a_folder_holds_one_file_a_split(tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_text('\ufeff{"a": 1}\n\n{"a": 2}\n', encoding="utf-8")
    rows = read_rows(tmp_path, "train")
    assert [row.values["a"] for row in rows] == [1, 2]
    assert rows[1].where == f"{tmp_path / 'train.jsonl'} line 3"


def test_a_source_that_fails_says_how_to_provide_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TRACER_ENV_DATA", raising=False)

    def offline(repository: str, configuration: str | None, split: str) -> Iterable[Mapping[str, Any]]:
        raise ConnectionError("no\nroute")

    def bare(repository: str, configuration: str | None, split: str) -> Iterable[Mapping[str, Any]]:
        raise MissingExtraError("loading", "datasets", "data")

    for loader, reason in ((offline, "no route"), (bare, "needs the package 'datasets'")):
        with pytest.raises(DataError) as caught:
            find_rows("gsm8k", None, "test", HUB, loader)
        message = str(caught.value)
        for part in ("the path option", "$TRACER_ENV_DATA/gsm8k/test.jsonl", 'pip install "tracer-env[data]"', reason):
            assert part in message
        assert "\n" not in message


def test_an_unreachable_hub_fails_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("datasets")
    for name in ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(DataError, match=r"nothing answers at http://127\.0\.0\.1:9"):
        huggingface_rows("owner/set", None, "test")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ([1, 2], "owner/set::main test row 1: a row must be a mapping of fields, got list"),
        ({"q": {"deep": ["a\ud800"]}}, r"row 1: the field 'q' holds half of a surrogate pair \(\\ud800\)"),
    ],
)
def test_rows_of_a_hub_are_looked_at(row: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        hub_rows(*HUB, lambda *what: [{"q": "?"}, row])
