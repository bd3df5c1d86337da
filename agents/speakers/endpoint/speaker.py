"""A speaker behind any OpenAI-compatible server: hosted models, vLLM, llama.cpp, `transformers serve`.

    requests -> bodies (`bodies`) -> many at once to the server (`sending`) -> answers -> utterances

- The body of a candidate hangs on its own request, stream and number alone. What a server makes of equal bodies is its
  own affair, and only some promise to repeat themselves for a seed.
- Tokens are those that the server tells. Where it tells none, or what cannot be, the utterance has none and says so
  (`Utterance.counted`); they are never guessed.
- Reasoning that comes beside the answer is left out of the text, or kept in it as a block that nobody reads.
- Failures that pass are tried again, those that stay are told in one line (`refusals`).

`bodies` and `send` are the two halves of `speak`, for whoever keeps answers between them.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from annotated_types import Ge, Gt

from tracer_env.agents.speakers.endpoint import loop
from tracer_env.agents.speakers.endpoint.answers import Answer
from tracer_env.agents.speakers.endpoint.bodies import Form, seed_of
from tracer_env.agents.speakers.endpoint.keeping import answered
from tracer_env.agents.speakers.endpoint.keys import Key, check_name
from tracer_env.agents.speakers.endpoint.prices import Price, read_price
from tracer_env.agents.speakers.endpoint.refusals import Failure
from tracer_env.agents.speakers.endpoint.sending import Asked, Heard, Server, send_all
from tracer_env.agents.speakers.endpoint.slots import Slots
from tracer_env.agents.speakers.prompts import Prompts
from tracer_env.annotations import AtLeastZero, FromOne, Words
from tracer_env.errors import ConfigError, SpeakerError
from tracer_env.interfaces import Request
from tracer_env.parts.accounts import Account
from tracer_env.parts.blame import place
from tracer_env.parts.contracts import well_formed
from tracer_env.rules import Rules
from tracer_env.settings import require
from tracer_env.signals import signals_of
from tracer_env.store.database import Store
from tracer_env.types import Utterance
from tracer_env.verification.hearing import heard as without_reasoning

__all__ = ["OPENAI", "EndpointSpeaker", "Question"]

OPENAI = "https://api.openai.com/v1"
"""Where requests go unless ``base_url`` says otherwise."""
_HEAT: Any = Annotated[float, Ge(0), Words.always("must be a number from 0, or 'server' to leave it to the server")]
_SECONDS: Any = Annotated[float, Gt(0), Words.always("must be a number of seconds above 0")]
_AMOUNT: Any = Annotated[float, Ge(0)]
_Forms = Literal["chat", "completion"]
_Limit = Literal["auto", "max_tokens", "max_completion_tokens"]
_Reasoning = Literal["leave", "block"]
_FORMS: Any = _Forms
_LIMIT: Any = _Limit
_REASONING: Any = _Reasoning
_TAG = re.compile(r"</?think", re.IGNORECASE)


@dataclass(frozen=True)
class Question:
    """One candidate of a request: the body that asks for it, and what makes an utterance of the answer."""

    request: Request
    candidate: int
    seed: int  # below 2 ** 31; in the body where the server takes seeds
    body: dict[str, Any]  # with the whole prompt
    asked: Asked


class EndpointSpeaker:
    """Speaks with ``model`` at the server ``base_url``.

    ``api_key_env`` names the environment variable that holds the key. ``form``: chat, or completion (plain text).
    ``temperature``: a number, or ``server``. ``max_new_tokens`` is sent as ``limit_as``. ``seeds``: send one for each
    candidate. ``logprobs``: ask for them; they become the utterance's signals. ``reasoning``: ``leave`` it out, or keep
    it as a ``block`` in front of the text. ``system``: false for models that take no system message. ``concurrency``:
    requests in flight; ``timeout``: seconds of an attempt; ``retries``: attempts after the first; ``longest_wait``:
    seconds that a server may ask to wait. ``price_in`` and ``price_out``: per million tokens, or ``prices``, a table
    (`prices`). ``extra`` goes into each body. Prompts are those of a Hugging Face speaker; ``examples`` auto is none.

    Raises MissingExtraError without openai, ConfigError for settings that cannot work. A missing key is told by `check`
    and before the first request.
    """

    answers_questions = True

    def __init__(
        self,
        model: str,
        *,
        base_url: str = OPENAI,
        api_key_env: str = "OPENAI_API_KEY",
        form: _Forms = "chat",
        temperature: float | Literal["server"] = 0.3,
        max_new_tokens: int = 256,
        limit_as: _Limit = "auto",
        seeds: bool = True,
        logprobs: bool = False,
        reasoning: _Reasoning = "leave",
        system: bool = True,
        examples: int | str = "auto",
        proposer_prompt: str | None = None,
        reviewer_prompt: str | None = None,
        concurrency: int = 32,
        timeout: float = 120.0,
        retries: int = 8,
        longest_wait: float = 120.0,
        price_in: float | None = None,
        price_out: float | None = None,
        prices: str | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        require("speaker.", FromOne, max_new_tokens=max_new_tokens, concurrency=concurrency)
        require("speaker.", AtLeastZero, retries=retries)
        require("speaker.", _SECONDS, timeout=timeout, longest_wait=longest_wait)
        if temperature != "server":
            require("speaker.", _HEAT, temperature=temperature)
        require("speaker.", _FORMS, form=form)
        require("speaker.", _REASONING, reasoning=reasoning)
        require("speaker.", _LIMIT, limit_as=limit_as)
        shown: Any = 0 if examples == "auto" else examples  # Prompts refuses other words
        self.prompts = Prompts(shown, proposer_prompt, reviewer_prompt)
        self.base_url, self.api_key_env = _checked_url(base_url), check_name(api_key_env)
        if limit_as == "auto":
            limit_as = "max_completion_tokens" if self.base_url == OPENAI else "max_tokens"
        self.form = Form(
            model,
            form == "chat",
            None if temperature == "server" else float(temperature),
            max_new_tokens,
            limit_as,
            seeds,
            logprobs,
            system,
            dict(extra or {}),
        )
        self.reasoning, self.concurrency = reasoning, concurrency
        self.timeout, self.retries, self.longest_wait = float(timeout), retries, float(longest_wait)
        self.price = _price(model, price_in, price_out, prices)
        self.account = Account()
        """Where calls are entered; `bill` puts another one in its place."""
        self._store: Store | None = None
        self._slots: tuple[Any, Slots] | None = None
        self._running: set[loop.Running] = set()
        loop.require_package()

    def __getstate__(self) -> dict[str, Any]:
        """Be copied without what belongs to this process: slots of its loop, what runs there, who waits meanwhile."""
        kept = {name: value for name, value in self.__dict__.items() if name != "waiting"}
        return {**kept, "_slots": None, "_running": set()}

    def __repr__(self) -> str:
        return f"EndpointSpeaker({self.form.model!r}, base_url={self.base_url!r})"

    @property
    def worlds(self) -> int | None:
        """One at temperature 0, where every world is asked the same; else there is no end."""
        return 1 if self.form.temperature == 0 else None

    @property
    def model(self) -> str:
        """The model's name at its server."""
        return self.form.model

    @property
    def settings(self) -> dict[str, Any]:
        """What the texts hang on: the server, the form of a body, the prompts."""
        return {
            "model": self.form.model,
            "base_url": self.base_url,
            "form": "chat" if self.form.chat else "completion",
            "temperature": self.form.temperature,
            "max_new_tokens": self.form.max_new_tokens,
            "seeds": self.form.seeds,
            "logprobs": self.form.logprobs,
            "reasoning": self.reasoning,
            "system": self.form.system,
            "extra": dict(self.form.extra),
            "examples": self.prompts.examples,
            "proposer_prompt": self.prompts.proposer_prompt,
            "reviewer_prompt": self.prompts.reviewer_prompt,
        }

    def check(self, rules: Rules) -> None:
        """Raise ConfigError when there is no key where one is needed."""
        self._key()

    def bill(self, account: Account) -> None:
        """Enter every call in ``account`` from now on; raises ConfigError for a budget of money without a price."""
        if account.max_cost is not None and self.price is None:
            raise ConfigError(
                f"--max-cost needs the price of {self.form.model!r}: give speaker.price_in and speaker.price_out (per "
                "million tokens), or speaker.prices=FILE.toml"
            )
        self.account = account

    def keep(self, store: Store | None) -> None:
        """Look in ``store`` before the server is asked, and keep there what it says; None: ask each time."""
        self._store = store

    def bodies(self, request: Request) -> list[Question]:
        """Return the exact request for each candidate; nothing is sent."""
        state = without_reasoning(request.state, request.unread)
        droppable = self.prompts.droppable(state, request.seat)
        questions = []
        for candidate in range(request.candidates):
            seed = seed_of(request, candidate)

            def body(drop: int, seed: int = seed) -> dict[str, Any]:
                return self.form.body(self.prompts.messages(state, request.seat, drop, request.question), seed)

            questions.append(Question(request, candidate, seed, body(0), Asked(body, droppable, seed)))
        return questions

    def send(self, questions: Sequence[Question], heard: Heard = lambda number, answer: None) -> list[Answer | Failure]:
        """Return the answer to each question, or the failure of its own, in order.

        ``heard`` is given (number, answer) of each as soon as it is there, in another thread: what it keeps is safe,
        whatever ends the rest. Raises ConfigError without a key, BudgetReached, EndpointError.
        """
        if not questions:
            return []
        server = Server(self.base_url, self._key(), self.timeout, self.retries, self.longest_wait)
        price, account = self.price or Price(0.0, 0.0), self.account
        asked = [question.asked for question in questions]

        async def work() -> list[Answer | Failure]:
            return await send_all(asked, server, self.form, price, self._shared_slots(), account, heard)

        with getattr(self, "waiting", nullcontext)():
            return loop.run(work, self._running)

    def interrupt(self) -> None:
        """End all sending at once, in whatever thread it is waited for."""
        for running in list(self._running):
            running.cancel()

    def utterance(self, answer: Answer) -> Utterance:
        """Return what was said as an utterance."""
        text = answer.text
        if self.reasoning == "block" and answer.reasoning:
            text = f"<think>{_TAG.sub('<_think', answer.reasoning)}</think>\n{text}"
        prompt, completion = answer.usage or (0, 0)
        return Utterance(
            well_formed(text),
            prompt_tokens=prompt,
            completion_tokens=completion,
            finish=answer.finish,
            dropped=answer.dropped,
            signals=signals_of(answer.logprobs),
            counted=answer.usage is not None,
        )

    def speak(self, requests: Sequence[Request]) -> list[Utterance]:
        """Ask for all candidates of all requests at once; raises SpeakerError for the first that failed."""
        said = self.speak_each(requests)
        for one in said:
            if isinstance(one, SpeakerError):
                raise one
        return said  # type: ignore[return-value]  # no error is left in it

    def speak_each(self, requests: Sequence[Request]) -> list[Utterance | SpeakerError]:
        """As `speak`, with an error in the place of each utterance that failed."""
        questions = [question for request in requests for question in self.bodies(request)]
        return [
            self._failed(one, question) if isinstance(one, Failure) else self.utterance(one)
            for one, question in zip(self._answers(questions), questions, strict=True)
        ]

    def _answers(self, questions: Sequence[Question]) -> list[Answer | Failure]:
        if self._store is None:
            return self.send(questions)
        return answered(self._store, self.base_url, self.form.model, questions, self.send)

    def _failed(self, failure: Failure, question: Question) -> SpeakerError:
        return SpeakerError(f"EndpointSpeaker: {failure}, for {place(question.request.state)}")

    def _key(self) -> Key:
        return Key(self.api_key_env, needed=self.base_url == OPENAI or self.api_key_env != "OPENAI_API_KEY")

    def _shared_slots(self) -> Slots:
        """Return the slots of all calls of this speaker in the running loop."""
        running = asyncio.get_running_loop()
        if self._slots is None or self._slots[0] is not running:
            self._slots = (running, Slots(self.concurrency))
        return self._slots[1]


def _checked_url(base_url: str) -> str:
    """Return where requests go, without a slash at its end; raises ConfigError without showing what may be a secret."""
    parts = urlsplit(base_url)
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ConfigError(
            "speaker.base_url must hold no user, password or question mark: it is written into the run's files; keys "
            "go into the environment variable that speaker.api_key_env names (what was given is not shown)"
        )
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError(f"speaker.base_url must be a URL such as http://127.0.0.1:8000/v1, got {base_url!r:.80}")
    return base_url.rstrip("/")


def _price(model: str, price_in: float | None, price_out: float | None, prices: str | None) -> Price | None:
    if prices is not None:
        if price_in is not None or price_out is not None:
            raise ConfigError("speaker.prices is a table of what price_in and price_out say; give one of the two")
        return read_price(prices, model)
    if price_in is None and price_out is None:
        return None
    if price_in is None or price_out is None:
        raise ConfigError("speaker.price_in and speaker.price_out go together: per million tokens read, and written")
    require("speaker.", _AMOUNT, price_in=price_in, price_out=price_out)
    return Price(float(price_in), float(price_out))
