"""Files of rows, read strictly: JSON lines, and CSV.

Both are UTF-8; a byte order mark in front is taken off. A JSONL file has one object a line, blank lines passed
over. A CSV has a header of different, non-empty names, and every row has as many fields as it: a row with one more
(an unquoted ``1,234``) would shift its answer into the next column unseen. Quotes must close where they should. An
empty cell says nothing. What breaks these rules is a DataError with the file and the line where the row begins.
"""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterator
from pathlib import Path

from tracer_env.errors import DataError, did_you_mean
from tracer_env.intake.bounded import parse, shown, shown_path
from tracer_env.intake.near_files import near_questions
from tracer_env.scenarios.rows import Row, check_encodable
from tracer_env.scenarios.splits import source_of

__all__ = ["read_rows"]

_MARKS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}


def read_rows(path: str | os.PathLike[str], split: str = "test") -> list[Row]:
    """Return the rows of a JSONL or CSV file, or of ``<split>.jsonl`` (or ``.csv``) when ``path`` is a folder.

    The rows for the split ``tune`` are those of ``train``, out of which it comes.
    """
    file = Path(os.path.expanduser(path))
    if os.path.isdir(file):  # Path.is_dir raises for names that are too long
        file = _inside(file, split)
    lines = io.StringIO(_content(file), newline="")
    rows = list(_csv_rows(lines, file) if file.suffix.lower() == ".csv" else _json_rows(lines, file))
    if not rows:
        raise DataError(f"{shown_path(file)} holds no rows")
    return rows


def _inside(folder: Path, split: str) -> Path:
    """Return the file of a split in a folder; DataError when it is not there."""
    source = source_of(split)
    wanted, own = ([folder / f"{name}.{suffix}" for suffix in ("jsonl", "csv")] for name in (source, split))
    if source != split and (stray := next((each for each in own if each.is_file()), None)):
        raise DataError(
            f"{shown_path(stray)} is not read: the split {split!r} is taken out of {source!r}, by a hash of the "
            "questions; name the file itself to play it, or give it another name"
        )
    if file := next((each for each in wanted if each.is_file()), None):
        return file
    have = sorted(each.stem for each in folder.iterdir() if each.suffix in (".jsonl", ".csv"))
    near = did_you_mean(source, have) if have else ""
    why = "" if source == split else f"; the split {split!r} is taken out of it"
    raise DataError(f"cannot read {shown_path(wanted[0])}: No such file{why or near}")


def _content(file: Path) -> str:
    """Return the text of a file; DataError when it cannot be read or is written in another encoding."""
    try:
        if file.exists() and not (file.is_file() or file.is_fifo()):  # a device may have no end
            raise DataError(f"cannot read {shown_path(file)}: it is no ordinary file")
        content = file.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a path with a null character
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        near = near_questions(file) if isinstance(error, FileNotFoundError) else ""
        raise DataError(f"cannot read {shown_path(file)}: {reason}{near}") from error
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        looks = _MARKS.get(content[:2]) or "another encoding, such as cp1252"
        raise DataError(
            f"cannot read {shown_path(file)}: line {line} is not UTF-8, it looks like {looks}; save the file as UTF-8"
        ) from error


def _json_rows(lines: io.StringIO, file: Path) -> Iterator[Row]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        where = f"{shown_path(file)} line {number}"
        try:
            values = parse(line, where)
        except DataError:
            _name_surrogate(where, line)
            raise
        if not isinstance(values, dict):
            raise DataError(f"{where}: a row must be a JSON object, got {_kind(values)}")
        yield Row(where, values)


def _name_surrogate(where: str, line: str) -> None:
    """Raise the DataError that names the field, when what makes a line unreadable is half of a surrogate pair."""
    try:
        values = json.loads(line)
    except (ValueError, RecursionError):
        return
    if isinstance(values, dict):
        check_encodable(where, values.items())


def _csv_rows(lines: io.StringIO, file: Path) -> Iterator[Row]:
    reader, name = csv.reader(lines, strict=True), shown_path(file)
    header: list[str] = []
    while True:
        where = f"{name} line {reader.line_num + 1}"
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise DataError(f"{where}: this is not CSV: {error}; a quote inside a quoted field is doubled") from error
        if cells is None:
            return
        if not cells:
            continue
        if not header:
            header = _header([cell.strip() for cell in cells], where)
            continue
        if len(cells) != len(header):
            raise DataError(
                f"{where}: {len(cells)} fields under a header of {len(header)} ({', '.join(header)}); "
                'put a field with a comma into quotes ("1,234") and leave no field out'
            )
        pairs = list(zip(header, cells, strict=True))
        given = {field: cell for field, cell in pairs if cell.strip()}
        yield Row(where, given, frozenset(header) - given.keys())


def _header(names: list[str], where: str) -> list[str]:
    for number, name in enumerate(names, start=1):
        if not name:
            raise DataError(f"{where}: column {number} of the header has no name")
        if name in names[: number - 1]:
            raise DataError(f"{where}: the header names {name!r} twice; give each column its own name")
    if len(names) == 1 and (mark := next((mark for mark in ";\t|" if mark in names[0]), "")):
        raise DataError(
            f"{where}: the header is one field, {shown(names[0])}; separate the columns by ',', not {mark!r}"
        )
    return names


def _kind(value: object) -> str:
    return {list: "a list", str: "a text", bool: "true or false", type(None): "null"}.get(type(value), "a number")
