"""Growing into a folder: the same bytes, however often it is interrupted."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest
from forest import PICKS, SUMS, HashSpeaker, Notes, ProposeProposeReview, bytes_of, same

from tracer_env.errors import ConfigError, DataError, RunFolderError
from tracer_env.interfaces import Request
from tracer_env.rules import Rules
from tracer_env.tree import DialogueTrees
from tracer_env.tree_growth import expand
from tracer_env.tree_run import expand_run, join
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
    (out / "parts" / ".00000002.77").mkdir(exist_ok=True)  # what kill -9 leaves behind
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
