"""The lowest versions: what is read off the metadata, and what a difference is."""

from __future__ import annotations

import importlib.util
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
_spec = importlib.util.spec_from_file_location("lowest", ROOT / "benchmarks" / "lowest.py")
assert _spec is not None
assert _spec.loader is not None
lowest = importlib.util.module_from_spec(_spec)
sys.modules["lowest"] = lowest
_spec.loader.exec_module(lowest)

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_every_extra_of_users_is_a_group_with_tests_that_are_there() -> None:
    known = lowest.groups(PROJECT)
    assert (
        set(known)
        == set(lowest.TESTS)
        == {"core", *PROJECT["optional-dependencies"]}
        - {
            *("test", "docs", "dev"),
            *lowest.ELSEWHERE,
        }
    )
    assert all((ROOT / script).exists() for script in lowest.ELSEWHERE.values())
    for tests in lowest.TESTS.values():
        for test in tests:
            path, _, name = test.removeprefix("--deselect=").partition("::")
            assert (ROOT / path).exists(), test
            assert name in (ROOT / path).read_text(encoding="utf-8") if name else True, test


def test_extras_of_extras_are_followed_and_the_core_is_in_each() -> None:
    project = {
        "dependencies": ["numpy>=1.26", "gymnasium>=1.2,<2"],
        "optional-dependencies": {"a": ["torch>=2.13"], "b": ["tracer-env[a]", "gguf>=0.10"], "test": ["pytest>=8"]},
    }
    known = lowest.groups(project)
    assert known["core"].lowest == {"numpy": "1.26", "gymnasium": "1.2"}
    assert known["b"].lowest == {"numpy": "1.26", "gymnasium": "1.2", "torch": "2.13", "gguf": "0.10"}
    assert set(known) == {"core", "a", "b"}


def test_a_package_without_a_lowest_version_is_refused() -> None:
    with pytest.raises(SystemExit, match="'numpy<3' declares no lowest version"):
        lowest.groups({"dependencies": ["numpy<3"], "optional-dependencies": {}})


def test_what_is_installed_must_be_what_is_declared() -> None:
    here = {"numpy": version("numpy"), "pytest": "1.0"}
    differences = lowest._differences(lowest.Group("core", here), Path(sys.executable))
    assert differences == [f"pytest is {version('pytest')}, declared 1.0"]
