"""A document that loads nothing and runs nothing."""

from __future__ import annotations

from tracer_env.display.html import document


def test_a_browser_is_told_to_run_and_load_nothing() -> None:
    text = document("t", ["<p>a</p>"], ".own { color: red }")
    head, _, body = text.partition("</head>")
    assert "default-src 'none'; style-src 'unsafe-inline'" in head
    assert "width=device-width" in head
    assert ".own { color: red }" in head
    assert "<p>a</p>" in body
