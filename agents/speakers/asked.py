"""What the seats of a method are asked: its prompts on a made-up question, one for each kind of turn.

    turn 1  agent_0 proposes, having read nothing
            <question>
    turn 4  agent_0 proposes as debater, having read turns 1, 2, 3
            <question> ...

The words are those that chat models get (`prompts`); the texts of others stand in angle brackets.
"""

from __future__ import annotations

from tracer_env.agents.speakers.prompts import Prompts
from tracer_env.rules import DialogueState, Rules, advance, initial, legal_actions
from tracer_env.types import Grade, Role, Task, Utterance, Verdict

__all__ = ["asked"]

_TASK = Task("asked", "<question>", "0", "text")


def asked(rules: Rules) -> list[tuple[str, str]]:
    """Return what is asked under ``rules`` where everybody speaks: a heading and the prompt, each kind of turn once.

    Turns are of one kind where role, job and what the prompt holds are alike but for names and numbers. The system
    message stands first; worked examples are a speaker's own setting, and left out.
    """
    found: dict[tuple[Role, str, bool], tuple[str, str]] = {}
    state = initial(_TASK, rules)
    while not state.over:
        job, read = rules.jobs[state.turn], [turn.number for turn in state.history]
        if legal_actions(state)[1]:
            found.setdefault((state.seat.role, job, bool(read)), (_heading(state, job, read), _prompt(state)))
            state = advance(state, 1, _said(state))
        else:
            state = advance(state, 0)
    return list(found.values())


def _heading(state: DialogueState, job: str, read: list[int]) -> str:
    does = "proposes" if state.seat.role is Role.PROPOSER else "reviews"
    heard = f"turn{'s' * (len(read) > 1)} {', '.join(map(str, read))}" if read else "nothing"
    return f"turn {state.turn}: {state.seat.name} {does}{f' as {job}' * bool(job)}, having read {heard}"


def _prompt(state: DialogueState) -> str:
    return "\n\n".join(message["content"] for message in Prompts().messages(state, state.seat))


def _said(state: DialogueState) -> Utterance:
    words = f"<what {state.seat.name} said at turn {state.turn}>"
    if state.seat.role is Role.PROPOSER:
        return Utterance(words, answer=str(state.turn), rule="given", grade=Grade.WRONG)
    return Utterance(words, rule="given", verdict=Verdict.WRONG)
