"""What a run keeps of its learned controllers: names of files, casts, and that `verify` asks them again."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tracer_env.agents.controllers.baselines import Always
from tracer_env.agents.controllers.cast import CastController
from tracer_env.agents.controllers.regret_matching import RegretMatching
from tracer_env.agents.controllers.tree_trained import CFRPlus
from tracer_env.errors import RunFolderError
from tracer_env.runs.comparing import compare
from tracer_env.runs.config import Config
from tracer_env.runs.folder import load_run
from tracer_env.runs.kept_controllers import controller_files, kept, seats_of, tables_of
from tracer_env.runs.verifying import verify

GIVEN = CFRPlus(iterations=5, starts=1)
for key in ("agent_0/proposer/vote_0/last", "agent_1/reviewer/vote_0/not_last"):
    GIVEN.accumulate(key, (0.0, 0.0), 0.25, 4.0)
CAST = "proposer=cfr_plus:iterations=5,starts=1+reviewer=until_approved"


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("kept") / "run"
    asked = {"scenario": {"limit": 4}, "training": {"tasks": 30, "episodes": 100}}
    file = out.parent / "given.json"
    file.write_text(GIVEN.to_json())
    methods = ["never", "regret_matching", "hedge:policy=greedy,iterations=5,starts=1", CAST, str(file)]
    compare(Config.from_data({**asked, "evaluation": {"methods": methods}}), out=out)
    return out


@pytest.fixture
def folder(played: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(played, tmp_path / "run"))


def test_names_of_files_are_unique_and_hang_on_the_order_alone() -> None:
    files = controller_files(Path("run"), ["a:b", "a-b", "a b", "c"])
    assert [file.name for file in files.values()] == ["a-b.json", "a-b-2.json", "a-b-2-2.json", "c.json"]


def test_seats_of_a_cast() -> None:
    assert seats_of(RegretMatching()) is None
    inner, other = RegretMatching(), CFRPlus()
    cast = CastController({"agent_0": inner, "agent_1/reviewer": Always(), "proposer": other})
    assert seats_of(cast) == {"agent_0": 0, "agent_1/reviewer": None, "proposer": 1}
    assert tables_of(cast) == [inner, other]


def test_a_run_keeps_what_was_given_and_what_it_trained(folder: Path, played: Path) -> None:
    assert len(list((folder / "controllers").iterdir())) == 4
    verify(folder)
    given = played.parent / "given.json"
    files = controller_files(folder, load_run(folder).config.evaluation.methods)
    whole, cast = kept(files[str(given)]), kept(files[CAST])
    assert isinstance(whole, CFRPlus)
    assert whole.state_dict() == GIVEN.state_dict()
    assert isinstance(cast, CastController)
    other = CFRPlus()
    other.accumulate("k", (0.0, 0.0), 0.5, 1.0)
    given.write_text(other.to_json())
    with pytest.raises(RunFolderError, match="was started with another table for"):
        compare(resume=folder)


@pytest.mark.parametrize("name", ["hedge", "regret_matching", "proposer", "given"])
def test_a_table_that_was_changed_after_the_play_is_found(name: str, folder: Path) -> None:
    file = next(path for path in (folder / "controllers").iterdir() if name in path.name)
    data = json.loads(file.read_text())
    for row in data["tables"][0]["rows"].values():
        row["strategy"] = row["strategy"][::-1] if name != "given" else [row["visits"], 0.0]
    file.write_text(json.dumps(data))
    with pytest.raises(RunFolderError, match=r"P\(SPEAK\) is .*, and the controller that the run has kept says"):
        verify(folder)


def test_files_of_before_and_damaged_ones(folder: Path) -> None:
    file = next(path for path in (folder / "controllers").iterdir() if "hedge" in path.name)
    whole = json.loads(file.read_text())
    file.write_text(json.dumps({name: value for name, value in whole.items() if name != "seats"}))
    assert kept(file) is None
    verify(folder)
    for changes, message in (
        ({"seats": {"proposer": 1}}, "seats names a table that is not there"),
        ({"seats": 3}, "seats is 3"),
        ({"tables": [{**whole["tables"][0], "rows": 3}]}, "rows is 3"),
        ({"tables": [{"controller": "nobody"}]}, "unknown controller 'nobody'"),
    ):
        file.write_text(json.dumps({**whole, **changes}))
        with pytest.raises(RunFolderError, match=message):
            verify(folder)
    file.write_text(json.dumps({**whole, "tables": [{**whole["tables"][0], "controller": "my.module:Table"}]}))
    assert kept(file) is None
