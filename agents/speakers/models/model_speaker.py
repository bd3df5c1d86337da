"""A speaker over an engine: requests become prompts, completions become utterances.

    requests -> prompts (chat template if there is one) -> one `Ask` a candidate -> the engine -> utterances with
    the exact sampled ids and their log-probabilities

- Candidate c of a request draws its noise from (stream, turn, GENERATION, c) and the token's position alone, so a
  text does not hang on what shares its batch. That holds up to rounding: padding and batch size change the last bits
  of the logits, and where two tokens are that close the choice may flip. In float32 it is rare; in bfloat16 long
  texts do drift apart.
- A prompt that does not fit beside ``max_new_tokens`` loses its oldest utterances (`Utterance.dropped`).
- LoRA adapters are named by seat; a seat without one speaks as the base.

Without a chat template the prompt is plain text, and a reply also ends where the model begins a next section.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any

from annotated_types import Ge

from tracer_env.agents.speakers.cast import seat_keys
from tracer_env.agents.speakers.models.engine import Ask, Completion, Engine, Sampling
from tracer_env.agents.speakers.models.files import model_name
from tracer_env.agents.speakers.models.rendering import Rendering
from tracer_env.agents.speakers.models.stored_engine import NotKept, StoredEngine
from tracer_env.agents.speakers.models.templates import TODAY
from tracer_env.agents.speakers.models.verdict_margins import VerdictWords
from tracer_env.agents.speakers.prompts import PLAIN_STOP, Message, Prompts
from tracer_env.annotations import FromOne, Words
from tracer_env.errors import ConfigError
from tracer_env.interfaces import Request
from tracer_env.parts.blame import place
from tracer_env.randomness import Purpose, draw
from tracer_env.settings import require
from tracer_env.signals import signals_of
from tracer_env.store.database import Store
from tracer_env.store.keeping import missing
from tracer_env.types import Role, Seat, Task, Utterance
from tracer_env.verification.hearing import heard

__all__ = ["ModelSpeaker", "check_settings"]

_SMALL = 1_000_000_000
_HEAT: Any = Annotated[float, Ge(0), Words.always("must be a number from 0")]
_MANY = 8
_BRIEF = 8  # tokens of an answer to a question about the dialogue: yes or no


def check_settings(
    temperature: float,
    max_new_tokens: int,
    context: int | None,
    examples: int | str,
    prompts: tuple[str | None, str | None],
) -> None:
    """Raise ConfigError for settings that cannot work, before a model is loaded."""
    require("speaker.", _HEAT, temperature=temperature)
    require("speaker.", FromOne, max_new_tokens=max_new_tokens)
    require("speaker.", FromOne | None, context=context)
    shown: Any = _MANY if examples == "auto" else examples  # Prompts refuses other words
    Prompts(shown, *prompts)


class ModelSpeaker:
    """Speaks with the model behind ``engine``, which may be replaced by one that stands in front of it.

    ``adapters``: the engine's name of the adapter for each seat key (role, agent_N or agent_N/role, the most specific
    wins). The other settings are told at `HuggingFaceSpeaker`. Raises ConfigError for settings that cannot work,
    DataError for a chat template that cannot be used.
    """

    answers_questions = True

    def __init__(
        self,
        engine: Engine,
        *,
        temperature: float = 0.3,
        max_new_tokens: int = 256,
        examples: int | str = "auto",
        proposer_prompt: str | None = None,
        reviewer_prompt: str | None = None,
        context: int | None = None,
        chat_options: Mapping[str, Any] | None = None,
        date: str = TODAY,
        adapters: Mapping[str, str] | None = None,
    ) -> None:
        check_settings(temperature, max_new_tokens, context, examples, (proposer_prompt, reviewer_prompt))
        facts = engine.facts
        self.engine, self.path = engine, facts.path
        self.temperature, self.max_new_tokens = float(temperature), max_new_tokens
        self.adapters = dict(adapters or {})
        """The adapter's name in the engine for each seat key; trainers add theirs."""
        shown: Any = (0 if facts.parameters >= _SMALL else _MANY) if examples == "auto" else examples
        self.prompts = Prompts(shown, proposer_prompt, reviewer_prompt)
        self.context = context or facts.context
        if self.context is not None and self.context <= max_new_tokens:
            raise ConfigError(
                f"speaker.max_new_tokens {max_new_tokens} leaves no room for a prompt in a context of {self.context} "
                "tokens; lower it"
            )
        self._tokenizer = facts.tokenizer
        self._rendering = Rendering(facts, chat_options or {}, date)
        self._openings: dict[tuple[Role, str, str], tuple[int, ...]] = {}
        self._words = VerdictWords(facts.tokenizer)
        stops = () if self._rendering.chat else (PLAIN_STOP,)
        self._sampling = Sampling(max_new_tokens, self.temperature, facts.ends, stops, tuple(self._words.watch))

    def __repr__(self) -> str:
        settings = f"temperature={self.temperature}, max_new_tokens={self.max_new_tokens}"
        return f"{type(self).__name__}({self.path!r}, {settings})"

    @property
    def worlds(self) -> int | None:
        """One at temperature 0, where every world says the same; else there is no end."""
        return 1 if self.temperature == 0 else None

    @property
    def weights(self) -> str:
        """What the model is known by in a record: the engine's identity, where there is no better digest."""
        return self.engine.identity()

    @property
    def settings(self) -> dict[str, Any]:
        """What the texts hang on; part of a cache key or a run's record. The model is known by its weights' digest.

        Adapters stand there by their digests as of now.
        """
        changed: dict[str, Any] = {}
        if self.adapters:
            named = {seat: self.engine.adapter_identity(name) for seat, name in self.adapters.items()}
            changed = {"adapters": named}
        return {
            "model": self.weights,
            "temperature": self.temperature,
            "max_new_tokens": self.max_new_tokens,
            "dtype": self.engine.facts.dtype,
            "context": self.context,
            "examples": self.prompts.examples,
            "proposer_prompt": self.prompts.proposer_prompt,
            "reviewer_prompt": self.prompts.reviewer_prompt,
            "chat_options": self._rendering.options,
            **({"date": self._rendering.date["date_string"]} if self._rendering.date else {}),
            **changed,
        }

    def keep(self, store: Store | None) -> None:
        """Look in ``store`` before the model is asked, and keep there what it says; None: ask each time."""
        if isinstance(self.engine, StoredEngine):
            self.engine = self.engine.inner
        if store is not None:
            self.engine = StoredEngine(self.engine, store, model_name(self.path, self.weights))

    def adapter_for(self, seat: Seat) -> str | None:
        """Return the engine's name of the adapter that a seat speaks with; None is the base."""
        return next((self.adapters[key] for key in seat_keys(seat) if key in self.adapters), None)

    def prompt(self, request: Request) -> tuple[tuple[int, ...], int]:
        """Return the token ids of a request's prompt and how many utterances were dropped to make it fit.

        Raises ConfigError when the question alone is too long.
        """
        ids: tuple[int, ...] = ()
        room = None if self.context is None else self.context - self.max_new_tokens

        def fits(messages: list[Message]) -> bool:
            nonlocal ids
            ids = self._rendering.ids(messages)
            return room is None or len(ids) <= room

        state = heard(request.state, request.unread)
        _, dropped = self.prompts.fit(state, request.seat, fits, request.question)
        return ids, dropped

    def speak(self, requests: Sequence[Request]) -> list[Utterance]:
        """Write all candidates of all requests, in one call of the engine; answers to questions in another."""
        brief = [place for place, request in enumerate(requests) if request.question is not None]
        if not brief:
            return self._said(requests, self._sampling)
        shorter = replace(self._sampling, max_tokens=min(self.max_new_tokens, _BRIEF))
        long = [place for place, request in enumerate(requests) if request.question is None]
        answers: dict[int, list[Utterance]] = {}
        for places, sampling in ((long, self._sampling), (brief, shorter)):
            rest = iter(self._said([requests[place] for place in places], sampling) if places else ())
            answers |= {place: [next(rest) for _ in range(requests[place].candidates)] for place in places}
        return [said for place in range(len(requests)) for said in answers[place]]

    def _said(self, requests: Sequence[Request], sampling: Sampling) -> list[Utterance]:
        asked: list[Ask] = []
        whose: list[tuple[Request, int]] = []
        for request in requests:
            ids, dropped = self.prompt(request)
            opening = self._opening(request.state.task, request.seat.role)
            shared = len(opening) if ids[: len(opening)] == opening and len(ids) > len(opening) else 0
            adapter, reviews = self.adapter_for(request.seat), request.seat.role is Role.REVIEWER
            purpose = Purpose.GENERATION
            if request.question is not None:
                reviews, purpose = False, Purpose.QUESTION
            for candidate in range(request.candidates):
                seed = draw(request.stream, request.state.turn, purpose, candidate)
                asked.append(Ask(ids, seed, adapter, reviews, shared))
                whose.append((request, dropped))
        try:
            done = self.engine.complete(asked, sampling)
        except NotKept as miss:
            name, state = model_name(self.path, self.weights), whose[miss.place][0].state
            raise missing(miss.store, name, place(state)) from miss
        return [
            self._utterance(ask, completion, request, dropped)
            for ask, completion, (request, dropped) in zip(asked, done, whose, strict=True)
        ]

    def _utterance(self, ask: Ask, completion: Completion, request: Request, dropped: int) -> Utterance:
        text = self._tokenizer.decode(completion.token_ids, skip_special_tokens=True)
        for stop in self._sampling.stops:
            text = text.split(stop, 1)[0]
        text = text.strip()
        unread = request.unread if ask.watched else None
        return Utterance(
            text,
            prompt_tokens=len(ask.ids),
            completion_tokens=len(completion.token_ids),
            finish=completion.finish,
            dropped=dropped,
            prompt_ids=ask.ids,
            token_ids=tuple(completion.token_ids),
            logprobs=tuple(completion.logprobs),
            signals=signals_of(
                completion.own, self._words.margin(text, completion.token_ids, completion.watched, unread)
            ),
        )

    def _opening(self, task: Task, role: Role) -> tuple[int, ...]:
        """Return the ids that the prompts of a role share, where the engine makes use of them."""
        if not self.engine.facts.keeps_openings:
            return ()
        key = (role, task.scenario, task.kind)
        if key not in self._openings:
            self._openings[key] = self._rendering.shared(self.prompts.opening(task, role))
        return self._openings[key]
