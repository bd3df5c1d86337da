"""Equal budgets: dials by hand, what they are set to on train tasks, and what is told where none fits."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import tracer_env
from tracer_env.errors import ConfigError
from tracer_env.runs.comparing import compare
from tracer_env.runs.config import Config, EvaluationConfig, ScenarioConfig, TrainingConfig
from tracer_env.runs.equal_tokens import NEAR, Dialled, dial_of, turned
from tracer_env.runs.folder import load_run
from tracer_env.runs.verifying import verify


@pytest.mark.parametrize(
    ("method", "dial"),
    [
        ("self_consistency", "k"),
        ("best_of_n:k=3", "k"),
        ("debate:agents=3", "rounds"),
        ("mixture", "layers"),
        ("cot", None),
        ("until_approved", None),
        ("cfr_plus:information=vote+time", "price"),
        ("random", "p"),
        ("vote_threshold", "threshold"),
        ("down", "threshold"),
        ("imad", "price"),
        ("thompson:information=vote", "price"),
        ("table.json", None),
        ("mine.py:Thrifty:budget=2", None),
    ],
)
def test_dials(method: str, dial: str | None) -> None:
    assert dial_of(method) == dial


@pytest.mark.parametrize(
    ("method", "dial", "value", "text"),
    [
        ("debate", "rounds", 3, "debate:rounds=3"),
        ("debate:agents=4", "rounds", 3, "debate:agents=4,rounds=3"),
        ("debate:rounds=2,agents=4", "rounds", 3, "debate:rounds=3,agents=4"),
        ("random", "p", 0.25, "random:p=0.25"),
        ("random:p=0.5", "p", 1.0, "random:p=1.0"),
        (
            "cfr_plus:information=vote+confidence:of=sum,bins=3,price=8e-4,starts=1",
            "price",
            0.000123456,
            "cfr_plus:information=vote+confidence:of=sum,bins=3,price=0.000123,starts=1",
        ),
        ("cfr_plus:information=vote", "price", 1e-7, "cfr_plus:information=vote,price=1e-07"),
    ],
)
def test_a_dial_is_turned_in_the_name(method: str, dial: str, value: float, text: str) -> None:
    assert turned(method, dial, value) == text
    tracer_env.make_method(text)


def asked(methods: tuple[str, ...], against: str, **settings: object) -> Config:
    evaluation = EvaluationConfig(methods=methods, equal_tokens=against, **settings)  # type: ignore[arg-type]
    return Config(
        scenario=ScenarioConfig(limit=40), training=TrainingConfig(tasks=60, episodes=200), evaluation=evaluation
    )


METHODS = ("self_consistency:k=3", "until_approved", "cfr_plus", "random", "best_of_n", "regret_matching")


def test_methods_spend_what_one_spends(tmp_path: Path) -> None:
    result = compare(asked(METHODS, "until_approved"), out=tmp_path / "run")
    told = (result.run.environment() or {})["equal_tokens"]
    by_name = {each["method"]: Dialled(**each) for each in told["methods"]}
    assert (told["against"], told["tasks"]) == ("until_approved", 60)
    for name in ("self_consistency:k=3", "cfr_plus", "random"):
        one = by_name[name]
        assert one.near, one
        assert abs(one.tokens[0] - told["tokens"]) <= NEAR * told["tokens"]
        assert len(one.became) == 1
    assert by_name["self_consistency:k=3"].became[0].startswith("self_consistency:k=")
    assert by_name["regret_matching"].dial is None
    assert not by_name["regret_matching"].tokens
    assert not by_name["best_of_n"].near  # two samples and their reviews cost too little, three too much
    assert len(by_name["best_of_n"].became) == 2
    assert [row["method"] for row in result.rows] == [name for each in told["methods"] for name in each["became"]]
    assert verify(tmp_path / "run").unchecked == ()
    again = compare(None, resume=tmp_path / "run")
    assert again.rows == result.rows
    assert compare(asked(METHODS, "until_approved"), resume=tmp_path / "run").rows == result.rows
    assert load_run(tmp_path / "run").environment() == result.run.environment()


def test_gates_and_bandits_are_weighed_where_words_are_free(tmp_path: Path) -> None:
    methods = ("until_approved", "down", "imad", "thompson:information=vote+confidence:bins=2")
    result = compare(asked(methods, "until_approved"), out=tmp_path / "run")
    told = (result.run.environment() or {})["equal_tokens"]
    down, imad, thompson = (Dialled(**each) for each in told["methods"][1:])
    assert down.dial == "threshold"
    assert down.near  # at its largest it debates always, as until_approved does
    assert down.became[0].startswith("down:threshold=")
    assert imad.dial == thompson.dial == "price"
    assert all(len(one.tried) > 1 for one in (imad, thompson))
    assert all("price=" in name for one in (imad, thompson) for name in one.became)


def test_the_tasks_that_are_judged_are_not_looked_at(tmp_path: Path) -> None:
    """Other test tasks, and fewer of them: the same settings are found."""
    config = asked(("until_approved", "random"), "until_approved")
    found = [
        compare(replace(config, scenario=replace(config.scenario, limit=limit)), out=tmp_path / str(limit))
        for limit in (5, 30)
    ]
    told = [(each.run.environment() or {})["equal_tokens"] for each in found]
    assert told[0] == told[1]


def test_the_baseline_follows_its_method(tmp_path: Path) -> None:
    config = asked(("self_consistency", "until_approved"), "until_approved", baseline="self_consistency")
    result = compare(config, out=tmp_path / "run")
    assert result.run.config.evaluation.baseline == result.rows[0]["method"] != "self_consistency"


@pytest.mark.parametrize(
    ("methods", "against", "message"),
    [
        (("always", "never"), "alway", "--equal-tokens 'alway' is not among the methods; did you mean 'always'?"),
        (("always", "regret_matching"), "regret_matching", "has to be trained by play"),
    ],
)
def test_what_cannot_be_matched(tmp_path: Path, methods: tuple[str, ...], against: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        compare(asked(methods, against), out=tmp_path / "run")
    assert message in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_a_models_trees_are_grown_once(tmp_path: Path) -> None:
    config = replace(
        asked(("until_approved", "cfr_plus", "cot"), "until_approved"),
        speaker=replace(Config().speaker, name="nano"),
        scenario=ScenarioConfig(limit=3, settings={"level": 1}),
        training=TrainingConfig(tasks=4),
    )
    result = compare(config, out=tmp_path / "run")
    assert (tmp_path / "run" / "trees" / "trees.json").is_file()
    assert result.rows[1]["method"].startswith("cfr_plus:price=")


def test_a_cast_is_weighed_by_what_its_parts_learn_from(tmp_path: Path) -> None:
    cast = "proposer=cfr_plus+reviewer=always"
    result = compare(asked(("until_approved", cast), "until_approved"), out=tmp_path / "run")
    told = (result.run.environment() or {})["equal_tokens"]
    (_, one) = (Dialled(**each) for each in told["methods"])
    assert one.tokens  # on the trees that it learns from, not left as what learns by play
    by_play = cast.replace("cfr_plus", "regret_matching")
    with pytest.raises(ConfigError, match="trained by play"):
        compare(asked((by_play, "until_approved"), by_play), out=tmp_path / "other")
