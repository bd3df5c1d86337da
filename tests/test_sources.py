from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tracer_env.errors import DataError, MissingExtraError
from tracer_env.scenarios.sources import find_rows, huggingface_rows, read_rows

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
    ("text", "message"),
    [
        ("", "holds no rows"),
        ('{"a": 1}\n{"a": \n', "line 2: this is not JSON"),
        ("[1]\n", "line 1: a row must be a JSON object, got list"),
        ("[" * 100_000 + "\n", "line 1: this is not JSON"),
    ],
)
def test_bad_files_are_named_with_their_line(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text(text)
    with pytest.raises(DataError, match=message):
        read_rows(file)


def test_missing_and_binary_files(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"cannot read .*none\.jsonl: No such file"):
        read_rows(tmp_path / "none.jsonl")
    (tmp_path / "binary.jsonl").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match=r"cannot read .*binary\.jsonl"):
        read_rows(tmp_path / "binary.jsonl")


def test_fields_are_text(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("a,b\n1,x\n")
    (row,) = read_rows(tmp_path / "rows.csv")
    assert (row.text("a"), row.where) == ("1", f"{tmp_path / 'rows.csv'} line 2")
    with pytest.raises(DataError, match="line 2: the field 'c' is missing; the fields are: a, b"):
        row.text("c")
