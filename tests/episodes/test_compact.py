"""The compact form: what is written comes back, holds what the readable form holds, and is refused as that is."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from samples import FREE, MUST, RIGHT, WRONG, episode, judge, mended, one_proposal, propose, silent

from tracer_env.agents.controllers.baselines import Always, Never, Random
from tracer_env.agents.speakers.simulated.speaker import SimulatedSpeaker
from tracer_env.cli.app import main
from tracer_env.episodes.compact import FORM, is_compact
from tracer_env.episodes.lines import MOST_TOKENS
from tracer_env.episodes.transcript import Transcript, read_transcripts
from tracer_env.errors import DataError
from tracer_env.parts.casting import make_scenario
from tracer_env.rules import Rules
from tracer_env.runs.comparing import compare
from tracer_env.runs.config import Config, EvaluationConfig, ScenarioConfig
from tracer_env.runs.playing import evaluate
from tracer_env.signals import kept
from tracer_env.types import Action, Grade, Role, Signals, Task, Utterance

LINE = mended().to_line()


def test_a_line_by_hand() -> None:
    turns = [propose(1, Grade.WRONG, answer="7"), judge(2, WRONG, -1), silent(3, Role.PROPOSER, vote=-1)]
    line = json.loads(replace(episode(turns, 4, "mine", "t", 2), failed="").to_line())
    assert line == [
        FORM, 4, 2, "mine", ["t", "How many?", "76", "number", 0.5, "arithmetic"], 1, 3, 1,
        [
            [0, 0, 1, "=key", 0, 0, -1, ["Final answer: 7", 60, 40, 0, "final_answer", "7"]],
            [1, 1, 3, "=key", -1, -1, 1, ["WRONG", 90, 10, -1], 0.8],
            [0, 0, 2, "=key", -1, 1, None, None, 0.2],
        ],
    ]  # fmt: skip


def test_a_line_comes_back_as_it_was() -> None:
    assert is_compact(LINE)
    assert b"\n" not in LINE
    assert Transcript.from_json(LINE) == mended()
    assert Transcript.from_json(LINE + b"\r\n") == mended()
    assert Transcript.from_json(LINE).to_line() == LINE


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
@pytest.mark.parametrize("counterfactuals", ["all", "none"])
def test_what_is_played_is_what_is_read(rules: Rules, counterfactuals: str) -> None:
    """In memory and on the disk an episode is the same, so it may be counted while it is written."""
    methods = {"loud": Always(), "quiet": Never(), "either": Random(p=0.4)}
    tasks = make_scenario("arithmetic", limit=20)
    for block in evaluate(methods, tasks, SimulatedSpeaker(), rules, worlds=2, counterfactuals=counterfactuals):
        for told in block:
            line, written = told.to_line(), told.to_json()
            assert Transcript.from_json(line).to_line() == line
            assert Transcript.from_json(line).to_json() == written
            assert Transcript.from_json(written).to_line() == line
            assert len(line) < 0.5 * len(written)


TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
LOGS = st.none() | st.floats(-1e6, 0.0, width=32)


@given(TEXTS, TEXTS, TEXTS, LOGS, LOGS, st.none() | st.floats(-50, 50, width=32), st.integers(0, MOST_TOKENS))
def test_any_words_survive(
    text: str, question: str, key: str, total: float | None, least: float | None, margin: float | None, dropped: int
) -> None:
    signals = kept(Signals(total, None if least is None else least / 3, least))
    said = Utterance(
        text, 3, 4, "length" if dropped % 2 else "stop", dropped, text or None, question, Grade.TIMEOUT, signals=signals
    )
    review = Utterance(question, 5, 6, verdict=RIGHT, agrees=-1, signals=kept(Signals(total, total, least, margin)))
    turns = [
        replace(propose(1, Grade.WRONG), utterance=said, key=key),
        replace(judge(2, RIGHT, vote=1), utterance=review, key=f"agent_1/reviewer{key}", speak_value=0.125),
        replace(silent(3, Role.PROPOSER, said, vote=1), key=f"agent_0/proposer/{key}", speak_probability=1 / 3),
    ]
    told = replace(episode(turns), task=Task("t", question, "1"))
    line = told.to_line()
    assert line.count(b"\n") == 0
    assert Transcript.from_json(line) == told


def test_a_failed_episode_has_its_reason() -> None:
    for turns in ((), (propose(1, Grade.WRONG),)):
        told = Transcript(0, "m", Task("t", "?", "1"), 0, 1, turns, 0, failed="SpeakerError: it broke")
        assert Transcript.from_json(told.to_line()) == told


def changed(*steps: int, to: Any) -> bytes:
    """The line of `mended` with the value at a place put to something else."""
    data = json.loads(LINE)
    place = data
    for step in steps[:-1]:
        place = place[step]
    place[steps[-1]] = to
    return json.dumps(data).encode()


TURNS, SAID = 8, 7
REFUSED: list[tuple[tuple[int, ...], Any, str]] = [
    ((0,), 4, "transcript schema 4 is none of 1, 2 and 3"),
    ((1,), -1, "episode is -1: Expected `int` >= 0"),
    ((1,), 1.5, "episode is 1.5"),
    ((2,), "0", "world is '0'"),
    ((3,), 7, "method is 7"),
    ((4,), ["t", "q"], "task is"),
    ((4, 4), 1.5, r"task\[4\] is 1.5"),
    ((5,), 1 << 63, "seed is"),
    ((6,), 4, "it has 5 turns, more than its max_turns 4"),
    ((7,), 0, "final_turn is 0, and no proposal was made there"),
    ((7,), 2, "final_turn is 2, and no proposal was made there"),
    ((7,), 9, "final_turn is 9, and no proposal was made there"),
    ((TURNS,), [], "it has no turns"),
    ((TURNS, 1), [], r"turns\[1\] is"),
    ((TURNS, 1, 0), 4096, r"turns\[1\]\[0\] is 4096"),
    ((TURNS, 1, 1), 2, r"turns\[1\]\[1\] is 2"),
    ((TURNS, 1, 1), 0, "turn 2: vote is -1, and the verdicts come to 0"),
    ((TURNS, 1, 2), 4, r"turns\[1\]\[2\] is 4"),
    ((TURNS, 1, 2), 0, "turn 2: it had to skip, and words stand there"),
    ((TURNS, 1, 2), 1, "turn 2: a probability of SPEAK stands exactly where there was a choice"),
    ((TURNS, 0, 2), 3, "turn 1: a probability of SPEAK stands exactly where there was a choice"),
    ((TURNS, 0, 2), 2, r"turn 2: a reviewer speaks where nothing is pending|turn 1: a probability"),
    ((TURNS, 1, 3), "vote_0", "turn 2: key 'vote_0' begins with neither / nor ="),
    ((TURNS, 1, 3), "", r"turns\[1\]\[3\] is ''"),
    ((TURNS, 1, 4), 0, "turn 2: vote is 0, and the verdicts come to -1"),
    ((TURNS, 1, 5), None, r"turns\[1\]\[5\] is None"),
    ((TURNS, 1, 5), float("nan"), "malformed"),
    ((TURNS, 1, 6), None, "turn 2: speak_value stands exactly where an utterance was drawn"),
    ((TURNS, 1, SAID), None, "turn 2: it spoke, and no words stand there"),
    ((TURNS, 1, 8), 1.5, r"turns\[1\]\[8\] is 1.5"),
    ((TURNS, 1, SAID, 0), 5, r"turns\[1\]\[7\]\[0\] is 5"),
    ((TURNS, 1, SAID, 1), -3, r"turns\[1\]\[7\]\[1\] is -3: Expected `int` >= 0"),
    ((TURNS, 1, SAID, 2), MOST_TOKENS + 1, "is 1000000001"),
    ((TURNS, 1, SAID, 3), 3, "turn 2: vote is -1, and the verdicts come to 3"),
    ((TURNS, 3, SAID, 3), 3, "turn 4: a proposal has a grade, and no margin or agreement; a review has a verdict"),
    ((TURNS, 0, SAID, 3), -1, "a proposal has a grade, and no margin or agreement; a review has a verdict"),
    ((TURNS, 0, SAID), ["x", 1, 1, 0, "", None, [None, None, None, 1.0]], "a proposal has a grade, and no margin"),
    ((TURNS, 0, SAID), ["x", 1, 1, 0, "", None, [], 1], "a proposal has a grade, and no margin"),
    ((TURNS, 0, SAID), ["x", 1, 1, 0, "", None, [0.5]], r"\[6\]\[0\] is 0.5"),
    ((TURNS, 0, SAID), ["x", 1, 1, 0, "", None, [], 0, 0, 2], "is 2"),
    ((TURNS, 0, SAID), ["x", 1, 1, 0, "", None, [], 0, 0, 1, 1], "length"),
]


@pytest.mark.parametrize(("place", "value", "message"), REFUSED)
def test_what_does_not_fit_is_refused(place: tuple[int, ...], value: Any, message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        Transcript.from_json(changed(*place, to=value))
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "line", [b"[", b"[3]", b"[3,1,2]", LINE[:-1], LINE + LINE, b"[" * 10_000, LINE.replace(b"bakery", b"bak\xffery")]
)
def test_what_is_no_single_array_is_refused(line: bytes) -> None:
    with pytest.raises(DataError, match=r"not a transcript|nested") as caught:
        Transcript.from_json(line)
    assert str(caught.value).isprintable()


BENT = propose(1, Grade.WRONG)


@pytest.mark.parametrize(
    "turn",
    [
        replace(BENT, speak_probability=0.5),
        replace(BENT, mask=(1, 0)),
        replace(BENT, utterance=None),
        replace(BENT, mask=FREE, other=BENT.utterance),
        replace(BENT, mask=FREE, action=Action.SKIP),
        replace(BENT, mask=(1, 0), action=Action.SKIP, speak_probability=0.0, utterance=None, other=BENT.utterance),
        replace(BENT, role=Role.REVIEWER),
        replace(judge(2, RIGHT), role=Role.PROPOSER, mask=MUST, speak_probability=1.0),
    ],
)
def test_what_it_has_no_room_for_is_not_written(turn: Any) -> None:
    with pytest.raises(DataError):
        Transcript(0, "m", Task("t", "?", "1"), 0, 1, (turn,), 1).to_line()


def test_both_forms_may_stand_in_a_file(tmp_path: Path) -> None:
    told = [mended(), one_proposal(Grade.WRONG)]
    path = tmp_path / "episodes.jsonl"
    path.write_bytes(told[0].to_json().encode() + b"\n" + told[1].to_line() + b"\n")
    assert list(read_transcripts(path)) == told


@pytest.mark.parametrize("schema", [1, 2])
def test_a_run_of_before_goes_on(tmp_path: Path, schema: int, capsys: pytest.CaptureFixture[str]) -> None:
    """Its lines are readable ones; what is played now follows them in the compact form."""
    asked = EvaluationConfig(methods=("always", "never"), worlds=2)
    config = Config(scenario=ScenarioConfig(limit=3), evaluation=asked)
    whole = compare(config, out=tmp_path / "whole").run
    run = compare(config, out=tmp_path / "run").run
    written = [told.to_json().replace('"schema":2', f'"schema":{schema}') for told in whole.stream()]
    run.episodes.write_text("".join(f"{line}\n" for line in written[:5]), encoding="utf-8")
    (run.path / "metrics.json").unlink()
    assert compare(resume=run.path).run.transcripts() == whole.transcripts()
    lines = run.episodes.read_bytes().splitlines()
    assert [is_compact(line) for line in lines] == [False] * 4 + [True] * 8
    for command in (["verify"], ["report"], ["replay", "--episode", "1", "--json"], ["verify", "--repair"]):
        assert main([*command, str(run.path)]) == 0, capsys.readouterr().err
