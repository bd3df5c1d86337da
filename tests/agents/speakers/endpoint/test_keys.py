"""Keys: from the environment, in no text."""

from __future__ import annotations

import pickle

import pytest

from tracer_env.agents.speakers.endpoint.keys import Key, check_name
from tracer_env.errors import ConfigError

VALUE = "sk-marker-0123456789abcdef"


@pytest.fixture
def key(monkeypatch: pytest.MonkeyPatch) -> Key:
    monkeypatch.setenv("OPENAI_API_KEY", f" {VALUE}\n")
    return Key("OPENAI_API_KEY", needed=True)


def test_a_key_is_shown_by_its_name_alone(key: Key) -> None:
    assert key.reveal() == VALUE
    assert (repr(key), str(key)) == ("Key(OPENAI_API_KEY)", "Key(OPENAI_API_KEY)")
    assert VALUE.encode() not in pickle.dumps(key)
    assert pickle.loads(pickle.dumps(key)).reveal() == VALUE


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"bad key {VALUE}.", "bad key ($OPENAI_API_KEY)."),
        (f"it begins with {VALUE[:12]}***", "it begins with ($OPENAI_API_KEY)***"),
        (f"and ends in {VALUE[-8:]}", "and ends in ($OPENAI_API_KEY)"),
        (f"{VALUE}{VALUE}", "($OPENAI_API_KEY)($OPENAI_API_KEY)"),
        ("seven letters: sk-mark", "seven letters: sk-mark"),
        ("", ""),
    ],
)
def test_a_key_is_taken_out_of_texts_in_whole_and_in_part(key: Key, text: str, shown: str) -> None:
    assert key.hidden(text) == shown


def test_a_missing_key_is_told_where_one_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOME_KEY", raising=False)
    with pytest.raises(ConfigError, match="the environment variable SOME_KEY is not set"):
        Key("SOME_KEY", needed=True)
    assert Key("SOME_KEY", needed=False).reveal() == "none"
    assert Key("SOME_KEY", needed=False).hidden("none of it") == "none of it"


@pytest.mark.parametrize("value", ["sk-a\nb-secret", "sk-schlüssel", "sk two words"])
def test_a_key_that_no_header_can_carry_is_refused_unseen(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("SOME_KEY", value)
    with pytest.raises(ConfigError) as caught:
        Key("SOME_KEY", needed=True)
    assert value not in str(caught.value)
    assert "SOME_KEY" in str(caught.value)


@pytest.mark.parametrize("name", [VALUE, "sk_live_123", "", "9KEY", 7])
def test_a_key_in_the_place_of_its_name_is_refused_unseen(name: object) -> None:
    with pytest.raises(ConfigError) as caught:
        check_name(name)
    assert not str(name) or str(name) not in str(caught.value).replace("OPENAI_API_KEY", "")
