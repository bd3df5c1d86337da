"""Inspect (the package ``inspect_ai``): our dialogues in its viewer, and our dialogue as one of its tasks.

    export_run("runs/arithmetic--compare--001", "logs")      then: inspect view --log-dir logs
    eval(inspect_task("arithmetic", limit=20), model="openai/gpt-4o-mini")

A log is written for each method: a sample is a task in one world (epoch = world + 1), its messages are the question and
what was said, by whom; its score ``correct`` is 1 for a final answer that our verifier grades correct. In the task both
roles speak with Inspect's model, one of them perhaps with a model role of its own (``reviewer``).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tracer_env.episodes.transcript import Transcript
from tracer_env.errors import ConfigError, MissingExtraError
from tracer_env.interfaces import Scenario
from tracer_env.neighbours.hosting import argue
from tracer_env.parts.casting import make_scenario
from tracer_env.rules import Rules
from tracer_env.runs.folder import load_run
from tracer_env.types import Task

__all__ = ["export_run", "inspect_task"]


def export_run(run: Path | str, logs: Path | str) -> list[Path]:
    """Write a log of each method of a comparison's folder into the folder ``logs``; return the files.

    Raises MissingExtraError without inspect_ai, RunFolderError for a folder that holds no episodes, ConfigError where a
    file of that name stands already.
    """
    _package()
    from inspect_ai.log import write_eval_log

    folder, out = load_run(run), Path(logs)
    written = []
    for number, (method, told) in enumerate(folder.by_method().items()):
        file = out / f"{folder.path.resolve().name}-{number:02d}-{_plain(method)}.eval"
        if file.exists():
            raise ConfigError(f"{file} exists already; choose another folder for the logs")
        out.mkdir(parents=True, exist_ok=True)
        write_eval_log(_log(folder.config.scenario.name, folder.config.speaker.name, method, told), str(file))
        written.append(file)
    return written


def inspect_task(
    scenario: str | Scenario | Sequence[Task],
    controller: str = "always",
    rules: Rules | None = None,
    *,
    seed: int = 0,
    limit: int | None = None,
    **settings: Any,
) -> Any:
    """Return an Inspect ``Task``: its solver plays our dialogue with Inspect's models, its scorer is our verifier.

    The model role ``reviewer`` speaks for reviewers where ``eval(..., model_roles=...)`` names one. ``settings`` go to
    the scenario. Raises MissingExtraError without inspect_ai, and what `make_scenario` raises.
    """
    _package()
    from inspect_ai import Task as InspectTask
    from inspect_ai.dataset import MemoryDataset, Sample
    from inspect_ai.model import get_model
    from inspect_ai.scorer import CORRECT, INCORRECT, Score, Target, accuracy, scorer, stderr
    from inspect_ai.solver import TaskState, solver

    made = make_scenario(scenario, limit=limit, seed=seed, **settings)
    tasks = {task.id: task for task in made}

    @solver  # type: ignore[untyped-decorator]
    def dialogue() -> Any:
        async def solve(state: TaskState, generate: Any) -> TaskState:
            async def said(role: str, prompt: str) -> str:
                model = get_model(role="reviewer") if role == "reviewer" else get_model()
                return str((await model.generate(prompt)).completion)

            voices = {role: _voice(said, role) for role in ("proposer", "reviewer")}
            told = await argue(
                tasks[str(state.sample_id)], made, voices, controller, rules, seed=seed, world=state.epoch - 1
            )
            state.messages += _messages(told)
            state.output.completion = told.final.text
            state.metadata |= {"correct": told.correct, "answer": told.final.answer, "tokens": _tokens(told)}
            return state

        return solve

    @scorer(metrics=[accuracy(), stderr()])  # type: ignore[untyped-decorator]
    def correct() -> Any:
        async def score(state: TaskState, target: Target) -> Score:
            right = state.metadata["correct"]
            return Score(value=CORRECT if right else INCORRECT, answer=state.metadata["answer"])

        return score

    samples = [Sample(id=task.id, input=task.question, target=task.answer) for task in made]
    return InspectTask(dataset=MemoryDataset(samples, name=made.name), solver=dialogue(), scorer=correct())


def _voice(said: Any, role: str) -> Any:
    async def ask(prompt: str) -> str:
        return str(await said(role, prompt))

    return ask


def _log(scenario: str, speaker: str, method: str, told: Sequence[Transcript]) -> Any:
    from inspect_ai.log import EvalConfig, EvalDataset, EvalLog, EvalMetric, EvalResults, EvalScore, EvalSpec

    right = sum(each.correct for each in told) / len(told)
    metric = EvalMetric(name="accuracy", value=right)
    dataset = EvalDataset(name=scenario, samples=len(told), sample_ids=sorted({each.task.id for each in told}))
    return EvalLog(
        status="success",
        eval=EvalSpec(
            created=datetime.now(UTC).isoformat(),
            task=f"{scenario}: {method}",
            dataset=dataset,
            model=speaker,
            config=EvalConfig(epochs=1 + max(each.world for each in told)),
            metadata={"method": method, "seed": told[0].seed},
        ),
        results=EvalResults(
            total_samples=len(told),
            completed_samples=len(told),
            scores=[EvalScore(name="correct", scorer="correct", metrics={"accuracy": metric})],
        ),
        samples=[_sample(each) for each in told],
    )


def _sample(told: Transcript) -> Any:
    from inspect_ai.log import EvalSample
    from inspect_ai.model import ChatMessageUser, ModelOutput
    from inspect_ai.scorer import Score

    return EvalSample(
        id=told.task.id,
        epoch=told.world + 1,
        input=told.task.question,
        target=told.task.answer,
        messages=[ChatMessageUser(content=told.task.question), *_messages(told)],
        output=ModelOutput.from_content("dialogue", told.final.text),
        scores={"correct": Score(value=int(told.correct), answer=told.final.answer, explanation=told.failed or None)},
        metadata={"method": told.method, "final_turn": told.final_turn, "tokens": _tokens(told)},
    )


def _messages(told: Transcript) -> list[Any]:
    """Return what was said, turn by turn; who was silent is told as well."""
    from inspect_ai.model import ChatMessageAssistant

    found = []
    for turn in told.turns:
        text = "(silent)" if turn.utterance is None else turn.utterance.text
        who = f"agent_{turn.agent} ({turn.role.name.lower()})"
        facts = {"turn": turn.turn, "speak_probability": turn.speak_probability, "information_state": turn.key}
        found.append(ChatMessageAssistant(content=f"{who}, turn {turn.turn}\n\n{text}", metadata=facts))
    return found


def _tokens(told: Transcript) -> int:
    return sum(turn.utterance.tokens for turn in told.turns if turn.utterance is not None)


def _plain(method: str) -> str:
    return "".join(each if each.isalnum() or each in "-_." else "-" for each in method)[:80]


def _package() -> None:
    try:
        import inspect_ai  # noqa: F401 - whether it is there
    except ImportError as error:
        raise MissingExtraError("what stands in Inspect", "inspect_ai", "inspect") from error
