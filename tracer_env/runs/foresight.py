"""What a run would refuse, found without playing it: what ``--dry-run`` checks before it prints the settings.

Names are looked up, controllers made, files of questions read; nothing is fetched from a hub, and no model is loaded.
"""

from __future__ import annotations

from tracer_env.parts.casting import make_speaker
from tracer_env.parts.methods import make_method
from tracer_env.parts.own_parts import take_in
from tracer_env.parts.seams import check_plays
from tracer_env.parts.standing import the_part_itself
from tracer_env.parts.worlds import check_worlds
from tracer_env.registry import check, registered, resolve
from tracer_env.runs.config import Config
from tracer_env.runs.learning import untrained
from tracer_env.runs.settling import learns_from_play, shared, taught, words_are_free
from tracer_env.runs.splits import scenario_of, training_scenario
from tracer_env.runs.voiced import check_words
from tracer_env.specs import cast_parts, is_cast

__all__ = ["check_comparison", "check_parts"]

_FETCHED = ("hf:", "modelscope:", "gsm8k", "math500", "gpqa-diamond")
"""Scenarios that may come from elsewhere."""


def check_parts(config: Config) -> None:
    """Raise what a run would for the names of its scenario and its speaker, and for tasks that are on this machine."""
    where = config.scenario
    resolve("scenario", where.name)
    if not where.name.startswith(_FETCHED):
        scenario_of(config)
    for name in _speakers(config.speaker.name):
        if the_part_itself("speaker", name, **config.speaker.settings) is None:
            check("speaker", name, **config.speaker.settings)
    if words_are_free(config.speaker.name):
        voices = make_speaker(config.speaker.name, **config.speaker.settings)
        check_plays(voices, config.rules)
        check_worlds(voices, config.evaluation.worlds, config.seed)
    take_in(config.information)


def check_comparison(config: Config, trust_code: bool = False) -> Config:
    """Return the settings with which `compare` would play, defaults that hang on others written out.

    Raises what it would for scenario, speaker, methods, and a train split that is missing.
    """
    check_parts(config)
    made = [make_method(name, config.rules, config.information, trust_code) for name in config.evaluation.methods]
    check_words(dict(zip(config.evaluation.methods, made, strict=True)), config, trust_code)
    if any(map(untrained, made)) and not config.scenario.name.startswith(_FETCHED):
        training_scenario(config)
    if learns_from_play(made):
        config = taught(config, words_are_free(config.speaker.name))
    return shared(config)


def _speakers(name: str) -> list[str]:
    if name in registered("speaker") or not is_cast(name):
        return [name]
    return [each for part in cast_parts(name, ",").values() for each in _speakers(part)]
