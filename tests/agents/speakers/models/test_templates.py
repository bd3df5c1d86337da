"""Templates that print the date, and tokenizers that end what they encode."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import tiny
from moves import TASK

from tracer_env.agents.speakers.models.huggingface import HuggingFaceSpeaker
from tracer_env.agents.speakers.models.templates import TODAY, pinned, without_end
from tracer_env.errors import ConfigError
from tracer_env.interfaces import Request
from tracer_env.rules import Rules, initial

DATED = "Today: {{ strftime_now('%d %B %Y') }}\n" + tiny.CHAT
ASKED = "{% if not date_string is defined %}{% set date_string = strftime_now('%d %b %Y') %}{% endif %}" + (
    "Today: {{ date_string }}\n" + tiny.CHAT
)


def prompt(speaker: Any) -> str:
    state = initial(TASK, Rules())
    text: str = speaker.loaded.tokenizer.decode(speaker.prompt(Request(state, state.seat, 0))[0])
    return text


HIDDEN = "{% set form = '%Y' %}Today: {{ strftime_now(form) }}\n" + tiny.CHAT


@pytest.mark.parametrize(
    ("template", "shown"), [(DATED, "05 April 2031"), (ASKED, "05 Apr 2031"), (HIDDEN, "05 Apr 2031")]
)
def test_the_date_is_pinned_and_on_record(tmp_path: Path, template: str, shown: str) -> None:
    folder = tiny.save(tmp_path, template=template)
    speaker: Any = HuggingFaceSpeaker(folder, max_new_tokens=4, date="2031-04-05")
    assert prompt(speaker).startswith(f"Today: {shown}\n")
    assert speaker.settings["date"] == "05 Apr 2031"
    usual: Any = HuggingFaceSpeaker(folder, max_new_tokens=4)
    assert prompt(usual).startswith("Today: 01 January" if template == DATED else "Today: 01 Jan 2026")
    given: Any = HuggingFaceSpeaker(folder, max_new_tokens=4, chat_options={"date_string": "May Day"})
    assert ("May Day" in prompt(given)) is (template == ASKED)


def test_other_templates_are_told_no_date(llama: str) -> None:
    speaker: Any = HuggingFaceSpeaker(llama, max_new_tokens=4, date="2031-04-05")
    assert "date" not in speaker.settings
    assert pinned(TODAY, tiny.tokenizer(None)) == {}
    assert pinned(TODAY, tiny.tokenizer()) == {}


@pytest.mark.parametrize("date", ["today", "2031-13-01", "", 20310405])
def test_what_is_no_date_is_refused(llama: str, date: Any) -> None:
    with pytest.raises(ConfigError, match=r"speaker\.date must be a date such as 2026-01-01"):
        HuggingFaceSpeaker(llama, date=date)


def test_a_prompt_is_not_over_before_the_reply(tmp_path: Path) -> None:
    plain: Any = HuggingFaceSpeaker(tiny.save(tmp_path / "plain", template=None), max_new_tokens=4)
    state = initial(TASK, Rules())
    wanted = plain.prompt(Request(state, state.seat, 0))[0]
    folder = Path(tiny.save(tmp_path / "ending", template=None))
    path = folder / "tokenizer.json"
    data = json.loads(path.read_text(encoding="utf-8"))
    end = {"SpecialToken": {"id": "<|im_end|>", "type_id": 0}}
    data["post_processor"] = {
        "type": "TemplateProcessing",
        "single": [{"Sequence": {"id": "A", "type_id": 0}}, end],
        "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 0}}, end],
        "special_tokens": {"<|im_end|>": {"id": "<|im_end|>", "ids": [2], "tokens": ["<|im_end|>"]}},
    }
    path.write_text(json.dumps(data), encoding="utf-8")
    ending: Any = HuggingFaceSpeaker(str(folder), max_new_tokens=4)
    assert ending.loaded.tokenizer("a")["input_ids"][-1] == 2
    assert ending.prompt(Request(state, state.seat, 0))[0] == wanted
    assert without_end([5, 2, 7, 2, 2], {2}) == (5, 2, 7)
    assert without_end([2], {2}) == ()
