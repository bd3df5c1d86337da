"""Dialogue: one episode as HTML, its turns below one another with both branches of each, for pages of any width.

Every text is escaped and stripped of characters that act; long ones lose their middle, and so does an episode of very
many turns, both said aloud, so that a page stays of a size that a browser opens.
"""

from __future__ import annotations

from html import escape

from tracer_env.display.scene import answered, cost, turns_of
from tracer_env.display.turns import GRADES, Turn, outcome, signed, told
from tracer_env.episodes.transcript import Transcript
from tracer_env.terminal.plain import visible
from tracer_env.types import Role, Utterance

__all__ = ["dialogue", "mark", "safe", "shortened"]

_CHARACTERS = 4000  # of a text
_TURNS = 40  # of an episode
_KINDS = {"✓": "good", "✗": "bad", "?": "odd"}


def safe(text: str) -> str:
    """Return a text of a stranger for HTML: escaped, and without characters that act."""
    return escape(visible(text))


def shortened(text: str, most: int = _CHARACTERS) -> str:
    """Return a text of at most about so many characters, its middle cut out and counted."""
    half = most // 2
    return text if len(text) <= most else f"{text[:half]} ⋯ {len(text) - 2 * half:,} characters ⋯ {text[-half:]}"


def mark(words: str) -> str:
    """Return an outcome in its colour, which its first character tells."""
    kind = _KINDS.get(words[:1], "")
    return f'<span class="{kind}">{safe(shortened(words, 400))}</span>' if kind else safe(shortened(words, 400))


def dialogue(transcript: Transcript) -> str:
    """Return the question, the turns and the end as an element of HTML; its style is `style`'s."""
    task, turns = transcript.task, turns_of(transcript)
    parts = [
        f'<p class="question">{safe(shortened(task.question))}</p>',
        f'<p class="gold">gold <b>{safe(shortened(task.answer, 400))}</b></p>',
    ]
    for place, turn in enumerate(turns):
        if place < _TURNS // 2 or place >= len(turns) - _TURNS // 2:
            parts.append(_turn(turn))
        elif place == _TURNS // 2:
            parts.append(f"<p>⋯ {len(turns) - _TURNS:,} turns ⋯</p>")
    end = answered(transcript).plain
    shown = f'<span class="bad">{safe(shortened(end, 400))}</span>' if transcript.failed else _answer(transcript)
    parts.append(f'<p class="end">{shown} <small>{safe(cost(transcript).plain)}</small></p>')
    return f'<div class="dialogue">{"".join(parts)}</div>'


def _answer(transcript: Transcript) -> str:
    words = answered(transcript).plain
    kind = _KINDS[GRADES[transcript.final.grade][0][0]]
    parts = " · ".join(part.strip() for part in words.split("   ") if part.strip())
    return f'<span class="{kind}">{safe(shortened(parts, 400))}</span>'


def _turn(each: Turn) -> str:
    turn, said = each.turn, each.turn.utterance
    role = turn.role.name.lower()
    likely = f"p(speak) {turn.speak_probability:.2f}" if turn.free else "no choice"
    drawn = "not drawn" if turn.speak_value is None else signed(turn.speak_value)
    head = (
        f"<b>{turn.turn}</b> <b class='role'>{role}</b> agent_{turn.agent} "
        f"<span class='action'>{turn.action.name}</span> <small>{likely}</small> "
        f"<small>value: skip {signed(turn.skip_value)}, speak {drawn}</small>"
    )
    body = _words(each, said) if said is not None else f"<p>{_kept(each)}</p>"
    if said is not None and turn.free:
        body += f'<div class="other"><p>had it skipped: silence, which {_kept(each)}</p></div>'
    elif said is None and turn.other is not None:
        body += f'<div class="other"><p>had it spoken:</p>{_words(each, turn.other)}</div>'
    elif said is None and turn.free:
        body += '<div class="other"><p>had it spoken: not drawn</p></div>'
    foot = f"vote {signed(turn.vote)}, {each.spent:,} tokens so far"
    css = f"turn {role}" + ("" if said is not None else " silent")
    return f'<div class="{css}"><p class="head">{head}</p>{body}<p class="foot">{foot}</p></div>'


def _words(each: Turn, said: Utterance) -> str:
    lines = "".join(f" <small>{safe(line.plain)}</small>" for line in told(said))
    text = f'<div class="said">{safe(shortened(said.text)).strip()}</div>'
    return f"{text}<p>{mark(outcome(each.turn, said, each.pending).plain)}{lines}</p>"


def _kept(each: Turn) -> str:
    """Return what silence leaves as it is."""
    if each.pending is None:
        return "leaves nothing pending"
    answer = "an unreadable answer" if each.pending.answer is None else shortened(each.pending.answer, 400)
    return f"{'keeps' if each.turn.role is Role.PROPOSER else 'leaves alone'} <b>{safe(answer)}</b>"
