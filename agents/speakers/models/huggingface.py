"""A speaker that writes with any causal language model of the transformers library.

    requests -> prompts (chat template if there is one) -> batches -> one forward pass a token for all
    rows of a batch -> utterances with the exact sampled ids and their log-probabilities

- Equal prompts are computed once, whoever sends them, and so is the beginning that all prompts of a role share.
- Candidate c of a request draws its noise from (stream, turn, GENERATION, c) and the token's position alone
  (`sampling`), so a text does not hang on what shares its batch. That holds up to rounding: padding and batch
  size change the last bits of the logits, and where two tokens are that close the choice may flip. In
  float32 it is rare; in bfloat16 long texts do drift apart.
- A prompt that does not fit beside ``max_new_tokens`` loses its oldest utterances (`Utterance.dropped`).
- All speakers of one model, whatever their settings, share one copy of the weights. LoRA adapters are named by
  seat (`adapters`); a seat without one speaks as the base, whoever else has adapters on the same weights.

Without a chat template the prompt is plain text, and a reply also ends where the model begins a next section.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

from annotated_types import Ge

from tracer_env.agents.speakers.cast import seat_keys
from tracer_env.agents.speakers.models.batching import batches
from tracer_env.agents.speakers.models.checks import require_packages
from tracer_env.agents.speakers.models.files import digest, model_name
from tracer_env.agents.speakers.models.templates import TODAY, pinned, without_end
from tracer_env.agents.speakers.models.verdict_margins import VerdictWords
from tracer_env.agents.speakers.prompts import PLAIN_STOP, Message, Prompts, plain_text, without_system
from tracer_env.annotations import FromOne, Words
from tracer_env.errors import ConfigError, DataError
from tracer_env.intake.bounded import told
from tracer_env.interfaces import Request
from tracer_env.randomness import Purpose, draw
from tracer_env.settings import require
from tracer_env.signals import signals_of
from tracer_env.types import Role, Seat, Task, Utterance
from tracer_env.verification.hearing import heard

if TYPE_CHECKING:
    from tracer_env.agents.speakers.models.decoding import Decoder

__all__ = ["HuggingFaceSpeaker"]

_SMALL = 1_000_000_000
_HEAT: Any = Annotated[float, Ge(0), Words.always("must be a number from 0")]
_MANY = 8


class HuggingFaceSpeaker:
    """Speaks with the model at ``path`` (a folder or a hub name).

    ``temperature``: 0 takes the most likely token each time. ``examples``: how many worked examples a prompt
    opens with; ``auto`` is all there are below 1 billion parameters and none above. ``dtype``: ``auto`` is bfloat16
    where the hardware multiplies it, else float32. ``max_batch_tokens``: rows times (prompt + completion) of one
    forward batch; lower it when memory runs out. ``chat_options`` go to the chat template. ``reuse_prefix``: keep the
    keys and values of the common prompt beginning. ``context``: overrides the model's own context length.
    ``adapters``: folders that peft saved, by role, agent_N or agent_N/role, the most specific wins; or one folder
    with subfolders of such names (``agent_0-proposer`` for agent_0/proposer). ``trust_remote_code`` runs the model's
    own code; ``pickled_weights`` opens weights that are no safetensors. Both are for users to say: a file's word
    for them does not count (`trust`).

    Raises MissingExtraError without torch, transformers or (for adapters) peft, DataError when the model or an
    adapter cannot be read, ConfigError for settings that cannot work.
    """

    def __init__(
        self,
        path: str,
        *,
        temperature: float = 0.3,
        max_new_tokens: int = 256,
        device: str = "auto",
        dtype: str = "auto",
        examples: int | str = "auto",
        proposer_prompt: str | None = None,
        reviewer_prompt: str | None = None,
        max_batch_tokens: int = 65_536,
        context: int | None = None,
        reuse_prefix: bool = True,
        chat_options: Mapping[str, Any] | None = None,
        date: str = TODAY,
        revision: str | None = None,
        trust_remote_code: bool = False,
        pickled_weights: bool = False,
        adapters: Mapping[str, str] | str | None = None,
    ) -> None:
        require("speaker.", _HEAT, temperature=temperature)
        require("speaker.", FromOne, max_new_tokens=max_new_tokens, max_batch_tokens=max_batch_tokens)
        require("speaker.", FromOne | None, context=context)
        shown: Any = _MANY if examples == "auto" else examples  # Prompts refuses other words
        prompts = Prompts(shown, proposer_prompt, reviewer_prompt)
        require_packages()
        from tracer_env.agents.speakers.models.weights import load

        self.path, self.temperature, self.max_new_tokens = path, float(temperature), max_new_tokens
        self.max_batch_tokens = max_batch_tokens
        self.loaded = load(
            path,
            revision=revision,
            dtype=dtype,
            device=device,
            trust_remote_code=trust_remote_code,
            pickled_weights=pickled_weights,
        )
        self.adapters = {} if adapters is None else _read_adapters(self.loaded, adapters)
        """The adapter inside the model for each seat key; trainers add theirs."""
        self.loaded.users[self] = set(self.adapters.values())
        if examples == "auto" and self.loaded.parameters >= _SMALL:
            prompts = Prompts(0, proposer_prompt, reviewer_prompt)
        self.prompts = prompts
        self.context = context or self.loaded.context
        if self.context is not None and self.context <= max_new_tokens:
            raise ConfigError(
                f"speaker.max_new_tokens {max_new_tokens} leaves no room for a prompt in a context of {self.context} "
                "tokens; lower it"
            )
        self._chat = self.loaded.tokenizer.chat_template is not None
        self._chat_options = dict(chat_options or {})
        self._date = pinned(date, self.loaded.tokenizer)
        self._system_role = not self._chat or self._renders_system()
        self._reuse = reuse_prefix and self.loaded.prefixes.usable
        self._openings: dict[tuple[Role, str, str], tuple[int, ...]] = {}
        self._words = VerdictWords(self.loaded.tokenizer)
        self._decoder = self._new_decoder()

    def _new_decoder(self) -> Decoder:
        from tracer_env.agents.speakers.models.decoding import Decoder
        from tracer_env.agents.speakers.models.sampling import GumbelMax

        loaded, stopped = self.loaded, None if self._chat else self._reached_next_section
        return Decoder(
            loaded.model, loaded.prefixes, GumbelMax(self.temperature), loaded.ends, stopped, self._words.watch
        )

    def __repr__(self) -> str:
        return (
            f"HuggingFaceSpeaker({self.path!r}, temperature={self.temperature}, max_new_tokens={self.max_new_tokens})"
        )

    @property
    def worlds(self) -> int | None:
        """One at temperature 0, where every world says the same; else there is no end."""
        return 1 if self.temperature == 0 else None

    @property
    def model(self) -> str:
        """What the model is called in what people share: no path of this machine."""
        return model_name(self.path, self.weights)

    @property
    def settings(self) -> dict[str, Any]:
        """What the texts hang on; part of a cache key or a run's record. The model is known by its weights' digest.

        Adapters, and weights that have been trained here, stand there by their digests as of now.
        """
        changed: dict[str, Any] = {}
        if self.adapters or self.loaded.withdrawn:
            from tracer_env.agents.speakers.models.adapters import adapter_digest, weights_digest

            if self.adapters:
                changed["adapters"] = {seat: adapter_digest(self.loaded, name) for seat, name in self.adapters.items()}
            if self.loaded.withdrawn:
                changed["weights"] = weights_digest(self.loaded)
        return {
            "model": self.weights,
            "temperature": self.temperature,
            "max_new_tokens": self.max_new_tokens,
            "dtype": str(self.loaded.model.dtype),
            "context": self.context,
            "examples": self.prompts.examples,
            "proposer_prompt": self.prompts.proposer_prompt,
            "reviewer_prompt": self.prompts.reviewer_prompt,
            "chat_options": self._chat_options,
            **({"date": self._date["date_string"]} if self._date else {}),
            **changed,
        }

    @property
    def weights(self) -> str:
        """The digest of the model's files, or of its numbers where no file is found: what it is known by."""
        found = None if self.loaded.folder is None else digest(self.loaded.folder)
        if found is not None:
            return found
        from tracer_env.agents.speakers.models.adapters import weights_digest

        return weights_digest(self.loaded)

    def adapter_for(self, seat: Seat) -> str | None:
        """Return the adapter inside the model that a seat speaks with; None is the base."""
        return next((self.adapters[key] for key in seat_keys(seat) if key in self.adapters), None)

    def prompt(self, request: Request) -> tuple[tuple[int, ...], int]:
        """Return the token ids of a request's prompt and how many utterances were dropped to make it fit.

        Raises ConfigError when the question alone is too long.
        """
        ids: tuple[int, ...] = ()
        room = None if self.context is None else self.context - self.max_new_tokens

        def fits(messages: list[Message]) -> bool:
            nonlocal ids
            ids = self._ids(messages)
            return room is None or len(ids) <= room

        _, dropped = self.prompts.fit(heard(request.state, request.unread), request.seat, fits)
        return ids, dropped

    def speak(self, requests: Sequence[Request]) -> list[Utterance]:
        """Write all candidates of all requests in as few forward batches as the token budget allows.

        Requests are grouped by adapter, so each adapter is switched to once.
        """
        shares: dict[str | None, list[int]] = {}
        for index, request in enumerate(requests):
            shares.setdefault(self.adapter_for(request.seat), []).append(index)
        spoken: dict[int, list[Utterance]] = {}
        for adapter, indices in shares.items():
            self.loaded.use(adapter)
            rest = iter(self._speak([requests[index] for index in indices]))
            for index in indices:
                spoken[index] = [next(rest) for _ in range(requests[index].candidates)]
        return [utterance for index in range(len(requests)) for utterance in spoken[index]]

    def _speak(self, requests: Sequence[Request]) -> list[Utterance]:
        from tracer_env.agents.speakers.models.decoding import Job

        prompts = [self.prompt(request) for request in requests]
        jobs: dict[tuple[tuple[int, ...], tuple[int, ...]], list[tuple[int, int]]] = {}
        spoken: list[Utterance | None] = []
        reviews: dict[int, tuple[str, ...] | None] = {}  # the places whose verdict word is watched
        for request, (ids, _) in zip(requests, prompts, strict=True):
            opening = self._opening(request.state.task, request.seat.role)
            prefix = opening if ids[: len(opening)] == opening and len(ids) > len(opening) else ()
            for candidate in range(request.candidates):
                seed = draw(request.stream, request.state.turn, Purpose.GENERATION, candidate)
                jobs.setdefault((prefix, ids), []).append((len(spoken), seed))
                if request.seat.role is Role.REVIEWER:
                    reviews[len(spoken)] = request.unread
                spoken.append(None)
        dropped = [
            lost for request, (_, lost) in zip(requests, prompts, strict=True) for _ in range(request.candidates)
        ]
        for prefix, batch in batches(jobs, self.max_new_tokens, self.max_batch_tokens):
            rank = {ids: number for number, ids in enumerate(dict.fromkeys(ids for ids, _, _ in batch))}
            rows = [Job(rank[ids], seed, place in reviews) for ids, place, seed in batch]
            done = self._decoder.complete(list(rank), prefix, rows, self.max_new_tokens)
            for (ids, place, _), completion in zip(batch, done, strict=True):
                spoken[place] = self._utterance(ids, completion, dropped[place], reviews.get(place))
        return [utterance for utterance in spoken if utterance is not None]

    def _utterance(
        self, ids: tuple[int, ...], completion: Any, dropped: int, unread: tuple[str, ...] | None
    ) -> Utterance:
        text = self.loaded.tokenizer.decode(completion.token_ids, skip_special_tokens=True)
        if not self._chat:
            text = text.split(PLAIN_STOP, 1)[0]
        text = text.strip()
        return Utterance(
            text,
            prompt_tokens=len(ids),
            completion_tokens=len(completion.token_ids),
            finish=completion.finish,
            dropped=dropped,
            prompt_ids=ids,
            token_ids=tuple(completion.token_ids),
            logprobs=tuple(completion.logprobs),
            signals=signals_of(
                completion.own, self._words.margin(text, completion.token_ids, completion.watched, unread)
            ),
        )

    def _opening(self, task: Task, role: Role) -> tuple[int, ...]:
        """Return the ids that the prompts of a role share: what two prompts with different questions have in common."""
        if not self._reuse:
            return ()
        key = (role, task.scenario, task.kind)
        if key not in self._openings:
            opening = self.prompts.opening(task, role)
            left, right = (self._ids([*opening, {"role": "user", "content": word}]) for word in ("?", "A"))
            same = next((i for i, (a, b) in enumerate(zip(left, right, strict=False)) if a != b), 0)
            self._openings[key] = left[:same]
        return self._openings[key]

    def _ids(self, messages: list[Message]) -> tuple[int, ...]:
        tokenizer = self.loaded.tokenizer
        if not self._chat:
            return without_end(tokenizer(plain_text(messages))["input_ids"], self.loaded.ends)
        if not self._system_role:
            messages = without_system(messages)
        return tuple(tokenizer(self._rendered(messages), add_special_tokens=False)["input_ids"])

    def _renders_system(self) -> bool:
        """Return whether the chat template takes a system message; some refuse one. DataError when it takes none."""
        asked: Message = {"role": "user", "content": "u"}
        try:
            return bool(self._rendered([{"role": "system", "content": "s"}, asked]))
        except Exception as error:
            try:
                self._rendered([asked])
                return False
            except Exception:
                raise DataError(
                    f"the chat template of {self.path!r} cannot be used: {told(error)}; mend it or speaker.chat_options"
                ) from error

    def _rendered(self, messages: list[Message]) -> str:
        text = self.loaded.tokenizer.apply_chat_template(
            messages, tokenize=False, add_generation_prompt=True, **{**self._date, **self._chat_options}
        )
        if not isinstance(text, str) or not text:
            raise ValueError("it makes no text")
        return text

    def _reached_next_section(self, ids: list[int]) -> bool:
        return PLAIN_STOP in self.loaded.tokenizer.decode(ids[-6:])


def _read_adapters(loaded: Any, adapters: Mapping[str, str] | str) -> dict[str, str]:
    from tracer_env.agents.speakers.models.adapters import read_adapters

    return read_adapters(loaded, adapters)
