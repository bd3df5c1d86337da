"""What happened in an episode, as data: one JSON object a line, with a schema version.

A transcript holds all that metrics, replay and verification need: each turn's choice with its
probability and both action values, what was said, and, where it was drawn, what would have been
said. It is written append-only; a last line that was cut off by a crash is recognised and dropped
when a run is resumed, and is an error everywhere else.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tracer_env.errors import DataError
from tracer_env.types import Action, Grade, Role, Task, Utterance, Verdict

__all__ = ["SCHEMA", "Transcript", "TurnRecord", "read_transcripts"]

SCHEMA = 1


@dataclass(frozen=True, slots=True)
class TurnRecord:
    """One turn: the seat, what it could do, what it did, and what both actions were worth."""

    turn: int
    agent: int
    role: Role
    mask: tuple[int, int]  # (SKIP, SPEAK)
    key: str  # information state of the seat
    speak_probability: float
    action: Action
    vote: int  # of the pending proposal, after the turn
    skip_value: float  # the paper's one-step values (rewards.py)
    speak_value: float | None  # None where the utterance was never drawn
    utterance: Utterance | None = None  # what was said
    other: Utterance | None = None  # after SKIP: what SPEAK would have said, where it was drawn

    @property
    def free(self) -> bool:
        """Whether both actions were legal."""
        return self.mask == (1, 1)


@dataclass(frozen=True, slots=True)
class Transcript:
    """One episode of one method. ``final_turn`` is the turn of the proposal that counts as the answer."""

    episode: int
    method: str
    task: Task
    world: int
    seed: int
    turns: tuple[TurnRecord, ...]
    final_turn: int
    max_turns: int = 5

    @property
    def proposals(self) -> tuple[TurnRecord, ...]:
        """The turns at which a proposal was written, oldest first."""
        return tuple(t for t in self.turns if t.role is Role.PROPOSER and t.utterance is not None)

    @property
    def final(self) -> Utterance:
        """The proposal that counts as the answer."""
        return self.turns[self.final_turn - 1].utterance or Utterance("", grade=Grade.UNPARSABLE)

    @property
    def correct(self) -> bool:
        """Whether the final answer is correct."""
        return self.final.grade is Grade.CORRECT

    def to_json(self) -> str:
        """Return the episode as one line of JSON (no line break at the end)."""
        record = {
            "schema": SCHEMA,
            "episode": self.episode,
            "method": self.method,
            "scenario": self.task.scenario,
            "task": {
                "id": self.task.id,
                "question": self.task.question,
                "answer": self.task.answer,
                "kind": self.task.kind,
                "difficulty": self.task.difficulty,
            },
            "world": self.world,
            "seed": self.seed,
            "max_turns": self.max_turns,
            "turns": [_turn_to_data(turn) for turn in self.turns],
            "final_turn": self.final_turn,
            "final_answer": self.final.answer,
            "grade": _name(self.final.grade),
        }
        return json.dumps(record, ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def from_json(cls, line: str) -> Transcript:
        """Read one line; raises DataError when it is not a transcript of this schema."""
        try:
            record = json.loads(line)
            if record["schema"] != SCHEMA:
                raise DataError(f"transcript schema {record['schema']!r} is not {SCHEMA}, the one this version reads")
            task = Task(**record["task"], scenario=record["scenario"])
            turns = tuple(_turn_from_data(turn) for turn in record["turns"])
            known = ("episode", "method", "world", "seed", "max_turns", "final_turn")
            read = cls(task=task, turns=turns, **{name: record[name] for name in known})
            if (record["final_answer"], record["grade"]) != (read.final.answer, _name(read.final.grade)):
                raise DataError(f"final_answer and grade do not follow from the turns: {line[:80]!r}")
            return read
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise DataError(f"not a transcript ({type(error).__name__}: {error}): {line[:80]!r}") from error


def read_transcripts(path: Path) -> Iterator[Transcript]:
    """Yield the episodes of a JSONL file; errors name the line."""
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                yield Transcript.from_json(line)
            except DataError as error:
                raise DataError(f"{path}, line {number}: {error}") from error


def _name(member: Grade | Role | Action | Verdict | None) -> str | None:
    return None if member is None else member.name.lower()


def _turn_to_data(turn: TurnRecord) -> dict[str, Any]:
    data: dict[str, Any] = {
        "turn": turn.turn,
        "agent": turn.agent,
        "role": _name(turn.role),
        "mask": list(turn.mask),
        "key": turn.key,
        "speak_probability": turn.speak_probability,
        "action": _name(turn.action),
        "vote": turn.vote,
        "skip_value": turn.skip_value,
        "speak_value": turn.speak_value,
    }
    for name in ("utterance", "other"):
        said: Utterance | None = getattr(turn, name)
        if said is not None:
            data[name] = _utterance_to_data(said)
    return data


def _utterance_to_data(said: Utterance) -> dict[str, Any]:
    return {
        "text": said.text,
        "answer": said.answer,
        "rule": said.rule,
        "grade": _name(said.grade),
        "verdict": _name(said.verdict),
        "prompt_tokens": said.prompt_tokens,
        "completion_tokens": said.completion_tokens,
        "finish": said.finish,
        "dropped": said.dropped,
    }


def _turn_from_data(data: dict[str, Any]) -> TurnRecord:
    plain = ("turn", "agent", "key", "speak_probability", "vote", "skip_value", "speak_value")
    return TurnRecord(
        role=Role[data["role"].upper()],
        mask=(int(data["mask"][0]), int(data["mask"][1])),
        action=Action[data["action"].upper()],
        **{name: data[name] for name in plain},
        utterance=_utterance_from_data(data["utterance"]) if "utterance" in data else None,
        other=_utterance_from_data(data["other"]) if "other" in data else None,
    )


def _utterance_from_data(data: dict[str, Any]) -> Utterance:
    grade = data["grade"]
    return Utterance(
        **{name: value for name, value in data.items() if name not in ("grade", "verdict")},
        grade=None if grade is None else Grade[grade.upper()],
        verdict=Verdict[data["verdict"].upper()],
    )
