"""Reading episodes with their fields checked: msgspec against pydantic against no checks at all, in one run.

    python benchmarks/episodes_reader.py [--episodes 100000]

Prints microseconds an episode for the standard library without checks, for both libraries with the same schema (each
field by its kind and range, unknown keys refused), and for `Transcript.from_json`, which adds contradictions,
keys given twice and our own objects: of the readable form, and at the end of the compact one, which runs write. The
episodes are simulated ones of the package.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from typing import Annotated, Any, Literal, NotRequired

import msgspec
from pydantic import ConfigDict, Field, TypeAdapter, with_config
from typing_extensions import TypedDict

from tracer_env.episodes.lines import MOST_SEED, MOST_TOKENS, MOST_TURNS, Line, read
from tracer_env.episodes.transcript import Transcript, TurnRecord
from tracer_env.parts.casting import make_controller, make_scenario, make_speaker
from tracer_env.rules import Rules
from tracer_env.runs.playing import evaluate
from tracer_env.types import Action, Grade, Role, Signals, Task, Utterance, Verdict

_strict = with_config(ConfigDict(strict=True, extra="forbid"))
Count = Annotated[int, Field(ge=0, le=1 << 53)]
Tokens = Annotated[int, Field(ge=0, le=MOST_TOKENS)]
Turns = Annotated[int, Field(ge=0, le=MOST_TURNS)]
Share = Annotated[float, Field(ge=0, le=1)]
Value = Annotated[float, Field(ge=-1e9, le=1e9)]
GradeName = Literal["wrong", "correct", "unparsable", "timeout"]


@_strict
class _Task(TypedDict):
    id: str
    question: str
    answer: str
    kind: str
    difficulty: Share


@_strict
class _Signals(TypedDict):
    logprob_sum: NotRequired[Value]
    logprob_mean: NotRequired[Value]
    logprob_min: NotRequired[Value]
    margin: NotRequired[Value]


@_strict
class _Said(TypedDict):
    text: str
    answer: str | None
    rule: str
    grade: GradeName | None
    verdict: Literal["wrong", "none", "right"]
    prompt_tokens: Tokens
    completion_tokens: Tokens
    finish: Literal["stop", "length"]
    dropped: Tokens
    agrees: NotRequired[Literal[-1, 1]]
    signals: NotRequired[_Signals]


@_strict
class _Turn(TypedDict):
    turn: Turns
    agent: Turns
    role: Literal["proposer", "reviewer"]
    mask: tuple[Literal[0, 1], Literal[0, 1]]
    key: str
    speak_probability: Share
    action: Literal["skip", "speak"]
    vote: Annotated[int, Field(ge=-MOST_TURNS, le=MOST_TURNS)]
    skip_value: Value
    speak_value: Value | None
    utterance: NotRequired[_Said]
    other: NotRequired[_Said]


@_strict
class _Line(TypedDict):
    schema: Literal[1, 2]
    episode: Count
    method: str
    scenario: str
    task: _Task
    world: Count
    seed: Annotated[int, Field(ge=0, le=MOST_SEED)]
    max_turns: Turns
    turns: Annotated[list[_Turn], Field(min_length=1, max_length=MOST_TURNS)]
    final_turn: Turns
    final_answer: str | None
    grade: GradeName


def unchecked(line: bytes) -> Transcript:
    """Read a line into our own objects as it was done without a schema."""
    data = json.loads(line)
    fields = {name: data[name] for name in ("episode", "method", "world", "seed", "final_turn", "max_turns")}
    task = Task(**data["task"], scenario=data["scenario"])
    return Transcript(task=task, turns=tuple(map(_unchecked_turn, data["turns"])), **fields)


def _unchecked_turn(data: dict[str, Any]) -> TurnRecord:
    named = {"role": Role[data["role"].upper()], "action": Action[data["action"].upper()], "mask": tuple(data["mask"])}
    for name in ("utterance", "other"):
        said = data.get(name)
        named[name] = None if said is None else _unchecked_utterance(said)
    return TurnRecord(**{**data, **named})


def _unchecked_utterance(data: dict[str, Any]) -> Utterance:
    grade = None if data["grade"] is None else Grade[data["grade"].upper()]
    told = Signals(**data.pop("signals", {}))
    return Utterance(**{**data, "grade": grade, "verdict": Verdict[data["verdict"].upper()], "signals": told})


def episodes(count: int) -> list[bytes]:
    """Return the lines of ``count`` simulated episodes."""
    rules = Rules()
    methods = {name: make_controller(name, rules) for name in ("always", "never", "until_approved", "random")}
    scenario = make_scenario("arithmetic", limit=min(1000, count // 4))
    blocks = evaluate(methods, scenario, make_speaker("simulated"), rules, worlds=-(-count // (4 * len(scenario))))
    lines: list[bytes] = []
    for block in blocks:
        lines += [told.to_json().encode() for told in block]
        if len(lines) >= count:
            break
    return lines[:count]


def timed(name: str, reader: Callable[[bytes], Any], lines: list[bytes], against: float | None) -> float:
    """Print what reading a line costs, and the quotient with ``against``; return the microseconds."""
    begun = time.process_time()
    for line in lines:
        reader(line)
    spent = (time.process_time() - begun) / len(lines) * 1e6
    print(f"{name:<52} {spent:8.1f} us" + (f"   ratio {spent / against:5.2f}" if against else ""), flush=True)
    return spent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--episodes", type=int, default=100_000)
    lines = episodes(parser.parse_args().episodes)
    print(f"{len(lines):,} episodes, {sum(map(len, lines)) / len(lines):,.0f} bytes each; processor time of one")
    plain = timed("json.loads, nothing checked", json.loads, lines, None)
    before = timed("json.loads and our own objects, nothing checked", unchecked, lines, plain)
    timed("pydantic, fields checked, dictionaries", TypeAdapter(_Line).validate_json, lines, plain)
    timed("msgspec, fields checked, records", msgspec.json.Decoder(Line).decode, lines, plain)
    timed("msgspec, and keys once and no contradictions", read, lines, plain)
    now = timed("Transcript.from_json: all that, and our own objects", Transcript.from_json, lines, plain)
    packed = [Transcript.from_json(line).to_line() for line in lines]
    print(f"the compact form, {sum(map(len, packed)) / len(packed):,.0f} bytes each:")
    timed("json.loads, nothing checked", json.loads, packed, plain)
    timed("Transcript.from_json", Transcript.from_json, packed, plain)
    print(f"Transcript.from_json takes {now / before:.2f} of what it took unchecked, of readable lines")


if __name__ == "__main__":
    main()
