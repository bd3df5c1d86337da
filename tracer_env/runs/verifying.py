"""Verify: whether a run folder is what it says it is. Repair: what two writers doubled.

A run promises, in its config and its record of the tasks, each task in each world by each method, once. `verify` reads
the episodes once and asks of them

    that none is missing, doubled or foreign (another method, seed, world or task);
    that each follows from the settings: played once more by the rules, it comes to the same (`episodes.retelling`),
    and a table that the run has kept gives each choice the probability that it had;
    that signals make sense, and that reviews state what their texts say, read as scenarios of this package read them;
    that their tasks are those that the run was started on, by their digest;
    that their bytes are those that the metrics were computed from, by theirs;
    that every metric comes to the same again, to the last digit.

What an older folder did not record cannot be asked; `Verified.unchecked` says so. No part of the run is loaded for it:
neither scenario nor speaker, and no code that its config names.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tracer_env.compositions import information_named
from tracer_env.episodes.mending import Repaired, repair
from tracer_env.episodes.promise import Promise
from tracer_env.episodes.retelling import Reader, retell
from tracer_env.episodes.transcript import Transcript
from tracer_env.errors import DataError, RunFolderError
from tracer_env.intake.bounded import shown, shown_path
from tracer_env.interfaces import Controller
from tracer_env.parts.own_parts import own_parts
from tracer_env.rules import DialogueState, Rules
from tracer_env.runs.config import differences
from tracer_env.runs.folder import RunFolder, load_run, metrics_of
from tracer_env.runs.kept_controllers import controller_files, kept
from tracer_env.runs.seeded import combined, parts
from tracer_env.runs.survey import Survey, survey
from tracer_env.settings import read
from tracer_env.verification.referee import agreement
from tracer_env.verification.verifiers import verifier_for

__all__ = ["Verified", "repair_run", "verify"]

_TOLD = 3  # of many differences are told


@dataclass(frozen=True)
class Verified:
    """The metrics as they were computed again, and what could not be checked because the run never recorded it."""

    metrics: dict[str, Any]
    unchecked: tuple[str, ...]


def verify(path: str | Path) -> Verified:
    """Check a finished run; raises RunFolderError, in one line, with all that does not hold."""
    run = load_run(path)
    recorded = run.metrics()
    if run.config.evaluation.seeds:
        return _verify_seeds(run, recorded)
    promise, environment = _promised(run)
    run.check_begun()
    own = own_parts(run.config.information)  # code, which nothing here runs
    rules, information = _rules_by_method(run, environment), None if own else information_named(run.config.information)
    tables, reader = _kept(run), _reader(environment)
    strange = [method for method, table in tables.items() if table is None]

    def again(told: Transcript) -> str:
        seen = None if told.method in strange else information
        own = rules.get(told.method, run.config.rules)
        return "" if own is None else retell(told, own, seen, tables.get(told.method), reader)

    try:
        found = survey(run.episodes, promise, again)
    except DataError as error:
        raise RunFolderError(f"{shown_path(run.path)}: the episodes cannot be read: {error}") from error
    wrong = [*found.problems(), *_other_order(found), *_other_tasks(found, environment)]
    wrong += _other_records(run, recorded, environment)
    computed = dict[str, Any]()
    if found.tally.methods and recorded["baseline"] in found.tally.methods and not found.ledger.doubled():
        computed = json.loads(
            json.dumps(metrics_of(run.config, recorded["baseline"], found.tally, found.digest, environment))
        )
        for later in ("episodes_digest", "outcome"):  # what runs of before have not
            if later not in recorded:
                computed.pop(later, None)
        wrong += _differences(recorded, computed)
    elif recorded["baseline"] not in found.tally.methods:
        wrong.append(f"the baseline {shown(recorded['baseline'])} of metrics.json has no episodes")
    if wrong:
        raise RunFolderError(f"{shown_path(run.path)} is not what it says: {'; '.join(wrong)}")
    asked = [f"the keys and choices of {method} (its file is of before, or names code)" for method in strange]
    asked += [f"the keys of all methods (the run's information names code, {shown(own[0])})"] if own else []
    asked += [f"the turns of {method} (its schedule is code)" for method, own in rules.items() if own is None]
    return Verified(computed, (*_unchecked(recorded, environment), *asked))


def _verify_seeds(run: RunFolder, recorded: Mapping[str, Any]) -> Verified:
    """Check the run of each seed, that they are of one comparison, and what they come to together."""
    inside, unchecked, wrong = parts(run), list[str](), list[str]()
    for seed, part in inside.items():
        unchecked += [f"seed {seed}: {each}" for each in verify(part.path).unchecked]
        if others := differences(run.config, part.config, ignore=_OF_ONE_SEED):
            wrong.append(f"the run of seed {seed} has other settings: {', '.join(others)}")
        if seed not in (part.config.seed, part.config.training.seed):
            wrong.append(f"seeds/{seed} is a run of seed {part.config.training_seed}")
    digests = {(part.environment() or {}).get("tasks_digest") for part in (run, *inside.values())}
    if len(digests) > 1:
        wrong.append("the seeds played other tasks")
    computed = json.loads(json.dumps(combined(run)))
    wrong += _differences(recorded, computed)
    if wrong:
        raise RunFolderError(f"{shown_path(run.path)} is not what it says: {'; '.join(wrong)}")
    return Verified(computed, tuple(unchecked))


_OF_ONE_SEED = (
    "seed",
    "scenario.seed",
    "training.seed",
    "evaluation.seeds",
    "evaluation.methods",
    "evaluation.baseline",
    "evaluation.batch_size",
    "evaluation.on_error",
)


def repair_run(path: str | Path) -> Repaired:
    """Take out of a run's episodes what stands there already, and put them in order; see `mending.repair`.

    Raises RunFolderError when another process has the folder, and when two lines of one episode differ.
    """
    run = load_run(path)
    if run.config.evaluation.seeds:
        done = [repair_run(part.path) for part in parts(run).values()]
        return Repaired(
            sum(each.kept for each in done),
            sum(each.doubled for each in done),
            any(each.cut_off for each in done),
            any(each.ordered for each in done),
        )
    run.check_begun()  # whoever has just made the folder, and is about to own it, is not stood in the way
    with run.owned():
        return repair(run.episodes, _promised(run)[0])


def _promised(run: RunFolder) -> tuple[Promise, dict[str, Any]]:
    environment, asked = run.environment(), run.config.evaluation
    if environment is None:
        raise RunFolderError(
            f"{shown_path(run.path)} does not say which tasks it plays: environment.json is missing; "
            f"--resume {shown_path(run.path)} writes it again"
        )
    ids = environment.get("task_ids")
    known = None if ids is None else tuple(ids)
    return Promise(asked.methods, asked.worlds, run.config.seed, environment["tasks"], known), environment


def _rules_by_method(run: RunFolder, environment: Mapping[str, Any]) -> dict[str, Rules | None]:
    """Return the rules of the methods that have others than the run's; None for a schedule that no name tells."""
    found: dict[str, Rules | None] = {}
    for name, each in environment.get("methods", {}).items():
        if (own := each.get("rules")) is not None:
            found[name] = read(Rules, own) if "schedule" in own else None
        elif (final := each.get("final_answer")) is not None:
            found[name] = replace(run.config.rules, final_answer=final)
    return found


def _kept(run: RunFolder) -> dict[str, Controller | None]:
    """Return the learned controllers that the run keeps, None for what cannot be made without code of the user's."""
    files = controller_files(run.path, run.config.evaluation.methods)
    return {method: kept(file) for method, file in files.items() if file.is_file()}


def _reader(environment: Mapping[str, Any]) -> Reader | None:
    """Return what reads reviews again, None for scenarios of the user's own and runs of before.

    Of a choice nothing is known: an episode does not tell which options its task has.
    """
    if "unread" not in environment:
        return None
    verifiers: dict[str, Any] = {}
    unread = tuple(environment["unread"])

    def reader(text: str, state: DialogueState) -> int | None:
        kind = state.task.kind
        if kind == "choice":
            return None
        if kind not in verifiers:
            verifiers[kind] = verifier_for(kind).leaving_out(unread)
        return agreement(text, state, verifiers[kind])

    return reader


def _other_tasks(found: Survey, environment: Mapping[str, Any]) -> list[str]:
    digest, recorded = found.ledger.tasks_digest, environment["tasks_digest"]
    if digest is None or digest == recorded:
        return []
    return [f"its tasks are not those it was started on (their digest is {digest}, recorded as {recorded})"]


def _other_order(found: Survey) -> list[str]:
    if found.ledger.in_order or found.ledger.doubled():
        return []
    return ["its episodes do not stand in the order of a run; verify --repair puts them in order"]


def _other_records(run: RunFolder, recorded: Mapping[str, Any], environment: Mapping[str, Any]) -> list[str]:
    """Return what the records beside the episodes say otherwise than the settings, or leave out, in words."""
    wrong, asked = [], run.config.evaluation
    if environment["seed"] != run.config.seed:
        wrong.append(f"its environment.json is of the seed {environment['seed']}, and its config of {run.config.seed}")
    baseline = asked.against
    if recorded["baseline"] != baseline:
        wrong.append(
            f"the baseline is recorded as {shown(recorded['baseline'])}, and its config says {shown(baseline)}"
        )
    if "task_ids" in environment:
        absent = [] if "episodes_digest" in recorded else ["episodes_digest"]
        absent += ["p_holm"] if _of_before(recorded) else []
        wrong += [
            f"metrics.json has no {name}, which a run of its time records; --resume writes it again" for name in absent
        ]
    return wrong


def _differences(recorded: Mapping[str, Any], computed: Mapping[str, Any]) -> list[str]:
    """Return which metrics are recorded otherwise than they come to, in words."""
    recorded, computed = _told_alike(recorded), _told_alike(computed)
    told = [
        f"{key} is recorded as {shown(recorded.get(key))} but comes to {shown(computed.get(key))}"
        for key in sorted(computed.keys() | recorded.keys())
        if key not in ("rows", "episodes_digest") and computed.get(key) != recorded.get(key)
    ]
    old, new = ({row["method"]: row for row in data["rows"]} for data in (recorded, computed))
    left_out = _BY_ANOTHER_RULE if _of_before(recorded) else ()
    for method in sorted(old.keys() | new.keys()):
        mine, theirs = old.get(method, {}), new.get(method, {})
        told += [
            f"{method}.{key} is recorded as {shown(mine.get(key))} but the episodes come to {shown(theirs.get(key))}"
            for key in sorted(mine.keys() | theirs.keys())
            if mine.get(key) != theirs.get(key)
            and not key.endswith(left_out)
            and not (key in _NEWER and key not in mine)
        ]
    if recorded.get("episodes_digest") != computed.get("episodes_digest"):
        told.append("episodes.jsonl was changed after its metrics were computed: its digest is another")
    return told[:_TOLD] + (["..."] if len(told) > _TOLD else [])


_NEWER = ("lopsided", "paired_tokens", "paired_tokens_ci", "agents", "paired_tasks", "paired_differ", "paired_sd")
"""What rows of before do not say."""


def _told_alike(data: Any) -> Any:
    """Return metrics with intervals of width zero, as runs of before have them, told as the unknown that they are."""
    if isinstance(data, Mapping):
        return {
            key: None if key.endswith("_ci") and isinstance(value, list) and len({*value}) == 1 else _told_alike(value)
            for key, value in data.items()
        }
    return [_told_alike(value) for value in data] if isinstance(data, list) else data


_BY_ANOTHER_RULE = ("_ci", "p_value", "p_holm")


def _of_before(recorded: Mapping[str, Any]) -> bool:
    """Whether the rows are of before intervals and p-values took whole tasks as their units."""
    return all("p_holm" not in row for row in recorded["rows"])


def _unchecked(recorded: Mapping[str, Any], environment: Mapping[str, Any]) -> list[str]:
    told = []
    if "episodes_digest" not in recorded:
        told.append("texts, probabilities and token counts of single episodes (metrics.json has no episodes_digest)")
    if _of_before(recorded):
        told.append(
            "intervals and p-values (metrics.json is of before they took tasks as units; --resume computes it anew)"
        )
    if "unread" not in environment:
        told.append("what reviews state (environment.json does not say that a scenario of this package reads them)")
    if environment.get("task_ids") is None:
        told.append("the names of tasks that are missing (environment.json has no task_ids)")
    return told
