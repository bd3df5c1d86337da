"""A folder to start a study from: settings with comments, questions, and a part of each kind that is one's own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from textwrap import wrap
from typing import Any

from tracer_env.annotations import complaint
from tracer_env.errors import RunFolderError
from tracer_env.intake.toml_files import written
from tracer_env.registry import section_class
from tracer_env.runs.config import TRAINING_SECTIONS, Config
from tracer_env.runs.key_phrases import PHRASES
from tracer_env.settings import as_data, keys, read
from tracer_env.storage.files import write_bytes, write_text
from tracer_env.storage.folders import unwritable
from tracer_env.storage.leftovers import put_folder, temporary_folder

__all__ = ["commented", "start_study"]

_STUDY: dict[str, Any] = {
    "scenario": {"name": "questions.jsonl"},
    "evaluation": {"methods": ["until_approved", "always", "cfr_plus", "controller.py:Thrifty:budget=2"]},
}


def start_study(folder: Path) -> list[Path]:
    """Write the files of a study into a new folder and return them.

    Raises RunFolderError when something stands there, DiskError or ConfigError when it cannot be written.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise RunFolderError(f"{folder} exists already; choose another name for the study")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with temporary_folder(folder) as work:
            write_text(work / "study.toml", commented(Config.from_data(_STUDY)))
            for each in sorted(files("tracer_env").joinpath("data", "study").iterdir(), key=lambda each: each.name):
                if not each.name.startswith("__"):
                    write_bytes(work / each.name.removesuffix(".txt"), each.read_bytes())
            put_folder(work, folder)
    except OSError as error:
        raise unwritable("the study", folder, error) from error
    return sorted(folder.iterdir())


def commented(config: Config) -> str:
    """Return settings as TOML: every key, what it is and may be; keys that say nothing stand as comments."""
    data = config.to_data()
    lines = ["# Everything that decides a result. tracer-env compare --config study.toml", ""]
    lines += _lines(Config, data, asleep=False)
    for section in ("scenario", "speaker", "rules", "training", "evaluation", "budget"):
        cls = section_class(section)
        lines += ["", *_told(cls), f"[{section}]", *_lines(cls, data.get(section, {}), asleep=False)]
    lines += [
        "",
        "# What follows is for training language models; take the # away from what you set.",
    ]
    for section in TRAINING_SECTIONS:
        cls = section_class(section)
        lines += ["", *_told(cls), f"# [{section}]", *_lines(cls, as_data(read(cls, {})), asleep=True)]
    cls = section_class("executor")
    lines += ["", *_told(cls), "# [executor]", *_lines(cls, as_data(read(cls, {})), asleep=True)]
    return "\n".join(lines) + "\n"


def _told(cls: Any) -> list[str]:
    first = (cls.__doc__ or "").split("\n\n")[0].replace("``", "")
    return [f"# {line}" for line in wrap(" ".join(first.split()), 110)]


def _lines(cls: Any, data: Mapping[str, Any], asleep: bool) -> Iterator[str]:
    """Yield two lines for each key: what it is, and its value with what it may be."""
    section = f"{cls.at}." if cls.at else ""
    for key, hint in keys(cls).items():
        if key in (*TRAINING_SECTIONS, "executor"):
            continue
        value = data.get(key)
        line = f"{key} =" if value is None else written({key: value}).strip()
        words = _words(hint)
        sleeping = asleep or value is None
        if phrase := PHRASES.get(section + key):
            yield f"# {phrase}"
        yield f"{'# ' * sleeping}{line}" + (f"  # {words}" if words else "")


def _words(hint: Any) -> str:
    """Return what a key may be: its choices, else its kind and bounds, in the words of the complaints about it."""
    choices = complaint(hint, "").rpartition("; choose ")[2] if "; choose " in complaint(hint, "") else ""
    if choices:
        return choices.partition("; ")[0]
    kind, bound = (_told_of(complaint(hint, value)) for value in (object(), -(10**30)))
    return bound if kind in bound or not kind else kind if not bound or bound == kind else f"{kind}, {bound}"


def _told_of(said: str) -> str:
    words = said.partition(", got ")[0]
    return words.removeprefix("must be ").removeprefix("is ").removeprefix("must lie ")
