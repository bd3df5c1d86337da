"""What happened in an episode, as data: one line of JSON, with a schema version.

A transcript holds all that metrics, replay and verification need: each turn's choice with its
probability and both action values, what was said, and, where it was drawn, what would have been
said. It is written append-only; a last line that was cut off by a crash is recognised and dropped
when a run is resumed, and is an error everywhere else.

There are two forms of a line, which hold the same: the compact one (`compact`), which runs write, and the readable one
(`lines`), an object with a name for every field, in which episodes are shown. Either is read wherever episodes are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from msgspec import UNSET, Raw
from msgspec.json import Encoder

from tracer_env.episodes import compact
from tracer_env.episodes.lines import LONGEST, SCHEMA, SaidLine, SignalsLine, TurnLine, raw_lines, read
from tracer_env.episodes.turns import TurnRecord
from tracer_env.errors import DataError
from tracer_env.intake.bounded import shown_path
from tracer_env.signals import kept, signals_to_data
from tracer_env.types import UNTOLD, Action, Grade, Role, Signals, Task, Utterance, Verdict

__all__ = ["SCHEMA", "Transcript", "TurnRecord", "placed_transcripts", "read_transcripts", "transcript_at"]


@dataclass(frozen=True, slots=True)
class Transcript:
    """One episode of one method. ``final_turn`` is the turn of the proposal that counts as the answer.

    ``failed`` says why it has no end, where a part of the user's failed: it has the turns before that, and no answer.
    """

    episode: int
    method: str
    task: Task
    world: int
    seed: int
    turns: tuple[TurnRecord, ...]
    final_turn: int
    max_turns: int = 5
    failed: str = ""

    @property
    def proposals(self) -> tuple[TurnRecord, ...]:
        """The turns at which a proposal was written, oldest first."""
        return tuple(t for t in self.turns if t.role is Role.PROPOSER and t.utterance is not None)

    @property
    def final(self) -> Utterance:
        """The proposal that counts as the answer."""
        said = self.turns[self.final_turn - 1].utterance if self.final_turn else None
        return said or Utterance("", grade=Grade.UNPARSABLE)

    @property
    def correct(self) -> bool:
        """Whether the final answer is correct."""
        return self.final.grade is Grade.CORRECT

    def to_line(self, known: dict[int, Raw] | None = None) -> bytes:
        """Return the episode in the compact form, as runs write it (no line break at the end); see `compact.pack`."""
        return compact.pack(
            self.episode,
            self.method,
            self.task,
            self.world,
            self.seed,
            self.turns,
            self.final_turn,
            self.max_turns,
            self.failed,
            known,
        )

    def to_json(self) -> str:
        """Return the episode in the readable form, one line of JSON (no line break at the end)."""
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
        if self.failed:
            record["failed"] = self.failed
        return _encode(record).decode()

    @classmethod
    def from_json(cls, line: str | bytes) -> Transcript:
        """Read one line of either form; raises DataError when it is no transcript, or contradicts itself."""
        given = line.encode("utf-8", "surrogatepass") if isinstance(line, str) else line
        if compact.is_compact(given):
            return cls(*compact.unpack(given))
        found = read(given)
        task = found.task
        return cls(
            found.episode,
            found.method,
            Task(task.id, task.question, task.answer, task.kind, task.difficulty, (), found.scenario),
            found.world,
            found.seed,
            tuple([_turn(turn) for turn in found.turns]),
            found.final_turn,
            found.max_turns,
            "" if found.failed is UNSET else found.failed,
        )


def read_transcripts(path: Path) -> Iterator[Transcript]:
    """Yield the episodes of a JSONL file, one at a time; errors name the line."""
    for _, _, transcript in placed_transcripts(path):
        yield transcript


def placed_transcripts(path: Path) -> Iterator[tuple[int, bytes, Transcript]]:
    """Yield the episodes with the offset and the bytes of their lines; raises DataError that names the line."""
    for number, offset, line in raw_lines(path):
        try:
            told = Transcript.from_json(line)
        except DataError as error:
            raise DataError(f"{shown_path(path)}, line {number}: {error}") from error
        yield offset, line, told


def transcript_at(path: Path, offset: int) -> Transcript:
    """Read the episode whose line begins at ``offset``; raises DataError."""
    try:
        with path.open("rb") as file:
            file.seek(offset)
            return Transcript.from_json(file.readline(LONGEST + 1))
    except OSError as error:
        raise DataError(f"cannot read {shown_path(path)}: {error.strerror or error}") from error


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
    if turn.asked != (0, 0):
        data["asked"] = list(turn.asked)
    return data


def _utterance_to_data(said: Utterance) -> dict[str, Any]:
    data: dict[str, Any] = {
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
    if said.agrees:
        data["agrees"] = said.agrees
    if told := signals_to_data(said.signals):
        data["signals"] = told
    if not said.counted:
        data["usage"] = "unknown"
    return data


_encode = Encoder().encode  # a sixth of the time of the standard library's
_ROLES = {member.name.lower(): member for member in Role}
_ACTIONS = {member.name.lower(): member for member in Action}
_VERDICTS = {member.name.lower(): member for member in Verdict}
_GRADES: dict[str | None, Grade | None] = {None: None, **{member.name.lower(): member for member in Grade}}


def _turn(turn: TurnLine) -> TurnRecord:
    """By position: names cost a third more, and a run has half a million turns."""
    said, other = turn.utterance, turn.other
    return TurnRecord(
        turn.turn,
        turn.agent,
        _ROLES[turn.role],
        turn.mask,
        turn.key,
        turn.speak_probability,
        _ACTIONS[turn.action],
        turn.vote,
        turn.skip_value,
        turn.speak_value,
        None if said is UNSET else _said(said),
        None if other is UNSET else _said(other),
        (0, 0) if turn.asked is UNSET else turn.asked,
    )


def _said(said: SaidLine) -> Utterance:
    grade, verdict = _GRADES[said.grade], _VERDICTS[said.verdict]
    tokens = (said.prompt_tokens, said.completion_tokens)
    agrees = 0 if said.agrees is UNSET else said.agrees
    told = UNTOLD if said.signals is UNSET else _signals(said.signals)
    found = Utterance(
        said.text, *tokens, said.finish, said.dropped, said.answer, said.rule, grade, verdict, agrees, told
    )
    return found if said.usage is UNSET else replace(found, counted=False)


def _signals(line: SignalsLine) -> Signals:
    told = (line.logprob_sum, line.logprob_mean, line.logprob_min, line.margin)
    return kept(Signals(*[None if value is UNSET else value for value in told]))
