"""Names for parts: found, imported when asked for, or refused with a line that helps."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tracer_env.agents.controllers.baselines import Always, Random
from tracer_env.errors import ConfigError, DataError, MissingExtraError, UnknownNameError
from tracer_env.registry import KINDS, build, register, registered, resolve


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose modules can be imported during the test."""
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    for name in [name for name in sys.modules if name.startswith("shelf_")]:
        del sys.modules[name]


_METHOD = (
    "'debate' is a method with rules of its own, and no controller; "
    "compare --methods plays it, and make_method makes it"
)


def test_the_registered_names() -> None:
    assert registered("controller") == (
        *(
            "always",
            "cfr",
            "cfr_plus",
            "dcfr",
            "down",
            "epsilon_greedy",
            "hedge",
            "human",
            "imad",
            "llm_decides",
            "logistic",
        ),
        *("majority_voting", "never", "oracle"),
        *("periodic", "predictive_rm_plus", "q_learning", "random", "regret_matching", "regret_matching_plus"),
        *("rumad", "sb3:dqn", "sb3:maskable_ppo", "sb3:ppo", "thompson", "ucb"),
        *("until_approved", "vote_threshold"),
    )
    assert registered("method") == (
        *("best_of_n", "cot", "debate", "debate_judge", "grpo", "gspo", "magrpo", "maporl", "mixture"),
        *("self_consistency", "self_refine", "tracer", "verifier_loop"),
    )
    assert {"arithmetic", "gsm8k", "math500", "gpqa-diamond", "reasoning-gym:", "jsonl:", "hf:", "modelscope:"} <= set(
        registered("scenario")
    )
    assert {"simulated", "simulated:", "hf:", "smollm2"} <= set(registered("speaker"))
    assert registered("information") == ("history", "time_only", "vote_and_time", "vote_only")
    assert registered("reward") == ("role_credit", "team", "team_minus_tokens")


def test_a_part_is_built() -> None:
    assert build("controller", "always") == Always()
    assert build("controller", "random", p=0.25) == Random(0.25)


def test_a_prefix_gives_the_first_argument() -> None:
    _, leading = resolve("speaker", "simulated:harsh")
    assert leading == ("harsh",)
    assert build("speaker", "simulated:harsh", skill=0.5).simulation.tpr == 0.5
    _, leading = resolve("scenario", "jsonl:C:/a:b.jsonl")
    assert leading == ("C:/a:b.jsonl",)


def test_import_paths_need_no_registration() -> None:
    assert build("controller", "tracer_env.agents.controllers.baselines:Always") == Always()


@pytest.mark.parametrize(
    ("kind", "name", "error", "message"),
    [
        ("controller", "debate", ConfigError, _METHOD),
        ("controller", "debate:rounds=2", ConfigError, _METHOD),
        ("controller", "alwys", UnknownNameError, "unknown controller 'alwys'; did you mean 'always'?"),
        ("speaker", "simulatd", UnknownNameError, "unknown speaker 'simulatd'; did you mean 'simulated'?"),
        ("contrller", "always", UnknownNameError, "unknown kind of part 'contrller'; did you mean 'controller'?"),
        ("scenario", "jsonl:", ConfigError, "scenario 'jsonl:' needs something after the colon: jsonl:<what>"),
        (
            "controller",
            "no_such_module:Thing",
            ConfigError,
            "controller 'no_such_module:Thing': there is no module 'no_such_module'; a file is given as file.py:Name",
        ),
        (
            "controller",
            "tracer_env.rules:Ruls",
            ConfigError,
            "controller 'tracer_env.rules:Ruls': the module 'tracer_env.rules' has no 'Ruls'; did you mean 'Rules'?",
        ),
    ],
)
def test_what_cannot_be_found_is_said(kind: str, name: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error) as caught:
        resolve(kind, name)
    assert str(caught.value) == message


def test_an_unknown_setting_gets_the_nearest_one() -> None:
    with pytest.raises(ConfigError, match="the controller 'periodic' has no setting 'kk'; did you mean 'k'"):
        build("controller", "periodic", kk=2)
    with pytest.raises(ConfigError, match=r"the controller 'always' has no setting 'p'$"):
        build("controller", "always", p=2)


def test_own_parts_can_be_registered() -> None:
    register("controller", "mine", Always)
    assert build("controller", "mine") == Always()
    register("controller", "mine", Always)  # the same again is no quarrel
    assert "mine" in registered("controller")
    register("controller", "yours", "tracer_env.agents.controllers.baselines:Random")
    assert build("controller", "yours", p=1.0) == Random(1.0)


@pytest.mark.parametrize(
    ("kind", "name", "target", "message"),
    [
        ("controller", "always", "a.b:C", "the controller name 'always' is taken by"),
        ("controller", "mine", "a.b.C", 'must look like "package.module:Name" or "file.py:Name", got \'a.b.C\''),
        ("controller", "mine", 3, "must be callable, got 3"),
    ],
)
def test_impossible_registrations_are_refused(kind: str, name: str, target: object, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        register(kind, name, target)  # type: ignore[arg-type]
    assert message in str(caught.value)


def test_a_missing_package_is_named(shelf: Path) -> None:
    (shelf / "shelf_needs.py").write_text("import package_that_is_not_here\n", encoding="utf-8")
    with pytest.raises(MissingExtraError, match="needs the package 'package_that_is_not_here'; install it with: pip"):
        resolve("speaker", "shelf_needs:Thing")


def test_a_module_without_a_list_of_names_offers_what_it_defines(shelf: Path) -> None:
    code = "from pathlib import Path\n_HIDDEN = 1\nclass Mine:\n    pass\ndef make():\n    return Mine()\n"
    (shelf / "shelf_own.py").write_text(code, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"'shelf_own' has no 'Thing'; choose one of: Mine, make$"):
        resolve("speaker", "shelf_own:Thing")


def test_errors_of_ours_pass_through(shelf: Path) -> None:
    code = "from tracer_env.errors import DataError\nraise DataError('no such file')\n"
    (shelf / "shelf_raises.py").write_text(code, encoding="utf-8")
    with pytest.raises(DataError, match="no such file"):
        resolve("scenario", "shelf_raises:Thing")


def test_a_module_is_imported_when_it_is_asked_for(shelf: Path) -> None:
    (shelf / "shelf_late.py").write_text("class Thing:\n    pass\n", encoding="utf-8")
    register("controller", "late", "shelf_late:Thing")
    assert "shelf_late" not in sys.modules
    assert type(build("controller", "late")).__name__ == "Thing"


@pytest.mark.parametrize("kind", ["controller", "trainer", "information", "reward"])
def test_every_registered_name_leads_somewhere(kind: str) -> None:
    for name in registered(kind):
        assert callable(resolve(kind, name)[0])


@pytest.mark.parametrize("kind", ["scenario", "speaker"])
def test_every_registered_module_is_a_file_of_ours(kind: str) -> None:
    root = Path(__file__).parents[1]
    for target in KINDS[kind].values():
        module = target.partition(":")[0].removeprefix("tracer_env.")
        assert (root / (module.replace(".", "/") + ".py")).is_file(), target


def test_a_file_that_holds_no_questions_is_said_to_be(tmp_path: Path) -> None:
    (tmp_path / "q.txt").write_text("")
    with pytest.raises(ConfigError, match=r"q\.txt' is no \.jsonl or \.csv file; questions are read from such a file"):
        resolve("scenario", str(tmp_path / "q.txt"))
    with pytest.raises(ConfigError, match=r"folder' is not there; .* paths start at"):
        resolve("scenario", str(tmp_path / "folder"))
