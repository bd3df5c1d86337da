"""The parameters of a simulated pair of speakers, and presets for them.

A proposal has no parsable answer with chance ``invalid``. Otherwise it is correct with a chance that
hangs on what stands before it:

    nothing pending, or an invalid proposal    skill(d)
    a wrong proposal voted down (vote < 0)     mend(d)
    a correct proposal voted down              1 - cave
    any other pending proposal                 with chance ``repeat`` its answer again, else skill(d)

with d the task's difficulty in [0, 1] and skill(d) = sigmoid(logit(skill) - slope * (d - 1/2)), mend(d)
alike. A wrong answer is one of ``distractors`` equally likely ones. A review has no verdict with
chance ``no_verdict``; otherwise it says RIGHT to a correct proposal with chance ``tpr`` and WRONG to
any other with chance ``tnr``. Completion lengths are log-normal with the given mean and coefficient of
variation, read off a table of 256 quantiles; a prompt costs a fixed number of tokens and ``reread`` times
the completions inside the history window. What a speaker tells of its own words is drawn by `signals`.

A preset of your own is a TOML file with some of the parameters, one a line (``skill = 0.4``); those that it
leaves out are those of ``balanced``. `Simulation.to_toml` writes one, `Simulation.from_toml` reads it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from statistics import NormalDist
from typing import Annotated

from annotated_types import Ge, Le

from tracer_env.agents.speakers.simulated.signals import SignalTables, margin_bounds, size_area
from tracer_env.annotations import Words
from tracer_env.errors import ConfigError, did_you_mean
from tracer_env.intake.toml_files import read_toml
from tracer_env.settings import Settings

__all__ = ["PRESETS", "QUANTILES", "Simulation", "preset_phrases"]

QUANTILES = 256

_ONE_TOKEN = Words("must be at least 1 token")
_Rate = Annotated[float, Ge(0), Le(1)]
_Length = Annotated[float, Ge(1), _ONE_TOKEN]
_Prompt = Annotated[int, Ge(1), _ONE_TOKEN]
_Nats = Annotated[float, Ge(1e-6), Le(100.0)]
_Spread = Annotated[float, Ge(0.0), Le(3.0)]


@dataclass(frozen=True)
class Simulation(Settings, at="speaker"):
    """Parameters of the simulated speakers; rates are probabilities, lengths are tokens.

    Raises ConfigError for a rate outside [0, 1] or a length that is not positive.
    """

    skill: _Rate = 0.6
    """P(correct) of a fresh proposal at difficulty 1/2."""
    mend: _Rate = 0.85
    """P(correct) of a proposal after a wrong one was voted down, at difficulty 1/2."""
    slope: float = 2.0
    """How steeply skill and mend fall with difficulty, in logits over the whole range."""
    cave: _Rate = 0.3
    """P(not correct) of a proposal after a correct one was voted down."""
    repeat: _Rate = 0.9
    """P(the pending answer again) of a proposal when the pending one was not voted down."""
    invalid: _Rate = 0.03
    """P(no parsable answer) of a proposal."""
    tpr: _Rate = 0.85
    """P(RIGHT) of a review with a verdict, the pending proposal being correct."""
    tnr: _Rate = 0.7
    """P(WRONG) of a review with a verdict, the pending proposal not being correct."""
    no_verdict: _Rate = 0.02
    """P(no verdict) of a review."""
    distractors: Annotated[
        int, Ge(1), Le(QUANTILES), Words(f"must lie between 1 and {QUANTILES}", "must be a whole number")
    ] = 4
    """How many different wrong answers a task has."""
    proposer_tokens: _Length = 120.0
    """Mean completion length of a proposal."""
    reviewer_tokens: _Length = 60.0
    """Mean completion length of a review."""
    spread: Annotated[float, Ge(0)] = 0.35
    """Coefficient of variation of completion lengths."""
    proposer_prompt_tokens: _Prompt = 90
    """Prompt length of a proposal without any history."""
    reviewer_prompt_tokens: _Prompt = 90
    """Prompt length of a review without any history."""
    reread: _Rate = 1.0
    """Share of the history window's completions that enters the prompt length."""
    confidence: Annotated[float, Ge(0.5), Le(1.0)] = 0.8
    """Area under the ROC curve (AUC) of a proposal's ``logprob_mean``, correct ones against all others; 1/2 to 1."""
    surprise: _Nats = 0.1
    """-``logprob_mean`` of a proposal, in nats a token: the geometric middle between correct and other ones."""
    surprise_spread: _Spread = 0.8
    """Standard deviation of log(-``logprob_mean``) among the correct proposals, and among the others."""
    margin: _Rate = 0.85
    """AUC of the reviewer's ``margin``, correct pending proposals against all others, over reviews with a verdict. A
    margin has the sign of its verdict, so what is beyond `margin_bounds` of tpr and tnr becomes the nearer bound."""
    margin_size: _Nats = 2.0
    """Size of a margin, in nats: the geometric middle between right and wrong judgements."""
    margin_spread: _Spread = 0.8
    """Standard deviation of log(size of a margin) among the right judgements, and among the wrong ones."""
    own: _Rate = 0.5
    """P(an answer of its own is stated) of a review of an answer; 0 for a reviewer that states none."""
    own_tpr: _Rate = 0.85
    """P(the stated answer is the pending one), the pending proposal being correct."""
    own_tnr: _Rate = 0.8
    """P(the stated answer is another one), the pending proposal having a wrong answer."""

    def __post_init__(self) -> None:
        super().__post_init__()
        least, most = margin_bounds(self.tpr, self.tnr)
        object.__setattr__(self, "margin", min(max(self.margin, least), most))

    @classmethod
    def from_toml(cls, path: str | Path) -> Simulation:
        """Read a preset file; raises ConfigError for a file or a parameter that cannot be used."""
        data = read_toml(Path(path), "preset")
        known = cls.__dataclass_fields__
        for name in data:
            if name not in known:
                raise ConfigError(f"{path}: the simulated speaker has no rate {name!r}{did_you_mean(name, known)}")
        try:
            return cls(**data)
        except ConfigError as error:
            raise ConfigError(f"{path}: {error}") from error

    def to_toml(self) -> str:
        """Return all parameters as a preset file that `from_toml` reads back to an equal simulation."""
        plain = {field.name: getattr(self, field.name) for field in fields(self)}
        return "".join(
            f"{name} = {value if isinstance(value, int) else float(value)!r}\n" for name, value in plain.items()
        )

    def chances(self, difficulty: float) -> tuple[float, float]:
        """Return (skill, mend) at a difficulty."""
        table = self._by_difficulty
        found = table.get(difficulty)
        if found is None:
            shift = self.slope * (difficulty - 0.5)
            found = table[difficulty] = _shifted(self.skill, shift), _shifted(self.mend, shift)
        return found

    @cached_property
    def _by_difficulty(self) -> dict[float, tuple[float, float]]:
        return {}

    @cached_property
    def proposer_lengths(self) -> tuple[int, ...]:
        """Completion lengths of proposals at the 256 mid-quantiles, in tokens."""
        return _lengths(self.proposer_tokens, self.spread)

    @cached_property
    def reviewer_lengths(self) -> tuple[int, ...]:
        """Completion lengths of reviews at the 256 mid-quantiles, in tokens."""
        return _lengths(self.reviewer_tokens, self.spread)

    @cached_property
    def signals(self) -> SignalTables:
        """The tables off which signals are read."""
        area = size_area(self.margin, self.tpr, self.tnr)
        return SignalTables(
            (self.confidence, self.surprise, self.surprise_spread),
            (area, self.margin_size, self.margin_spread),
            (self.own, self.own_tpr, self.own_tnr),
        )


def _shifted(chance: float, shift: float) -> float:
    if chance <= 0.0 or chance >= 1.0 or shift == 0.0:
        return chance
    odds = shift - math.log(chance / (1.0 - chance))
    return 1.0 / (1.0 + math.exp(odds)) if odds < 700.0 else 0.0


def _lengths(mean: float, spread: float) -> tuple[int, ...]:
    sigma = math.sqrt(math.log1p(spread * spread))
    centre = math.log(mean) - sigma * sigma / 2
    quantile = NormalDist().inv_cdf
    return tuple(max(1, round(math.exp(centre + sigma * quantile((i + 0.5) / QUANTILES)))) for i in range(QUANTILES))


PRESETS: dict[str, Simulation] = {
    # Set so that the best controller over (vote, time) is worth 0.03 more than the best baseline under team reward.
    # One-step credit finds nothing of that, exact credit all of it (benchmarks/ppo_vector.py).
    "balanced": Simulation(),
    "strong_proposer": Simulation(skill=0.85, mend=0.88, cave=0.15, confidence=0.85),
    "weak_reviewer": Simulation(tpr=0.45, tnr=0.4, no_verdict=0.1, margin=0.45, own=0.3, own_tpr=0.5, own_tnr=0.5),
    "sycophant": Simulation(tpr=0.97, tnr=0.2, cave=0.7, margin=0.7, own=0.2, own_tpr=0.97, own_tnr=0.3),
    "harsh": Simulation(tpr=0.5, tnr=0.95, cave=0.4),
    # arXiv 2605.28699, Qwen2.5-7B-Instruct on GSM8K: a lone proposer is right 0.916 of the time (CoT row); a
    # call costs 1,014 / 3.02 = 336 tokens (TRACER row). The CoT row's 1,355 tokens a call cannot hold as well.
    # Of log-probabilities, margins and reviewers' own answers it tells nothing: those values are guesses, not measured.
    "paper_qwen2.5_7b": Simulation(
        skill=0.916,
        slope=0.0,
        mend=0.5,
        cave=0.12,
        repeat=0.85,
        invalid=0.0,
        tpr=0.95,
        tnr=0.4,
        no_verdict=0.0,
        proposer_tokens=200.0,
        reviewer_tokens=200.0,
        proposer_prompt_tokens=136,
        reviewer_prompt_tokens=136,
        reread=0.0,
        confidence=0.7,
        margin=0.75,
        own=0.0,
    ),
}


def preset_phrases() -> dict[str, str]:
    """Return what each preset is like, in a few words, for ``tracer-env list``."""
    told = {
        "balanced": "reviews help and rewriting mends; when to speak is worth 0.03 more than the best fixed rule",
        "strong_proposer": "first proposals are right most of the time",
        "weak_reviewer": "verdicts are little better than chance",
        "sycophant": "the reviewer approves nearly everything, and the proposer gives way",
        "harsh": "the reviewer rejects nearly everything wrong, and half of what is right",
        "paper_qwen2.5_7b": "a lone proposer as right as in the paper's table, a call as dear; the rest is guessed",
    }
    return {name: told[name] for name in PRESETS}
