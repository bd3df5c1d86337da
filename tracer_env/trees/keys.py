"""The information states of dialogue trees: each node's key by its number, whatever the key is made of.

    vote_and_time and its kin     from turn, vote and validity, named by asking the key function once each
    history                       from the path
    compositions                  part by part: a small number for each node and part, joined, and named where it occurs
    functions of the state        asked at every node, about dialogues put together from the arrays: slow, and exact

`fitted_on` cuts what a composition measures into buckets: edges at the quantiles of all nodes at which somebody
chooses, each node once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracer_env.compositions import AGREES, Composition, Part, agreement_name, check_ready, cuts, information_named
from tracer_env.information import KEYS, seat_prefix
from tracer_env.interfaces import Information
from tracer_env.parts.contracts import key_of
from tracer_env.rules import DialogueState, Proposal, Rules, advance, initial
from tracer_env.trees.levels import KeyTable, TreeData
from tracer_env.trees.observed import pending_signals
from tracer_env.trees.shape import spoken_nodes
from tracer_env.types import SIGNALS, Grade, Role, Signals, Task, Utterance, Verdict

__all__ = ["fitted_on", "key_table"]

Ints = NDArray[np.int64]
Told = Mapping[str, NDArray[np.float64]]
Column = tuple[Ints, Mapping[int, str]]
"""The code of each node of a depth, (R, 2^d), and what each code stands for."""
Coded = list[Column]


def key_table(trees: TreeData, information: str | Information) -> KeyTable:
    """Return the information states of trees; see `TreeData.keys` for what it takes and raises."""
    tell = check_ready(information_named(information))
    name = information if isinstance(information, str) else str(getattr(tell, "name", None) or repr(tell))
    mark: Any = (tell.name, tuple(tell.edges.items())) if isinstance(tell, Composition) else tell
    known = trees._keys
    if mark not in known:
        if isinstance(tell, Composition):
            coded = _composed(trees, tell)
        elif tell is KEYS["history"]:
            coded = _history_codes(trees)
        elif tell in KEYS.values():
            coded = _vote_codes(trees, next(key for key, one in KEYS.items() if one is tell))
        else:
            coded = _asked(trees, lambda state: key_of(tell, state))
        known[mark] = _numbered(trees, name, coded)
    return known[mark]


def fitted_on(trees: TreeData, information: str | Information) -> Information:
    """Return an information whose buckets are cut at quantiles of these trees; one without buckets as it is."""
    tell = information_named(information)
    if not isinstance(tell, Composition) or not tell.unfitted:
        return tell
    measured = [part for part in tell.parts if part.measured]
    values: dict[str, list[NDArray[np.float64]]] = {
        part.name: [np.empty(0)] for part in measured
    }  # one turn has no choice
    for depth in range(trees.depth):
        told, live = pending_signals(trees, depth), ~trees.over(depth)
        for part in measured:
            found = _values(part, told)[:, live]
            values[part.name].append(found[~np.isnan(found)])
    return tell.with_edges({part.name: cuts(np.concatenate(values[part.name]), part.bins) for part in measured})


# -- compositions ----------------------------------------------------------------------------------


def _composed(trees: TreeData, tell: Composition) -> Coded:
    own = {part.name: _asked(trees, part.own) for part in tell.parts if part.own is not None}
    history = _history_codes(trees) if any(part.kind == "history" for part in tell.parts) else []
    coded: Coded = []
    for depth in range(trees.depth):
        told, here = pending_signals(trees, depth), trees.rules.seats[depth + 2]
        columns: list[Column] = []
        for part in tell.parts:
            if part.own is not None:
                columns.append(own[part.name][depth])
            elif part.kind == "history":
                columns.append(_last_piece(history[depth]))
            elif part.measured:
                columns.append(_buckets(tell, part, told))
            else:
                columns.append(_PLAIN[part.kind](trees, depth, told))
        coded.append(_joined(columns, seat_prefix(here.agent, here.role)))
    return coded


def _joined(columns: Sequence[Column], prefix: str) -> Column:
    """Join the parts' codes into one number a node, and name each that occurs."""
    joined, labels = np.zeros(columns[0][0].shape, dtype=np.int64), [prefix]
    for codes, names in columns:
        found, inverse = np.unique(codes, return_inverse=True)
        kinds, inverse = np.unique(joined * len(found) + inverse.reshape(codes.shape), return_inverse=True)
        joined = inverse.reshape(codes.shape).astype(np.int64)
        labels = [f"{labels[kind // len(found)]}/{names[int(found[kind % len(found)])]}" for kind in kinds.tolist()]
    return joined, dict(enumerate(labels))


def _last_piece(column: Column) -> Column:
    codes, names = column
    return codes, {code: name.rsplit("/", 1)[1] for code, name in names.items()}


def _values(part: Part, told: Told) -> NDArray[np.float64]:
    """Return what a part measures, NaN where it is untold or nothing is there to be measured."""
    if part.kind == "length":
        return told["completion_tokens"]
    if part.kind == "confidence":
        return told[f"logprob_{part.of}"]
    return np.where(told["reviews"] > 0, told["margin"], np.nan)


def _buckets(tell: Composition, part: Part, told: Told) -> Column:
    edges, values = tell.edges[part.name], _values(part, told)
    codes = np.searchsorted(np.array(edges, dtype=np.float64), values, side="right").astype(np.int64)
    unknown, nothing = len(edges) + 1, len(edges) + 2
    codes[np.isnan(values)] = unknown
    if part.kind == "reviewer_margin":
        codes[told["reviews"] == 0] = nothing
    names = {place: tell.label(part, place) for place in range(len(edges) + 1)}
    return codes, {**names, unknown: f"{part.kind}_unknown", nothing: f"{part.kind}_none"}


def _vote(trees: TreeData, depth: int, told: Told) -> Column:
    return _last_piece(_vote_codes(trees, "vote_only")[depth])


def _time(trees: TreeData, depth: int, told: Told) -> Column:
    return _last_piece(_vote_codes(trees, "time_only")[depth])


def _turn(trees: TreeData, depth: int, told: Told) -> Column:
    return np.zeros(trees.levels[depth].grade.shape, dtype=np.int64), {0: f"turn_{depth + 2}"}


def _reviews(trees: TreeData, depth: int, told: Told) -> Column:
    return told["reviews"].astype(np.int64), {count: f"reviews_{count}" for count in range(depth + 1)}


def _reviewer_agrees(trees: TreeData, depth: int, told: Told) -> Column:
    return np.where(told["reviews"] > 0, told["agrees"], 2).astype(np.int64), {**AGREES, 2: "own_unsaid"}


def _agreement(trees: TreeData, depth: int, told: Told) -> Column:
    """Count the earlier proposals with the pending one's answer, down the path."""
    earlier: list[Ints] = []
    for here in range(1, depth + 1):
        earlier = [np.repeat(answers, 2, axis=1) for answers in earlier]
        if trees.rules.seats[here + 1].role is Role.PROPOSER:
            above = trees.levels[here - 1]
            given = np.where(above.grade == Grade.UNPARSABLE, -1, above.answer).astype(np.int64)
            earlier.append(np.where(spoken_nodes(trees.rules, here), np.repeat(given, 2, axis=1), -2))
    level, most = trees.levels[depth], depth + 2
    answer = np.where(level.grade == Grade.UNPARSABLE, -3, level.answer).astype(np.int64)
    same = np.zeros(answer.shape, dtype=np.int64)
    for answers in earlier:
        same += answers == answer
    before = told["proposals"].astype(np.int64) - 1
    codes = np.where(answer == -3, most * most, before * most + same)
    names = {b * most + s: agreement_name(s, b) for b in range(most) for s in range(b + 1)}
    return codes, {**names, most * most: "no_answer"}


_PLAIN: dict[str, Callable[[TreeData, int, Told], Column]] = {
    "vote": _vote,
    "time": _time,
    "turn": _turn,
    "reviews": _reviews,
    "reviewer_agrees": _reviewer_agrees,
    "agreement": _agreement,
}


# -- functions of one's own ------------------------------------------------------------------------


def _asked(trees: TreeData, tell: Callable[[DialogueState], str]) -> Coded:
    """Ask a function at each node at which somebody chooses."""
    coded: Coded = []
    for depth, front in enumerate(_states(trees)):
        numbers: dict[str, int] = {}
        codes = [
            [0 if state.over else numbers.setdefault(tell(state), len(numbers) + 1) for state in states]
            for states in front
        ]
        names = {number: name for name, number in numbers.items()}
        coded.append((np.array(codes, dtype=np.int64).reshape(trees.rows, 1 << depth), {0: "", **names}))
    return coded


def _states(trees: TreeData) -> Iterator[list[list[DialogueState]]]:
    """Yield the states of all nodes, depth by depth, put together from the arrays: no texts, answers by their ids."""
    tasks = len(trees.tasks)
    starts = [initial(trees.tasks[row % tasks], trees.rules) for row in range(trees.rows)]
    front = [[advance(state, 1, _said(trees, 0, row, 0))] for row, state in enumerate(starts)]
    for depth in range(trees.depth):
        if depth:
            front = [_children(trees, depth, row, states) for row, states in enumerate(front)]
        yield front


def _children(trees: TreeData, depth: int, row: int, states: list[DialogueState]) -> list[DialogueState]:
    grown: list[DialogueState] = []
    for node, state in enumerate(states):
        if state.over:
            grown += [state, state]
        else:
            grown += [advance(state, 0), advance(state, 1, _said(trees, depth, row, 2 * node + 1))]
    return grown


def _said(trees: TreeData, depth: int, row: int, node: int) -> Utterance:
    level, proposer = trees.levels[depth], trees.rules.seats[depth + 1].role is Role.PROPOSER
    told = [float(getattr(level, name)[row, node]) for name in SIGNALS]
    answer = int(level.answer[row, node])
    return Utterance(
        "",
        int(level.prompt_tokens[row, node]),
        int(level.completion_tokens[row, node]),
        answer=str(answer) if proposer and answer >= 0 else None,
        rule="given",
        grade=Grade(int(level.grade[row, node])) if proposer else None,
        verdict=Verdict(int(level.verdict[row, node])),
        agrees=int(level.agrees[row, node]),
        signals=Signals(*(None if np.isnan(value) else value for value in told)),
    )


# -- codes -----------------------------------------------------------------------------------------


def _vote_codes(trees: TreeData, information: str) -> Coded:
    """Code each node by turn, vote and validity; name each code by asking the key function."""
    rules, tell = trees.rules, KEYS[information]
    width, names, codes = 2 * rules.max_turns + 2, dict[int, str](), []
    for depth, level in enumerate(trees.levels[:-1]):
        turn = depth + 2
        column = np.where(level.grade == Grade.UNPARSABLE, width - 1, level.vote.astype(np.int64) + rules.max_turns)
        codes.append(turn * width + column)
        for found in np.unique(codes[-1]):
            names[int(found)] = tell(_stand_in(rules, turn, int(found) % width, width))
    return [(code, names) for code in codes]


def _stand_in(rules: Rules, turn: int, column: int, width: int) -> DialogueState:
    invalid = column == width - 1
    text = Utterance("", grade=Grade.UNPARSABLE if invalid else Grade.WRONG)
    return DialogueState(
        rules, Task("", "", ""), turn, (Proposal(text, 1, 0 if invalid else column - rules.max_turns),)
    )


_LETTERS = "PIKRWNS"
"""The public events of `information.history`: proposal, invalid one, kept, RIGHT, WRONG, no verdict, silence."""


def _history_codes(trees: TreeData) -> Coded:
    """Code each node by its public events, one digit to base 8 each."""
    rules, names = trees.rules, dict[int, str]()
    first = np.where(trees.levels[0].grade == Grade.UNPARSABLE, 2, 1).astype(np.int64)
    codes = [first]
    for depth in range(1, trees.depth):
        level, proposer = trees.levels[depth], rules.seats[depth + 1].role is Role.PROPOSER
        digit = np.empty(level.grade.shape, dtype=np.int64)
        digit[:, 0::2] = 3 if proposer else 7
        spoken = level.verdict[:, 1::2]
        unread = level.grade[:, 1::2] == Grade.UNPARSABLE
        digit[:, 1::2] = np.where(unread, 2, 1) if proposer else np.where(spoken > 0, 4, np.where(spoken < 0, 5, 6))
        codes.append(np.repeat(codes[-1], 2, axis=1) * 8 + digit)
    for depth, code in enumerate(codes[: trees.depth]):
        here = rules.seats[depth + 2]
        for found in np.unique(code):
            digits = oct(int(found))[2:]
            names[int(found)] = f"{seat_prefix(here.agent, here.role)}/{''.join(_LETTERS[int(d) - 1] for d in digits)}"
    return [(code, names) for code in codes[: trees.depth]]


def _numbered(trees: TreeData, information: str, coded: Coded) -> KeyTable:
    places: dict[str, int] = {}
    players: list[int] = []
    ids = []
    for depth, (code, names) in enumerate(coded):
        live = ~trees.over(depth)
        found, inverse = np.unique(code[:, live], return_inverse=True)
        numbers = np.empty(len(found), dtype=np.int32)
        for index, one in enumerate(found):
            name = names[int(one)]
            if name not in places:
                places[name] = len(places)
                players.append(trees.rules.seats[depth + 2].agent)
            numbers[index] = places[name]
        level = np.full(code.shape, -1, dtype=np.int32)
        level[:, live] = numbers[inverse].reshape(len(code), int(live.sum()))
        ids.append(level)
    return KeyTable(information, tuple(places), tuple(ids), np.array(players, dtype=np.int16))
