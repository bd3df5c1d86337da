"""Signals as they are kept, in utterances, trees and their files."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import tracer_env
from tracer_env.agents.speakers.recorded import RecordedSpeaker
from tracer_env.errors import DataError
from tracer_env.intake.checked import Misfit
from tracer_env.interfaces import Request
from tracer_env.randomness import stream
from tracer_env.rules import initial
from tracer_env.signals import SIGNALS_DATA, contradiction, kept, read_signals, signals_of, signals_to_data
from tracer_env.trees.checks import check_levels
from tracer_env.trees.growth import expand
from tracer_env.trees.tree import DialogueTrees
from tracer_env.types import SIGNALS, UNTOLD, Signals


def test_signals_of_three_tokens() -> None:
    told = signals_of([-0.5, -1.0, -0.25], margin=2.0)
    assert told == Signals(-1.75, float(np.float32(-1.75 / 3)), -1.0, 2.0)
    assert signals_of([]) == UNTOLD
    assert signals_of([], margin=-1.5) == Signals(margin=-1.5)
    assert signals_of([1e-9, 0.0]).logprob_sum == 0.0  # rounding may lift a certain token above 1


@pytest.mark.parametrize("value", [-0.1, -1 / 3, -1e-20, -12345.678, 0.0, -3.0])
def test_what_is_written_reads_back_to_the_same_float32(value: float) -> None:
    told = kept(Signals(value, value, value, -value))
    again = read_signals(SIGNALS_DATA(json.loads(json.dumps(signals_to_data(told)))))
    assert again == told
    assert kept(again) == again


def test_what_is_untold_is_not_written() -> None:
    assert signals_to_data(UNTOLD) == {}
    assert signals_to_data(Signals(margin=1.5)) == {"margin": 1.5}


@pytest.mark.parametrize(
    "data",
    [{"logprob_mean": 0.1}, {"margin": math.nan}, {"margin": "1"}, {"logprob_sum": -math.inf}, {"other": 1}, [1.0]],
)
def test_other_signals_are_refused(data: object) -> None:
    with pytest.raises(Misfit):
        SIGNALS_DATA(data)


@pytest.mark.parametrize(
    ("signals", "wrong"),
    [
        (UNTOLD, ""),
        (Signals(-1.75, -0.5833, -1.0, -2.0), ""),
        (Signals(-0.3, -0.3, -0.3), ""),  # one token
        (Signals(-0.1 * 3, -0.1 * 3 / 3 * (1 + 1e-7), -0.1), ""),  # three tokens alike, by rounding
        (Signals(logprob_min=-1.0), ""),
        (Signals(margin=math.nan), "margin is nan, which is no log-odds"),
        (Signals(logprob_sum=-math.inf), "logprob_sum is -inf, which is no log-probability"),
        (Signals(logprob_mean=0.5), "logprob_mean is 0.5, which is no log-probability"),
        (Signals(-3.0, -1.0, -0.5), "logprob_min -0.5 is above logprob_mean -1"),
        (Signals(-1.0, -0.5, -2.0), "logprob_sum -1 is above logprob_min -2"),
        (Signals(logprob_sum=-0.5, logprob_mean=-1.0), "logprob_sum -0.5 is above logprob_mean -1"),
    ],
)
def test_signals_that_cannot_be(signals: Signals, wrong: str) -> None:
    assert contradiction(signals) == wrong


@pytest.mark.parametrize("rounded", [np.float32, np.float16])
def test_rounding_contradicts_nothing(rounded: type) -> None:
    chance = np.random.default_rng(0)
    for length in range(1, 40):
        told = signals_of((-chance.exponential(size=length)).tolist())
        assert contradiction(Signals(*(None if one is None else float(rounded(one)) for one in told))) == ""


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("logprob_min", -0.001, "logprob_min_1 is above logprob_mean of the same utterance, first in row 3 at node 1"),
        ("logprob_sum", -0.001, "logprob_sum_1 is above logprob_min of the same utterance, first in row 3 at node 1"),
        ("logprob_mean", -np.inf, "logprob_mean_1 is not finite, first in row 3 at node 1"),
        ("margin", np.inf, "margin_1 is not finite"),
    ],
)
def test_signals_of_trees_are_checked_against_each_other(name: str, value: float, message: str) -> None:
    trees = _grown()
    array = getattr(trees.levels[1], name).copy()
    array[3, 1] = value
    with pytest.raises(Misfit, match=message):
        check_levels(trees.rules, [trees.levels[0], replace(trees.levels[1], **{name: array}), *trees.levels[2:]], None)


def _grown(speaker: str = "simulated") -> DialogueTrees:
    return expand(tracer_env.make_scenario("arithmetic", limit=6), speaker, worlds=2)


def test_a_folder_of_trees_keeps_them(tmp_path: Path) -> None:
    grown = _grown()
    assert grown.told
    grown.save(tmp_path / "trees")
    read = DialogueTrees.load(tmp_path / "trees")
    for here, there in zip(grown.levels, read.levels, strict=True):
        for name in ("agrees", *SIGNALS):
            np.testing.assert_array_equal(getattr(here, name), getattr(there, name))
    assert grown.texts is not None
    assert read.texts is not None
    assert [said.signals for said in read.texts] == [said.signals for said in grown.texts]
    assert [said.agrees for said in read.texts] == [said.agrees for said in grown.texts]
    state, task = initial(read.tasks[0], read.rules), read.tasks[0]
    said = RecordedSpeaker(read).speak([Request(state, state.seat, stream(0, task.id, 1))])[0]
    assert np.float32(said.signals.logprob_mean) == read.levels[0].logprob_mean[6, 0]


def test_folders_without_signals_read_as_untold(tmp_path: Path) -> None:
    grown = _grown()
    bare = replace(grown, levels=tuple(replace(level, **_untold()) for level in grown.levels), texts=None)
    assert not bare.told
    bare.save(tmp_path / "bare")
    head = json.loads((tmp_path / "bare" / "trees.json").read_text())
    assert head.pop("signals") is False
    (tmp_path / "bare" / "trees.json").write_text(json.dumps({**head, "schema": 1}))
    read = DialogueTrees.load(tmp_path / "bare")
    assert not read.told
    assert all(np.isnan(level.margin).all() for level in read.levels)


def _untold() -> dict[str, np.ndarray]:
    nothing = np.full((), np.nan, np.float32)
    return {"agrees": np.zeros((), np.int8), **dict.fromkeys(SIGNALS, nothing)}


@pytest.mark.parametrize(
    ("name", "depth", "node", "value", "why"),
    [
        ("agrees", 1, 1, 2, "leaves the range"),
        ("agrees", 1, 0, 1, "where nobody reviews"),
        ("margin", 2, 1, 1.0, "where nobody reviews"),
        ("logprob_mean", 1, 0, -1.0, "where nothing was said"),
        ("logprob_sum", 0, 0, 1.0, "above 0"),
    ],
)
def test_signals_that_no_dialogue_has(name: str, depth: int, node: int, value: float, why: str) -> None:
    grown = _grown()
    array = getattr(grown.levels[depth], name).copy()
    array[3, node] = value
    levels = [replace(level, **{name: array}) if d == depth else level for d, level in enumerate(grown.levels)]
    with pytest.raises(Misfit, match=why):
        check_levels(grown.rules, levels, None)


@pytest.mark.parametrize("kind", [np.float64, np.complex64, np.int8])
def test_arrays_of_another_kind_are_refused(tmp_path: Path, kind: type) -> None:
    _grown().save(tmp_path / "trees")
    path = tmp_path / "trees" / "trees.npz"
    with np.load(path) as arrays:
        other = dict(arrays)
    other["margin_1"] = np.zeros(other["margin_1"].shape, dtype=kind)
    np.savez_compressed(path, **other)
    head = json.loads((tmp_path / "trees" / "trees.json").read_text())
    head["files"]["trees.npz"] = _digest(path)
    (tmp_path / "trees" / "trees.json").write_text(json.dumps(head))
    with pytest.raises(DataError, match=r"margin_1.*float32"):
        DialogueTrees.load(tmp_path / "trees")


def _digest(path: Path) -> str:
    import hashlib

    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]
