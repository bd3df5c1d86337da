import datetime
import tomllib
from pathlib import Path

import pytest

from tracer_env.errors import ConfigError
from tracer_env.intake.toml_files import read_toml, written


def test_what_is_written_is_read_back() -> None:
    data = {
        "seed": 7,
        "odd key": 'quote " and \\ and \x7f and é',
        "section": {
            "day": datetime.date(2026, 1, 2),
            "a.b": [1, 2.5, True],
            "": {"inner key": "x"},
            "nan": float("inf"),
        },
        "two words": {"x": -1},
    }
    assert tomllib.loads(written(data)) == data


def test_files_that_cannot_be_read_are_one_line(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    with pytest.raises(ConfigError, match=r"cannot read the preset file .*mine\.toml: No such file"):
        read_toml(file, "preset")
    file.write_bytes(b"\xef\xbb\xbfx = 1\r\n")
    assert read_toml(file) == {"x": 1}
    file.write_text("x = ")
    with pytest.raises(ConfigError, match=r"the config file .*mine\.toml is not valid TOML: "):
        read_toml(file)


@pytest.mark.parametrize(
    "text",
    [
        "[speaker]\n" + "a." * 100_000 + "b = 1",
        "[speaker." + "a . " * 100_000 + "b]",
        '[speaker]\nx = { "a".' + "'a'." * 100_000 + "b = 1 }",
        "x = " + "[" * 200 + "]" * 200,
        "x = " + "[" * 100_000 + "]" * 100_000,
        "x = " + "{a=" * 200 + "1" + "}" * 200,
    ],
    ids=["key", "header", "inline", "lists", "more lists", "tables"],
)
def test_what_is_nested_too_deep_is_one_line(tmp_path: Path, text: str) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=r"mine\.toml is not valid TOML: "):
        read_toml(file)


def test_texts_may_hold_dots(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('x = "' + "a.b. " * 100 + '"\ny = """\n' + ". " * 200 + '\n"""\nz = [1, 2]\n')
    assert set(read_toml(file)) == {"x", "y", "z"}
