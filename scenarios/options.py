r"""Options of a row, and which of them its answer means: what turns a row into a lettered choice task.

Options stand in the field ``options`` or ``choices``, as one of

    ["iron", "tin"]                                    in a CSV as the same JSON inside one cell
    [{"label": "A", "text": "iron"}, ...]
    {"label": ["A", "B"], "text": ["iron", "tin"]}
    {"A": "iron", "B": "tin"}

or in columns of their own named A, B, C, ... There are 2 to 10 of them. The answer (``answer``, else ``answerKey``,
``answer_idx``, ``answer_index``, ``label``) is one of

    label    what the row itself calls the option (``3`` of labels 1 to 4)
    letter   ``B``, ``(b)``, ``B) tin``
    index    2: whole numbers count from 0, as MMLU's do
    text     the words of exactly one option

An answer that may be read in two ways is decided by its column: a column of letters means letters, else the
reading that fits every row; where two fit and differ, it is refused, and so is a letter or number that no option has.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tracer_env.errors import DataError
from tracer_env.intake.bounded import parse, shown
from tracer_env.scenarios.rows import Row, whole_number

__all__ = ["ANSWERS", "LETTERS", "OPTIONS", "Options", "answer_field", "lettered_answers", "options_of"]

LETTERS = "ABCDEFGHIJ"
OPTIONS = ("options", "choices")
ANSWERS = ("answer", "answerKey", "answer_idx", "answer_index", "label")
_LETTER = re.compile(r"[(\[]?\s*([A-Ja-j])\s*(?:[)\].:]+\s*(.*))?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Options:
    """The texts of a row's options, in order, and what the row calls them (nothing, often)."""

    texts: tuple[str, ...]
    labels: tuple[str, ...] = ()


def options_of(row: Row) -> Options | None:
    """Return the options of a row, or None when it has none; DataError for options that cannot be lettered."""
    field = next((name for name in OPTIONS if row.has(name)), None)
    if field is None:
        return _columns(row)
    value = row.values[field]
    if isinstance(value, str):
        value = _parsed(row, field, value)
    texts, labels = _split(row, field, value)
    if not 2 <= len(texts) <= len(LETTERS):
        raise row.wrong(field, f"must be a list of 2 to {len(LETTERS)} options, got {shown(value)}")
    found = Options(tuple(_text(row, field, text) for text in texts), tuple(_text(row, field, each) for each in labels))
    if found.labels and (len(set(found.labels)) != len(found.labels) or len(found.labels) != len(found.texts)):
        raise row.wrong(field, f"must have one label for each of its {len(texts)} options, got {shown(labels)}")
    return found


def answer_field(row: Row) -> str:
    """Return the field that holds the answer of a row with options."""
    return next((name for name in ANSWERS if row.has(name)), ANSWERS[0])


def lettered_answers(rows: Sequence[Row], options: Sequence[Options]) -> list[str]:
    """Return the letter of each row's answer among its options; DataError for one that is not or not clearly there."""
    found = [_readings(row, each) for row, each in zip(rows, options, strict=True)]
    fitting = {name for name in ("letter", "index", "text") if all(name in each for each in found)}
    letters = []
    for row, readings in zip(rows, found, strict=True):
        places = set(readings.values())
        if len(places) > 1:
            decided = ["letter"] if "letter" in fitting else [name for name in readings if name in fitting]
            places = {readings[name] for name in decided} or places
        if len(places) > 1:
            field = answer_field(row)
            meant = " or ".join(f"{name} {LETTERS[place]}" for name, place in readings.items())
            raise row.wrong(field, f"is {shown(row.values[field])}, which may be {meant}; write the option's letter")
        letters.append(LETTERS[places.pop()])
    return letters


def _columns(row: Row) -> Options | None:
    """Return options that stand in columns A, B, ...; the last ones may be blank cells."""
    names = [name for name in LETTERS if row.has(name)]
    if len(names) < 2 or "".join(names) != LETTERS[: len(names)]:
        return None
    return Options(tuple(row.text(name).strip() for name in names), tuple(names))


def _parsed(row: Row, field: str, value: str) -> Any:
    try:
        return parse(value, f"{row.where}: the field {field!r}")
    except DataError as error:
        raise row.wrong(field, f'must be a list written as JSON, ["iron", "tin"], got {shown(value)}') from error


def _split(row: Row, field: str, value: Any) -> tuple[Sequence[Any], Sequence[Any]]:
    """Return (texts, labels) of options in one of the forms."""
    if isinstance(value, Mapping) and isinstance(value.get("text"), list | tuple):
        labels = value.get("label")
        return value["text"], labels if isinstance(labels, list | tuple) else ()
    if isinstance(value, Mapping) and "".join(map(str, value)) == LETTERS[: len(value)]:
        return list(value.values()), list(value)
    if isinstance(value, list | tuple):
        if value and all(isinstance(each, Mapping) and "text" in each for each in value):
            return [each["text"] for each in value], [each["label"] for each in value if "label" in each]
        return value, ()
    raise row.wrong(field, f"must be a list of 2 to {len(LETTERS)} options, got {shown(value)}")


def _text(row: Row, field: str, value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise row.wrong(field, f"must be a list of texts, one of them is {shown(value)}")
    if not str(value).strip():
        raise row.wrong(field, "holds an empty option")
    return str(value).strip()


def _readings(row: Row, options: Options) -> dict[str, int]:
    """Return the ways in which a row's answer names an option, with the option's place; DataError for none."""
    field = answer_field(row)
    answer, count, found = row.text(field).strip(), len(options.texts), {}
    if answer in options.labels:
        return {"label": options.labels.index(answer)}
    if isinstance(row.values[field], str):
        if (letter := _LETTER.fullmatch(answer)) and LETTERS.index(letter[1].upper()) < count:
            place = LETTERS.index(letter[1].upper())
            if not letter[2] or letter[2].strip() == options.texts[place]:
                found["letter"] = place
        if options.texts.count(answer) == 1:
            found["text"] = options.texts.index(answer)
    number = whole_number(row.values[field])
    if number is not None and 0 <= number < count:
        found["index"] = number
    if not found:
        last = LETTERS[count - 1]
        raise row.wrong(
            field,
            f"is {shown(row.values[field])}, which is none of the {count} options: "
            f"give a letter from A to {last}, a whole number from 0 to {count - 1}, or the text of one option",
        )
    return found
