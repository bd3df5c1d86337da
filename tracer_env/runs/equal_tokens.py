"""Equal budgets: what each method has to be set to, so that all spend as many tokens a task as one of them.

A method has a *dial* where one of its settings makes it spend more or less: ``k`` of `self_consistency`, ``rounds`` of
`debate`, the ``price`` of a token of what learns, the ``threshold`` of a gate, ``p`` of `random`. Each
is turned until the expected tokens of the train tasks are within 5% of the target's; none of the tasks that are judged
is looked at. Where no setting is that near, the two beside it play: the method's frontier round the budget. A method
without a dial plays as it is.

Tokens are measured by playing the train tasks; of controllers that learn on trees they are exact on these. What was
tried is told (`Equalised.to_data`), and recorded with the run.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from tracer_env.episodes.transcript import Transcript
from tracer_env.errors import ConfigError, did_you_mean
from tracer_env.interfaces import Controller, Scenario, Speaker
from tracer_env.parts.methods import is_recipe, make_method
from tracer_env.parts.seams import costs_nothing
from tracer_env.registry import KINDS, OURS, build, resolve
from tracer_env.rules import Rules
from tracer_env.runs.config import Config
from tracer_env.runs.learning import Lesson, episodes_of, key_of_tables, untrained, ways_of
from tracer_env.runs.playing import evaluate
from tracer_env.runs.splits import training_scenario
from tracer_env.runs.train_trees import TrainTrees
from tracer_env.specs import name_and_settings
from tracer_env.statistics.metrics import summarise
from tracer_env.terminal.progress import Reporter

__all__ = ["NEAR", "Dialled", "Equalised", "dial_of", "equalise", "equalised", "turned"]

NEAR = 0.05
"""How far from the target's the tokens of a method may be, as a share of these."""
_QUICK = ("openings", "returns")
"""What is soon trained by play, where words are free."""
_MOST_TAUGHT = 2000  # episodes, at each setting that is tried
_DIALS = ("price", "threshold", "p", "k")
_MOST_PLAYED, _MOST_WHOLE, _HALVINGS = 200, 64, 14
_DEAREST = 1.0  # a token that costs a whole task: nobody speaks who need not


@dataclass(frozen=True)
class Dialled:
    """One method: what it became, which dial was turned, and what was tried: (value, tokens a task, accuracy)."""

    method: str
    became: tuple[str, ...]
    dial: str | None
    tokens: tuple[float, ...]  # a task, of what it became
    near: bool
    tried: tuple[tuple[float, float, float], ...] = ()


@dataclass(frozen=True)
class Equalised:
    """What `equalise` found: ``tokens`` of ``against`` on so many train tasks, and every other method."""

    against: str
    tokens: float
    tasks: int
    methods: tuple[Dialled, ...] = field(default=())

    @property
    def names(self) -> tuple[str, ...]:
        """The methods that play, each once."""
        return tuple(dict.fromkeys(name for one in self.methods for name in one.became))

    def to_data(self) -> dict[str, Any]:
        """Return it as JSON-ready data."""
        data = asdict(self)
        return {**data, "methods": [{**each, "became": list(each["became"])} for each in data["methods"]]}


def dial_of(method: str) -> str | None:
    """Return the name of the setting with which a named method spends more or less, None without one."""
    name, _ = name_and_settings(method)
    if is_recipe(method):
        made = make_method(name)
        found: str | None = getattr(made, "dial", None)
        return found
    if name not in KINDS["controller"]:
        return None
    made_by = resolve("controller", name)[0]
    if (own := getattr(made_by, "dial", None)) is not None:
        return str(own)
    known = inspect.signature(made_by).parameters
    return next((dial for dial in _DIALS if dial in known), None)


def turned(method: str, dial: str, value: float) -> str:
    """Return a method's text with its dial at ``value``: ``debate:agents=3`` and rounds at 2 is ``...,rounds=2``."""
    text = f"{dial}={value:d}" if isinstance(value, int) else f"{dial}={float(f'{value:.3g}')}"
    _, settings = name_and_settings(method)
    if dial in settings:
        return re.sub(rf"(?<=[:,]){dial}=[^,]*", text, method)
    return f"{method}{',' if settings else ':'}{text}"


@dataclass
class _Scales:
    """Weighs methods on the train tasks, each once."""

    config: Config
    tasks: Scenario  # the first of the train split, which methods are weighed on
    train: Scenario
    speaker: Speaker
    trees: TrainTrees
    trust_code: bool
    weighed: dict[str, tuple[float, float]] = field(default_factory=dict)

    def weigh(self, method: str) -> tuple[float, float]:
        """Return tokens a task and accuracy."""
        if method not in self.weighed:
            self.weighed[method] = self._weigh(method)
        return self.weighed[method]

    def _weigh(self, method: str) -> tuple[float, float]:
        config = self.config
        one = make_method(method, config.rules, config.information, self.trust_code)
        if ways_of(one) == {"trees"}:
            teach, _ = resolve("trainer", OURS["teach_on_trees"])
            teach(one, self.trees.grown, config.training_seed, _Silent(), method)
            found = self.trees.grown.evaluate(one, config.information)
            return found.tokens_per_task, found.accuracy
        if untrained(one):
            self._teach_by_outcomes(method, one)
        row = summarise(told for block in self._played(method, one, config.rules) for told in block)
        return row.tokens_per_task, row.accuracy

    def _teach_by_outcomes(self, method: str, one: Controller) -> None:
        teach, _ = resolve("trainer", OURS["teach_on_outcomes"])
        config = self.config
        lesson = Lesson(
            min(_MOST_TAUGHT, episodes_of(one, config, self.speaker)),
            config.training_seed,
            config.training.update_every,
            lambda: key_of_tables(method, one, self.trees),
            lambda: self.trees.grown,
            _Silent(),
        )
        teach(one, method, self.train, self.speaker, config.rules, lesson)

    def _played(self, method: str, one: Controller, rules: Rules) -> Iterator[list[Transcript]]:
        config = self.config
        return evaluate(
            {method: one},
            self.tasks,
            self.speaker,
            rules,
            config.seed,
            config.information,
            batch_size=config.evaluation.batch_size,
            counterfactuals="none",
        )


class _Silent:
    """Hears of progress and says nothing: a search is many short trainings."""

    def start(self, what: str, total: int, done: int = 0) -> None: ...

    def reach(self, done: int, note: str = "") -> None: ...


def equalised(
    config: Config, speaker: Speaker, objects: Collection[str], trust_code: bool, tell: Reporter, room: Path
) -> tuple[Config, Equalised]:
    """Return the settings with the methods that play, and how they were found; ``objects`` play as they are.

    A model's trees of the train split are grown into ``room``, and are those that the tables are taught on later.
    """
    train = training_scenario(config)
    trees = TrainTrees(config, train, speaker, room, tell)
    asked, named = config.evaluation, [name for name in config.evaluation.methods if name not in objects]
    found = equalise(config, named, str(asked.equal_tokens), speaker, train, trees, trust_code, tell)
    became = {one.method: one.became[0] for one in found.methods}
    baseline = became.get(asked.against, asked.against)
    methods = (*found.names, *(name for name in asked.methods if name in objects))
    return replace(config, evaluation=replace(asked, methods=methods, baseline=baseline)), found


def equalise(
    config: Config,
    methods: Sequence[str],
    against: str,
    speaker: Speaker,
    train: Scenario,
    trees: TrainTrees,
    trust_code: bool,
    tell: Reporter,
) -> Equalised:
    """Return how each of ``methods`` spends what ``against`` spends; ``train`` is the train split.

    Raises ConfigError for a method to match that is none of them, or that has to be trained by play.
    """
    if against not in methods:
        raise ConfigError(f"--equal-tokens {against!r} is not among the methods{did_you_mean(against, methods)}")
    count = min(len(train), config.training.tasks or _MOST_PLAYED, _MOST_PLAYED)
    tasks = build("scenario", OURS["task_list"], [train[place] for place in range(count)], name=train.name)
    voice = speaker if costs_nothing(speaker) else build("speaker", OURS["cached_speaker"], speaker)
    scales = _Scales(config, tasks, train, voice, trees, trust_code)
    if _learns_by_play(config, against, trust_code, costs_nothing(speaker)):
        raise ConfigError(
            f"--equal-tokens {against!r} has to be trained by play, so what it will spend is not known; train it first "
            "and give its file, or match another method"
        )
    tell.start(f"weighing methods on {count} train tasks", len(methods))
    target, found = scales.weigh(against)[0], list[Dialled]()
    for number, method in enumerate(methods, start=1):
        found.append(_dialled(scales, method, method == against, target))
        tell.reach(number, method)
    return Equalised(against, target, count, tuple(found))


def _learns_by_play(config: Config, method: str, trust_code: bool, free: bool) -> bool:
    """Return whether a method takes too much to train to be weighed at every setting."""
    one = make_method(method, config.rules, config.information, trust_code)
    quick = {"trees", *(_QUICK if free else ())}
    return not ways_of(one) <= quick


def _dialled(scales: _Scales, method: str, itself: bool, target: float) -> Dialled:
    dial = None if itself else dial_of(method)
    turnable = method if dial is None else turned(method, dial, 1 if _is_whole(method, dial) else 0.5)
    if _learns_by_play(scales.config, turnable, scales.trust_code, costs_nothing(scales.speaker)):
        return Dialled(method, (method,), None, (), False)
    if dial is None:
        tokens = scales.weigh(method)[0]
        return Dialled(method, (method,), None, (tokens,), abs(tokens - target) <= NEAR * target)
    tried: dict[float, tuple[float, float]] = {}

    def weigh(value: float) -> float:
        tried[value] = scales.weigh(turned(method, dial, value))
        return tried[value][0]

    search = _whole if _is_whole(method, dial) else _real
    search(weigh, target, dial)
    best = min(tried, key=lambda value: abs(tried[value][0] - target))
    near = abs(tried[best][0] - target) <= NEAR * target
    chosen = [best] if near else _beside(tried, target)
    return Dialled(
        method,
        tuple(turned(method, dial, value) for value in chosen),
        dial,
        tuple(tried[value][0] for value in chosen),
        near,
        tuple((value, *tried[value]) for value in sorted(tried)),
    )


def _is_whole(method: str, dial: str) -> bool:
    """Return whether a dial clicks: a whole number, as ``k`` and ``rounds``."""
    name, _ = name_and_settings(method)
    kind = "method" if is_recipe(method) else "controller"
    default = inspect.signature(resolve(kind, name)[0]).parameters[dial].default
    return isinstance(default, int) and not isinstance(default, bool)


def _whole(weigh: Callable[[float], float], target: float, dial: str) -> None:
    """Try whole numbers upwards until the tokens reach the target; what a part refuses is passed over."""
    first = -2 if dial == "threshold" else 1
    for value in range(first, first + _MOST_WHOLE):
        try:
            if weigh(value) >= target:
                return
        except ConfigError:
            if value > 2:  # too many, not too few
                return
        if dial == "threshold" and value == 4:  # votes go no further in usual dialogues
            return


def _real(weigh: Callable[[float], float], target: float, dial: str) -> None:
    """Halve the way between a value that costs too little and one that costs too much; prices by their logarithm."""
    low, high = (1e-7, _DEAREST) if dial == "price" else (0.0, 1.0)
    ends = weigh(low), weigh(high)
    rising = ends[1] >= ends[0]
    if not min(ends) < target < max(ends):
        return
    for _ in range(_HALVINGS):
        middle = (low * high) ** 0.5 if dial == "price" else (low + high) / 2
        tokens = weigh(middle)
        if abs(tokens - target) <= NEAR * target / 5:
            return
        if (tokens < target) is rising:
            low = middle
        else:
            high = middle


def _beside(tried: Mapping[float, tuple[float, float]], target: float) -> list[float]:
    """Return the values that cost least above the target and most below it, cheaper first."""
    below = [value for value in tried if tried[value][0] <= target]
    above = [value for value in tried if tried[value][0] > target]
    found = [max(below, key=lambda value: tried[value][0])] if below else []
    return found + ([min(above, key=lambda value: tried[value][0])] if above else [])
