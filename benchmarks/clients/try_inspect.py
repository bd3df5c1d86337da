"""Inspect: a comparison's folder as logs that its viewer reads, and our dialogue as one of its tasks."""

from __future__ import annotations

import tempfile
from pathlib import Path

from inspect_ai import eval as evaluate
from inspect_ai.log import list_eval_logs, read_eval_log
from inspect_ai.model import ModelOutput, ModelUsage, get_model
from told import Use, tell

import tracer_env
from tracer_env.neighbours.inspect_logs import export_run, inspect_task


def logs() -> None:
    with tempfile.TemporaryDirectory() as folder:
        run = tracer_env.compare(
            scenario="arithmetic",
            speaker="simulated",
            methods=["always", "until_approved"],
            limit=6,
            out=f"{folder}/run",
        )
        written = export_run(run.run.path, Path(folder) / "logs")
        assert len(list_eval_logs(f"{folder}/logs")) == len(written) == 2
        told = read_eval_log(str(written[0]))
        assert told.status == "success"
        assert told.results is not None
        row = next(row for row in run.rows if row["method"] == "always")
        assert told.results.scores[0].metrics["accuracy"].value == row["accuracy"]
        samples = told.samples or []
        assert len(samples) == 6
        assert all("agent_0 (proposer), turn 1" in sample.messages[1].text for sample in samples)


def said(text: str) -> ModelOutput:
    output = ModelOutput.from_content("mockllm/model", text)
    output.usage = ModelUsage(
        input_tokens=9, output_tokens=4, total_tokens=13
    )  # or it asks the network for a tokenizer
    return output


def task() -> None:
    asked = inspect_task("arithmetic", limit=3)
    gold = asked.dataset[0].target
    proposer = get_model("mockllm/model", custom_outputs=lambda *_: said(f"Final answer: {gold}"))
    reviewer = get_model("mockllm/model", custom_outputs=lambda *_: said("RIGHT. It is."))
    with tempfile.TemporaryDirectory() as folder:
        (told,) = evaluate(
            asked, model=proposer, model_roles={"reviewer": reviewer}, log_dir=folder, display="none", epochs=2
        )
        assert told.status == "success", told.error and told.error.message
        assert told.results is not None
        assert 1 / 3 <= told.results.scores[0].metrics["accuracy"].value <= 1
        first = next(sample for sample in told.samples or [] if sample.id == asked.dataset[0].id)
        assert first.scores is not None
        assert first.scores["correct"].value == "C"
        assert "agent_1 (reviewer), turn 2\n\nRIGHT. It is." in [message.text for message in first.messages]


if __name__ == "__main__":
    raise SystemExit(
        tell(
            "inspect_ai",
            Use("logs of a comparison", logs, "`tracer_env.neighbours.inspect_logs.export_run`"),
            Use("dialogue as a task", task, "`tracer_env.neighbours.inspect_logs.inspect_task`"),
        )
    )
