"""What a caller gives as objects, and what a run records of them: the import path, and that it was an object.

    compare(scenario="gsm8k", speaker=answer, methods=["always"], controllers={"mine": Mine()})

Names become settings of the run; objects are kept, and recorded as ``package.module:Name``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tracer_env.errors import ConfigError
from tracer_env.interfaces import Controller, Scenario
from tracer_env.parts.blame import told
from tracer_env.parts.contracts import well_formed
from tracer_env.runs.config import Config, EvaluationConfig, ScenarioConfig, SpeakerConfig
from tracer_env.specs import is_cast

__all__ = ["Given", "import_path"]


def import_path(part: Any) -> str:
    """Return where a function stands, or the class of an object: ``package.module:Name``."""
    named = part if hasattr(part, "__qualname__") else type(part)
    name = str(named.__qualname__).rpartition(".")[2].strip("<>") or "object"
    return f"{named.__module__}:{name}"


@dataclass(frozen=True)
class Given:
    """Parts as a caller gave them: names, objects, or nothing."""

    scenario: Any  # str | Scenario | Sequence[Task] | None
    speaker: Any  # str | Speaker | Callable[[str], str] | Mapping[str, Any] | None
    controllers: Mapping[str, Controller] | None

    @property
    def objects(self) -> tuple[str, ...]:
        """Which parts are objects."""
        found = ("scenario", self.scenario), ("speaker", self.speaker), ("controllers", self.controllers or None)
        return tuple(name for name, part in found if part is not None and not isinstance(part, str))

    @staticmethod
    def made(part: Any) -> Any:
        """Return an object, None for a name."""
        return None if isinstance(part, str) else part

    def asked(self, config: Config, methods: Sequence[str] | None, more: Mapping[str, Any]) -> Config:
        """Return the config with what was given in its place.

        Raises ConfigError for controllers that are none, or whose names are taken or could stand in no file.
        """
        objects, asked = self.controllers or {}, config
        _check(objects, methods)
        named = asked.evaluation.methods
        if methods is not None:
            named = tuple(methods)
        elif objects and named == EvaluationConfig.methods:
            named = ()
        evaluation = replace(asked.evaluation, methods=(*(name for name in named if name not in objects), *objects))
        if more["worlds"] is not None:
            evaluation = replace(evaluation, worlds=more["worlds"])
        seed = asked.seed if more["seed"] is None else more["seed"]
        asked = replace(asked, evaluation=evaluation, seed=seed)
        return self._speaker_named(self._scenario_named(asked, more["limit"]))

    def unsaid(self, config: Config) -> dict[str, Any]:
        """Return what a folder's own config says where no object takes its place."""
        data = config.to_data()
        for name, part in (("scenario", self.scenario), ("speaker", self.speaker)):
            if part is not None:
                del data[name]
        names = [name for name in config.evaluation.methods if name not in (self.controllers or {})]
        return {**data, "evaluation": {**data["evaluation"], "methods": names}}

    def _scenario_named(self, asked: Config, limit: int | None) -> Config:
        scenario, part = asked.scenario, self.scenario
        if isinstance(part, str):
            scenario = ScenarioConfig(name=part, split=scenario.split, limit=scenario.limit)
        elif isinstance(part, Scenario):
            scenario = replace(scenario, name=part.name if part.name.isprintable() and part.name else import_path(part))
        elif part is not None:
            scenario = replace(scenario, name="tasks")
        return replace(asked, scenario=scenario if limit is None else replace(scenario, limit=limit))

    def _speaker_named(self, asked: Config) -> Config:
        part, store = self.speaker, asked.speaker.store
        if part is None:
            return asked
        if isinstance(part, str):
            return replace(asked, speaker=SpeakerConfig(name=part, store=store))
        if isinstance(part, Mapping):
            name = ",".join(f"{seat}={one if isinstance(one, str) else import_path(one)}" for seat, one in part.items())
            return replace(asked, speaker=SpeakerConfig(name=name if is_cast(name) else import_path(part), store=store))
        return replace(asked, speaker=SpeakerConfig(name=import_path(part), store=store))


def _check(controllers: Mapping[str, Controller], methods: Sequence[str] | None) -> None:
    if isinstance(methods, str):
        raise ConfigError(f"methods must be a list of names, got the text {methods!r}; write [{methods!r}]")
    for name, controller in controllers.items():
        if not isinstance(name, str) or not name or well_formed(name) != name:
            raise ConfigError(f"the name of a method must be a text that can be written, got {told(name)}")
        if not isinstance(controller, Controller):
            raise ConfigError(f"method {told(name)} is {told(controller)}, which has no method speak_probability()")
        if name in (methods or ()):
            raise ConfigError(f"{told(name)} is a method and a controller as well; give one of them another name")
