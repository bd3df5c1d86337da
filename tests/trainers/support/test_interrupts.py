"""Ctrl-C in long work: the first waits, the second does not."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from tracer_env.trainers.support.interrupts import patient


def _press() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def test_nothing_pressed() -> None:
    with patient() as interrupted:
        assert not interrupted()


def test_the_first_is_noted_and_said(capsys: pytest.CaptureFixture[str]) -> None:
    with patient() as interrupted:
        _press()
        assert interrupted()
        assert interrupted()
    assert capsys.readouterr().err.count("finishing this step, then saving") == 1


def test_the_second_stops_at_once() -> None:
    with patient() as interrupted:
        _press()
        assert interrupted()
        with pytest.raises(KeyboardInterrupt):
            _press()


def test_the_handler_of_before_is_back() -> None:
    before = signal.getsignal(signal.SIGINT)
    with patient():
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before
    with pytest.raises(ValueError, match="wrong"), patient():
        raise ValueError("wrong")
    assert signal.getsignal(signal.SIGINT) is before


def test_another_thread_leaves_signals_alone() -> None:
    before, seen = signal.getsignal(signal.SIGINT), []

    def work() -> None:
        with patient() as interrupted:
            seen.append((interrupted(), signal.getsignal(signal.SIGINT) is before))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [(False, True)]
