"""The rules as a finite machine: simulated dialogues need no states, only numbers.

A simulated speaker says one of few things, so all that a dialogue can come to is a finite set of situations.
`compile_machine` walks through them once, asking the very functions that play single dialogues (`rules.advance`,
`information.features`, the key function, the reward, the fixed controllers), and writes down what they answer:

    move       = situation, outcome of the turn's luck, action       one number
    next[move], reward[move], length_row[move]
    features[situation], record[situation]: mask, role, turn, number of the information state

Playing a turn is then a handful of array look-ups, and cannot disagree with the rules. Situations are told
apart by all that later turns can hang on (turn, pending proposal, what the final-answer rule must remember), not by
the path that led there. The luck of a turn enters through a few bits, low to high:

    bit 0  luck >= low threshold (a proposal with an answer, a review with a verdict)
    bit 1  luck >= high threshold (a wrong proposal, a misjudging review)
    bit 2  the pending answer is repeated where the speaker may repeat it
    bit 3  the action
    above  which wrong answer, where the final-answer rule counts answers

Which high threshold applies hangs on the situation: `threshold` names its row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tracer_env.compositions import Composition, information_named
from tracer_env.errors import ConfigError
from tracer_env.information import KEYS, features
from tracer_env.interfaces import Controller, Information, Reward
from tracer_env.parts.contracts import asked_under, probability
from tracer_env.rules import FREE, DialogueState, Proposal, Rules, advance, initial, legal_actions
from tracer_env.types import Grade, Role, Task, Utterance, Verdict

__all__ = [
    "ACTION",
    "LIMIT",
    "QUIET",
    "RECORD",
    "THRESHOLDS",
    "Machine",
    "choice_turns",
    "compile_machine",
    "counts_answers",
    "fixed_keys",
]

THRESHOLDS = ("skill", "mend", "cave", "tpr", "tnr")
"""Rows of high thresholds; the first two differ from task to task."""

RECORD = np.dtype([("mask", np.int8, (2,)), ("role", np.int8), ("over", np.bool_), ("turn", "i2"), ("key", "u2")])
"""What `infos` tell of a situation, in eight bytes."""

LIMIT = 1 << 20
"""Most moves a machine may have: 8 MB for each of its tables."""

ACTION = 8  # the value of the action's bit
QUIET = 2  # the row of lengths of a turn without an utterance (0 proposals, 1 reviews)


@dataclass(frozen=True)
class Machine:
    """C situations, S moves from each; situation 0 is the state before turn 1."""

    moves: int  # S, a power of two times the number of wrong answers that count as different
    next: NDArray[np.int64]  # (C * S,) situation after the move
    reward: NDArray[np.float64]  # (C * S,) what the move pays the agent that chose last, tokens apart
    length_row: NDArray[np.int64]  # (C * S,) 0 a proposal is said, 1 a review, 2 nothing
    features: NDArray[np.float32]  # (C, F)
    record: NDArray[np.void]  # (C,) of RECORD
    threshold: NDArray[np.int64]  # (C,) row of the high threshold
    reviews: NDArray[np.bool_]  # (C,) whether a reviewer acts
    inside: NDArray[np.bool_]  # (C,) whether the turn is played without asking the learner
    speak: NDArray[np.float64]  # (C,) P(SPEAK) of the fixed controllers there
    information_states: tuple[str, ...]
    grade: NDArray[np.int8]  # (C,) of the pending proposal, -1 where there is none
    verdict: NDArray[np.int8]  # (C,) of its newest review, 0 where there is none
    reviewed: NDArray[np.bool_]  # (C,) whether it had a review
    states: tuple[DialogueState, ...]  # C of them, one of each situation, without words

    @property
    def over(self) -> NDArray[np.bool_]:
        """Which situations are ends, shape (C,)."""
        ends: NDArray[np.bool_] = self.record["over"]
        return ends


def compile_machine(
    rules: Rules,
    reward: Reward,
    information: str | Information,
    learns: Sequence[bool],
    others: Controller,
    wrong_answers: int = 1,
) -> Machine:
    """Walk through all situations and write them down.

    ``learns[t]`` says whether the seat of turn t learns; the other seats' choices are those of ``others``, which
    must hang on nothing but the situation, each under its own key where it has one. ``wrong_answers``: how many
    wrong answers are told apart.
    Raises ConfigError when there are too many situations.
    """
    moves = 2 * ACTION * wrong_answers
    tell = information_named(information)
    keys = fixed_keys(rules, learns, others, tell)
    states, following = _walk(rules, (tell, *keys.values()), wrong_answers)
    size = len(states)
    names: dict[str, int] = {}
    record = np.zeros(size, dtype=RECORD)
    pay = np.zeros((size, moves))
    rows = np.full((size, moves), QUIET, dtype=np.int64)
    after = np.repeat(np.arange(size)[:, None], moves, axis=1)
    inside, speak = np.zeros(size, dtype=bool), np.zeros(size)
    paid = _recipients(rules, learns)
    for code, state in enumerate(states):
        mask, key = legal_actions(state), tell(state)
        role = rules.seats[min(state.turn, rules.max_turns)].role  # at an end, what single environments show
        record[code] = (mask, role, state.over, state.turn, names.setdefault(key, len(names)))
        if state.over:
            continue
        for move, (target, following_state) in enumerate(following[code]):
            after[code, move] = target
            pay[code, move] = reward(state, following_state)[paid[state.turn]]
            if following_state.turns[-1].utterance is not None:
                rows[code, move] = role
        inside[code] = mask != FREE or not learns[state.turn]
        if mask == FREE and not learns[state.turn]:
            speak[code] = probability(others, state, keys[state.turn](state))
    return Machine(
        moves=moves,
        next=after.ravel(),
        reward=pay.ravel(),
        length_row=rows.ravel(),
        features=np.stack([features(state) for state in states]),
        record=record,
        threshold=np.array([_threshold(state) for state in states], dtype=np.int64),
        reviews=np.array([state.seat.role is Role.REVIEWER for state in states]),
        inside=inside,
        speak=speak,
        information_states=tuple(names),
        grade=np.array([-1 if s.pending is None else s.pending.utterance.grade for s in states], dtype=np.int8),
        verdict=np.array([0 if s.pending is None else s.pending.last_verdict for s in states], dtype=np.int8),
        reviewed=np.array([s.pending is not None and s.pending.reviews > 0 for s in states]),
        states=tuple(states),
    )


def fixed_keys(rules: Rules, learns: Sequence[bool], others: Controller, tell: Information) -> dict[int, Information]:
    """Return for each turn whose seat does not learn the key that its controller is asked under, else ``tell``."""
    asked = [turn for turn in range(2, rules.max_turns + 1) if not learns[turn]]
    return {turn: asked_under(others, rules.seats[turn], tell) for turn in asked}


def choice_turns(rules: Rules, learns: Sequence[bool]) -> tuple[bool, ...]:
    """Return for each turn 0..T whether the learner has a choice there: its seat, and something pending."""
    first = next((t for t in range(1, rules.max_turns + 1) if rules.seats[t].role is Role.PROPOSER), rules.max_turns)
    return tuple(learns[turn] and turn > first for turn in range(rules.max_turns + 1))


def _recipients(rules: Rules, learns: Sequence[bool]) -> list[int]:
    """Return for each turn 0..T the agent whose last choice a move at that turn pays for."""
    choices = [turn for turn, free in enumerate(choice_turns(rules, learns)) if free]
    if not choices:
        raise ConfigError(f"the learner never has a choice under max_turns={rules.max_turns}")
    last = [max((c for c in choices if c <= turn), default=choices[0]) for turn in range(rules.max_turns + 1)]
    return [rules.seats[turn].agent for turn in last]


Following = list[list[tuple[int, DialogueState]]]


def _walk(rules: Rules, tells: Sequence[Information], wrong_answers: int) -> tuple[list[DialogueState], Following]:
    """Return one state for each situation, in the order found, and where each move leads from it."""
    sign = _signature(rules, tells)
    states = [initial(Task("", "", ""), rules)]
    codes, following = {sign(states[0]): 0}, Following()
    for state in states:  # grows while we walk
        row = [] if state.over else [_played(state, move) for move in range(2 * ACTION * wrong_answers)]
        seen: dict[int, int] = {}
        for after in row:
            if id(after) not in seen:
                mark = sign(after)
                if mark not in codes:
                    codes[mark] = len(states)
                    states.append(after)
                seen[id(after)] = codes[mark]
        following.append([(seen[id(after)], after) for after in row])
        if len(states) * 2 * ACTION * wrong_answers > LIMIT:
            raise ConfigError(
                f"max_turns={rules.max_turns} with final_answer={rules.final_answer!r} and information="
                f"{_called(tells)!r} "
                'has too many situations for the vector environment; use vectorization_mode="sync"'
            )
    return states, following


def _played(state: DialogueState, move: int) -> DialogueState:
    mask = legal_actions(state)
    action = (move & ACTION) // ACTION
    if not mask[action]:
        action = 1 - action
    return advance(state, action, _said(state, move) if action else None)


def _said(state: DialogueState, move: int) -> Utterance:
    """Return what the simulated speaker says when the bits of its luck are those of ``move``."""
    pending = state.pending
    answered, failed = bool(move & 1), bool(move & 2)
    if state.seat.role is Role.REVIEWER:
        if not answered or pending is None:
            return Utterance("", rule="given")
        return Utterance("", rule="given", verdict=Verdict.RIGHT if pending.correct != failed else Verdict.WRONG)
    if not answered:
        return _proposal(Grade.UNPARSABLE, None)
    if move & 4 and pending is not None and pending.valid and pending.vote >= 0:
        return _proposal(pending.utterance.grade or Grade.WRONG, pending.utterance.answer)
    return _proposal(Grade.WRONG, str(1 + move // (2 * ACTION))) if failed else _proposal(Grade.CORRECT, "0")


def _proposal(grade: Grade, answer: str | None) -> Utterance:
    return Utterance("", answer=answer, rule="given", grade=grade)


def _threshold(state: DialogueState) -> int:
    pending = state.pending
    if state.seat.role is Role.REVIEWER:
        name = "tpr" if pending is not None and pending.correct else "tnr"
    elif pending is None or not pending.valid or pending.vote >= 0:
        name = "skill"
    else:
        name = "cave" if pending.correct else "mend"
    return THRESHOLDS.index(name)


_Remembered = Callable[[tuple[Proposal, ...]], object]


def _called(tells: Sequence[Information]) -> str:
    names = {id(one): name for name, one in KEYS.items()}
    return " and ".join(dict.fromkeys(names.get(id(tell)) or str(getattr(tell, "name", tell)) for tell in tells))


def _signature(rules: Rules, tells: Sequence[Information]) -> Callable[[DialogueState], object]:
    """Return what tells situations apart: all that rewards, features, keys and later turns can hang on."""
    remembered: _Remembered = {"last": _nothing, "highest_vote": _best_vote, "majority": _answers}[rules.final_answer]
    if any(counts_answers(tell) for tell in tells) and remembered is not _answers:
        remembered = _both(remembered)
    once = {id(tell): tell for tell in tells}.values()
    long = [tell for tell in once if tell is KEYS["history"] or _kinds(tell) & {"history", "agreement"}]

    def sign(state: DialogueState) -> object:
        pending = state.pending
        standing = pending and (pending.utterance.grade, pending.vote, pending.reviews, pending.last_verdict)
        keys = tuple(tell(state) for tell in long)
        return state.turn, state.over, len(state.proposals), standing, remembered(state.proposals), keys

    return sign


def counts_answers(tell: Information) -> bool:
    """Return whether a key hangs on which answers are the same."""
    return "agreement" in _kinds(tell)


def _kinds(tell: Information) -> set[str]:
    return {part.kind for part in tell.parts} if isinstance(tell, Composition) else set()


def _both(remembered: _Remembered) -> _Remembered:
    return lambda proposals: (remembered(proposals), _answers(proposals))


def _nothing(proposals: tuple[Proposal, ...]) -> object:
    return None


def _best_vote(proposals: tuple[Proposal, ...]) -> object:
    best = max(proposals[:-1], key=lambda p: (p.valid, p.vote, p.turn), default=None)
    return best and (best.valid, best.vote, best.correct)


def _answers(proposals: tuple[Proposal, ...]) -> object:
    return tuple(p.utterance.answer for p in proposals)
