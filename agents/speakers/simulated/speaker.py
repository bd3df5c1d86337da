"""A speaker without a model: outcomes are drawn, texts are written only when somebody reads them.

Every outcome is a function of the state and of the turn's own noise (`randomness.draw`), so the same
choices on a task meet the same utterances whatever the batch. Parameters and presets stand in
`rates`; a proposer goes by one text, of several that it may read by that of `read_proposal`.
`tracer_env.envs.vector.env` computes the same outcomes for thousands of dialogues at once.

What the 64 bits of a turn are used for:

    OUTCOME    top 48: not parsable, else correct or not; or no verdict, else which one
               next 8: which wrong answer    low 8: quantile of the completion length
    CONTENT    top 48: repeat the pending answer or not
    SIGNAL     what the speaker tells of its own words (`signals`); drawn when somebody reads it
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracer_env.agents.speakers.simulated.rates import PRESETS, QUANTILES, Simulation
from tracer_env.agents.speakers.simulated.rows import SimulatedRows
from tracer_env.agents.speakers.simulated.text import answer_text, proposal_text, review_text
from tracer_env.errors import ConfigError, UnknownNameError, did_you_mean
from tracer_env.interfaces import Request
from tracer_env.randomness import Purpose, draw
from tracer_env.reading import read_proposal
from tracer_env.rules import DialogueState
from tracer_env.types import UNTOLD, Grade, Role, Signals, Task, Utterance, Verdict

__all__ = ["SimulatedProposal", "SimulatedReview", "SimulatedSpeaker"]

_UNIT = 2.0**-48
_LOW = QUANTILES - 1
_CORRECT, _WRONG, _UNPARSABLE = Grade.CORRECT, Grade.WRONG, Grade.UNPARSABLE
_RIGHT_VERDICT, _WRONG_VERDICT, _NO_VERDICT = Verdict.RIGHT, Verdict.WRONG, Verdict.NONE
_PROPOSER = Role.PROPOSER
_OUTCOME, _CONTENT, _SIGNAL = int(Purpose.OUTCOME), int(Purpose.CONTENT), int(Purpose.SIGNAL)

Source = tuple[Simulation, int, int, int]
"""What signals are drawn from: the rates, and the stream, turn and candidate of the utterance."""


class SimulatedProposal(Utterance):
    """A proposal whose text and answer are rendered on reading, and whose signals are drawn then.

    ``answer_id`` is 0 for the gold answer, k for the k-th wrong one, -1 where there is none; ``told`` are the signals,
    or what they are drawn from.
    """

    __slots__ = ("answer_id", "task")
    task: Task
    answer_id: int

    finish, dropped, rule, verdict, agrees = "stop", 0, "given", Verdict.NONE, 0
    prompt_ids, token_ids, logprobs, counted = (), (), (), True

    def __init__(
        self,
        task: Task,
        grade: Grade,
        answer_id: int,
        prompt_tokens: int,
        completion_tokens: int,
        told: Signals | Source = UNTOLD,
    ) -> None:
        _set_task(self, task)
        _set_grade(self, grade)
        _set_answer_id(self, answer_id)
        _set_prompt_tokens(self, prompt_tokens)
        _set_completion_tokens(self, completion_tokens)
        _set_told(self, told)

    @property
    def text(self) -> str:
        """The rendered text; its length in tokens, being drawn, also picks the wording."""
        return proposal_text(self.task, self.answer_id, self.completion_tokens)

    @property
    def answer(self) -> str | None:
        """The answer that the text gives, in canonical form."""
        return answer_text(self.task, self.answer_id) if self.answer_id >= 0 else None

    @property
    def signals(self) -> Signals:
        """What the speaker tells of its words."""
        told: Any = _get_told(self)
        if type(told) is tuple:
            rates, *place = told
            told = rates.signals.proposal(_noise(*place), self.grade is _CORRECT, self.completion_tokens)
            _set_told(self, told)
        signals: Signals = told
        return signals

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        parts = (self.task, self.grade, self.answer_id, self.prompt_tokens, self.completion_tokens, self.signals)
        return type(self), parts


class SimulatedReview(Utterance):
    """A review of ``subject`` whose text is rendered on reading, and whose signals are drawn then.

    Trap: an answer of its own is drawn (``agrees``) but does not stand in the text, which tells the verdict alone.
    """

    __slots__ = ("subject",)
    subject: Utterance

    finish, dropped, rule, grade, answer = "stop", 0, "given", None, None
    prompt_ids, token_ids, logprobs, counted = (), (), (), True

    def __init__(
        self,
        subject: Utterance,
        verdict: Verdict,
        prompt_tokens: int,
        completion_tokens: int,
        told: Signals | Source = UNTOLD,
        agrees: int = 0,
    ) -> None:
        _set_subject(self, subject)
        _set_verdict(self, verdict)
        _set_prompt_tokens(self, prompt_tokens)
        _set_completion_tokens(self, completion_tokens)
        _set_told(self, told)
        _set_agrees(self, agrees)

    @property
    def text(self) -> str:
        """The rendered text."""
        return review_text(self.verdict, self.subject.answer, self.completion_tokens)

    @property
    def signals(self) -> Signals:
        """What the speaker tells of its words, and how sure it is of the verdict."""
        return self._told()

    @property
    def agrees(self) -> int:
        """Whether the reviewer's own answer is the pending one: 1 or -1, 0 when it states none."""
        self._told()
        found: int = _get_agrees(self)
        return found

    def _told(self) -> Signals:
        """Return the signals; the first time they are drawn, and the agreement with them."""
        told: Any = _get_told(self)
        if type(told) is tuple:
            rates, *place = told
            grade, tokens = self.subject.grade, self.completion_tokens
            told, agrees = rates.signals.review(_noise(*place), grade, self.verdict, tokens)
            _set_agrees(self, agrees)
            _set_told(self, told)
        signals: Signals = told
        return signals

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return type(self), (
            self.subject,
            self.verdict,
            self.prompt_tokens,
            self.completion_tokens,
            self.signals,
            self.agrees,
        )


def _noise(stream: int, turn: int, candidate: int) -> int:
    return draw(stream, turn, _SIGNAL, candidate)


# The slots' own setters: what a frozen dataclass does through object.__setattr__, at half the time.
_set_task, _set_answer_id, _set_grade = (
    getattr(SimulatedProposal, name).__set__ for name in ("task", "answer_id", "grade")
)
_set_subject, _set_verdict = (getattr(SimulatedReview, name).__set__ for name in ("subject", "verdict"))
_set_prompt_tokens, _set_completion_tokens, _set_agrees = (
    getattr(Utterance, name).__set__ for name in ("prompt_tokens", "completion_tokens", "agrees")
)
_get_agrees: Any = Utterance.__dict__["agrees"].__get__
# The slot of the signals holds what they are drawn from until they are read.
_set_told, _get_told = (getattr(Utterance.__dict__["signals"], door) for door in ("__set__", "__get__"))


class SimulatedSpeaker:
    """Speaks for both roles with the rates of a preset; single rates can be overridden.

        SimulatedSpeaker("harsh", skill=0.8)
        SimulatedSpeaker("calibrated.toml")         a preset file, see `Simulation.to_toml`

    Raises UnknownNameError for an unknown preset, ConfigError for an unknown or impossible rate or an
    unreadable file.
    """

    free = True
    """Asking costs nothing, so what a SKIP leaves unsaid may be drawn just to be shown."""
    worlds = None
    """There is no end of them."""

    def __init__(self, preset: str | Simulation = "balanced", **rates: float) -> None:
        if isinstance(preset, str) and preset.endswith(".toml"):
            preset = Simulation.from_toml(preset)
        elif isinstance(preset, str):
            if preset not in PRESETS:
                raise UnknownNameError("preset of the simulated speaker", preset, PRESETS)
            preset = PRESETS[preset]
        name = next((each for each, rates in PRESETS.items() if rates == preset), "of its own")
        self.words = f"SIMULATED words (preset {name}{', changed' if rates else ''})"
        known = Simulation.__dataclass_fields__
        for name in rates:
            if name not in known:
                raise ConfigError(f"the simulated speaker has no rate {name!r}{did_you_mean(name, known)}")
        self.simulation = replace(preset, **rates)  # type: ignore[arg-type]  # some are counts; Simulation checks them

    def speak(self, requests: Sequence[Request]) -> list[Utterance]:
        """Return the utterances that these states and this noise give."""
        if len(requests) == 1 and requests[0].candidates == 1:  # an env.step: the hot path
            state, seat, stream = requests[0][:3]
            bits = draw(stream, state.turn, _OUTCOME)
            speaks = self._propose if seat.role is _PROPOSER else self._review
            return [speaks(state, bits, stream, 0)]
        return [self._say(request, candidate) for request in requests for candidate in range(request.candidates)]

    def in_rows(self, tasks: Sequence[Task], streams: NDArray[np.uint64]) -> SimulatedRows:
        """Return the same speaker for whole arrays of dialogues; how dialogue trees grow in seconds."""
        return SimulatedRows(self.simulation, tasks, streams)

    def _say(self, request: Request, candidate: int) -> Utterance:
        state = request.state
        bits = draw(request.stream, state.turn, _OUTCOME, candidate)
        speaks = self._propose if request.seat.role is _PROPOSER else self._review
        return speaks(state, bits, request.stream, candidate)

    def _propose(self, state: DialogueState, bits: int, stream: int, candidate: int) -> Utterance:
        rates, task, luck = self.simulation, state.task, (bits >> 16) * _UNIT
        grade, answer_id, invalid = _UNPARSABLE, -1, rates.invalid
        if luck >= invalid:
            chance, pending, vote = 0.0, state.proposals[-1] if state.proposals else None, 0
            if not state.rules.reads_all:
                pending, vote = read_proposal(state)
            elif pending is not None:
                vote = pending.vote
            if pending is None or not pending.valid:
                chance = rates.chances(task.difficulty)[0]
            elif vote < 0:
                chance = 1.0 - rates.cave if pending.correct else rates.chances(task.difficulty)[1]
            elif (draw(stream, state.turn, _CONTENT, candidate) >> 16) * _UNIT >= rates.repeat:
                chance = rates.chances(task.difficulty)[0]
            elif isinstance(pending.utterance, SimulatedProposal):
                grade, answer_id = pending.utterance.grade or _WRONG, pending.utterance.answer_id
            else:  # what another speaker proposed: its grade can be repeated, its words cannot
                chance = 1.0 if pending.correct else 0.0
            if answer_id < 0:
                if luck < invalid + (1.0 - invalid) * chance:
                    grade, answer_id = _CORRECT, 0
                else:
                    grade, answer_id = _WRONG, 1 + (bits >> 8 & _LOW) * rates.distractors // QUANTILES
        length = rates.proposer_lengths[bits & _LOW]
        prompt = rates.proposer_prompt_tokens + (self._reread(state) if state.turns else 0)
        return SimulatedProposal(task, grade, answer_id, prompt, length, (rates, stream, state.turn, candidate))

    def _review(self, state: DialogueState, bits: int, stream: int, candidate: int) -> Utterance:
        rates, pending, luck = self.simulation, state.proposals[-1], (bits >> 16) * _UNIT
        silent = rates.no_verdict
        if luck < silent:
            verdict = _NO_VERDICT
        elif pending.correct:
            verdict = _RIGHT_VERDICT if luck < silent + (1.0 - silent) * rates.tpr else _WRONG_VERDICT
        else:
            verdict = _WRONG_VERDICT if luck < silent + (1.0 - silent) * rates.tnr else _RIGHT_VERDICT
        length = rates.reviewer_lengths[bits & _LOW]
        prompt = rates.reviewer_prompt_tokens + self._reread(state)
        return SimulatedReview(pending.utterance, verdict, prompt, length, (rates, stream, state.turn, candidate))

    def _reread(self, state: DialogueState) -> int:
        share = self.simulation.reread
        if share == 0.0:
            return 0
        if not state.rules.reads_all:
            return int(share * sum(turn.utterance.completion_tokens for turn in state.history if turn.utterance))
        window, turns, total = state.rules.history_window, state.turns, 0
        if len(turns) > window:
            turns = tuple(turn for turn in turns if turn.utterance is not None)
            turns = turns[len(turns) - window :] if len(turns) > window else turns
        for turn in turns:
            if turn.utterance is not None:
                total += turn.utterance.completion_tokens
        return total if share == 1.0 else int(share * total)
