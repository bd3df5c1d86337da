"""What `tracer-env list` says of a name."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tracer_env.phrases import phrase_of
from tracer_env.registry import KINDS, register


class Mine:
    """Speaks its mind. And more of it."""


def test_ours_are_told_without_importing_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "tracer_env.agents.speakers.models.smollm2", raising=False)
    assert phrase_of("speaker", "smollm2").startswith("SmolLM2-135M-Instruct from a package of its own")
    assert "tracer_env.agents.speakers.models.smollm2" not in sys.modules
    assert phrase_of("controller", "always") == "Speaks at every turn: the dialogue without a controller"


def test_names_of_a_users_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(KINDS, "controller", dict(KINDS["controller"]))
    (tmp_path / "broken_for_a_test.py").write_text("class Broken(:\n", encoding="utf-8")
    (tmp_path / "plain_for_a_test.py").write_text("class Plain:\n    '''Says\n    little.'''\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    register("controller", "mine", Mine)
    register("controller", "gone", "no_such_module:A")
    register("controller", "broken", "broken_for_a_test:Broken")
    register("controller", "plain", "plain_for_a_test:Plain")
    told = [phrase_of("controller", name) for name in ("mine", "gone", "broken", "plain")]
    assert told == ["Speaks its mind", "", "", "Says little"]
