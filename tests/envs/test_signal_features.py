"""Features with signals: fitted on train dialogues, the same in every view, kept in a file; public ones stay."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from vector_and_singles import compare
from vector_and_singles import compare_recorded as compare_recorded

import tracer_env
from tracer_env.agents.speakers.recorded import RecordedSpeaker
from tracer_env.agents.speakers.simulated.speaker import SimulatedSpeaker
from tracer_env.envs.signal_features import ALL_FEATURES, SCALED, SignalFeatures, features_named, fit_features
from tracer_env.envs.vector.env import make_vector_env
from tracer_env.errors import ConfigError
from tracer_env.information import FEATURES
from tracer_env.observed import OBSERVED
from tracer_env.trees.tree import DialogueTrees

SPEAKER = SimulatedSpeaker(invalid=0.1, no_verdict=0.2, own=0.5)


@pytest.fixture(scope="module")
def trees() -> DialogueTrees:
    return tracer_env.expand(tracer_env.make_scenario("arithmetic", limit=7), SPEAKER, seed=3, worlds=2)


@pytest.fixture(scope="module")
def fitted(trees: DialogueTrees) -> SignalFeatures:
    return fit_features(trees)


def test_a_vector_by_hand() -> None:
    made = SignalFeatures((-8.0, -2.0, -4.0, 2.0, 0.0), (1.0, 1.0, 2.0, 0.5, 1.0))
    numbers = np.zeros(len(OBSERVED), dtype=np.float32)
    numbers[OBSERVED.index("vote")] = 0.25
    numbers[-6:] = (-5.0, -2.0, -100.0, 2.75, np.nan, 0.0)
    told = dict(zip(ALL_FEATURES, made.of(numbers).tolist(), strict=True))
    assert told["vote"] == 0.25
    assert [told[name] for name in SCALED] == [1.0, 0.0, -1.0, 0.5, 0.0]
    assert [told[name] for name in ALL_FEATURES[-4:]] == [0.0, 1.0, 0.0, 0.0]


def test_the_scaling_is_that_of_the_trees(trees: DialogueTrees, fitted: SignalFeatures) -> None:
    first = np.log1p(trees.levels[0].completion_tokens.astype(np.float64))
    assert first.min() <= fitted.centre[3] <= first.max()
    assert all(spread > 0 for spread in fitted.spread)


def test_public_features_come_first_and_stay_what_they_are(fitted: SignalFeatures) -> None:
    old, new = (tracer_env.raw_env("arithmetic", speaker=SPEAKER, features=one) for one in ("public", fitted))
    for env in (old, new):
        env.reset(seed=4)
        env.step(1)
        env.step(1)
    seen = [env.observe(env.agent_selection)["observation"] for env in (old, new)]
    assert (len(seen[0]), len(seen[1])) == (len(FEATURES), len(ALL_FEATURES))
    assert seen[1][: len(FEATURES)].tobytes() == seen[0].tobytes()
    twin = new.clone()
    assert twin.observe(twin.agent_selection)["observation"].tobytes() == seen[1].tobytes()


def test_every_view_sees_the_same(trees: DialogueTrees, fitted: SignalFeatures) -> None:
    options: dict[str, Any] = {"scenario": list(trees.tasks), "features": fitted}
    for place, rules in enumerate(({}, {"stop_when": "kept", "num_agents": 3}, {"seats": "reviewer"})):
        assert compare(6, 24, seed=place, same_step=bool(place % 2), speaker=SPEAKER, **options, **rules) > 10
    recorded = RecordedSpeaker(trees, any_seed=True)
    assert compare_recorded([3, 4, 5, 3], 24, True, speaker=recorded, **options) > 8


@pytest.mark.parametrize("name", ["simulated", "recorded"])
def test_all_is_fitted_where_words_are_free(name: str) -> None:
    scenario = "recorded" if name == "recorded" else "arithmetic"
    made = tracer_env.raw_env(scenario, speaker=name, features="all").features
    again = make_vector_env(2, scenario, name, features="all").features
    assert made == again is not None


def test_all_is_fitted_for_long_dialogues_and_casts_too() -> None:
    tasks = list(tracer_env.make_scenario("arithmetic", limit=2))
    long = tracer_env.raw_env(tasks, features="all", max_turns=20)
    assert long.features == tracer_env.raw_env(tasks, features="all", max_turns=12).features
    alone = tracer_env.raw_env(tasks, features="all", max_turns=1).features
    assert alone == SignalFeatures((0.0,) * 5, (1.0,) * 5)
    casts = [{"proposer": SPEAKER, "reviewer": reviewer} for reviewer in ("simulated", lambda prompt: "RIGHT")]
    assert tracer_env.raw_env(tasks, speaker=casts[0], features="all").features
    with pytest.raises(ConfigError, match="not free to try"):
        tracer_env.raw_env(tasks, speaker=casts[1], features="all")


def test_a_file_keeps_it(fitted: SignalFeatures, tmp_path: Path) -> None:
    file = tmp_path / "features.json"
    fitted.save(file)
    assert tracer_env.raw_env("arithmetic", features=str(file)).features == fitted
    data = json.loads(file.read_text())
    for changed, message in (
        ({**data, "features": ["turn"]}, "of other features"),
        ({**data, "spread": [0.0] * 5}, "a spread above 0"),
        ({**data, "centre": [1.0]}, "centre"),
        ({**data, "schema": 2}, "schema"),
    ):
        file.write_text(json.dumps(changed))
        with pytest.raises(ConfigError, match=message):
            SignalFeatures.load(file)


@pytest.mark.parametrize(
    ("features", "message"),
    [("al", "did you mean 'all'"), (3, "must be 'public', 'all'"), ("nowhere.json", "nowhere.json")],
)
def test_what_is_none(features: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        features_named(features)


def test_all_is_not_fitted_where_words_cost() -> None:
    with pytest.raises(ConfigError, match=r"give tracer_env\.fit_features\(trees\)"):
        tracer_env.env("arithmetic", speaker=lambda prompt: "Final answer: 3", features="all")
