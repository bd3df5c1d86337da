"""What a training would refuse, found before anything is loaded or written: the checks of ``train --dry-run``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tracer_env.registry import trains_language
from tracer_env.runs.config import Config
from tracer_env.runs.foresight import check_parts
from tracer_env.runs.settling import of_training, taught, words_are_free
from tracer_env.trainers.gspo.hook_loading import HOOKS, load_hook
from tracer_env.trainers.runs.controllers import check_sections
from tracer_env.trainers.runs.language import speaker_asked
from tracer_env.trainers.runs.settings import gspo_settings
from tracer_env.trainers.support.log import TrainingLog

__all__ = ["check"]


def check(config: Config, method: str) -> Config:
    """Return the settings under which a training would run, defaults that hang on others written out.

    Raises what it would of its parts, sections, hooks and reports, without loading a model.
    """
    config = of_training(config)
    check_parts(replace(config, scenario=replace(config.scenario, split="train", path=config.training.path)))
    if not trains_language(method):
        config.check_seedless("train")
        config.check_alone("train")
        check_sections(config, method)
        return taught(config, words_are_free(config.speaker.name))
    settings = gspo_settings(config)
    speaker_asked(config, settings)
    for kind in HOOKS.keys() & config.hooks.keys():
        load_hook(kind, config.hooks[kind])
    TrainingLog(Path(), settings.report_to)
    return config
