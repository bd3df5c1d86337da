"""A key shows nowhere: not in files, logs, errors, tracebacks or reprs, whatever a server says of it."""

from __future__ import annotations

import gzip
import logging
import traceback
from pathlib import Path
from typing import Any

import pytest
from faulty import FaultServer, request

from tracer_env.agents.speakers.endpoint.keys import Key
from tracer_env.agents.speakers.endpoint.speaker import EndpointSpeaker
from tracer_env.cli.app import main

MARKERS = {"OPENAI_API_KEY": "sk-marker-3f9c27d1a5b84e60", "HF_TOKEN": "hf_marker_9d2b64c8e1f7a035"}
KEY = MARKERS["OPENAI_API_KEY"]
SERVERS: dict[str, dict[str, Any]] = {
    "answers": {},
    "refuses": {"status": 401, "body": {"error": {"message": f"Incorrect API key provided: {KEY}."}}},
    "repeats half": {"status": 400, "body": {"error": {"message": f"the key {KEY[:14]}**** is no good"}}},
    "stumbles": {"status": 500, "body": f"<html>Bearer {KEY}</html>"},
}


@pytest.fixture(autouse=True)
def _markers(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in MARKERS.items():
        monkeypatch.setenv(name, value)


def _told(folder: Path) -> str:
    found = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    return "".join((gzip.decompress(each) if each[:2] == b"\x1f\x8b" else each).decode("latin-1") for each in found)


@pytest.mark.parametrize("name", list(SERVERS))
def test_a_key_is_in_no_file_no_log_and_no_error(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    line = ["compare", "--scenario", "arithmetic", "--limit", "2", "--methods", "always", "--speaker", "endpoint:m"]
    with FaultServer(always=SERVERS[name]) as server, caplog.at_level(logging.DEBUG):
        more = ["--set", f"speaker.base_url={server.url}", "--set", "speaker.retries=0", "--out", str(tmp_path / "run")]
        code = main(["--debug", *line, *more])
    assert server.seen.keys == {f"Bearer {KEY}"}
    assert (code == 0) is (name == "answers")
    printed = capsys.readouterr()
    whole = printed.out + printed.err + caplog.text + _told(tmp_path)
    assert "the server answers" in printed.err or code == 0
    for marker in MARKERS.values():
        for part in (marker, marker[:13], marker[13:]):
            assert part not in whole


def test_a_traceback_holds_no_key_and_no_request() -> None:
    """What the client raises holds the request with its header; it is no cause of what we raise."""
    with FaultServer(always=SERVERS["refuses"]) as server:
        try:
            EndpointSpeaker("m", base_url=server.url).speak([request()])
        except Exception as error:
            told = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
            chain = [error]
            while chain[-1].__cause__ is not None:
                chain.append(chain[-1].__cause__)
    assert KEY not in told
    assert all(type(each).__module__.startswith("tracer_env") for each in chain)


def test_objects_do_not_show_it() -> None:
    speaker, key = EndpointSpeaker("m"), Key("OPENAI_API_KEY", needed=True)
    for shown in (
        repr(speaker),
        repr(key),
        str(speaker.settings),
        repr(vars(speaker)),
        repr(speaker.bodies(request())),
    ):
        assert KEY not in shown


def test_the_search_would_find_it(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(gzip.compress(KEY.encode()))
    assert KEY in _told(tmp_path)
    assert KEY in _raw_error()


def _raw_error() -> str:
    """What would be told without `Key.hidden`."""
    from tracer_env.agents.speakers.endpoint.refusals import failed_status

    return str(failed_status(401, SERVERS["refuses"]["body"], None, "OPENAI_API_KEY", "m"))
