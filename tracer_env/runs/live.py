"""One episode as it happens, and the choice of episodes to replay: the work behind `play` and `replay`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from tracer_env.compositions import check_ready, information_named
from tracer_env.display.scene import pieces, summary
from tracer_env.episodes.rollout import Job, everything, nothing, rollout
from tracer_env.episodes.shelf import chosen
from tracer_env.episodes.transcript import Transcript
from tracer_env.errors import ConfigError, UnknownNameError
from tracer_env.parts.casting import make_controller, make_speaker
from tracer_env.parts.own_parts import take_in
from tracer_env.parts.seams import check_plays, costs_nothing
from tracer_env.parts.task_contracts import check_each
from tracer_env.parts.worlds import check_world
from tracer_env.runs.config import Config
from tracer_env.runs.folder import load_run
from tracer_env.runs.learning import untrained
from tracer_env.runs.seeded import of_seed
from tracer_env.runs.spending import billed
from tracer_env.runs.splits import scenario_of
from tracer_env.specs import cast_parts, is_cast
from tracer_env.store.keeping import kept
from tracer_env.terminal.plain import command

__all__ = ["chosen_episodes", "play"]


def play(
    config: Config,
    controller: str,
    task: str | None = None,
    world: int = 0,
    console: Console | None = None,
    trust_code: bool = False,
) -> Transcript:
    """Play one episode and return it; with a console, print each part as soon as it is there.

    Where a person decides (`human`, also in a cast), the gold answer, grades and values are kept back until the end,
    and then stand in a line for each turn. ``trust_code``: the controller's file may name code (`trust`).

    Raises UnknownNameError for a task id that the scenario does not have, ConfigError for an untrained table
    and for a hook.
    """
    config.check_unhooked("play")
    config.check_seedless("play")
    config.check_alone("play")
    scenario = scenario_of(config)
    check_each(scenario)
    take_in(config.information)
    made = make_controller(controller, config.rules, config.information, trust_code)
    if untrained(made):
        raise ConfigError(
            f"{controller} has learned nothing yet; train it first "
            f"({command('tracer-env', 'train', '--method', controller)}) and give the file it writes"
        )
    speaker = make_speaker(config.speaker.name, **config.speaker.settings)
    check_plays(speaker, config.rules)
    chosen = next((each for each in scenario if task is None or each.id == task), None)
    if chosen is None:
        raise UnknownNameError("task", task, [each.id for each in scenario][:1000])
    if world < 0:
        raise ConfigError(f"--world must be at least 0, got {world}")
    check_world(speaker, world, "--world")
    job = Job(0, controller, made, chosen, world, config.seed)
    shown, blind = 0, _asks_a_person(controller)

    def show(so_far: Transcript, over: bool = False) -> None:
        nonlocal shown
        parts = list(pieces(so_far, blind))
        upto = len(parts) if over else len(parts) - 1  # the last part sums up the whole episode
        if console is not None:
            for part in parts[shown:upto]:
                console.print(part)
            if over and blind:
                console.print(summary(so_far))
        shown = upto

    which = everything if costs_nothing(speaker) else nothing
    key = check_ready(information_named(config.information))
    with billed(speaker, config.budget, None), kept(speaker, config.speaker.store, None):
        played = rollout([job], speaker, scenario, config.rules, key, which, watch=lambda so_far: show(so_far[0]))[0]
    show(played, over=True)
    return played


def _asks_a_person(controller: str) -> bool:
    names = cast_parts(controller, "+").values() if is_cast(controller) else (controller,)
    return "human" in names


def chosen_episodes(
    run: Path, method: str | None, episode: str | None, only: str | None, seed: int | None = None
) -> Sequence[Transcript]:
    """Return the episodes of a run that were asked for; many are read one by one, when they are asked for.

    Of a run under several seeds those of ``seed`` are taken, None: of the first.
    Raises UnknownNameError for an unknown method, ConfigError for an unknown episode or when nothing is left.
    """
    folder = of_seed(load_run(run), seed)
    folder.check_begun()
    found = chosen(folder.episodes, method, episode, only)
    if not found:
        raise ConfigError(f"no episode of {run} fits; leave --only or --method out")
    return found
