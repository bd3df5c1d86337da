"""Policies on dialogue trees: P(SPEAK) at every node, whatever form the policy has.

    a controller        regret matching (its average policy), baselines, the oracle, a cast, or its name
    a mapping           information state -> P(SPEAK)
    an array (K,)       P(SPEAK) of each key of ``keys(information)``, in its order
    a list of arrays    P(SPEAK) of each node, shape (R, 2^d) for d = 0 .. D - 1: the common form

A controller is asked once for all nodes that look alike: same turn, same events, same grades. It is shown a
dialogue with these events in it and nothing else; one that reads texts, token counts or the task gets an
error, since its answers would not be the same at all these nodes. An `observed.Observer` is given the numbers of
every node.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from tracer_env.compositions import check_ready, information_named
from tracer_env.errors import ConfigError
from tracer_env.interfaces import Controller, Information
from tracer_env.observed import Observer
from tracer_env.parts.casting import make_controller
from tracer_env.parts.contracts import probability
from tracer_env.parts.seams import at_seat, own_key
from tracer_env.rules import DialogueState, Rules, advance, initial
from tracer_env.trees.keys import key_table
from tracer_env.trees.levels import TreeData
from tracer_env.trees.observed import observed_at
from tracer_env.types import Grade, Role, Task, Utterance, Verdict

__all__ = ["Policy", "clairvoyant", "speak_probabilities"]

Policy = Controller | str | Mapping[str, Any] | NDArray[np.floating] | Sequence[NDArray[np.floating]]


def speak_probabilities(
    trees: TreeData, policy: Policy, information: str | Information = "vote_and_time"
) -> list[NDArray[np.float64]]:
    """Return P(SPEAK) at each node, shape (R, 2^d) for d = 0 .. D - 1; 0 where the dialogue is over.

    Raises ConfigError for a policy that does not fit the trees: other rules, another key, a key without a
    probability, a probability outside [0, 1], arrays of another shape.
    """
    if isinstance(policy, np.ndarray):
        found = _from_table(trees, policy, information)
    elif isinstance(policy, Mapping) and all(isinstance(p, int | float) for p in policy.values()):
        found = _from_table(trees, _looked_up(trees, policy, information), information)
    elif isinstance(policy, Sequence) and not isinstance(policy, str):
        found = _from_nodes(trees, policy)
    else:
        controller = make_controller(
            cast("Controller", policy), trees.rules, information if isinstance(information, str) else None
        )
        found = _from_controller(trees, controller, information)
    for depth, chances in enumerate(found):
        if not ((chances >= 0.0) & (chances <= 1.0)).all():
            raise ConfigError(f"a policy gives a probability outside [0, 1] at turn {depth + 2}")
        chances[:, trees.over(depth)] = 0.0
    return found


def clairvoyant(trees: TreeData, price: float = 0.0) -> list[NDArray[np.float64]]:
    """Return the choices of one who knows what will be said: the best leaf of each tree, as `speak_probabilities`.

    The best leaf is correct at the lowest number of tokens; with a ``price`` per token it maximises correctness
    less price times tokens. Raises ConfigError for a price that is no number of at least 0.
    """
    if not 0.0 <= price < float("inf"):
        raise ConfigError(f"the price per token must be a number of at least 0, got {price!r}")
    spent = [level.prompt_tokens.astype(np.int64) + level.completion_tokens for level in trees.levels]
    most = float(sum(int(tokens.max()) for tokens in spent) + 1)
    worth, cost = (most, 1.0) if price == 0.0 else (1.0, price)
    value = worth * trees.levels[-1].final_correct
    choices = []
    for depth in range(trees.depth - 1, -1, -1):
        value = value - cost * spent[depth + 1]
        choices.append((value[:, 1::2] > value[:, 0::2]).astype(np.float64))
        value = np.maximum(value[:, 0::2], value[:, 1::2])
    return speak_probabilities(trees, choices[::-1])


def _from_table(trees: TreeData, table: NDArray[Any], information: str | Information) -> list[NDArray[np.float64]]:
    keys = key_table(trees, information)
    if table.shape != (len(keys.names),):
        raise ConfigError(
            f"a policy over the {len(keys.names)} keys of {information!r} has the shape ({len(keys.names)},), "
            f"got {table.shape}"
        )
    chances = np.append(table.astype(np.float64), 0.0)  # number -1 reads the last one
    return [chances[ids] for ids in keys.ids]


def _looked_up(trees: TreeData, policy: Mapping[str, float], information: str | Information) -> NDArray[np.float64]:
    names = key_table(trees, information).names
    if missing := [name for name in names if name not in policy]:
        raise ConfigError(
            f"the policy has no probability for {len(missing)} keys of {information!r}: {missing[0]}, ..."
        )
    return np.array([policy[name] for name in names], dtype=np.float64)


def _from_nodes(trees: TreeData, policy: Sequence[NDArray[Any]]) -> list[NDArray[np.float64]]:
    shapes = [(trees.rows, 1 << depth) for depth in range(trees.depth)]
    given = [np.shape(chances) for chances in policy]
    if given != shapes:
        raise ConfigError(f"a policy over the nodes has arrays of the shapes {shapes}, got {given}")
    return [np.array(chances, dtype=np.float64) for chances in policy]


# -- controllers ---------------------------------------------------------------------------------

_KEPT = 5
_NOWHERE: Any = None  # what reads keys alone is shown no dialogue


def _from_controller(
    trees: TreeData, controller: Controller, information: str | Information
) -> list[NDArray[np.float64]]:
    tell, found = check_ready(information_named(information)), []
    for depth, codes in enumerate(_events(trees)):
        part = at_seat(controller, trees.rules.seats[depth + 2])
        if isinstance(part, Observer):
            numbers = observed_at(trees, depth)
            chances = part.probabilities(numbers.reshape(-1, numbers.shape[-1]), depth + 2)
            found.append(chances.reshape(codes.shape))
            continue
        keys = key_table(trees, own_key(part) or tell)
        if getattr(part, "reads_keys", False):
            named = [part.speak_probability(_NOWHERE, key) for key in keys.names]
            found.append(np.append(named, 0.0)[keys.ids[depth]])
        else:
            live = ~trees.over(depth)
            found.append(np.zeros(codes.shape))
            found[-1][:, live] = _answers(trees.rules, controller, codes[:, live], keys.ids[depth][:, live], keys.names)
    return found


def _answers(
    rules: Rules, controller: Controller, codes: NDArray[np.int64], ids: NDArray[np.integer[Any]], names: Sequence[str]
) -> NDArray[np.float64]:
    """Return P(SPEAK) at nodes with these events and keys, asking once for each pair of them that occurs.

    The keys are the trees' own: what they hang on besides events (answers, signals, lengths) is not shown.
    """
    events, event = np.unique(codes, return_inverse=True)
    pairs, inverse = np.unique(event.reshape(codes.shape) * len(names) + ids, return_inverse=True)
    states = [_played(rules, int(code)) for code in events]
    asked = (divmod(int(pair), len(names)) for pair in pairs)
    answers = np.array([probability(controller, states[place], names[key]) for place, key in asked], dtype=np.float64)
    return answers[inverse].reshape(codes.shape)


def _events(trees: TreeData) -> list[NDArray[np.int64]]:
    """Code the path to each node, four bits a turn: 1 + grade of a proposal, 5 a skip, 7 + verdict of a review."""
    codes = [trees.levels[0].grade.astype(np.int64) + 1]
    for depth in range(1, trees.depth):
        level, proposer = trees.levels[depth], trees.rules.seats[depth + 1].role is Role.PROPOSER
        event = np.full(level.grade.shape, _KEPT, dtype=np.int64)
        event[:, 1::2] = level.grade[:, 1::2] + 1 if proposer else level.verdict[:, 1::2] + 7
        codes.append(np.repeat(codes[-1], 2, axis=1) << 4 | event)
    return codes[: trees.depth]


class _Shown:
    """A task or utterance of which nothing can be read but what is given."""

    def __init__(self, what: str, **known: Any) -> None:
        self.__dict__.update(known, _what=what)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise ConfigError(
            f"exact evaluation shows a controller turns, verdicts and grades, but this one reads the {self._what}'s "
            f"{name!r}; give P(SPEAK) of each node instead"
        )


def _played(rules: Rules, code: int) -> DialogueState:
    """Return a dialogue with the events of a code."""
    state = initial(cast("Task", _Shown("task")), rules)
    for digit in hex(code)[2:]:
        event = int(digit, 16)
        if event == _KEPT:
            state = advance(state, 0)
            continue
        proposer = rules.seats[state.turn].role is Role.PROPOSER
        grade = Grade(event - 1) if proposer else None
        said = _Shown("utterance", grade=grade, verdict=Verdict.NONE if proposer else Verdict(event - 7))
        state = advance(state, 1, cast("Utterance", said))
    return state
