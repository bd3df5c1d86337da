"""The compact form of an episode, the one that runs write: one JSON array a line, a third of the readable form's bytes.

    [3, episode, world, method, [id, question, answer, kind, difficulty, scenario], seed, max_turns, final_turn, turns]
    turn       [agent, role, move, key, vote, skip_value, speak_value, said, P(SPEAK), asked]
    said       [text, prompt_tokens, completion_tokens, mark, rule, answer, signals, agrees, dropped, finish]

and, after the turns, why the episode failed, where it did. A line needs nothing beside it to be read, and both forms
hold the same: `Transcript.to_line` and `Transcript.to_json` write them, `Transcript.from_json` reads either.

    role       0 proposer, 1 reviewer
    move       0 had to skip, 1 had to speak, 2 skipped, 3 spoke; P(SPEAK) stands behind the free ones, 2 and 3, alone
    key        ``/...`` goes on from ``agent_A/ROLE``, with the seat's own; ``=...`` is a whole key
    said       what was said, or after a free skip what would have been said, null where that was not drawn
    mark       of a proposal its grade (0 wrong, 1 correct, 2 unparsable, 3 timeout), of a review -1 WRONG, 0, 1 RIGHT
    signals    [logprob_sum, logprob_mean, logprob_min, margin], null where it is not told
    finish     0 stop, 1 length
    tokens     both null where the server that said it did not tell its usage
    asked      [prompt, completion] tokens of asking a speaker whether to speak, left out where nobody was asked

From ``rule`` on, what is left out at the end of ``said`` or of signals is empty, null or 0. Turns are numbered by their
places; the final answer and its grade are those of the proposal that was made at ``final_turn``. Bounds are those of
`lines`, and what contradicts itself is refused as it is there.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import msgspec
from msgspec import UNSET, Raw

from tracer_env.episodes.compact_lines import NOTHING_TOLD, CompactLine, CompactSaid, CompactTurn
from tracer_env.episodes.lines import MOST_TURNS, place_in
from tracer_env.episodes.turns import TurnRecord
from tracer_env.errors import DataError
from tracer_env.intake.bounded import shown
from tracer_env.signals import kept
from tracer_env.types import UNTOLD, Action, Grade, Role, Signals, Task, Utterance, Verdict

__all__ = ["FORM", "is_compact", "pack", "unpack"]

FORM = 3
"""The number that a line of this form begins with; the readable ones are the schemas 1 and 2."""

_decode = msgspec.json.Decoder(CompactLine).decode
_encode = msgspec.json.Encoder().encode
_FREE = (1, 1)
_UNASKED = (0, 0)
_MASKS = ((1, 0), (0, 1), _FREE, _FREE)
_ROLES = (Role.PROPOSER, Role.REVIEWER)
_SKIP, _SPEAK, _PROPOSER = Action.SKIP, Action.SPEAK, Role.PROPOSER
_GRADES = tuple(Grade)
_VERDICTS = {int(member): member for member in Verdict}
_NONE = Verdict.NONE
_WHOLE: dict[float | None, Any] = {0.0: 0, 1.0: 1, -1.0: -1}
_FINISHES = ("stop", "length")


def is_compact(line: bytes) -> bool:
    """Whether a line is one of this form, by how it begins."""
    return line[:1] == b"["


# -- writing --------------------------------------------------------------------------------------


def pack(
    episode: int,
    method: str,
    task: Task,
    world: int,
    seed: int,
    turns: Sequence[TurnRecord],
    final_turn: int,
    max_turns: int,
    failed: str,
    known: dict[int, Raw] | None = None,
) -> bytes:
    """Return an episode as one line, without a line break at its end.

    ``known`` keeps what utterances come to, by their identity, for other episodes in which the same ones stand; it is
    good for as long as these live.
    Raises DataError for a turn that this form has no room for: more than a mask, its move and what was drawn come to.
    """
    told = [task.id, task.question, task.answer, task.kind, task.difficulty, task.scenario]
    line = [FORM, episode, world, method, told, seed, max_turns, final_turn, [_packed(turn, known) for turn in turns]]
    if failed:
        line.append(failed)
    return _encode(line)


def _packed(turn: TurnRecord, known: dict[int, Raw] | None) -> list[Any]:
    agent, role, mask, chance = turn.agent, turn.role, turn.mask, turn.speak_probability
    speaks, said, key = turn.action is _SPEAK, turn.utterance, turn.key
    prefix = _PREFIXES.get(agent + agent + role) or _prefix(agent, role)  # members of an enum hash in Python
    made = [
        agent,
        role + 0,
        (2 if mask == _FREE else 0) + speaks,
        key.removeprefix(prefix[:-1]) if key.startswith(prefix) else f"={key}",
        turn.vote,
        _WHOLE.get(turn.skip_value, turn.skip_value),
        _WHOLE.get(turn.speak_value, turn.speak_value),
        None,
    ]
    if not speaks and said is None:
        said = turn.other
    elif turn.other is not None or said is None or not speaks:
        raise DataError(f"turn {turn.turn} says something and would have said something, or spoke without a word")
    if said is not None and known is None:
        made[7] = _said(said, role)
    elif said is not None and known is not None:
        made[7] = known.get(id(said)) or known.setdefault(id(said), Raw(_encode(_said(said, role))))
    if mask == _FREE:
        made += [chance] if turn.asked == _UNASKED else [chance, turn.asked]
    elif turn.asked != _UNASKED:
        raise DataError(f"turn {turn.turn} had no choice, and a speaker was asked about it")
    elif chance != mask[1] or mask[speaks] != 1 or (said is not None and not speaks):
        raise DataError(f"turn {turn.turn} had no choice, and its action, words or probability are another's")
    return made


_PREFIXES: dict[int, str] = {}


def _prefix(agent: int, role: Role) -> str:
    made = f"agent_{agent}/{role.name.lower()}/"
    if len(_PREFIXES) < MOST_TURNS:
        _PREFIXES[2 * agent + role] = made
    return made


def _said(said: Utterance, role: Role) -> list[Any]:
    mark: int | None = said.grade if role is _PROPOSER else said.verdict
    if mark is None or (said.verdict is not _NONE if role is _PROPOSER else said.grade is not None):
        raise DataError("a proposal has a grade and no verdict, and a review has no grade")
    made = [said.text, said.prompt_tokens, said.completion_tokens, mark + 0]
    if not said.counted:
        made[1:3] = None, None
    finish, dropped, agrees, signals = said.finish == "length", said.dropped, said.agrees, said.signals
    if finish or dropped:
        made += [said.rule, said.answer, _signals(signals), agrees, dropped, int(finish)]
    elif agrees:
        made += [said.rule, said.answer, _signals(signals), agrees]
    elif signals is not UNTOLD and signals != UNTOLD:
        made += [said.rule, said.answer, _signals(signals)]
    elif said.answer is not None:
        made += [said.rule, said.answer]
    elif said.rule:
        made.append(said.rule)
    return made


def _signals(signals: Signals) -> Any:
    """Nine digits tell every float32 from the next."""
    total, mean, least, margin = signals
    if total is None or mean is None or least is None:
        told = [None if value is None else float(f"{value:.9g}") for value in signals]
        while told and told[-1] is None:
            told.pop()
        return told
    if margin is None:
        return Raw(b"[%.9g,%.9g,%.9g]" % (total, mean, least))
    return Raw(b"[%.9g,%.9g,%.9g,%.9g]" % (total, mean, least, margin))


# -- reading --------------------------------------------------------------------------------------


def unpack(line: bytes) -> tuple[int, str, Task, int, int, tuple[TurnRecord, ...], int, int, str]:
    """Return the fields of a `Transcript`, in its order, of one line with or without its break; raises DataError."""
    body = line.rstrip(b"\r\n")
    try:
        found = _decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError, MemoryError) as error:
        raise DataError(f"not a transcript ({_reason(error, body)}): {_opening(body)}") from None
    told, failed = found.task, "" if found.failed is UNSET else found.failed
    turns = _turns(found.turns, body)
    wrong = _contradiction(turns, found.max_turns, found.final_turn, failed)
    if wrong:
        raise DataError(f"{wrong}: {_opening(body)}")
    task = Task(told.id, told.question, told.answer, told.kind, told.difficulty, (), told.scenario)
    return (
        found.episode, found.method, task, found.world, found.seed, turns, found.final_turn, found.max_turns, failed
    )  # fmt: skip


def _turns(found: Sequence[CompactTurn], body: bytes) -> tuple[TurnRecord, ...]:
    """Return the turns, which are by themselves what they may be; raises DataError. By position: names cost a third."""
    made, vote, pending = [], 0, False
    for number, turn in enumerate(found, start=1):
        role, move, said, key = _ROLES[turn.role], turn.move, turn.said, turn.key
        speaks, proposes = move & 1, role is _PROPOSER
        wrong = ""
        if speaks:
            if said is None:
                wrong = "it spoke, and no words stand there"
            elif proposes:
                vote, pending = 0, True
            elif pending:
                vote += said.mark
            else:
                wrong = "a reviewer speaks where nothing is pending"
        elif said is not None and move == 0:
            wrong = "it had to skip, and words stand there"
        if turn.vote != vote:
            wrong = wrong or f"vote is {turn.vote}, and the verdicts come to {vote}"
        if (turn.speak_value is None) is not (said is None):
            wrong = wrong or "speak_value stands exactly where an utterance was drawn"
        if (turn.chance is UNSET) is not (move < 2):
            wrong = wrong or "a probability of SPEAK stands exactly where there was a choice"
        if key[0] == "/":
            key = (_PREFIXES.get(2 * turn.agent + turn.role) or _prefix(turn.agent, role)) + key[1:]
        elif key[0] == "=":
            key = key[1:]
        else:
            wrong = wrong or f"key {shown(key)} begins with neither / nor ="
        if said is not None and (
            (said.mark < 0 or said.agrees or said.signals.margin is not None) if proposes else said.mark > 1
        ):
            wrong = wrong or "a proposal has a grade, and no margin or agreement; a review has a verdict"
        if said is not None and (said.prompt_tokens is None) is not (said.completion_tokens is None):
            wrong = wrong or "prompt and completion tokens are known together"
        if wrong:
            raise DataError(f"turn {number}: {wrong}: {_opening(body)}")
        heard = None if said is None else _heard(said, proposes)
        chance = float(speaks) if turn.chance is UNSET else turn.chance
        made.append(
            TurnRecord(
                number, turn.agent, role, _MASKS[move], key, chance, _SPEAK if speaks else _SKIP, vote,
                turn.skip_value, turn.speak_value, heard if speaks else None, None if speaks else heard,
                turn.asked,
            )
        )  # fmt: skip
    return tuple(made)


def _heard(said: CompactSaid, proposes: bool) -> Utterance:
    told = said.signals
    signals = UNTOLD
    if told is not NOTHING_TOLD:
        signals = kept(Signals(told.logprob_sum, told.logprob_mean, told.logprob_min, told.margin))
    heard = Utterance(
        said.text, said.prompt_tokens or 0, said.completion_tokens or 0, _FINISHES[said.finish], said.dropped,
        said.answer, said.rule, _GRADES[said.mark] if proposes else None,
        _NONE if proposes else _VERDICTS[said.mark], said.agrees, signals,
    )  # fmt: skip
    return heard if said.prompt_tokens is not None else replace(heard, counted=False)


def _contradiction(turns: Sequence[TurnRecord], most: int, last: int, failed: str) -> str:
    """Return what in an episode contradicts itself, in words; an empty text where all fits."""
    if len(turns) > most:
        return f"it has {len(turns)} turns, more than its max_turns {most}"
    if failed:
        return "it failed, and has an answer all the same" if last else ""
    if not turns:
        return "it has no turns"
    final = turns[last - 1] if 0 < last <= len(turns) else None
    if final is None or final.role is not _PROPOSER or final.utterance is None:
        proposed = any(turn.role is _PROPOSER and turn.utterance is not None for turn in turns)
        return f"final_turn is {last}, and no proposal was made there" if last or proposed else ""
    return ""


def _opening(body: bytes) -> str:
    return shown(body[:80].decode("utf-8", "replace"), 90)


def _reason(error: BaseException, body: bytes) -> str:
    """Say which rule a line breaks, where, and what stands there."""
    rule, place, value = place_in(error, body)
    if place is None:
        return rule
    if place == "[0]":
        return f"transcript schema {value} is none of 1, 2 and {FORM}, those this version reads"
    first = re.match(r"\[(\d+)\]", place)
    if first is not None and int(first[1]) < len(CompactLine.__struct_fields__):
        place = CompactLine.__struct_fields__[int(first[1])] + place[first.end() :]
    return f"{shown(place, 80)[1:-1] or 'it'} is {value}: {rule}"
