"""Answers of a server that are kept: looked up by the exact body, and written as they come in.

What an answer hangs on is the server's address, the body with all its messages, the candidate's seed and number. The
key of whoever asks, waits and retries enter nowhere. A server that was asked once is not asked again, whether it would
have repeated itself or not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tracer_env.agents.speakers.endpoint.answers import Answer
from tracer_env.parts.blame import place
from tracer_env.parts.contracts import well_formed
from tracer_env.store.database import Entry, Store
from tracer_env.store.keeping import missing
from tracer_env.store.keys import Prompt, key_of, prompt_of_data, source_of
from tracer_env.store.records import Record

if TYPE_CHECKING:
    from tracer_env.agents.speakers.endpoint.refusals import Failure

__all__ = ["answered"]

Send = Callable[[Sequence[Any], Callable[[int, Answer], None]], "list[Answer | Failure]"]


@dataclass(frozen=True)
class _Place:
    """Where the answer to a question stands."""

    source: str
    prompt: Prompt
    seed: int
    candidate: int

    @property
    def key(self) -> bytes:
        return key_of(self.source, self.prompt, self.seed, self.candidate)


def answered(store: Store, base_url: str, model: str, questions: Sequence[Any], send: Send) -> list[Answer | Failure]:
    """Return the answer to each question (`speaker.Question`): from the store, else by ``send``, and then kept.

    Equal questions are sent once. Raises DataError for the first that is not in a store that is read alone.
    """
    places = [_place(base_url, question) for question in questions]
    keys = [each.key for each in places]
    found: dict[bytes, Answer | Failure] = {}
    for key, record in zip(keys, store.get(keys), strict=True):
        if record is not None:
            found[key] = _answer(record)
    asked = list({key: number for number, key in reversed(list(enumerate(keys))) if key not in found}.values())
    asked.sort()
    if asked and store.offline:
        raise missing(store, model, place(questions[asked[0]].request.state))

    def heard(number: int, answer: Answer) -> None:
        at = places[asked[number]]
        entry = Entry(at.source, at.prompt, at.seed, at.candidate, _record(answer), f"{model} at {base_url}")
        (standing,) = store.put([entry])
        found[keys[asked[number]]] = _answer(standing)

    if asked:
        for number, one in enumerate(send([questions[number] for number in asked], heard)):
            found.setdefault(keys[asked[number]], one)
    return [found[key] for key in keys]


def _place(base_url: str, question: Any) -> _Place:
    said = {name: question.body[name] for name in ("messages", "prompt") if name in question.body}
    rest = {name: value for name, value in question.body.items() if name not in ("messages", "prompt", "seed")}
    source = source_of(
        engine="endpoint", model=rest.get("model"), server=base_url, seeded="seed" in question.body, body=rest
    )
    return _Place(source, prompt_of_data(said), question.seed, question.candidate)


def _record(answer: Answer) -> Record:
    return Record(
        "length" if answer.finish == "length" else "stop",
        well_formed(answer.text),
        well_formed(answer.reasoning),
        logprobs=answer.logprobs,
        usage=answer.usage,
        dropped=answer.dropped,
        unknown=answer.unknown,
    )


def _answer(record: Record) -> Answer:
    return Answer(
        record.text,
        record.finish,
        record.usage,
        record.unknown,
        record.reasoning,
        record.logprobs,
        record.dropped,
    )
