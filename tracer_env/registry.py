"""Names for parts: a name stands for ``"module:Name"``, which is imported when it is asked for.

    register("controller", "mine", "my_package.mine:MyController")
    make_controller("mine", threshold=2)

Eight kinds of part have names: scenario, speaker, controller, method, trainer, information, reward, executor. A name
that ends in ``:`` is a prefix, and what follows it is the first argument: ``jsonl:tasks.jsonl``, ``hf:PATH``. A
scenario may also be the name of a file or folder of questions. ``package.module:Name`` and ``file.py:Name`` are
imported as they stand (`code_files`), and may have settings behind them: ``mine.py:Thrifty:budget=2``. What cannot be
found or imported is an error that says so; nothing is ever replaced by something else.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from tracer_env.code_files import CODE, found_at, is_code, path_and_settings
from tracer_env.errors import ConfigError, PartError, TracerEnvError, UnknownNameError
from tracer_env.intake.near_files import near_questions
from tracer_env.settings import check_call
from tracer_env.specs import name_and_settings

__all__ = [
    "KINDS",
    "OURS",
    "SECTIONS",
    "build",
    "check",
    "names_code",
    "register",
    "registered",
    "resolve",
    "section_class",
    "trains_language",
]

_AGENTS, _SCENARIOS = "tracer_env.agents", "tracer_env.scenarios"

KINDS: dict[str, dict[str, str | Callable[..., Any]]] = {
    "scenario": {
        "arithmetic": f"{_SCENARIOS}.arithmetic:Arithmetic",
        "gsm8k": f"{_SCENARIOS}.gsm8k:GSM8K",
        "math500": f"{_SCENARIOS}.math500:MATH500",
        "gpqa-diamond": f"{_SCENARIOS}.gpqa:GPQADiamond",
        "reasoning-gym:": f"{_SCENARIOS}.procedural:ReasoningGym",
        "jsonl:": f"{_SCENARIOS}.files:JSONL",
        "questions:": f"{_SCENARIOS}.questions:Questions",
        "hf:": f"{_SCENARIOS}.hub:HuggingFace",
        "recorded": f"{_SCENARIOS}.recorded:ShippedTasks",
        "recorded-smollm2": f"{_SCENARIOS}.recorded:ShippedSmolLM2Tasks",
        "recorded:": f"{_SCENARIOS}.recorded:RecordedTasks",
        "modelscope:": f"{_SCENARIOS}.hub:ModelScope",
    },
    "speaker": {
        "simulated": f"{_AGENTS}.speakers.simulated.speaker:SimulatedSpeaker",
        "simulated:": f"{_AGENTS}.speakers.simulated.speaker:SimulatedSpeaker",
        "recorded": f"{_AGENTS}.speakers.recorded:ShippedSpeaker",
        "recorded-smollm2": f"{_AGENTS}.speakers.recorded:ShippedSmolLM2",
        "recorded:": f"{_AGENTS}.speakers.recorded:RecordedSpeaker",
        "hf:": f"{_AGENTS}.speakers.models.huggingface:HuggingFaceSpeaker",
        "vllm:": f"{_AGENTS}.speakers.models.vllm_speaker:VLLMSpeaker",
        "endpoint:": f"{_AGENTS}.speakers.endpoint.speaker:EndpointSpeaker",
        "nano": f"{_AGENTS}.speakers.models.nano:Nano",
        "smollm2": f"{_AGENTS}.speakers.models.smollm2:SmolLM2",
    },
    "controller": {
        "regret_matching": f"{_AGENTS}.controllers.regret_matching:RegretMatching",
        "regret_matching_plus": f"{_AGENTS}.controllers.regret_matching:RegretMatchingPlus",
        "cfr_plus": f"{_AGENTS}.controllers.tree_trained:CFRPlus",
        "cfr": f"{_AGENTS}.controllers.tree_trained:CFR",
        "dcfr": f"{_AGENTS}.controllers.tree_trained:DCFR",
        "predictive_rm_plus": f"{_AGENTS}.controllers.tree_trained:PredictivePlus",
        "hedge": f"{_AGENTS}.controllers.tree_trained:Hedge",
        "logistic": f"{_AGENTS}.controllers.logistic:Logistic",
        "down": f"{_AGENTS}.controllers.down:Down",
        "imad": f"{_AGENTS}.controllers.imad:IMAD",
        "epsilon_greedy": f"{_AGENTS}.controllers.bandits:EpsilonGreedy",
        "ucb": f"{_AGENTS}.controllers.bandits:UCB",
        "thompson": f"{_AGENTS}.controllers.bandits:Thompson",
        "q_learning": f"{_AGENTS}.controllers.q_learning:QLearning",
        "sb3:ppo": f"{_AGENTS}.controllers.stable_baselines:PPO",
        "sb3:dqn": f"{_AGENTS}.controllers.stable_baselines:DQN",
        "sb3:maskable_ppo": f"{_AGENTS}.controllers.stable_baselines:MaskablePPO",
        "rumad": f"{_AGENTS}.controllers.rumad:RUMAD",
        "always": f"{_AGENTS}.controllers.baselines:Always",
        "majority_voting": f"{_AGENTS}.controllers.baselines:MajorityVoting",
        "never": f"{_AGENTS}.controllers.baselines:Never",
        "random": f"{_AGENTS}.controllers.baselines:Random",
        "periodic": f"{_AGENTS}.controllers.baselines:Periodic",
        "vote_threshold": f"{_AGENTS}.controllers.baselines:VoteThreshold",
        "until_approved": f"{_AGENTS}.controllers.baselines:UntilApproved",
        "oracle": f"{_AGENTS}.controllers.baselines:Oracle",
        "human": f"{_AGENTS}.controllers.human:Human",
        "llm_decides": f"{_AGENTS}.controllers.llm_decides:LLMDecides",
    },
    "method": {
        "cot": f"{_AGENTS}.methods.cot:ChainOfThought",
        "self_consistency": f"{_AGENTS}.methods.self_consistency:SelfConsistency",
        "best_of_n": f"{_AGENTS}.methods.best_of_n:BestOfN",
        "verifier_loop": f"{_AGENTS}.methods.verifier_loop:VerifierLoop",
        "self_refine": f"{_AGENTS}.methods.self_refine:SelfRefine",
        "debate": f"{_AGENTS}.methods.debate:Debate",
        "debate_judge": f"{_AGENTS}.methods.debate_judge:DebateJudge",
        "mixture": f"{_AGENTS}.methods.mixture:Mixture",
        "grpo": f"{_AGENTS}.methods.trained:GRPO",
        "gspo": f"{_AGENTS}.methods.trained:GSPO",
        "magrpo": f"{_AGENTS}.methods.trained:MAGRPO",
        "maporl": f"{_AGENTS}.methods.trained:MAPoRL",
        "tracer": f"{_AGENTS}.methods.trained:Tracer",
    },
    "trainer": {
        "regret_matching": "tracer_env.trainers.runs.controllers:train_run",
        "regret_matching_plus": "tracer_env.trainers.runs.controllers:train_run",
        **{name: f"tracer_env.trainers.runs.methods:{name}" for name in ("gspo", "grpo", "tracer", "magrpo", "maporl")},
    },
    "information": {
        name: f"tracer_env.information:{name}" for name in ("vote_and_time", "vote_only", "time_only", "history")
    },
    "reward": {
        "role_credit": "tracer_env.rewards:RoleCredit",
        "team": "tracer_env.rewards:Team",
        "team_minus_tokens": "tracer_env.rewards:TeamMinusTokens",
    },
    "executor": {
        "process": "tracer_env.executors.seam:InProcess",
        "ray": "tracer_env.executors.ray_pool:RayExecutor",
    },
}

OURS = {
    "task_list": "tracer_env.scenarios.base:TaskList",
    "cast_speaker": "tracer_env.agents.speakers.cast:CastSpeaker",
    "function_speaker": "tracer_env.agents.speakers.function:FunctionSpeaker",
    "prompts": f"{_AGENTS}.speakers.prompts:Prompts",
    "plain_prompt": f"{_AGENTS}.speakers.prompts:plain_text",
    "cached_speaker": "tracer_env.agents.speakers.cached:CachedSpeaker",
    "cast_controller": "tracer_env.agents.controllers.cast:CastController",
    "train_controller": "tracer_env.trainers.regret.trainer:train_controller",
    "teach_on_trees": "tracer_env.trainers.cfr.methods:teach",
    "load_zip": "tracer_env.trainers.outcomes.stable_zips:load_zip",
    "signal_features": "tracer_env.envs.signal_features:SignalFeatures",
    "fit_features": "tracer_env.envs.signal_features:fit_features",
    "vector_env": "tracer_env.envs.vector.env:make_vector_env",
    "controller_env": "tracer_env.envs.wrappers:make_controller_env",
    "sb3_vec_env": "tracer_env.envs.sb3:sb3_vec_env",
    "teach_on_outcomes": "tracer_env.trainers.outcomes.teaching:teach",
    "train_on_trees": "tracer_env.trainers.cfr.training:train_on_trees",
    "train_logistic_on_trees": "tracer_env.trainers.cfr.logistic:train_logistic_on_trees",
    "asked": f"{_AGENTS}.speakers.asked:asked",
    "frontier": "tracer_env.trainers.cfr.frontier:frontier_command",
    "frontier_table": "tracer_env.trainers.cfr.frontier:frontier_table",
    "see": "tracer_env.trainers.seeing.study:see",
    "see_drawing": "tracer_env.trainers.seeing.shown:drawing",
    "see_tables": "tracer_env.trainers.seeing.shown:study_tables",
    "calibrate": "tracer_env.trainers.calibration.command:calibrate_command",
    "calibration_table": "tracer_env.trainers.calibration.command:calibration_table",
    "training_settings": "tracer_env.trainers.runs.settings:settled",
    "preset_phrases": f"{_AGENTS}.speakers.simulated.rates:preset_phrases",
    "training_checks": "tracer_env.trainers.runs.foreseen:check",
    "training_report": "tracer_env.trainers.runs.course:training_report",
    "course_tables": "tracer_env.trainers.runs.course:course_tables",
    "base_and_trained": "tracer_env.trainers.runs.course:base_and_trained",
    "trained": "tracer_env.trainers.runs.handed:handed_over",
    "trained_on": "tracer_env.trainers.runs.handed:learned_on",
    "training_names": "tracer_env.trainers.runs.settings:names",
}
"""Doors of rooms that the world opens without importing them: `resolve` and `build` take these like a user's own."""

SECTIONS: dict[str, str | type[Any]] = {
    **{name: f"tracer_env.runs.config:{name.title()}Config" for name in ("scenario", "speaker")},
    "rules": "tracer_env.rules:Rules",
    **{name: f"tracer_env.runs.config:{name.title()}Config" for name in ("training", "evaluation", "budget")},
    "gspo": "tracer_env.trainers.gspo.config:GSPOSettings",
    "tracer": "tracer_env.trainers.tracer.settings:TracerSettings",
    "magrpo": "tracer_env.trainers.team.settings:MAGRPOSettings",
    "maporl": "tracer_env.trainers.team.settings:MAPoRLSettings",
    "hooks": "tracer_env.trainers.gspo.hook_loading:HookPaths",
    "executor": "tracer_env.executors.seam:ExecutorConfig",
}
"""The sections of a run's settings, and the dataclass that each is read into."""


def register(kind: str, name: str, target: str | Callable[..., Any]) -> None:
    """Give ``target`` (an object that builds the part, or its ``"module:Name"``) the name ``name``.

    Raises ConfigError when the name is taken by something else, UnknownNameError for an unknown kind.
    """
    table = _table(kind)
    if table.get(name, target) != target:
        raise ConfigError(f"the {kind} name {name!r} is taken by {table[name]}; choose another")
    if isinstance(target, str):
        if not CODE.fullmatch(target):
            wanted = '"package.module:Name" or "file.py:Name"'
            raise ConfigError(f"the target of {kind} {name!r} must look like {wanted}, got {target!r}")
    elif not callable(target):
        raise ConfigError(f"the target of {kind} {name!r} must be callable, got {target!r}")
    table[name] = target


def registered(kind: str) -> tuple[str, ...]:
    """Return the registered names of a kind, sorted."""
    return tuple(sorted(_table(kind)))


def trains_language(method: str) -> bool:
    """Return whether a trainer's name stands for one that teaches a language model: their doors share a file."""
    target, ours = KINDS["trainer"].get(method), str(KINDS["trainer"]["gspo"]).partition(":")[0]
    return isinstance(target, str) and target.partition(":")[0] == ours


def names_code(kind: str, name: str) -> bool:
    """Return whether `resolve` would import ``name`` by its path: what a user may ask for, and a file may not."""
    table = _table(kind)
    known = name in table or f"{name.partition(':')[0]}:" in table or path_and_settings(name)[0] in table
    return not known and is_code(name)


def resolve(kind: str, name: str) -> tuple[Callable[..., Any], tuple[str, ...]]:
    """Return what builds the part ``name`` and the argument behind a prefix, if there is one.

    Raises UnknownNameError (with the nearest name), MissingExtraError, or ConfigError when the module
    or the name inside it (with the nearest one there) does not exist.
    """
    table = _table(kind)
    if name in table and not name.endswith(":"):
        return _imported(kind, name, table[name]), ()
    prefix, colon, rest = name.partition(":")
    if colon and f"{prefix}:" in table:
        if not rest:
            raise ConfigError(f"{kind} {name!r} needs something after the colon: {prefix}:<what>")
        return _imported(kind, name, table[f"{prefix}:"]), (rest,)
    if names_code(kind, name):
        return _imported(kind, name, path_and_settings(name)[0]), ()
    if kind == "scenario" and _is_questions(name):
        return _imported(kind, name, table["questions:"]), (name,)
    if kind == "scenario" and (os.sep in name or os.path.isfile(os.path.expanduser(name))):
        there = os.path.exists(os.path.expanduser(name))
        state = "no .jsonl or .csv file" if there else f"not there{near_questions(Path(name).expanduser())}"
        raise ConfigError(
            f"scenario {name!r} is {state}; questions are read from such a file, or from a folder that holds train and "
            f"test; paths start at {os.getcwd()}"
        )
    filed = kind == "scenario" and ":" not in name and ("." in name or not get_close_matches(name, table))
    if filed and (near := near_questions(Path(name).expanduser())):
        raise ConfigError(f"unknown scenario {name!r}, and no such file or folder{near}")
    if kind == "controller" and prefix in KINDS["method"]:
        raise ConfigError(
            f"{prefix!r} is a method with rules of its own, and no controller; compare --methods plays it, and "
            "make_method makes it"
        )
    raise UnknownNameError(kind, name, table)


def _is_questions(name: str) -> bool:
    """Return whether a scenario's name is a file of questions, or a folder."""
    return name.lower().endswith((".jsonl", ".csv")) or os.path.isdir(os.path.expanduser(name))


def build(kind: str, name: str, /, *arguments: Any, **settings: Any) -> Any:
    """Call what builds the part ``name`` with these arguments.

    A setting that the part does not have, or of another kind than its constructor says, is a ConfigError; what the
    constructor of a user's own part raises is a PartError.
    """
    target, leading = resolve(kind, name)
    check(kind, name, *arguments, **settings)
    if names_code(kind, name):
        settings = {**_settings_behind(name), **settings}
    try:
        return target(*leading, *arguments, **settings)
    except TracerEnvError:
        raise
    except Exception as error:
        if str(getattr(target, "__module__", "")).startswith("tracer_env."):
            raise
        last = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        raise PartError(f"the {kind} {name!r} could not be made: its constructor raised {last}") from error


def check(kind: str, name: str, /, *arguments: Any, **settings: Any) -> None:
    """Raise what `build` would raise before it makes anything: for a name, and for settings that the part has not."""
    target, leading = resolve(kind, name)
    if names_code(kind, name):
        settings = {**_settings_behind(name), **settings}
    check_call(f"{kind} {name!r}", target, (*leading, *arguments), settings)


def _settings_behind(name: str) -> dict[str, Any]:
    """Return the settings that stand behind an import path, as of ``mine.py:Thrifty:budget=2``."""
    path, text = path_and_settings(name)
    return name_and_settings(f"{path}:{text}")[1] if text else {}


def section_class(name: str) -> type[Any]:
    """Return the dataclass that the section ``name`` of a run's settings is read into."""
    found: Any = _imported("section", name, SECTIONS[name])
    return found  # type: ignore[no-any-return]


def _table(kind: str) -> dict[str, str | Callable[..., Any]]:
    if kind not in KINDS:
        raise UnknownNameError("kind of part", kind, KINDS)
    return KINDS[kind]


def _imported(kind: str, name: str, target: str | Callable[..., Any]) -> Callable[..., Any]:
    if not isinstance(target, str):
        return target
    found: Callable[..., Any] = found_at(f"{kind} {name!r}", target)
    return found
