"""What parts return, checked once at the seam, before anything is made of it or written.

    spoken(speaker, requests)           one sound utterance for each candidate, request by request
    probability(controller, state, key) a number in [0, 1]
    key_of(information, state)          a text
    payment(reward, before, after)      one finite number for each agent

Whatever else comes out, or is raised inside a part, is a `PartError` in one line: which part (`blame.name_of`), for
which seat, at which turn of which task, and the value. KeyboardInterrupt and SystemExit pass through.

Taken as they are meant: numbers of numpy and single-element arrays for plain ones, subclasses of str, True and
False for a probability of 1 and 0, lists for tuples. Half of a surrogate pair in what was said is replaced
by U+FFFD, as a decoder would: no file can hold it, and a run would end at the same place for ever. Utterances of our
own speakers that say what they mean (``given``) are built from checked parts and pass at once.
"""

from __future__ import annotations

import inspect
import math
import operator
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from typing import Any

from tracer_env.errors import ControllerError, InformationError, PartError, RewardError, SpeakerError
from tracer_env.interfaces import Controller, Information, Request, Reward, Speaker
from tracer_env.parts.blame import name_of, place, raised, told
from tracer_env.parts.seams import asked_each, at_seat, own_key
from tracer_env.rules import DialogueState
from tracer_env.signals import LARGEST, contradiction, kept
from tracer_env.types import SIGNALS, UNTOLD, Grade, Role, Seat, Signals, Utterance, Verdict

__all__ = [
    "LONGEST_TEXT",
    "MOST_TOKENS",
    "VOUCHED",
    "asked_under",
    "heard",
    "key_of",
    "payment",
    "probability",
    "speaker_raised",
    "spoken",
    "well_formed",
    "worth",
]

MOST_TOKENS = 10**9
"""The most tokens that an utterance may have cost."""
LONGEST_TEXT = 16 << 20
"""The most characters of a text."""
_FINISHES = ("stop", "length")


def spoken(speaker: Speaker, requests: Sequence[Request]) -> list[Utterance]:
    """Return what a speaker says to ``requests``; raises SpeakerError for the first thing that is wrong with it."""
    said = heard(speaker, requests)
    for one in said:
        if isinstance(one, PartError):
            raise one
    return said  # type: ignore[return-value]  # no error is left in it


def heard(speaker: Speaker, requests: Sequence[Request], given: Any = None) -> list[Utterance | PartError]:
    """Return what a speaker says, with an error in the place of each utterance that is not sound.

    ``given`` is what it has said already. One that tells failures apart (`seams.asked_each`) leaves an error of its own
    in such a place. Raises SpeakerError where nothing can be told apart: it raised, or returned something else than a
    list of the right length.
    """
    if given is None:
        try:
            given = asked_each(speaker)(requests)
            given = list(given) if isinstance(given, list | tuple) else given
        except BaseException as error:
            raise speaker_raised(speaker, requests, error) from error
    asked = [request for request in requests for _ in range(request.candidates)]
    if not isinstance(given, list | tuple) or len(given) != len(asked):
        what = f"{len(given)} items" if isinstance(given, list | tuple) else told(given)
        if inspect.iscoroutine(given):
            given.close()  # else Python complains later, of us
        problem = SpeakerError(
            f"{name_of(speaker, requests[0].seat)}.speak returned {what} for {len(asked)} candidates, for "
            f"{_places(requests)}; it must return a list of one Utterance each, in order"
        )
        problem.narrow = len(requests) == 1
        raise problem
    return [
        one if VOUCHED[type(one)] or isinstance(one, PartError) else _sound(one, request, speaker)
        for one, request in zip(given, asked, strict=True)
    ]


def speaker_raised(speaker: Speaker, requests: Sequence[Request], error: BaseException) -> Exception:
    """Return the error for what a speaker raised."""
    told_as = raised(SpeakerError, f"{name_of(speaker, requests[0].seat)}.speak", _places(requests), error)
    if isinstance(told_as, SpeakerError) and told_as is not error:
        told_as.narrow = len(requests) == 1
    return told_as


def probability(controller: Controller, state: DialogueState, key: str) -> float:
    """Return the probability of SPEAK that a controller gives; raises ControllerError."""
    try:
        chance: Any = controller.speak_probability(state, key)
        if type(chance) is float and 0.0 <= chance <= 1.0:
            return chance
        number = _number(chance)
    except BaseException as error:
        what = f"{name_of(controller, state.seat)}.speak_probability"
        raise raised(ControllerError, what, place(state), error) from error
    if number is None or not 0.0 <= number <= 1.0:
        raise ControllerError(
            f"{name_of(controller, state.seat)}.speak_probability returned {told(chance)} for {place(state)}; "
            "it must return a probability from 0 to 1"
        )
    return number


def asked_under(controller: Controller, seat: Seat, information: Information) -> Information:
    """Return the key that a seat's controller is asked under: its own (``tell``) where it has one, else the given."""
    own = own_key(at_seat(controller, seat))
    return information if own is None else own


def key_of(information: Information, state: DialogueState) -> str:
    """Return the key of the acting seat's information state; raises InformationError."""
    try:
        key: Any = information(state)
    except BaseException as error:
        what = f"the information function {name_of(information)}"
        raise raised(InformationError, what, place(state), error) from error
    if type(key) is str and key.isascii():
        return key
    if not isinstance(key, str) or well_formed(key) != key:
        raise InformationError(
            f"the information function {name_of(information)} returned {told(key)} for {place(state)}; "
            "it must return a text that can be written"
        )
    return str.__str__(key)


def payment(reward: Reward, before: DialogueState, after: DialogueState) -> tuple[float, ...]:
    """Return what a move pays each agent; raises RewardError."""
    agents = before.rules.num_agents
    try:
        paid: Any = reward(before, after)
        numbers = [_number(one) for one in paid] if hasattr(paid, "__len__") and not isinstance(paid, str) else []
    except BaseException as error:
        raise raised(RewardError, f"the reward {name_of(reward)}", place(before), error) from error
    found = [one for one in numbers if one is not None and math.isfinite(one)]
    if len(numbers) != agents or len(found) != agents:
        raise RewardError(
            f"the reward {name_of(reward)} returned {told(paid)} for {place(before)}; "
            f"it must return one finite number for each of {agents} agents"
        )
    return tuple(found)


def worth(reward: Callable[..., float | None], state: DialogueState, *said: Utterance) -> float | None:
    """Return what a reward of training pays, None where there is no sample; raises RewardError.

    It is called with ``state`` and, where it pays for one utterance, with that.
    """
    try:
        paid: Any = reward(state, *said)
        number = None if paid is None else _number(paid)
    except BaseException as error:
        raise raised(RewardError, f"the reward {name_of(reward)}", place(state), error) from error
    if paid is not None and (number is None or not math.isfinite(number)):
        raise RewardError(
            f"the reward {name_of(reward)} returned {told(paid)} for {place(state)}; "
            "it must return a finite number, or None where the utterance is no sample"
        )
    return number


def well_formed(text: str) -> str:
    """Return ``text`` as a plain str in which each half of a surrogate pair is replaced by U+FFFD."""
    plain = str.__str__(text)
    if plain.isascii():
        return plain
    mended = plain.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return plain if mended == plain else mended


class _Vouched(dict[type, bool]):
    """Asked at every step of an environment: a dict is looked into in half the time of a call."""

    def __missing__(self, kind: type) -> bool:
        ours = issubclass(kind, Utterance) and kind.__module__.startswith("tracer_env.agents.")
        self[kind] = ours
        return ours


VOUCHED = _Vouched()
"""For a class, whether its utterances are our own, with fields that cannot be wrong."""


def _places(requests: Sequence[Request]) -> str:
    first = place(requests[0].state)
    return first if len(requests) == 1 else f"{first} or one of {len(requests) - 1} others asked with it"


def _number(value: Any) -> float | None:
    """Return a real number as a float, a single-element array's too; None for anything else."""
    if not isinstance(value, int | float) and getattr(value, "shape", None) == () and hasattr(value, "item"):
        value = value.item()
    return float(value) if isinstance(value, int | float) else None


def _sound(said: Any, request: Request, speaker: Speaker) -> Utterance | PartError:
    """Return an utterance with plain values in it, or the error that says what is wrong."""
    try:
        return _plain(said, request)
    except _Unsound as problem:
        what = f"{name_of(speaker, request.seat)}.speak returned {problem}"
    except Exception as error:  # a property of a user's own class
        what = f"{name_of(speaker, request.seat)}.speak returned an utterance that raised {type(error).__name__}"
    return SpeakerError(f"{what}, for {place(request.state)}")


class _Unsound(Exception):
    """What is wrong with an utterance, in words."""


def _plain(said: Any, request: Request) -> Utterance:
    if not isinstance(said, Utterance):
        raise _Unsound(f"{told(said)} where an Utterance must stand")
    text = said.text
    if not isinstance(text, str):
        raise _Unsound(f"an utterance whose text is {told(text)}; it must be a str")
    if len(text) > LONGEST_TEXT:
        raise _Unsound(f"a text of {len(text)} characters; at most {LONGEST_TEXT} are taken")
    whole: dict[str, Any] = {"text": well_formed(text)}
    for name in ("prompt_tokens", "completion_tokens", "dropped"):
        whole[name] = _count(name, getattr(said, name))
    if said.finish not in _FINISHES:
        raise _Unsound(f"an utterance whose finish is {told(said.finish)}; it must be 'stop' or 'length'")
    if said.prompt_ids or said.token_ids or said.logprobs:
        whole |= _tokens(said)
    if said.signals is not UNTOLD:
        whole["signals"] = _signals(said.signals, request.seat.role)
    if said.rule == "given":
        _check_meaning(said, request.seat.role)
    if all(getattr(said, name) is value for name, value in whole.items()) and _replaceable(said):
        return said
    rest = {field.name: getattr(said, field.name) for field in fields(Utterance)}
    return Utterance(**{**rest, "finish": str.__str__(said.finish), **whole})


def _replaceable(said: Utterance) -> bool:
    """Return whether the referee can fill in what an utterance of a user's own class means."""
    if type(said) is Utterance or said.rule == "given":
        return True
    try:
        return replace(said).text == said.text
    except (TypeError, ValueError):
        return False


def _count(name: str, value: Any) -> int:
    try:
        count = -1 if isinstance(value, bool) else value if type(value) is int else operator.index(value)
    except TypeError:
        count = -1
    if not 0 <= count <= MOST_TOKENS:
        raise _Unsound(f"an utterance whose {name} is {told(value)}; it must be a whole number from 0 to {MOST_TOKENS}")
    return count


def _tokens(said: Utterance) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for name in ("prompt_ids", "token_ids"):
        kept[name] = tuple([_count(f"entry of {name}", value) for value in getattr(said, name)])
    logprobs = [_number(value) for value in said.logprobs]
    if any(value is None or not math.isfinite(value) or value > 1e-6 for value in logprobs):
        raise _Unsound(f"log-probabilities {told(said.logprobs)}; each must be a finite number of at most 0")
    if logprobs and len(logprobs) != len(kept["token_ids"]):
        raise _Unsound(f"{len(logprobs)} log-probabilities for {len(kept['token_ids'])} token ids; give one for each")
    kept["logprobs"] = tuple(logprobs)
    same = all(
        type(getattr(said, name)) is tuple and all(a is b for a, b in zip(getattr(said, name), values, strict=True))
        for name, values in kept.items()
    )
    return {} if same else kept


def _signals(given: Any, role: Role) -> Signals:
    """Return signals as they are kept, the same object where nothing changes."""
    if not isinstance(given, tuple) or len(given) != len(SIGNALS):
        raise _Unsound(f"signals {told(given)}; they must be a Signals")
    numbers = []
    for name, value in zip(SIGNALS, given, strict=True):
        number = None if value is None or isinstance(value, bool) else _number(value)
        most = LARGEST if name == "margin" else 0.0
        if value is not None and (number is None or not -LARGEST <= number <= most):
            kind = "a finite number" if name == "margin" else "a finite number of at most 0"
            raise _Unsound(f"signals whose {name} is {told(value)}; it must be {kind}, or None where it is not told")
        numbers.append(number)
    found = kept(Signals(*numbers))
    if role is Role.PROPOSER and found.margin is not None:
        raise _Unsound(f"a proposal whose margin is {told(found.margin)}; only reviews have one")
    if wrong := contradiction(found):
        raise _Unsound(f"signals that contradict each other: {wrong}")
    return given if isinstance(given, Signals) and given == found else found


def _check_meaning(said: Utterance, role: Role) -> None:
    """Check what an utterance says of itself under the rule ``given``."""
    answer, proposes = said.answer, role is Role.PROPOSER
    if answer is not None and (not isinstance(answer, str) or well_formed(answer) != answer):
        raise _Unsound(f"a given answer {told(answer)}; it must be a text that can be written, or None")
    grade_fits = isinstance(said.grade, Grade) if proposes else said.grade is None
    if not grade_fits:
        rule = "a given proposal carries a Grade" if proposes else "a given review carries no grade"
        raise _Unsound(f"an utterance whose grade is {told(said.grade)}; {rule}")
    if type(said.agrees) is not int or said.agrees not in ((0,) if proposes else (-1, 0, 1)):
        rule = "a given proposal has 0" if proposes else "it must be -1, 0 or 1"
        raise _Unsound(f"an utterance whose agrees is {told(said.agrees)}; {rule}")
    if not isinstance(said.verdict, Verdict) or (proposes and said.verdict is not Verdict.NONE):
        rule = "a given proposal has no verdict" if proposes else "a given review has a Verdict"
        raise _Unsound(f"an utterance whose verdict is {told(said.verdict)}; {rule}")
