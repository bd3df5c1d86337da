"""Nano: a language model of our own, small enough to ship with the package and to train in minutes on a CPU.

A Llama of just under a million parameters over bytes and the words of the scenario `arithmetic`, trained from
nothing on its train split (`trainers.nano.training`) in both roles, with wrong texts among those it learnt from: some
wrong by chance, some by a habit, so it is often wrong at temperature 1 and sometimes wrong for sure.
At levels 1 and 2 two of three proposals are right at temperature 1 and three of four greedily; the higher levels were
not in its schooling. A WRONG helps it to mend. As a reviewer it is right in two cases of three (mean of right and wrong
proposals), and greedily in five of six: what is left is for GSPO to bring out (`trainers.gspo.trainer`).

Its prompts are its own: no worked examples, no discussion, only what the reply hangs on.

    proposer   <bos><solve> question / vote pending <reply>
    reviewer   <bos><check> question / pending <reply>

The weights are stored in bfloat16, which float32 holds exactly.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from tracer_env.agents.speakers.models.huggingface import HuggingFaceSpeaker
from tracer_env.agents.speakers.prompts import Message, Prompts
from tracer_env.errors import DataError
from tracer_env.types import Role, Task

__all__ = ["PROPOSER_PROMPT", "REVIEWER_PROMPT", "ROLE_TOKENS", "Nano", "NanoPrompts", "packaged_weights"]

PROPOSER_PROMPT = "{question}\n{vote} {pending}"
REVIEWER_PROMPT = "{question}\n{pending}"
ROLE_TOKENS = {Role.PROPOSER: "<solve>", Role.REVIEWER: "<check>"}
"""The token that tells the model which role it plays; the system message is this token alone."""


@dataclass(frozen=True)
class NanoPrompts(Prompts):
    """Prompts whose opening is the role's token and nothing else."""

    proposer_prompt: str | None = PROPOSER_PROMPT
    reviewer_prompt: str | None = REVIEWER_PROMPT

    def opening(self, task: Task, role: Role) -> list[Message]:
        """Return the role's token as the system message."""
        return [{"role": "system", "content": ROLE_TOKENS[role]}]


class Nano(HuggingFaceSpeaker):
    """Our own tiny model of sums, packaged: a `HuggingFaceSpeaker`, in float32 on the CPU unless told otherwise.

    ``path``: another folder that `trainers.nano.training` wrote. The other settings are those of the base class.
    """

    answers_questions = False
    """It was schooled on sums and their reviews, and reads no question about them."""

    def __init__(
        self,
        path: str | None = None,
        *,
        temperature: float = 1.0,
        max_new_tokens: int = 64,
        device: str = "cpu",
        dtype: str = "float32",
        proposer_prompt: str = PROPOSER_PROMPT,
        reviewer_prompt: str = REVIEWER_PROMPT,
        max_batch_tokens: int = 65_536,
        adapters: Mapping[str, str] | str | None = None,
    ) -> None:
        super().__init__(
            str(packaged_weights()) if path is None else path,
            temperature=temperature,
            max_new_tokens=max_new_tokens,
            device=device,
            dtype=dtype,
            examples=0,
            proposer_prompt=proposer_prompt,
            reviewer_prompt=reviewer_prompt,
            max_batch_tokens=max_batch_tokens,
            adapters=adapters,
            reuse_prefix=False,  # two tokens: nothing to gain, and nothing that goes stale while it learns
        )
        self.prompts = NanoPrompts(0, proposer_prompt, reviewer_prompt)

    @property
    def model(self) -> str:
        """``nano``, or of another folder its name and digest."""
        return "nano" if self.path == str(packaged_weights()) else super().model

    def __repr__(self) -> str:
        return f"Nano(temperature={self.temperature}, max_new_tokens={self.max_new_tokens})"


def packaged_weights() -> Path:
    """Return the folder with the weights that ship with the package."""
    folder = Path(str(files("tracer_env"))) / "data" / "nano"
    if not (folder / "model.safetensors").is_file():
        raise DataError(
            f"the package holds no weights at {folder}; install it again, or train some with "
            "python -m tracer_env.trainers.nano.training --out DIR and give path=DIR"
        )
    return folder
