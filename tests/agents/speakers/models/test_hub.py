"""Names on a model hub: what is not there, not reachable, or here from before is said in one line, at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

pytest.importorskip("huggingface_hub")

from huggingface_hub import constants

from tracer_env.agents.speakers.models.hub import only_local
from tracer_env.errors import DataError


class _Hub(BaseHTTPRequestHandler):
    """Knows the model of one owner, hides that of another, and is out of order for a third."""

    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        name = self.path.removeprefix("/api/models/").split("/revision")[0]
        status = {"me/known": 200, "me/hidden": 403, "me/broken": 500}.get(name, 404)
        body = b'{"id": "me/known", "siblings": []}' if status == 200 else b"{}"
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[list[str]]:
    asked: list[str] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Hub", (_Hub,), {"asked": asked}))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    _point(monkeypatch, tmp_path, server.server_port)
    yield asked
    server.shutdown()
    server.server_close()


def _point(monkeypatch: pytest.MonkeyPatch, cache: Path, port: int) -> None:
    """Let the client ask a port of this machine, with a cache of the test's own."""
    import huggingface_hub
    from huggingface_hub import HfApi

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    monkeypatch.delenv("TRANSFORMERS_OFFLINE", raising=False)

    class Api(HfApi):
        def __init__(self) -> None:
            super().__init__(endpoint=f"http://127.0.0.1:{port}", token=False)

    monkeypatch.setattr(huggingface_hub, "HfApi", Api)


def test_a_model_that_is_there_is_fetched(asked: list[str]) -> None:
    assert only_local("me/known", None) is False
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("me/nosuch", "the Hugging Face hub has no model 'me/nosuch'; check the name"),
        ("me/hidden", "does not give out the model 'me/hidden'"),
        ("me/broken", "answers with status 500, and no copy of 'me/broken' is here"),
        ("no/such/name", "neither a folder nor a name on the Hugging Face"),
    ],
)
def test_one_line_after_one_question(name: str, words: str, asked: list[str]) -> None:
    with pytest.raises(DataError, match=words) as caught:
        only_local(name, None)
    assert "\n" not in str(caught.value)
    assert len(asked) <= 1


def test_a_hub_that_cannot_be_reached(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _point(monkeypatch, tmp_path, 9)  # where nothing listens
    with pytest.raises(DataError, match=r"cannot be reached .* and no copy of 'me/known' is here"):
        only_local("me/known", None)
    folder = tmp_path / "models--me--known"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text("0" * 40)
    (folder / "snapshots" / ("0" * 40)).mkdir(parents=True)
    (folder / "snapshots" / ("0" * 40) / "config.json").write_text("{}")
    assert only_local("me/known", None) is True


def test_offline_nothing_is_asked(asked: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert only_local("me/known", None) is True
    assert not asked
