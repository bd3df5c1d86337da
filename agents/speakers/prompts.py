"""Prompts: what a language model is told when it is its seat's turn to speak.

    system      the role's job and the format of its reply
    examples    worked examples as earlier turns of the chat            the same for all tasks of a role,
    user        this question, the discussion so far, what to do now    so their keys and values are reused

A prompt is made from what the seat may read: the question, the earlier utterances inside the history window, the
pending proposal and its vote, without reasoning blocks (`hearing`). Gold answers and grades never enter it. A prompt
that is too long loses its oldest utterances, one at a time; the question is never cut.

The last user message can be replaced by role with a format text (``{question}``, ``{history}``, ...,
see `PLACEHOLDERS`); double braces stand for single ones.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tracer_env.agents.speakers.worked_examples import worked_examples
from tracer_env.dialogue import Dialogue, Line
from tracer_env.errors import ConfigError, did_you_mean
from tracer_env.reading import read_proposal
from tracer_env.rules import DialogueState
from tracer_env.types import Role, Seat, Task

__all__ = ["PLACEHOLDERS", "PLAIN_STOP", "Message", "Prompts", "plain_text", "without_system"]

Message = dict[str, str]
"""One chat message: ``role`` (system, user, assistant) and ``content``."""

PLACEHOLDERS = ("question", "history", "pending", "vote", "turn", "max_turns", "agent")
"""What a format text may use: the question; the earlier utterances; the pending proposal; its vote as
+1, -1 and so on; the number of this turn; the number of turns; the agent's name."""

PLAIN_STOP = "\n###"
"""Where a reply ends when the model has no chat template and would go on with a next task."""

_SYSTEM = {
    Role.PROPOSER: "Solve the question in short steps. End your reply with one line: Final answer: <answer>",
    Role.REVIEWER: (
        "Check the proposed answer. The first word of your reply is RIGHT if it is correct or WRONG if it is "
        "not. Then give the reason in one sentence."
    ),
}
_FIRST = "{question}"
_REFRESH = (
    "Discussion so far:\n{history}\n\nSolve the question again: keep what is right, mend what is wrong.\n\n{question}"
)
_JOBS = {
    "debater": (
        "{question}\n\nThese answers have been given, one of them perhaps by you:\n{history}\n\n"
        "Weigh them against your own reasoning, take over what is sound, and answer anew."
    ),
    "negative": (
        "{question}\n\nThe discussion so far:\n{history}\n\n"
        "You are the opposing side: doubt the other side's answer, say what is wrong with it, and give your own."
    ),
    "affirmative": (
        "{question}\n\nThe discussion so far:\n{history}\n\n"
        "You spoke first. Answer the objection: defend your answer where it holds, give up what does not."
    ),
    "judge": (
        "{question}\n\nTwo sides have argued:\n{history}\n\n"
        "You are the judge. Decide which side is right, work it out yourself where neither is, and give the answer."
    ),
    "aggregator": (
        "{question}\n\nSeveral solutions:\n{history}\n\n"
        "Write one solution from them: check each, some may be wrong, and join what is best."
    ),
}
"""What a seat with a job besides its role is asked for (`schedules.JOBS`), once there is something to read."""
_REVIEW = "Question: {question}\n\n{history}Proposed answer:\n{pending}\n\nIs it RIGHT or WRONG?"
_ASKED = "You take part in a discussion that looks for the right answer to a question. Answer briefly."
_UNSHOWN = "(too long to be shown)"


@dataclass(frozen=True)
class Prompts:
    """Builds chat messages.

    What a seat may read is the rules' business: the words of a debater, a judge or an aggregator stand here, for the
    turns of schedules that have such seats.

    ``examples`` is how many worked examples a prompt opens with. ``proposer_prompt`` and ``reviewer_prompt``
    replace the last user message of a role, whatever its job. Raises ConfigError for a placeholder that does not exist.
    """

    examples: int = 0
    proposer_prompt: str | None = None
    reviewer_prompt: str | None = None

    def __post_init__(self) -> None:
        if isinstance(self.examples, bool) or not isinstance(self.examples, int) or self.examples < 0:
            raise ConfigError(f"examples must be 'auto' or a whole number from 0, got {self.examples!r}")
        for name in ("proposer_prompt", "reviewer_prompt"):
            text = getattr(self, name)
            if text is not None:
                _check_format(name, text)

    def opening(self, task: Task, role: Role) -> list[Message]:
        """Return the messages that every prompt of ``role`` for tasks of this sort begins with."""
        messages = [_message("system", _SYSTEM[role])]
        for example in worked_examples(task, self.examples):
            pending = "" if role is Role.PROPOSER else example.proposal
            reply = example.solution if role is Role.PROPOSER else example.review
            messages += [
                _message("user", self._fill(role, {"question": example.question, "pending": pending})),
                _message("assistant", reply),
            ]
        return messages

    def messages(self, state: DialogueState, seat: Seat, drop: int = 0, question: str | None = None) -> list[Message]:
        """Return the whole prompt of ``seat``, without its ``drop`` oldest utterances.

        With a ``question`` about the dialogue it asks that, in the place of the seat's job, and shows no examples.
        """
        pending, vote, history = self.readable(state, seat)
        kept = history[drop:]
        if pending is not None and drop > len(history):
            pending = _UNSHOWN
        lines = "\n".join(map(_render, kept))
        fields = {
            "question": state.task.question,
            "history": lines,
            "pending": pending or "",
            "vote": f"{vote:+d}",
            "turn": str(state.turn),
            "max_turns": str(state.rules.max_turns),
            "agent": seat.name,
        }
        if question is not None:
            return [_message("system", _ASKED), _message("user", _asked(fields, question))]
        job = "" if state.over else state.rules.jobs[state.turn]
        return [*self.opening(state.task, seat.role), _message("user", self._fill(seat.role, fields, job))]

    def readable(self, state: DialogueState, seat: Seat) -> tuple[str | None, int, tuple[Line, ...]]:
        """Return the proposal that a seat goes by, its vote (0 without one), and the utterances of the window.

        A reviewer's window is without the proposal that it judges.
        """
        proposal, vote = read_proposal(state)
        lines = () if state.pending is None else Dialogue(state).lines
        if proposal is None:
            return None, 0, lines
        if seat.role is Role.REVIEWER:
            lines = tuple(line for line in lines if line.turn != proposal.turn)
        return proposal.utterance.text, vote, lines

    def droppable(self, state: DialogueState, seat: Seat) -> int:
        """Return how many utterances `messages` can leave out."""
        pending, _, history = self.readable(state, seat)
        return len(history) + (pending is not None and seat.role is Role.REVIEWER)

    def fit(
        self, state: DialogueState, seat: Seat, fits: Callable[[list[Message]], bool], question: str | None = None
    ) -> tuple[list[Message], int]:
        """Return the longest prompt that ``fits`` and how many utterances it lost.

        Raises ConfigError when the question alone does not fit.
        """
        for drop in range(self.droppable(state, seat) + 1):
            messages = self.messages(state, seat, drop, question)
            if fits(messages):
                return messages, drop
        raise ConfigError(
            f"the question of task {state.task.id!r} does not fit into the model's context beside max_new_tokens; "
            "lower speaker.max_new_tokens or speaker.examples, or take a model with a longer context"
        )

    def _fill(self, role: Role, fields: dict[str, str], job: str = "") -> str:
        template = self.proposer_prompt if role is Role.PROPOSER else self.reviewer_prompt
        fields = {**dict.fromkeys(PLACEHOLDERS, ""), **fields}
        if template is not None:
            return template.format_map(fields)
        if role is Role.PROPOSER:
            return (_JOBS.get(job, _REFRESH) if fields["history"] else _FIRST).format_map(fields)
        if fields["history"]:
            fields["history"] = f"Discussion so far:\n{fields['history']}\n\n"
        return _REVIEW.format_map(fields)


def plain_text(messages: list[Message]) -> str:
    """Render a chat for a model without a chat template; the model goes on after ``### Reply``."""
    heads = {"system": "### Instruction", "user": "### Task", "assistant": "### Reply"}
    parts = [f"{heads[m['role']]}\n{m['content']}\n\n" for m in messages]
    return "".join(parts) + "### Reply\n"


def _asked(fields: Mapping[str, str], question: str) -> str:
    """Return the user message that asks about a dialogue: what can be read of it, then the question."""
    parts = [f"Question: {fields['question']}"]
    if fields["history"]:
        parts.append(f"Discussion so far:\n{fields['history']}")
    if fields["pending"]:
        parts.append(f"Proposed answer:\n{fields['pending']}")
    return "\n\n".join([*parts, question])


def _message(role: str, content: str) -> Message:
    return {"role": role, "content": content}


def _render(line: Line) -> str:
    kind = "proposal" if line.seat.role is Role.PROPOSER else "review"
    return f"{line.seat.name} ({kind}): {line.text}"


def _check_format(name: str, text: str) -> None:
    try:
        fields = [field for _, field, _, _ in string.Formatter().parse(text) if field is not None]
    except ValueError as error:
        raise ConfigError(f"speaker.{name} is not a format text: {error}; write {{{{ and }}}} for braces") from error
    for field in fields:
        if field not in PLACEHOLDERS:
            hint = did_you_mean(field, PLACEHOLDERS)
            raise ConfigError(f"speaker.{name} has the unknown placeholder {{{field}}}{hint}")
    if "question" not in fields:
        raise ConfigError(f"speaker.{name} must show the {{question}}")


def without_system(messages: list[Message]) -> list[Message]:
    """Move the system message to the head of the first user message."""
    system, first, *rest = messages
    return [{"role": "user", "content": f"{system['content']}\n\n{first['content']}"}, *rest]
