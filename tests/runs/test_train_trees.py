"""Trees of the train split: how many, of what, what they cost, and what an interruption leaves."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from tracer_env.agents.speakers.recorded import ShippedSpeaker
from tracer_env.errors import ConfigError, RunFolderError
from tracer_env.interfaces import Request
from tracer_env.parts.casting import make_controller, make_scenario, make_speaker
from tracer_env.runs.compared import Comparison
from tracer_env.runs.comparing import compare
from tracer_env.runs.config import Config
from tracer_env.runs.folder import RunFolder
from tracer_env.runs.learning import School, costs
from tracer_env.runs.train_trees import TrainTrees
from tracer_env.terminal.progress import NoReporter
from tracer_env.types import Utterance

SPOKEN = 16  # utterances of a tree of five turns


def trees_for(speaker: object, folder: Path, **training: int) -> TrainTrees:
    config = Config.from_data({"training": training, "scenario": {"name": "arithmetic"}})
    tasks = make_scenario("arithmetic", split="train", limit=30)
    return TrainTrees(config, tasks, make_speaker(speaker), folder, NoReporter())  # type: ignore[arg-type]


def test_simulated_trees_fill_up_in_worlds(tmp_path: Path) -> None:
    trees = trees_for("simulated", tmp_path, tasks=7)
    assert (len(trees.tasks), trees.grown.worlds, trees.grown.split) == (7, 2000 // 7, "train")
    assert trees.cost["utterances"] == 7 * (2000 // 7) * SPOKEN
    assert trees.cost["free"] is True
    assert len(trees_for("simulated", tmp_path).tasks) == 30
    assert not list(tmp_path.iterdir())


def test_a_recording_gives_all_that_was_recorded(tmp_path: Path) -> None:
    speaker = ShippedSpeaker()
    tasks = make_scenario("recorded", split="train")
    trees = TrainTrees(Config(), tasks, speaker, tmp_path, NoReporter())
    assert [task.id for task in trees.grown.tasks] == [task.id for task in tasks]
    assert trees.grown.worlds == speaker.trees.worlds
    assert trees.lessons.split == "train"
    assert trees.lessons.among(tasks) == len(tasks)
    place = [task.id for task in speaker.trees.tasks].index(tasks[0].id)
    assert (trees.grown.levels[3].grade[0] == speaker.trees.levels[3].grade[place]).all()
    config = Config.from_data({"rules": {"stop_when": "kept"}, "training": {"tasks": 5}})
    kept = TrainTrees(config, tasks, speaker, tmp_path, NoReporter())
    assert kept.grown.rules.stop_when == "kept"
    assert len(kept.grown.tasks) == 5


class Counted:
    """Says sums wrongly and verdicts by turn; may be interrupted at one of its calls."""

    def __init__(self, stop: int = 10**6) -> None:
        self.calls, self.stop = 0, stop

    def speak(self, requests: Sequence[Request]) -> list[Utterance]:
        said = []
        for request in requests:
            self.calls += 1
            if self.calls > self.stop:
                raise KeyboardInterrupt
            right = hash((request.stream, request.state.turn)) % 3 > 0
            word = request.state.task.answer if right else "0"
            text = f"The answer is {word}." if request.seat.role == 0 else f"VERDICT: {'RIGHT' if right else 'WRONG'}"
            said.append(Utterance(text, prompt_tokens=2, completion_tokens=1))
        return said


ASKED = Config.from_data(
    {
        "scenario": {"name": "arithmetic", "limit": 2},
        "training": {"tasks": 20},
        "evaluation": {"methods": ["never", "cfr_plus:price=0.01,iterations=20", "cfr:iterations=20"]},
    }
)


def run(out: Path, speaker: Counted) -> Comparison:
    return compare(resume=out, speaker=speaker) if out.exists() else compare(ASKED, out=out, speaker=speaker)


def test_a_model_is_asked_once_for_all_methods_and_may_be_interrupted(tmp_path: Path) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    speaker = Counted()
    done = run(whole, speaker)
    assert costs(done.training) == [
        "960 tokens in 320 utterances: the trees of 20 train tasks, for cfr_plus:price=0.01,iterations=20, "
        "cfr:iterations=20"
    ]
    played = speaker.calls - 20 * SPOKEN
    for stop in (300, 4 * SPOKEN):  # after the first 16 trees; at the first word of the play
        with pytest.raises(KeyboardInterrupt):
            run(broken, Counted(stop))
    last = Counted()
    run(broken, last)
    assert last.calls == played
    for name in ("metrics.json", "episodes.jsonl", "trees/trees.json", "controllers/cfr-iterations-20.json"):
        assert (whole / name).read_bytes() == (broken / name).read_bytes()
    saved = json.loads((whole / "controllers" / "cfr-iterations-20.json").read_text())
    assert (saved["controller"], saved["training"]["tasks"], saved["training"]["free"]) == ("cfr", 20, False)


def test_a_table_of_another_training_is_refused(tmp_path: Path) -> None:
    out = tmp_path / "run"
    run(out, Counted())
    file = out / "controllers" / "cfr-iterations-20.json"
    file.write_text(file.read_text().replace('"utterances": 320', '"utterances": -1'))
    with pytest.raises(RunFolderError, match=r"training\.utterances is -1"):
        run(out, Counted())


def test_a_cast_learns_in_one_way_and_files_have_names_of_their_own(tmp_path: Path) -> None:
    methods = ["mixed", "a:b", "a-b"]
    folder = RunFolder.create(Config.from_data({"evaluation": {"methods": methods}}), "compare", tmp_path / "run")
    school = School(folder, make_scenario("recorded", split="train"), ShippedSpeaker(), NoReporter())
    mixed = make_controller("proposer=cfr_plus+reviewer=regret_matching")
    with pytest.raises(ConfigError, match="joins controllers that learn from play and from trees"):
        school.teach("mixed", mixed)
    for name in ("a:b", "a-b"):
        school.teach(name, make_controller("cfr:starts=1,iterations=2"))
    assert sorted(path.name for path in (folder.path / "controllers").iterdir()) == ["a-b-2.json", "a-b.json"]
