"""A document of HTML that loads nothing and runs nothing: the head, the style sheet, what a browser may do.

The policy in the head forbids scripts and every address, whatever a text on the page might contrive.
"""

from __future__ import annotations

from collections.abc import Iterable

from tracer_env.display.style import STYLE

__all__ = ["document"]

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def document(title: str, body: Iterable[str], style: str = "") -> str:
    """Return a whole document; ``title`` and ``body`` are HTML already, ``style`` are rules of the page's own."""
    head = (
        '<meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>{title}</title>'
    )
    return "\n".join(
        [
            '<!DOCTYPE html>\n<html lang="en"><head>',
            head,
            f"<style>{STYLE}{style}</style>",
            "</head><body>",
            *body,
            "</body></html>\n",
        ]
    )
