"""What was said, as events: one row an utterance, with all that the simulated speaker's likelihood reads.

An event has a context (what stood when it was said) and an outcome (what came of it):

    proposals    FIRST, AFTER_INVALID, MENDING (a wrong one voted down), CAVING (a correct one voted down),
                 BESIDE_CORRECT, BESIDE_WRONG (any other)       INVALID, CORRECT, SAME (wrong again), OTHER
    reviews      OF_CORRECT, OF_WRONG, OF_INVALID               NO_VERDICT, SAYS_RIGHT, SAYS_WRONG

Each utterance is one event. In trees it is said at one node. In transcripts, methods that made the same
choices on a task met the same utterance, so it counts once, however many of them said it; what SPEAK would
have said counts too, where it was drawn. An utterance whose grade timed out, or that speaks
about one that did, has no outcome and is left out.

Events of one task share more than their parameters (its text, and in trees the luck of a turn), so each
event carries the number of its task.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields
from math import nan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracer_env.episodes.transcript import Transcript
from tracer_env.errors import ConfigError
from tracer_env.parts.worlds import played_in
from tracer_env.rules import Rules
from tracer_env.trees.shape import spoken_nodes, window
from tracer_env.trees.tree import DialogueTrees
from tracer_env.types import Action, Grade, Role, Task, Utterance, Verdict

__all__ = ["CONTEXTS", "Events", "events_of", "transcript_events", "tree_events"]

CONTEXTS = (
    "first",
    "after an invalid one",
    "wrong, voted down",
    "correct, voted down",
    "correct, standing",
    "wrong, standing",
    "correct one",
    "wrong one",
    "invalid one",
)
FIRST, AFTER_INVALID, MENDING, CAVING, BESIDE_CORRECT, BESIDE_WRONG, OF_CORRECT, OF_WRONG, OF_INVALID = range(9)
INVALID, CORRECT, SAME, OTHER, NO_VERDICT, SAYS_RIGHT, SAYS_WRONG = range(7)

_WRONG_ANSWERS = 256
_SIGNALS = ("mean", "margin", "agrees")


@dataclass(frozen=True)
class Events:
    """N utterances; every array has shape (N,)."""

    task: NDArray[np.int64]  # number of the task, from 0
    difficulty: NDArray[np.float64]
    context: NDArray[np.int8]
    outcome: NDArray[np.int8]
    prompt: NDArray[np.int64]  # prompt tokens
    completion: NDArray[np.int64]  # completion tokens
    reread: NDArray[np.int64]  # completion tokens inside the history window
    choices: NDArray[np.int16]  # how many different wrong answers the task has room for
    left_out: int = 0
    mean: NDArray[np.float32] = field(default_factory=lambda: np.full((), np.nan, np.float32))  # `Signals.logprob_mean`
    margin: NDArray[np.float32] = field(default_factory=lambda: np.full((), np.nan, np.float32))  # NaN untold
    agrees: NDArray[np.int8] = field(default_factory=lambda: np.zeros((), np.int8))  # `Utterance.agrees`

    def __post_init__(self) -> None:
        for name in _SIGNALS:  # what is left out is one value, seen at every utterance
            object.__setattr__(self, name, np.broadcast_to(getattr(self, name), self.task.shape))

    def __len__(self) -> int:
        return len(self.task)

    @property
    def proposals(self) -> NDArray[np.bool_]:
        """Which events are proposals, shape (N,); the others are reviews."""
        return self.context < OF_CORRECT


def events_of(source: DialogueTrees | Iterable[Transcript], rules: Rules | None = None) -> Events:
    """Return the events of trees or of episodes, which are read once; ``rules`` tell the episodes' history window.

    Raises ConfigError when there is nothing to read.
    """
    if isinstance(source, DialogueTrees):
        found = tree_events(source)
    else:
        found = transcript_events(_only_transcripts(source), rules or Rules())
    if not len(found):
        raise ConfigError(f"there is nothing to calibrate on: all {found.left_out} utterances timed out")
    return found


def tree_events(trees: DialogueTrees) -> Events:
    """Return the events of all nodes that were reached by speaking."""
    difficulty = np.array([task.difficulty for task in trees.tasks])
    choices = np.array([_room(task) for task in trees.tasks], dtype=np.int16)
    number = played_in(np.arange(trees.rows), len(trees.tasks))[1]
    spent: list[NDArray[np.int64]] = []  # completion tokens on the path to each node
    parts = []
    for depth, level in enumerate(trees.levels):
        nodes = np.flatnonzero(spoken_nodes(trees.rules, depth))
        proposer = trees.rules.seats[depth + 1].role is Role.PROPOSER
        if depth == 0:
            old_grade = old_vote = old_answer = np.full((trees.rows, 1), -1)
            reread = np.zeros((trees.rows, 1), dtype=np.int64)
        else:
            above = trees.levels[depth - 1]
            old_grade, old_vote, old_answer = (a[:, nodes >> 1] for a in (above.grade, above.vote, above.answer))
            reread = _reread(trees.rules, spent, depth - 1)[:, nodes >> 1]
        said = (level.grade[:, nodes], level.answer[:, nodes], level.verdict[:, nodes])
        context, outcome = _classified(proposer, old_grade, old_vote, old_answer, *said)
        tokens = (level.prompt_tokens[:, nodes], level.completion_tokens[:, nodes], reread)
        signals = (level.logprob_mean[:, nodes], level.margin[:, nodes], level.agrees[:, nodes])
        fixed = (number[:, None], difficulty[number][:, None])
        columns = (*fixed, context, outcome, *tokens, choices[number][:, None], *signals)
        parts.append([np.broadcast_to(column, context.shape).ravel() for column in columns])
        before = np.repeat(spent[-1], 2, axis=1) if depth else np.int64(0)
        spent.append(before + level.completion_tokens)
    return _events([np.concatenate(columns) for columns in zip(*parts, strict=True)])


def _only_transcripts(source: Any) -> Iterator[Transcript]:
    """Yield the episodes of a source; raises ConfigError when there is none, or something else among them."""
    refused = ConfigError(f"calibration reads DialogueTrees or a list of Transcript, got {type(source).__name__}")
    if not isinstance(source, Iterable):
        raise refused
    none = True
    for each in source:
        if not isinstance(each, Transcript):
            raise refused
        none = False
        yield each
    if none:
        raise refused


def transcript_events(transcripts: Iterable[Transcript], rules: Rules) -> Events:
    """Return the events of all different utterances of some episodes; a few numbers of each are kept."""
    numbers: dict[str, int] = {}
    games: dict[tuple[int, int, int], int] = {}  # by seed, task and world
    seen: set[tuple[int, int]] = set()
    rows = array("d")
    for transcript in transcripts:
        number = numbers.setdefault(transcript.task.id, len(numbers))
        game = games.setdefault((transcript.seed, number, transcript.world), len(games))
        for path, row in _told(transcript, rules):
            if (game, path) not in seen:
                seen.add((game, path))
                rows.extend((number, transcript.task.difficulty, *row, _room(transcript.task)))
    task, difficulty, role, *rest, choices = np.array(rows).reshape(-1, 16).T
    old_grade, old_vote, old_answer, grade, answer, verdict, prompt, completion, reread, *signals = rest
    proposals = _classified(True, old_grade, old_vote, old_answer, grade, answer, verdict)
    reviews = _classified(False, old_grade, old_vote, old_answer, grade, answer, verdict)
    context, outcome = (np.where(role == Role.PROPOSER, *pair) for pair in zip(proposals, reviews, strict=True))
    return _events([task, difficulty, context, outcome, prompt, completion, reread, choices, *signals])


Row = tuple[int, int, int, int, int, int, int, int, int, int, float, float, int]


def _told(transcript: Transcript, rules: Rules) -> Iterator[tuple[int, Row]]:
    """Yield each utterance's place (the actions before it, a bit each behind a one) and its numbers.

    Answers are numbered as they come.
    """
    answers: dict[str, int] = {}
    pending: tuple[int, int] = (-1, -1)  # grade and answer
    vote, path, lengths = 0, 1, []  # type: int, int, list[int]
    for turn in transcript.turns:
        said = turn.utterance or turn.other
        if said is not None:
            new = _proposed(said, answers) if turn.role is Role.PROPOSER else pending
            reread = sum(lengths[len(lengths) - min(rules.history_window, len(lengths)) :])
            spoken = (*new, int(said.verdict), said.prompt_tokens, said.completion_tokens, reread)
            signals = (_or_nan(said.signals.logprob_mean), _or_nan(said.signals.margin), said.agrees)
            yield path, (int(turn.role), pending[0], vote, pending[1], *spoken, *signals)
            if turn.action is Action.SPEAK:
                pending = new
                lengths.append(said.completion_tokens)
        vote, path = turn.vote, path << 1 | turn.action


def _or_nan(value: float | None) -> float:
    return nan if value is None else value


def _proposed(said: Utterance, answers: dict[str, int]) -> tuple[int, int]:
    grade = Grade.UNPARSABLE if said.grade is None else said.grade
    if said.answer is None:
        return int(grade), -1
    return int(grade), answers.setdefault(said.answer, len(answers))


def _room(task: Task) -> int:
    return max(len(task.options), 4) - 1 if task.kind == "choice" else _WRONG_ANSWERS


Number = NDArray[np.integer] | NDArray[np.floating]


def _classified(
    proposer: bool, old_grade: Number, old_vote: Number, old_answer: Number, grade: Number, answer: Number, said: Number
) -> tuple[NDArray[np.int8], NDArray[np.int8]]:
    """Return context and outcome, -1 for an outcome that a timeout hides; a first proposal has ``old_grade`` -1."""
    correct = old_grade == Grade.CORRECT
    if proposer:
        down = np.where(correct, CAVING, MENDING)
        context = np.where(old_vote < 0, down, np.where(correct, BESIDE_CORRECT, BESIDE_WRONG))
        context = np.where(old_grade == Grade.UNPARSABLE, AFTER_INVALID, np.where(old_grade < 0, FIRST, context))
        wrong = np.where((answer == old_answer) & (answer >= 0) & (old_grade == Grade.WRONG), SAME, OTHER)
        outcome = np.where(grade == Grade.UNPARSABLE, INVALID, np.where(grade == Grade.CORRECT, CORRECT, wrong))
        hidden = (old_grade == Grade.TIMEOUT) | (grade == Grade.TIMEOUT)
    else:
        context = np.where(old_grade == Grade.UNPARSABLE, OF_INVALID, np.where(correct, OF_CORRECT, OF_WRONG))
        outcome = np.where(said == Verdict.NONE, NO_VERDICT, np.where(said > 0, SAYS_RIGHT, SAYS_WRONG))
        hidden = old_grade == Grade.TIMEOUT
    return context.astype(np.int8), np.where(hidden, -1, outcome).astype(np.int8)


def _reread(rules: Rules, spent: Sequence[NDArray[np.int64]], depth: int) -> NDArray[np.int64]:
    """Return the completion tokens inside the history window at the nodes of a depth, shape (R, 2^d)."""
    outside, nodes = window(rules, depth), np.arange(1 << depth)
    total = spent[depth].copy()
    for above in np.unique(outside[outside >= 0]):
        here = nodes[outside == above]
        total[:, here] -= spent[above][:, here >> (depth - above)]
    return total


def _events(columns: Sequence[NDArray[Any]]) -> Events:
    kept = columns[3] >= 0
    names = [each.name for each in fields(Events) if each.name != "left_out"]
    counts, signals = (np.int64, np.int64, np.int64, np.int16), (np.float32, np.float32, np.int8)
    kinds = (np.int64, np.float64, np.int8, np.int8, *counts, *signals)
    chosen = {name: column[kept].astype(kind) for name, column, kind in zip(names, columns, kinds, strict=True)}
    return Events(**chosen, left_out=int(len(kept) - kept.sum()))
