"""The settings of a run: small frozen dataclasses, TOML in and out, checked before anything starts.

    seed = 7
    information = "vote_and_time"

    [scenario]          # name, path, split, limit, seed, math_seconds, unread; other keys are settings of the scenario
    name = "gsm8k"
    [speaker]           # name; other keys are settings of the speaker
    name = "smollm2"
    temperature = 0.3
    [rules]             # num_agents, max_turns, stop_when, final_answer, history_window
    [training]          # method, episodes, tasks, update_every, limit, path, seed
    [budget]            # max_tokens, max_cost
    [evaluation]        # methods, baseline, equal_tokens, worlds, seeds, batch_size, counterfactuals, on_error
    [gspo]              # how utterances are learned: the keys of trainers.runs.settings
    [tracer]            # variant, sharing, reviews, fading, credit, settle, information
    [magrpo], [maporl]  # sharing, discount, and what an utterance earns: trainers.team.settings
    [hooks]             # value, reward, prompt, extract, updater: import paths
    [executor]          # name; other keys are settings of the executor

An unknown key, a value of the wrong kind or an impossible one is a ConfigError that names the key.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt

from tracer_env.annotations import Count
from tracer_env.compositions import information_named
from tracer_env.episodes.lines import MOST_SEED
from tracer_env.errors import ConfigError, UnknownNameError, did_you_mean
from tracer_env.intake.toml_files import written
from tracer_env.parts.own_parts import own_parts
from tracer_env.registry import SECTIONS, check, names_code, section_class
from tracer_env.rules import Rules
from tracer_env.settings import Settings, as_data, flat, read, said
from tracer_env.settings import schema as settings_schema

__all__ = [
    "TRAINING_SECTIONS",
    "BudgetConfig",
    "Config",
    "EvaluationConfig",
    "ScenarioConfig",
    "SpeakerConfig",
    "TrainingConfig",
    "differences",
    "schema",
]

TRAINING_SECTIONS = ("gspo", "tracer", "magrpo", "maporl", "hooks")
"""Sections of which a run keeps what was said: their defaults are those of what is trained, if anything is."""
_KEPT = (*TRAINING_SECTIONS, "executor")
"""Sections of which a run keeps what was said alone."""
_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_SEED = Annotated[int, Ge(0)]
METHODS = (
    "never",
    "always",
    "until_approved",
    "majority_voting",
    "regret_matching",
    "cfr_plus",
    "cfr_plus:information=vote+time+confidence:bins=3,price=8e-4,starts=1,policy=greedy",
    "oracle",
)
"""What is compared unless something else is asked for; the settings were chosen by ``benchmarks/choose_demo.py``."""
BASELINE = "until_approved"
"""What the others are paired with then."""


@dataclass(frozen=True)
class ScenarioConfig(Settings, at="scenario"):
    """Which tasks; ``settings`` go to the scenario's constructor. ``seed`` draws them (None: the run's).

    With a ``seed`` of their own the tasks stay when the run's seed, and with it all luck, changes.
    """

    name: str = "arithmetic"
    path: str | None = None
    split: str = "test"
    limit: Count | None = None
    seed: _SEED | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class SpeakerConfig(Settings, at="speaker"):
    """Who speaks; ``settings`` go to the speaker's constructor.

    ``store``: where a model's answers are kept and looked up, a file or a run folder (None: the run's own, ``none``:
    nowhere). It is no part of what was asked for, and may differ when a run is continued.
    """

    name: str = "simulated"
    store: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class TrainingConfig(Settings, at="training"):
    """What learns, and how controllers do. ``episodes`` None means 10,000 with simulated speakers, 100 with a model.

    ``tasks`` of the train split become the dialogue trees that controllers like ``cfr_plus`` are trained on; for None
    see `train_trees`.

    ``held_out`` tasks of the test split are played at the end by a language model as it was and as it was trained.

    ``method`` is what `tracer-env train` was asked for (None: ``regret_matching``): a run is continued without saying
    it again. ``path`` is where the train split lies when ``scenario.path`` names the test split. ``seed`` is that of
    training alone (None: the run's).
    """

    method: str | None = None
    path: str | None = None
    episodes: Count | None = None
    tasks: Count | None = None
    update_every: Count = 32
    held_out: Annotated[int, Ge(0)] = 100
    limit: Count | None = None
    seed: _SEED | None = None


@dataclass(frozen=True)
class EvaluationConfig(Settings, at="evaluation"):
    """How methods are compared. ``batch_size`` (dialogues at once) is a speed setting and changes no result.

    ``on_error`` is what becomes of an episode in which a part failed: ``stop`` ends the run, to be continued; ``skip``
    records it as failed. It is no part of what was asked for, and may differ when a run is continued.
    ``counterfactuals`` says which unspoken utterances are drawn to be shown: ``all``, ``shared`` (those that another
    method says anyway), ``none``, or ``auto``: all of a simulation's, the shared ones of a model's.
    ``equal_tokens`` names the method whose tokens the others are set to spend (`equal_tokens`).
    ``seeds``: train and play once under each, on the same tasks (`seeded`); the run's own seed draws those.
    """

    methods: tuple[str, ...] = METHODS
    baseline: str | None = None
    equal_tokens: str | None = None
    worlds: Count = 1
    seeds: tuple[_SEED, ...] = ()
    batch_size: Count = 64
    counterfactuals: Literal["auto", "all", "shared", "none"] = "auto"
    on_error: Literal["stop", "skip"] = "stop"

    @property
    def against(self) -> str:
        """Which method the others are paired with: the baseline, else the first; of the default ones `BASELINE`."""
        return self.baseline or (BASELINE if self.methods == METHODS else self.methods[0])


@dataclass(frozen=True)
class BudgetConfig(Settings, at="budget"):
    """What servers may bill a run for, all its continuations together (`spending`); another one may continue it.

    ``max_cost`` is in the currency of the prices.
    """

    max_tokens: Count | None = None
    max_cost: Annotated[float, Gt(0)] | None = None


@dataclass(frozen=True)
class Config(Settings):
    """Everything that decides a run's result, and its speed settings.

    The `TRAINING_SECTIONS` hold what is said of training, ``executor`` where work is done, which is a speed setting;
    they are checked by the classes of these sections (`registry.SECTIONS`), which know the rest.
    """

    seed: _SEED = 0
    information: str = "vote_and_time"
    scenario: ScenarioConfig = field(default_factory=ScenarioConfig)
    speaker: SpeakerConfig = field(default_factory=SpeakerConfig)
    rules: Rules = field(default_factory=Rules)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)
    budget: BudgetConfig = field(default_factory=BudgetConfig)
    gspo: Mapping[str, Any] = field(default_factory=dict)
    tracer: Mapping[str, Any] = field(default_factory=dict)
    magrpo: Mapping[str, Any] = field(default_factory=dict)
    maporl: Mapping[str, Any] = field(default_factory=dict)
    hooks: Mapping[str, Any] = field(default_factory=dict)
    executor: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        seeds = (self.seed, self.scenario.seed or 0, self.training.seed or 0, *self.evaluation.seeds)
        if max(seeds) > MOST_SEED:
            raise ConfigError(f"a seed must be at most {MOST_SEED}, the largest number of TOML, got {max(seeds)}")
        self._check_texts()
        self._check_evaluation()
        try:
            if not own_parts(self.information):  # code is looked up where it is used, and may be
                information_named(self.information)
        except UnknownNameError as error:
            raise ConfigError(str(error)) from error
        for name in _KEPT:
            if getattr(self, name):
                read(section_class(name), getattr(self, name))
        self._check_executor()

    def _check_executor(self) -> None:
        """Raise what making the executor would raise for its name and settings; code is looked up where it is used."""
        if self.executor:
            asked = read(section_class("executor"), self.executor)
            if not names_code("executor", asked.name):
                check("executor", asked.name, **asked.settings)

    def check_unhooked(self, command: str) -> None:
        """Raise ConfigError for a hook: ``command`` would leave it unasked, and play and grade in another way."""
        for key in self.hooks:
            raise ConfigError(
                f"hooks.{key} is asked in training alone, and {command} would pass over it; "
                "take the section [hooks] out of the settings"
            )

    def check_alone(self, command: str) -> None:
        """Raise ConfigError for an executor that ``command`` would not ask."""
        if self.executor.get("name", "process") != "process":
            raise ConfigError(
                f"executor.name is {self.executor['name']!r}, but {command} works in this process alone; leave it out"
            )

    def _check_texts(self) -> None:
        """Raise ConfigError for a text that cannot be put on record, such as a path whose name is no UTF-8."""
        for key, value in flat(self.to_data()).items():
            try:
                str(value).encode("utf-8")
            except UnicodeEncodeError as error:
                remedy = "give another one; a file with such a name can be renamed"
                raise ConfigError(
                    f"{key} is {value!r:.80}, which is no UTF-8 and cannot be put on record; {remedy}"
                ) from error

    @property
    def tasks_seed(self) -> int:
        """The seed that tasks are drawn with."""
        return self.seed if self.scenario.seed is None else self.scenario.seed

    @property
    def training_seed(self) -> int:
        """The seed of what is trained for a comparison."""
        return self.seed if self.training.seed is None else self.training.seed

    def check_seedless(self, command: str) -> None:
        """Raise ConfigError for seeds: of them only ``compare`` knows what to do with several."""
        if self.evaluation.seeds:
            raise ConfigError(
                f"evaluation.seeds is {list(self.evaluation.seeds)}, but {command} goes by one seed; set seed, or "
                "leave evaluation.seeds out"
            )

    def _check_seeds(self) -> None:
        seeds = self.evaluation.seeds
        twice = sorted({seed for seed in seeds if seeds.count(seed) > 1})
        if twice:
            raise ConfigError(f"evaluation.seeds names {twice[0]} more than once: the same again is no new evidence")
        if len(seeds) == 1:
            raise ConfigError(
                f"evaluation.seeds is [{seeds[0]}], and one seed shows no spread; name at least two, or set seed to "
                f"{seeds[0]} (--seed)"
            )
        if seeds and self.training.seed is not None:
            raise ConfigError(
                f"training.seed is {self.training.seed}, but evaluation.seeds says what is trained with; give one of "
                "the two"
            )

    def _check_evaluation(self) -> None:
        self._check_seeds()
        methods, baseline = self.evaluation.methods, self.evaluation.baseline
        if not methods:
            raise ConfigError("evaluation.methods is empty; name at least one controller")
        twice = sorted({name for name in methods if methods.count(name) > 1})
        if twice:
            raise ConfigError(f"evaluation.methods names {', '.join(twice)} more than once")
        if baseline is not None and baseline not in methods:
            raise ConfigError(f"the baseline {baseline!r} is not among the methods{did_you_mean(baseline, methods)}")

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Config:
        """Build from nested mappings, as TOML gives them; raises ConfigError for whatever does not fit."""
        made = {
            name: (said if name in _KEPT else read)(section_class(name), data[name])
            for name in SECTIONS
            if name in data
        }
        return read(cls, {key: value for key, value in data.items() if key not in made}, made=made)

    def to_data(self) -> dict[str, Any]:
        """Return nested plain data that `from_data` reads back; None values and empty sections are left out."""
        return {key: value for key, value in as_data(self).items() if value != {}}

    def to_toml(self) -> str:
        """Return the settings as TOML, every default written out."""
        return written(self.to_data())


def schema() -> dict[str, Any]:
    """Return the JSON schema of a run's whole configuration, section by section."""
    whole = settings_schema(Config)
    sections = {name: settings_schema(section_class(name)) for name in SECTIONS}
    return {"$schema": _DIALECT, **whole, "properties": {**whole["properties"], **sections}}


_SPEED = (
    *("evaluation.batch_size", "evaluation.on_error", "speaker.concurrency", "speaker.timeout", "speaker.retries"),
    *("speaker.longest_wait", "speaker.api_key_env", "speaker.price_in", "speaker.price_out", "speaker.prices"),
    "speaker.store",
)
"""What changes no word: a run may go on with others. Those of speakers are how a server is asked, and what it costs."""


def differences(left: Config, right: Config, ignore: Sequence[str] = _SPEED) -> list[str]:
    """Return the dotted keys in which two configs differ, speed settings and budgets left out."""
    a, b = flat(left.to_data()), flat(right.to_data())
    kept = [key for key in a.keys() | b.keys() if key not in ignore and not key.startswith(("executor.", "budget."))]
    return sorted(key for key in kept if a.get(key) != b.get(key))
