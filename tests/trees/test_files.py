"""Saved trees: what is read back, what is refused, and what an interruption costs."""

from __future__ import annotations

import gzip
import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from forest import SUMS, HashSpeaker, ProposeProposeReview, bytes_of, same

from tracer_env.errors import ConfigError, DataError, RunFolderError
from tracer_env.rules import Rules
from tracer_env.trees.files import load_tasks
from tracer_env.trees.growth import expand
from tracer_env.trees.tree import DialogueTrees
from tracer_env.types import Task


@pytest.mark.parametrize("speaker", ["simulated", HashSpeaker()], ids=["simulated", "any"])
def test_what_is_saved_is_read_back(tmp_path, speaker):
    tasks = [Task("a b/c", "Wie viel? ü", "3", options=("x",), scenario="s", metadata={"level": 2})]
    trees = expand(tasks, speaker, Rules(stop_when="kept", final_answer="majority"), seed=2, worlds=3)
    trees.save(tmp_path / "trees")
    back = DialogueTrees.load(tmp_path / "trees")
    same(trees, back)
    assert back.tasks[0].metadata == {"level": 2}
    assert back.speaker == trees.speaker
    assert load_tasks(tmp_path / "trees") == trees.tasks
    assert back.texts is not None
    assert [said.text for said in back.texts[1:3]] == [said.text for said in list(trees.texts or ())[1:3]]


def test_the_same_trees_give_the_same_bytes(tmp_path):
    for name in ("one", "two"):
        expand(SUMS, "simulated", seed=3).save(tmp_path / name)
    assert bytes_of(tmp_path / "one") == bytes_of(tmp_path / "two")
    assert sorted(bytes_of(tmp_path / "one")) == ["tasks.jsonl.gz", "texts.jsonl.gz", "trees.json", "trees.npz"]
    DialogueTrees.load(tmp_path / "one").save(tmp_path / "three")
    assert bytes_of(tmp_path / "one") == bytes_of(tmp_path / "three")


def test_trees_without_texts(tmp_path):
    expand(SUMS, "simulated", texts=False).save(tmp_path / "t")
    assert not (tmp_path / "t" / "texts.jsonl.gz").exists()
    assert DialogueTrees.load(tmp_path / "t").texts is None


def test_a_part_of_a_set_of_trees_is_saved_and_read(tmp_path):
    trees = expand(SUMS, HashSpeaker(), seed=3, worlds=2)
    for name, part in (("tasks", trees.part(tasks=[1, 5])), ("worlds", trees.part(worlds=[1]))):
        part.save(tmp_path / name)
        same(part, DialogueTrees.load(tmp_path / name))


def test_a_folder_in_the_way(tmp_path):
    trees = expand(SUMS[:1], "simulated")
    (tmp_path / "empty").mkdir()
    trees.save(tmp_path / "empty")
    with pytest.raises(RunFolderError, match="exists already"):
        trees.save(tmp_path / "empty")
    (tmp_path / "file").write_text("x")
    with pytest.raises(RunFolderError, match="exists already"):
        trees.save(tmp_path / "file")
    with pytest.raises(ConfigError, match="cannot write"):
        trees.save(tmp_path / "file" / "below")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "file"]


def test_metadata_that_is_no_json(tmp_path):
    trees = expand([Task("a", "q?", "1", metadata={"x": object()})], "simulated")
    with pytest.raises(ConfigError, match="task 'a': its metadata"):
        trees.save(tmp_path / "t")
    trees = expand([Task("a", "q?", "1", metadata={"x": float("nan")})], "simulated")
    with pytest.raises(ConfigError, match=r"task 'a': metadata\.x holds nan; its numbers must be finite"):
        trees.save(tmp_path / "t")
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    expand(SUMS[:3], "simulated", seed=1).save(tmp_path / "trees")
    return tmp_path / "trees"


def test_foreign_folders(tmp_path):
    with pytest.raises(RunFolderError, match="there is no folder"):
        DialogueTrees.load(tmp_path / "none")
    with pytest.raises(RunFolderError, match=r"it has no trees\.json"):
        DialogueTrees.load(tmp_path)
    (tmp_path / "growing.json").write_text("{}")
    with pytest.raises(RunFolderError, match="is not finished"):
        DialogueTrees.load(tmp_path)


@pytest.mark.parametrize("name", ["trees.npz", "tasks.jsonl.gz", "texts.jsonl.gz"])
def test_a_file_that_is_changed_cut_or_gone(folder, name):
    data = (folder / name).read_bytes()
    for damaged in (data[:-7], data[:20] + b"x" + data[21:], b""):
        (folder / name).write_bytes(damaged)
        with pytest.raises(DataError, match=f"{name} is damaged: its digest is"):
            DialogueTrees.load(folder)
    (folder / name).unlink()
    with pytest.raises(DataError, match=f"{name} is missing"):
        DialogueTrees.load(folder)


def forge(folder: Path, name: str, data: bytes) -> None:
    """Replace a file and its digest: what somebody else's program might have written."""
    (folder / name).write_bytes(data)
    head = json.loads((folder / "trees.json").read_text())
    head["files"][name] = hashlib.sha256(data).hexdigest()[:16]
    (folder / "trees.json").write_text(json.dumps(head))


def arrays_with(folder: Path, **changed: np.ndarray) -> bytes:
    with np.load(folder / "trees.npz") as arrays:
        data = {**dict(arrays), **changed}
    np.savez_compressed(folder / "new.npz", **data)
    content = (folder / "new.npz").read_bytes()
    (folder / "new.npz").unlink()
    return content


def test_files_that_hold_something_else(folder):
    forge(folder, "tasks.jsonl.gz", gzip.compress(b'{"id": "a"}\n'))
    with pytest.raises(DataError, match=r"tasks\.jsonl\.gz: line 1: question is missing"):
        DialogueTrees.load(folder)
    with pytest.raises(DataError, match=r"tasks\.jsonl\.gz: line 1: question is missing"):
        load_tasks(folder)
    forge(folder, "tasks.jsonl.gz", gzip.compress(b'{"id": "a", "question": "q", "answer": "1"}\n'))
    with pytest.raises(DataError, match=r"holds 1 tasks, trees\.json says 3"):
        DialogueTrees.load(folder)
    forge(folder, "tasks.jsonl.gz", b"no gzip at all")
    with pytest.raises(DataError, match=r"tasks\.jsonl\.gz is damaged after line 0"):
        DialogueTrees.load(folder)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"grade_2": np.full((3, 4), 9)}, "grade_2 leaves the range 0 to 3"),
        ({"grade_2": np.full((3, 4), 257)}, "grade_2 leaves the range -128 to 127: it holds 257 to 257"),
        ({"grade_2": np.zeros((2, 4), int)}, "grade_2 has the shape"),
        ({"grade_2": np.full((3, 4), np.nan)}, "grade_2 holds 'float64' where whole numbers must stand"),
        ({"utterance_0": np.array([[0], [16], [48]])}, "utterance_0 leaves the range -1 to 47"),
        ({"utterance_0": np.full((3, 1), 16)}, "utterance_0 does not number the utterances tree by tree"),
        ({"vote_1": np.full((3, 2), 6)}, "vote_1 does not follow from the turn before"),
        ({"vote_1": np.array([[None, 1]] * 3)}, "vote_1 holds 'object' where whole numbers must stand"),
        ({"stranger": np.zeros(3)}, r"stranger\.npy is none of the arrays"),
    ],
)
def test_arrays_that_no_dialogue_gives(folder, changed, message):
    forge(folder, "trees.npz", arrays_with(folder, **changed))
    with pytest.raises(DataError, match=message):
        DialogueTrees.load(folder)


def test_arrays_that_are_no_arrays(folder):
    forge(folder, "trees.npz", b"no zip at all")
    with pytest.raises(DataError, match="is no archive of arrays"):
        DialogueTrees.load(folder)


def test_wider_numbers_and_the_other_byte_order_are_read(folder):
    before = DialogueTrees.load(folder)
    with np.load(folder / "trees.npz") as arrays:
        wide = {name: a if a.dtype.kind in "bf" else np.asfortranarray(a.astype(">i8")) for name, a in arrays.items()}
    forge(folder, "trees.npz", arrays_with(folder, **wide))
    same(before, DialogueTrees.load(folder))


def test_texts_that_do_not_count_up(folder):
    forge(folder, "texts.jsonl.gz", gzip.compress(b'{"text":"hello"}\n'))
    trees = DialogueTrees.load(folder)
    assert trees.texts is not None
    with pytest.raises(DataError, match="holds 1 utterances"):
        trees.texts[0]
    forge(folder, "texts.jsonl.gz", gzip.compress(b'{"text":"","grade":"great"}\n'))
    with pytest.raises(DataError, match=r"texts\.jsonl\.gz: line 1: grade is 'great'; did you mean|choose one of"):
        list(DialogueTrees.load(folder).texts or ())


def test_texts_that_say_otherwise_than_the_numbers(folder):
    lines = gzip.decompress((folder / "texts.jsonl.gz").read_bytes())
    swapped = lines.replace(b'"verdict":"right"', b'"verdict":"none"')
    assert swapped != lines
    forge(folder, "texts.jsonl.gz", gzip.compress(swapped))
    with pytest.raises(DataError, match=r"texts\.jsonl\.gz: verdict of line \d+ is not what verdict_\d says"):
        list(DialogueTrees.load(folder).texts or ())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "is not readable as JSON"),
        ("[]", "the whole is"),
        ('{"schema": 7, "files": {}}', "schema 7"),
        ("{}", "is missing"),
        ('{"schema": 1' + " " * (1 << 20) + "}", "at most 1048576 are read"),
        ("[" * 10_000, "nested more than"),
    ],
)
def test_a_damaged_head(folder, content, message):
    (folder / "trees.json").write_text(content)
    with pytest.raises(DataError, match=message):
        DialogueTrees.load(folder)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"seed": 2.5}, "seed is 2.5; it must be a whole number"),
        ({"seed": True}, "seed is True"),
        ({"seed": 10**30}, "seed is 1000"),
        ({"worlds": 0}, "worlds is 0"),
        ({"worlds": 10**9}, "worlds is 1000000000: 3 tasks in as many worlds are more than"),
        ({"worlds": 2}, r"texts is 48, but 6 trees have 16 utterances each"),
        ({"texts": 10**9}, r"texts is 1000000000, which is more than texts\.jsonl\.gz can hold"),
        ({"texts": 49}, "texts is 49, but 3 trees have 16 utterances each"),
        ({"texts": "48"}, "texts is '48'; it must be a whole number"),
        ({"tasks": 10**9}, r"tasks is 1000000000, which is more than tasks\.jsonl\.gz can hold"),
        ({"tasks": 2, "texts": None}, "holds more than 2 lines"),
        ({"speaker": None}, "speaker is None; it must be a text"),
        ({"speaker": "\x1b[31m"}, r"speaker is '\\x1b\[31m'; control characters"),
        ({"files": []}, r"files is \[\]; it must be an object"),
        ({"files": {"trees.npz": 3}}, r"files\.trees\.npz is 3; it must be a text"),
        ({"extra": 1}, "extra is unknown"),
        ({"rules": None}, "rules is None"),
    ],
)
def test_a_head_whose_fields_are_none(folder, changed, message):
    head = json.loads((folder / "trees.json").read_text())
    (folder / "trees.json").write_text(json.dumps({**head, **changed}))
    with pytest.raises(DataError, match=message) as caught:
        DialogueTrees.load(folder)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"num_agents": 0}, r"rules\.num_agents is 0; it must be a whole number from 1 to 4096"),
        ({"max_turns": 4096}, r"rules\.max_turns is 4096"),
        ({"max_turns": 5.0}, r"rules\.max_turns is 5\.0"),
        ({"stop_when": "keptt"}, r"rules\.stop_when is 'keptt'; did you mean 'kept'\?"),
        ({"seats": [[0, "reviewer"]] * 5}, r"rules\.seats are not those of the schedule"),
        ({"seats": 3}, r"rules\.seats is 3; it must be a list"),
    ],
)
def test_a_head_with_impossible_rules(folder, changed, message):
    head = json.loads((folder / "trees.json").read_text())
    head["rules"].update(changed)
    (folder / "trees.json").write_text(json.dumps(head))
    with pytest.raises(DataError, match=message):
        DialogueTrees.load(folder)


def test_rules_that_differ(folder):
    assert DialogueTrees.load(folder, Rules()).rules == Rules()
    with pytest.raises(ConfigError, match="max_turns 5 not 7"):
        DialogueTrees.load(folder, Rules(max_turns=7))


def test_a_schedule_of_the_users_own(tmp_path):
    rules = Rules(schedule=ProposeProposeReview(), num_agents=3)
    expand(SUMS, "simulated", rules).save(tmp_path / "t")
    with pytest.raises(ConfigError, match="the schedule 'ProposeProposeReview'; give it with rules="):
        DialogueTrees.load(tmp_path / "t")
    assert DialogueTrees.load(tmp_path / "t", rules).rules is rules
