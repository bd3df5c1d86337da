"""Growing into a folder: the same bytes, however often it is interrupted."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import replace

import pytest
from forest import PICKS, SUMS, HashSpeaker, Notes, ProposeProposeReview, bytes_of, same

from tracer_env.errors import ConfigError, DataError, RunFolderError
from tracer_env.interfaces import Request
from tracer_env.rules import Rules
from tracer_env.storage.locks import LOCK, locked
from tracer_env.trees.growth import expand
from tracer_env.trees.run import expand_run, join
from tracer_env.trees.tree import DialogueTrees
from tracer_env.types import Utterance


class Failing(HashSpeaker):
    """Says what `HashSpeaker` says until it has been asked often enough."""

    def __init__(self, after: int) -> None:
        super().__init__()
        self.after = after

    def speak(self, requests: Sequence[Request]) -> list[Utterance]:
        if self.calls >= self.after:
            raise KeyboardInterrupt
        return super().speak(requests)


@pytest.mark.parametrize("texts", [True, False])
@pytest.mark.parametrize("at_once", [1, 3, 100])
def test_a_folder_holds_what_expand_gives(tmp_path, at_once, texts):
    rules = Rules(final_answer="majority", max_turns=4)
    whole = expand(SUMS, HashSpeaker(), rules, seed=6, worlds=3, texts=texts)
    settings = {"out": tmp_path / "run", "tasks_at_once": at_once, "texts": texts}
    same(whole, expand_run(SUMS, HashSpeaker(), rules, 6, 3, **settings))
    whole.save(tmp_path / "direct")
    assert bytes_of(tmp_path / "run") == bytes_of(tmp_path / "direct")


def test_the_simulated_speaker_too(tmp_path):
    whole = expand(PICKS, "simulated:harsh", Rules(stop_when="kept"), seed=6, worlds=2)
    same(
        whole, expand_run(PICKS, "simulated:harsh", Rules(stop_when="kept"), 6, 2, out=tmp_path / "r", tasks_at_once=3)
    )


@pytest.mark.parametrize("after", [0, 3, 5, 11])
def test_an_interrupted_run_is_continued_by_task(tmp_path, after):
    out = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        expand_run(SUMS, Failing(after), out=out, tasks_at_once=2, worlds=2)
    with pytest.raises(RunFolderError, match="is not finished"):
        DialogueTrees.load(out)
    with pytest.raises(RunFolderError, match="exists already"):
        expand_run(SUMS, HashSpeaker(), out=out)
    (out / "parts" / ".00000002.77-0.tracer-env").mkdir(exist_ok=True)  # what kill -9 leaves behind
    speaker, notes = Failing(1000), Notes()
    expand_run(SUMS, speaker, out=out, resume=True, tasks_at_once=3, worlds=2, reporter=notes)
    assert notes.said[0] == ("growing trees", 8, after // 5 * 2)
    assert speaker.calls == 5 * -(-(8 - after // 5 * 2) // 3)
    expand_run(SUMS, Failing(1000), out=tmp_path / "whole", worlds=2)
    assert bytes_of(out) == bytes_of(tmp_path / "whole")
    asked_again = Failing(0)
    expand_run(SUMS, asked_again, out=out, resume=True, worlds=2)  # finished: nothing is asked


def test_a_run_killed_while_it_was_cleaning_up(tmp_path):
    expand_run(SUMS, HashSpeaker(), out=tmp_path / "run")
    (tmp_path / "run" / "parts").mkdir()
    same(expand_run(SUMS, HashSpeaker(), out=tmp_path / "run", resume=True), expand(SUMS, HashSpeaker()))
    assert not (tmp_path / "run" / "parts").exists()


BEFORE_THE_FIRST = {
    "nothing": [],
    "a lock": [LOCK],
    "half a plan": [".growing.json.1-2.tracer-env"],
    "a plan": ["growing.json"],
    "no part": ["growing.json", "parts/"],
    "half a part": ["growing.json", "parts/", "parts/.00000000.1-2.tracer-env/"],
}


@pytest.mark.parametrize("names", BEFORE_THE_FIRST.values(), ids=list(BEFORE_THE_FIRST))
def test_a_run_without_its_first_part_is_begun_anew_and_no_other(names, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        expand_run(SUMS, Failing(0), out=tmp_path / "plan", tasks_at_once=2)
    for folder in ("run", "other"):
        for name in ["", *names]:
            path = tmp_path / folder / name
            if name.endswith("/") or not name:
                path.mkdir()
            else:
                path.write_bytes((tmp_path / "plan" / "growing.json").read_bytes() if name == "growing.json" else b"")
    expand_run(SUMS, Failing(1000), out=tmp_path / "run")
    expand_run(SUMS, Failing(1000), out=tmp_path / "whole")
    assert bytes_of(tmp_path / "run") == bytes_of(tmp_path / "whole")
    if "growing.json" in names:
        with pytest.raises(RunFolderError, match="exists already"):
            expand_run(SUMS, Failing(1000), seed=8, out=tmp_path / "other")


def test_what_is_not_ours_among_the_parts_stays(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        expand_run(SUMS, Failing(7), out=tmp_path / "run", tasks_at_once=2)
    (tmp_path / "run" / "parts" / "notes").mkdir()
    (tmp_path / "run" / "parts" / "notes" / "note.txt").write_text("mine")
    (tmp_path / "run" / "parts" / "00000000" / "note.txt").write_text("mine")
    grown = expand_run(SUMS, Failing(1000), out=tmp_path / "run", resume=True)
    assert len(grown.tasks) == len(SUMS)
    left = [path.relative_to(tmp_path / "run").as_posix() for path in (tmp_path / "run" / "parts").rglob("*.*")]
    assert sorted(left) == ["parts/00000000/note.txt", "parts/notes/note.txt"]


@pytest.mark.parametrize("name", ["parts", "parts/00000002", "trees.npz", "parts/00000000/trees.json", "note"])
@pytest.mark.parametrize("finished", [False, True])
def test_a_folder_with_a_link_is_left_as_it_is(name, finished, tmp_path):
    home = tmp_path / "home"
    (home / ".ssh").mkdir(parents=True)
    (home / ".ssh" / "key").write_text("secret")
    with contextlib.suppress(KeyboardInterrupt):
        expand_run(SUMS, Failing(1000 if finished else 7), out=home / "run", tasks_at_once=2)
    link = home / "run" / name
    shutil.rmtree(link, ignore_errors=True)
    link.unlink(missing_ok=True)
    link.parent.mkdir(exist_ok=True, parents=True)
    link.symlink_to(home if name == "parts" else home / ".ssh" / "key")
    before = sorted(home.rglob("*"))
    with pytest.raises((RunFolderError, DataError), match=r"is a symbolic link|is damaged"):
        expand_run(SUMS, Failing(1000), out=home / "run", resume=True)
    assert sorted(home.rglob("*")) == before
    assert (home / ".ssh" / "key").read_text() == "secret"


def test_a_part_that_is_missing_in_between_is_damage(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        expand_run(SUMS, Failing(12), out=tmp_path / "run", tasks_at_once=2)
    shutil.rmtree(tmp_path / "run" / "parts" / "00000000")
    with pytest.raises(DataError, match="the trees of the tasks from 0 on are missing"):
        expand_run(SUMS, Failing(1000), out=tmp_path / "run", resume=True)


def test_parts_of_another_run_are_refused_before_anything_is_grown(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        expand_run(SUMS, Failing(7), out=tmp_path / "run", tasks_at_once=2)
    part = tmp_path / "run" / "parts" / "00000000"
    changed = [replace(task, difficulty=0.123) for task in SUMS]
    for tasks, differing, settings in (
        (SUMS[2:4], "tasks", {}),
        (SUMS[:2][::-1], "tasks", {}),
        (changed[:2], "tasks", {}),
        ([*SUMS, replace(SUMS[0], id="more")], "tasks", {}),
        (SUMS[:2], "seed", {"seed": 1}),
        (SUMS[:2], "worlds", {"worlds": 2}),
        (SUMS[:2], "texts", {"texts": False}),
        (SUMS[:2], "speaker", {"speaker": HashSpeaker()}),
    ):
        shutil.rmtree(part)
        expand(tasks, **{"speaker": Failing(1000), **settings}).save(part)
        with pytest.raises(DataError, match=f"{part} holds trees of another run; they differ in: {differing}; take it"):
            expand_run(SUMS, Failing(0), out=tmp_path / "run", resume=True)
    shutil.rmtree(tmp_path / "run" / "parts")
    same(expand_run(SUMS, Failing(1000), out=tmp_path / "run", resume=True), expand(SUMS, HashSpeaker()))


def test_one_process_grows_a_folder(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        expand_run(SUMS, Failing(7), out=tmp_path / "run", tasks_at_once=2)
    with locked(tmp_path / "run"), pytest.raises(RunFolderError, match="is being written to by process"):
        expand_run(SUMS, Failing(1000), out=tmp_path / "run", resume=True)


def test_other_settings_do_not_continue_a_run(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        expand_run(SUMS, Failing(7), out=tmp_path / "run", tasks_at_once=2)
    with pytest.raises(RunFolderError, match="they differ in: seed, worlds, tasks"):
        expand_run(PICKS, Failing(7), seed=1, worlds=2, out=tmp_path / "run", resume=True)
    with pytest.raises(RunFolderError, match="they differ in: rules, speaker"):
        expand_run(SUMS, "simulated", Rules(max_turns=4), out=tmp_path / "run", resume=True)
    expand_run(SUMS, Failing(1000), out=tmp_path / "done")
    with pytest.raises(RunFolderError, match="they differ in: seed"):
        expand_run(SUMS, Failing(0), seed=1, out=tmp_path / "done", resume=True)
    with pytest.raises(RunFolderError, match="there is no folder"):
        expand_run(SUMS, Failing(0), out=tmp_path / "none", resume=True)


def test_damage_found_on_the_way(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        expand_run(SUMS, Failing(7), out=tmp_path / "run", tasks_at_once=2)
    part = tmp_path / "run" / "parts" / "00000000" / "trees.npz"
    part.write_bytes(part.read_bytes()[:-1])
    with pytest.raises(DataError, match=r"00000000/trees\.npz is damaged"):
        expand_run(SUMS, Failing(7), out=tmp_path / "run", resume=True)
    plan = json.loads((tmp_path / "run" / "growing.json").read_text())
    for content, message in (
        ("{", "is not readable as JSON"),
        ("[" * 10_000, "nested more than"),
        ("[]", r"the whole is \[\]"),
        (json.dumps({**plan, "seed": 0.0}), r"seed is 0\.0; it must be a whole number"),
        (json.dumps({**plan, "texts": 1}), "texts is 1; it must be true or false"),
        (json.dumps({**plan, "rules": []}), r"rules is \[\]"),
        (json.dumps({**plan, "worlds": None}), "worlds is None"),
    ):
        (tmp_path / "run" / "growing.json").write_text(content)
        with pytest.raises(DataError, match=rf"growing\.json:? .*{message}"):
            expand_run(SUMS, Failing(7), out=tmp_path / "run", resume=True)


def test_a_schedule_of_the_users_own(tmp_path):
    rules = Rules(schedule=ProposeProposeReview(), num_agents=3)
    grown = expand_run(SUMS, HashSpeaker(), rules, out=tmp_path / "run", tasks_at_once=3)
    same(grown, expand(SUMS, HashSpeaker(), rules))


def test_progress_counts_tasks(tmp_path):
    notes = Notes()
    expand_run(SUMS, HashSpeaker(), out=tmp_path / "run", tasks_at_once=4, reporter=notes)
    assert notes.said == [("growing trees", 8, 0), (4, "utterances"), (8, "utterances")]
    assert json.loads((tmp_path / "run" / "trees.json").read_text())["texts"] == 128


def test_trees_that_cannot_be_joined():
    with pytest.raises(ConfigError, match="no trees to join"):
        join([])
    mine = expand(SUMS[:2], "simulated")
    with pytest.raises(ConfigError, match="rules, seeds and numbers of worlds"):
        join([mine, expand(SUMS[2:], "simulated", seed=1)])
    with pytest.raises(ConfigError, match="either all of them keep their texts"):
        join([mine, expand(SUMS[2:], "simulated", texts=False)])
    assert join([mine, expand(SUMS[2:], "simulated")], speaker="mine").speaker == "mine"
