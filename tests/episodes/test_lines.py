"""The lines of episodes.jsonl: each field by its kind and range, and no contradictions; one line says what is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from samples import mended

from tracer_env.agents.controllers.baselines import Always, Never
from tracer_env.agents.speakers.simulated.speaker import SimulatedSpeaker
from tracer_env.episodes.lines import LONGEST, MOST_TOKENS, raw_lines, read
from tracer_env.episodes.transcript import Transcript, read_transcripts
from tracer_env.errors import DataError
from tracer_env.parts.casting import make_scenario
from tracer_env.rules import Rules
from tracer_env.runs.playing import evaluate

LINE = mended().to_json().encode()


def changed(*steps: Any, to: Any) -> bytes:
    """The line of `mended` with the value at a place put to something else."""
    data = json.loads(LINE)
    place = data
    for step in steps[:-1]:
        place = place[step]
    place[steps[-1]] = to
    return json.dumps(data).encode()


def refused(line: bytes) -> str:
    with pytest.raises(DataError) as caught:
        Transcript.from_json(line)
    told = str(caught.value)
    assert told.isprintable()
    assert "a bug" not in told
    return told


SAID = ("turns", 0, "utterance")
WRONG_KINDS = [
    *((("turns", 0, "utterance", name), value) for name in ("prompt_tokens", "completion_tokens", "dropped")
      for value in ("5", [5], None, True, 1.0, -1, 10**30, MOST_TOKENS + 1, {}, float("nan"))),
    *((("world",), value) for value in ("0", None, 0.0, -1, 1 << 80, [])),
    *((("episode",), value) for value in ("12", "\x1b[31m", None, -1, 10**30)),
    *((("seed",), value) for value in ("<script>alert(1)</script>", 4.0, -1, 1 << 63)),
    *((("max_turns",), value) for value in (0, 4, 300_000_000, "5", 4097)),
    *((("final_turn",), value) for value in (0, 1, 2, 4, 6, -1, "3", None)),
    *((("turns", 1, "speak_probability"), value) for value in (-0.1, 1.5, float("nan"), float("inf"), "0.8", None)),
    *((("turns", 0, "speak_probability"), value) for value in (0.5, 0.0)),  # there was no choice
    *((("turns", 1, "skip_value"), value) for value in (float("-inf"), "1", None, True, 1e300)),
    *((("turns", 1, "speak_value"), value) for value in (None, float("nan"), "x")),
    *((("turns", 1, "mask"), value) for value in ([1], [1, 1, 1], [1, 2], [0, 0], [1, 0], [True, True], "11", None)),
    *((("turns", 1, "vote"), value) for value in (0, 1, -2, "-1", 10**9)),
    *((("turns", 1, "turn"), value) for value in (1, 3, "2", None)),
    *((("turns", 1, "agent"), value) for value in (-1, "1", 5000)),
    *((("turns", 1, "role"), value) for value in ("referee", "REVIEWER", 1, None, "proposer")),
    *((("turns", 1, "action"), value) for value in ("skip", "shout", 1, None)),
    *((("turns", 1, "key"), value) for value in (1, None, ["k"])),
    *(((*SAID, name), value) for name in ("text", "rule") for value in (1, None, ["x"], "\ud800")),
    *(((*SAID, "answer"), value) for value in (66, ["66"], "\udfff")),
    *(((*SAID, "grade"), value) for value in (None, 1, "CORRECT", "right")),
    *(((*SAID, "verdict"), value) for value in (None, 0, "right", "maybe")),
    *(((*SAID, "finish"), value) for value in (None, "stopped", 1)),
    *((("turns", 1, "utterance", "grade"), value) for value in ("wrong", 0)),
    *((("turns",), value) for value in ([], None, {}, "x", [1], [None])),
    *((("task",), value) for value in (None, [], "t", {"id": "t"})),
    *((("task", "id"), value) for value in (7, None, ["t"], "\ud83d")),
    *((("task", "difficulty"), value) for value in (-0.1, 1.1, "easy", None, float("nan"))),
    *((("task", "options"), value) for value in ([], "a")),
    *((("turns", 3, "utterance"), value) for value in (None, {}, "x")),
    *((("turns", 0, "other"), value) for value in (None, {})),
    *((("method",), value) for value in (None, 1, [])),
    *((("grade",), value) for value in (None, "wrong", 1)),
    *((("final_answer",), value) for value in (None, 76, "77")),
    *((("schema",), value) for value in (None, 0, 3, "1", True, 1.0)),
    *((("extra",), value) for value in (None, 1)),
]  # fmt: skip


@pytest.mark.parametrize(("place", "value"), WRONG_KINDS)
def test_what_does_not_fit_is_refused(place: tuple[Any, ...], value: Any) -> None:
    refused(changed(*place, to=value))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"", "truncated"),
        (b"null", "got `null`"),
        (b"[" * 10_000, "nested more than 64 deep"),
        (b'{"schema":' * 10_000, "nested more than 64 deep"),
        (LINE.replace(b'"schema":2', b'"schema":2,"more":' + b"[" * 50_000 + b"]" * 50_000), "unknown field `more`"),
        (LINE.replace(b'"world":0', b'"world":0,"world":0'), "the key 'world' stands twice"),
        (LINE.replace(b'"rule":"final_answer"', b'"rule":"final_answer","rule":"none"', 1), "'rule' stands twice"),
        (LINE.replace(b'"world":0', b'"world":' + b"9" * 5000), "more digits"),
        (LINE.replace(b'"world":0', b'"world":NaN'), "malformed"),
        (LINE.replace(b"bakery", b"bak\xffery"), "not UTF-8"),
        (LINE.replace(b"bakery", b"bak\x00ery"), "malformed"),
        (b"\xef\xbb\xbf" + LINE, "byte order mark; save the file as UTF-8 without one"),
        (LINE.decode().encode("utf-16"), "malformed"),
        (LINE + b"\x00", "malformed"),
        (LINE + LINE, "malformed"),
    ],
)
def test_what_is_no_single_object_is_refused(line: bytes, message: str) -> None:
    assert message in refused(line)


def test_the_error_names_place_value_and_rule() -> None:
    told = refused(changed("turns", 2, "utterance", "prompt_tokens", to=-3))
    assert "turns[2].utterance.prompt_tokens is -3: Expected `int` >= 0" in told
    assert "mask [1, 0] forbids to speak" in refused(changed("turns", 1, "mask", to=[1, 0]))
    assert "\\x1b" in refused(changed("turns", 1, "role", to="\x1b[2J"))


REORDERED = json.dumps(json.loads(LINE), sort_keys=True, indent=None).encode()


@pytest.mark.parametrize(
    "line",
    [
        LINE,
        LINE + b"\n",
        LINE + b"\r\n",
        b"  " + LINE,
        REORDERED,
        json.dumps(json.loads(LINE), ensure_ascii=True).encode(),
        changed(*SAID, "text", to="a NUL \x00, an escape \x1b, an emoji \U0001f600, a line separator \u2028"),
        changed(*SAID, "prompt_tokens", to=MOST_TOKENS),
        changed("seed", to=(1 << 63) - 1),
        changed("turns", 1, "speak_probability", to=1e-07),
        changed("turns", 1, "skip_value", to=1),
        changed("max_turns", to=4096),
    ],
)
def test_what_must_go_on_working(line: bytes) -> None:
    told = Transcript.from_json(line)
    assert Transcript.from_json(told.to_json()) == told


@pytest.mark.parametrize(
    "rules",
    [
        Rules(),
        Rules(num_agents=3, max_turns=7),
        Rules(stop_when="kept"),
        Rules(max_turns=1),
        Rules(final_answer="highest_vote", max_turns=9),
        Rules(final_answer="majority"),
    ],
)
def test_what_is_played_can_be_read(rules: Rules) -> None:
    methods = {"loud": Always(), "quiet": Never()}
    for counterfactuals in ("all", "none"):
        blocks = evaluate(
            methods,
            make_scenario("arithmetic", limit=20),
            SimulatedSpeaker(),
            rules,
            worlds=2,
            counterfactuals=counterfactuals,
        )
        for told in (told for block in blocks for told in block):
            assert Transcript.from_json(told.to_json()).to_json() == told.to_json()


def test_a_line_comes_back_byte_for_byte() -> None:
    """What makes the second look at equal keys rare: the schema writes what `to_json` writes."""
    import msgspec

    assert msgspec.json.encode(read(LINE)) == LINE


def _file(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def test_offsets_and_numbers(tmp_path: Path) -> None:
    path = _file(tmp_path / "e.jsonl", b"a\n\nbcd\ne")
    assert list(raw_lines(path)) == [(1, 0, b"a\n"), (2, 2, b"\n"), (3, 3, b"bcd\n"), (4, 7, b"e")]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: None, "cannot read .*: No such file"),
        (lambda path: path.mkdir(), "is no ordinary file"),
        (
            lambda path: path.write_bytes(LINE + b"\n" + b"x" * (LONGEST + 1)),
            "line 2: it is longer than 67108864 bytes",
        ),
        (lambda path: path.write_bytes(LINE + b"\n\n" + LINE), "line 2: not a transcript"),
        (lambda path: path.write_bytes(LINE + b"\n" + LINE[:-1]), "line 2: not a transcript"),
    ],
)
def test_files_that_cannot_be_read_are_named(tmp_path: Path, make: Callable[[Path], object], message: str) -> None:
    make(tmp_path / "e.jsonl")
    with pytest.raises(DataError, match=message):
        list(read_transcripts(tmp_path / "e.jsonl"))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("agrees", 0),
        ("agrees", 2),
        ("agrees", "1"),
        ("signals", []),
        ("signals", {"logprob_mean": 0.5}),
        ("signals", {"logprob_mean": "-1"}),
        ("signals", {"margin": None}),
        ("signals", {"other": -1.0}),
        ("signals", {"margin": 1.0}),  # of a proposal
    ],
)
def test_signals_that_no_utterance_has_are_refused(field: str, value: object) -> None:
    data = json.loads(LINE)
    data["turns"][0]["utterance"][field] = value
    with pytest.raises(DataError):
        read(json.dumps(data, separators=(",", ":")).encode())


def test_lines_of_before_are_read() -> None:
    assert read(LINE.replace(b'"schema":2', b'"schema":1')).turns == read(LINE).turns
