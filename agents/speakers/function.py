"""A plain function ``prompt -> text`` as a speaker.

The prompt is what a language model without a chat template gets (`prompts`): the job and the form of the reply, the
question, the discussion so far, ``### Reply``. Tokens are
counted as words between blanks. The function is called once for each candidate, one after another, and brings
its own randomness: unless it is a pure function of its prompt, the promise that equal noise gives equal
utterances does not hold for it. Nor can anybody see whether it draws anew in another world: one that says the same
again should say so (``function.worlds = 1``), or its copies count as evidence.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tracer_env.agents.speakers.prompts import Prompts, plain_text
from tracer_env.errors import ConfigError, SpeakerError
from tracer_env.interfaces import Request
from tracer_env.parts.blame import name_of, place, raised, told
from tracer_env.parts.contracts import well_formed
from tracer_env.parts.worlds import worlds_of
from tracer_env.rules import DialogueState
from tracer_env.types import Seat, Utterance
from tracer_env.verification.hearing import heard

__all__ = ["FunctionSpeaker"]


class FunctionSpeaker:
    """Speaks by calling ``function``. Raises SpeakerError when that raises or returns something else than a string."""

    answers_questions = True

    def __init__(self, function: Callable[[str], str]) -> None:
        if not callable(function):
            raise ConfigError(f"a function speaker needs a function prompt -> text, got {function!r}")
        self.function, self.prompts = function, Prompts()

    def __repr__(self) -> str:
        return f"FunctionSpeaker({getattr(self.function, '__name__', self.function)!s})"

    def speak(self, requests: Sequence[Request]) -> list[Utterance]:
        """Call the function for every candidate of every request, in order."""
        spoken = []
        for request in requests:
            state = heard(request.state, request.unread)
            prompt = plain_text(self.prompts.messages(state, state.seat, question=request.question))
            spoken += [self._say(prompt, request.state) for _ in range(request.candidates)]
        return spoken

    @property
    def worlds(self) -> int | None:
        """What the function says with an attribute of that name; else it is taken to draw anew, without end."""
        return worlds_of(self.function)

    def behind(self, seat: Seat) -> Callable[[str], str]:
        """Return the function: errors name it and not its wrapper."""
        return self.function

    def _say(self, prompt: str, state: DialogueState) -> Utterance:
        name = name_of(self.function)
        try:
            text = self.function(prompt)
        except BaseException as error:
            raise raised(SpeakerError, f"the function {name}", place(state), error) from error
        if not isinstance(text, str):
            raise SpeakerError(
                f"the function {name} returned {told(text)} for a prompt, for {place(state)}; it must return a string"
            )
        text = well_formed(text)
        return Utterance(text, prompt_tokens=len(prompt.split()), completion_tokens=len(text.split()))
