"""Episodes on a page: a table whose rows unfold to dialogues, filtered by kind and by method without any script.

The filters are radio buttons in front of the table, and rules of the style sheet that hide rows; each row is a
``<details>``, so the page works in any browser and can be searched by it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from tracer_env.display.dialogue import dialogue, mark, safe, shortened
from tracer_env.display.scene import cost
from tracer_env.display.turns import GRADES
from tracer_env.episodes.choosing import flip
from tracer_env.episodes.picking import Pick
from tracer_env.episodes.transcript import Transcript

__all__ = ["entry", "listed", "rules"]

KINDS = (("flips", "flips"), ("disagrees", "disagreements"), ("wrong", "wrong"))


def entry(told: Transcript, pick: Pick, number: int, name: str) -> str:
    """Return one row with its dialogue; ``number`` and ``name`` are its method's on the page."""
    kinds = [css for css, _ in KINDS if getattr(pick, css)]
    words = [flip(told)] if pick.flips else []
    words += ["disagreement"] if pick.disagrees else []
    place = f"episode {told.episode} · world {told.world} · seed {told.seed}"
    outcome = "✗ failed" if told.failed else GRADES[told.final.grade][0]
    cells = (
        f'<span class="id">{safe(shortened(told.task.id, 200))}</span>',
        f'<span class="by">{safe(name)}</span>',
        f'<span class="came">{mark(outcome)}</span>',
        f'<span class="kind">{safe(", ".join(words))}</span>',
        f'<span class="asked">{safe(shortened(told.task.question, 160))}</span>',
    )
    head = f"<small>{safe(place)} · {safe(cost(told).plain)}</small>"
    css = " ".join(["episode", *kinds, f"m{number}"])
    return f'<details class="{css}"><summary>{"".join(cells)}</summary>{head}{dialogue(told)}</details>'


def rules(methods: int) -> str:
    """Return the rules that hide what a filter leaves out."""
    kinds = (f"#kind-{css}:checked ~ .list > :not(.{css}) {{ display: none; }}" for css, _ in KINDS)
    names = (f"#by-{number}:checked ~ .list > :not(.m{number}) {{ display: none; }}" for number in range(methods))
    return "\n".join([*kinds, *names]) + "\n"


def listed(entries: Sequence[str], methods: Iterable[str], total: int, counts: Mapping[str, int]) -> str:
    """Return the filters and the table; ``total`` and ``counts`` tell how many there are in the whole run."""
    inside = {css: sum(f" {css}" in each[: each.index(">")] for each in entries) for css, _ in KINDS}
    told = ", ".join(f"{counts[css]:,} {name}" for css, name in KINDS)
    which = (
        f"All {total:,} episodes are inside"
        if len(entries) >= total
        else f"{len(entries):,} of {total:,} episodes are inside, of each kind and method some; "
        "<code>tracer-env replay</code> shows any"
    )
    kinds = [("kind", "all", f"all {len(entries):,}")]
    kinds += [("kind", css, f"{name} {inside[css]:,}") for css, name in KINDS]
    names = [("by", "all", "all methods"), *(("by", str(n), safe(name)) for n, name in enumerate(methods))]
    return (
        f'<p>{which}. In the whole run: {told}. A row unfolds to its dialogue.</p><div class="episodes">'
        f'{_choices(kinds)}<div class="break"></div>{_choices(names)}<div class="list">{"".join(entries)}</div></div>'
    )


def _choices(choices: Iterable[tuple[str, str, str]]) -> str:
    parts = []
    for group, value, label in choices:
        checked = " checked" if value == "all" else ""
        parts.append(
            f'<input type="radio" name="{group}" id="{group}-{value}"{checked}>'
            f'<label for="{group}-{value}">{label}</label>'
        )
    return "".join(parts)
