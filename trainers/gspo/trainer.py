"""Training what to say: rollouts, rewards and policy updates, step after step, in a folder that can be continued.

    trainer = GSPOTrainer("nano", Arithmetic(split="train", level=1), GSPOConfig(max_steps=40), out=Path("runs/a"))
    trainer.train()

    for each step    candidates are drawn and paid (`rollouts`, `rewards`)
                     each policy is updated on its own samples (`update`)
                     numbers are logged and shown, collapse is watched for (`log`, `live_panel`, `alarms` in
                     `trainers.support`)
                     every ``save_steps`` steps everything that goes on is written (`checkpoint` there)

    out/  metrics.jsonl  checkpoints/step_N/  adapters/<policy>/   (and tensorboard/ when asked for)

A run that was stopped, killed or interrupted goes on from its last checkpoint and then is, on one CPU process, bit for
bit the run that was never stopped. Ctrl-C finishes the step and saves. Without ``out`` nothing is written.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from tracer_env.errors import ConfigError, did_you_mean
from tracer_env.interfaces import Request, Scenario
from tracer_env.parts.casting import make_scenario
from tracer_env.parts.task_contracts import task_at
from tracer_env.rules import Rules, initial
from tracer_env.terminal.screen import complain
from tracer_env.trainers.gspo import state as gspo_state
from tracer_env.trainers.gspo.checks import check_hooks, check_taken, names_drawn_for, sampling_speaker
from tracer_env.trainers.gspo.config import GSPOConfig
from tracer_env.trainers.gspo.hooks import Hooks
from tracer_env.trainers.gspo.metrics import Metrics, named, rollout_metrics, samples_of
from tracer_env.trainers.gspo.rewards import RoleReward, TeamReward, UtteranceReward
from tracer_env.trainers.gspo.rollouts import (
    ProposalRollouts,
    ReviewRollouts,
    Rollouts,
    TaskOrder,
    TeamRollouts,
    role_of,
)
from tracer_env.trainers.support.alarms import CollapseAlarms
from tracer_env.trainers.support.checkpoint import Checkpoint, prune, save
from tracer_env.trainers.support.interrupts import patient
from tracer_env.trainers.support.live_panel import training_panel
from tracer_env.trainers.support.log import TrainingLog
from tracer_env.trainers.support.processes import Processes, running_processes

__all__ = ["ROLES", "GSPOConfig", "GSPOTrainer", "PolicyHandle", "TrainingResult"]

ROLES: dict[str, Callable[..., Rollouts]] = {"proposer": ProposalRollouts, "reviewer": ReviewRollouts}
"""How the samples of a lone role are drawn."""


class PolicyHandle(NamedTuple):
    """What an updater hook gets to work on; the model's active policy is the named one."""

    name: str
    model: Any
    tokenizer: Any
    parameters: Mapping[str, Any]


@dataclass
class TrainingResult:
    """What a training came to: the metrics of each step, and where things lie (None without a folder)."""

    steps: int
    metrics: list[dict[str, Any]] = field(default_factory=list)
    out: Path | None = None
    adapters: dict[str, Path] = field(default_factory=dict)


class GSPOTrainer:
    """Trains the policies of one language model on a scenario.

    ``speaker``: a name (``nano``, ``smollm2``, ``hf:PATH``) or a `HuggingFaceSpeaker` whose temperature and
    ``max_new_tokens`` are those of the config. ``role``: ``proposer`` or ``reviewer``. ``reward``, ``finetune``,
    ``objective``: objects (`rewards`, `finetune`, `loss`); with a `TeamReward` whole dialogues are
    played and all their roles are trained (MAGRPO). ``rollouts``: makes an object of your own that draws instead, with
    ``policies``, the names it draws for (``role`` alone when not given); of these the ``frozen`` are not trained. It
    plays by rules and pays rewards of its own: ``rules`` and ``reward`` given beside must be its attributes.
    ``hooks``: functions of yours (`hooks`). ``wanted``: whether to show progress on stderr.

    Raises ConfigError for parts that do not fit, RunFolderError for a folder that is in the way, before anything runs.
    """

    def __init__(
        self,
        speaker: Any,
        scenario: str | Scenario,
        config: GSPOConfig | None = None,
        *,
        role: str | None = None,
        rules: Rules | None = None,
        reward: UtteranceReward | TeamReward | None = None,
        finetune: Any = None,
        objective: Any = None,
        rollouts: Callable[[TaskOrder, Any], Rollouts] | None = None,
        policies: Sequence[str] | None = None,
        frozen: Sequence[str] = (),
        hooks: Hooks | None = None,
        out: str | Path | None = None,
        processes: Processes | None = None,
        wanted: bool = True,
    ) -> None:
        from tracer_env.trainers.gspo.finetune import LoRA
        from tracer_env.trainers.gspo.loss import gspo_loss
        from tracer_env.trainers.gspo.update import GSPOUpdate

        if role is not None and role not in ROLES:
            raise ConfigError(f"role is {role!r}{did_you_mean(role, ROLES)}")
        self.config = config or GSPOConfig()
        self.out = Path(out) if out is not None else None
        self.processes = processes or running_processes()
        self.speaker = sampling_speaker(speaker, self.config)
        self.scenario = make_scenario(scenario, split="train") if isinstance(scenario, str) else scenario
        self.rules, self.wanted, self.hooks = rules or Rules(), wanted, hooks or Hooks()
        self.speaker.prompts = self.hooks.prompting(self.speaker.prompts)
        self.scenario = self.hooks.extracting(self.scenario)
        paid: Any = reward or RoleReward()
        self.reward: Any = self.hooks.rewarding(paid)
        order = TaskOrder(self.scenario, self.config.tasks_per_step, self.config.seed)
        names = names_drawn_for(role, self.rules, reward, rollouts is not None, policies, frozen)
        self.trained = [name for name in names if name not in frozen]
        self._log = TrainingLog(self.out, self.config.report_to) if self.out is not None and self._main else None
        if self.out is not None and self.config.resume_from_checkpoint is None:
            gspo_state.check_free(self.out)
        self.finetune = finetune or LoRA()
        self.policies = self.finetune.prepare(self.speaker, names, self.config.seed)
        self.served = self._served()
        """What draws in the place of the model that trains; None where that one does."""
        self.rollouts = rollouts(order, self.speaker) if rollouts is not None else self._drawn_for(order, names)
        check_taken(self.rollouts, rules, reward, self.reward)
        check_hooks(self.hooks, self.rollouts, self.processes.count)
        self.update = GSPOUpdate(
            self.speaker.loaded.model, self.policies, self.config, objective or gspo_loss, self.processes
        )
        self.alarms = {name: CollapseAlarms(policy=name) for name in self.trained}
        self.step = 0
        self.settings: dict[str, Any] = {}
        """What a checkpoint must agree with to be continued; known once training has begun."""

    def train(self, before: Callable[[], object] | None = None) -> TrainingResult:
        """Train until ``max_steps`` and return the metrics; continues where ``resume_from_checkpoint`` says.

        The folder is owned meanwhile (RunFolderError where somebody else owns it); ``before`` is called once it is, by
        the first process. A trainer trains once: ConfigError for the second time, when its weights would not be those
        of a beginning. Ctrl-C finishes the step and saves it, then KeyboardInterrupt is raised; a second one stops at
        once, and the last checkpoint stands. RunFolderError for a checkpoint of other settings or a damaged one,
        SpeakerError for a model whose numbers are no longer finite; a step whose gradients are not finite is left out
        and counted.
        """
        if self.settings:
            raise ConfigError("this trainer has trained already; make another one, with resume_from_checkpoint")
        self.settings = gspo_state.told(self)
        new = self.out is not None and not self.out.exists()
        found = self._found() if new else None  # what cannot be continued makes no folder
        with gspo_state.owned_by_first(self.out, self.processes):
            if self.out is not None and self.config.resume_from_checkpoint is None:
                gspo_state.check_free(self.out)
            found = found or self._found()
            if before is not None and self._main:
                before()
            return self._trained(found)

    def _trained(self, found: Checkpoint | None) -> TrainingResult:
        start = self._resume(found)
        result = TrainingResult(start, self._log.read() if self._log is not None else [], self.out)
        try:
            with training_panel(self.config.max_steps, self.wanted and self._main) as panel, patient() as interrupted:
                for step in range(start, self.config.max_steps):
                    metrics, alarms = self._one(step)
                    self.step = result.steps = step + 1
                    result.metrics.append({"step": self.step, **metrics})
                    if self._log is not None:
                        self._log.write(self.step, metrics)
                    panel.show(self.step, metrics, alarms)
                    last = self.step == self.config.max_steps
                    stopping = any(self.processes.gathered([interrupted()]))  # all stop when one is told to
                    if last or stopping or self.step % self.config.save_steps == 0:
                        self._save()
                    if stopping and not last:
                        raise KeyboardInterrupt
            self._sync()
            result.adapters = self._final()
        finally:
            if self._log is not None:
                self._log.close()
        return result

    # -- one step ----------------------------------------------------------------------------------

    def _one(self, step: int) -> tuple[Metrics, list[str]]:
        synced, begun = self._sync(), time.perf_counter()
        with self.update.whole():
            drawn = self.rollouts.play(step, lambda place: self.processes.mine(place, self.config.steps_per_generation))
        if self.served is not None:
            self.served.rest()
        played = time.perf_counter()
        if strangers := sorted({one.policy for one in drawn} - set(self.policies.names)):
            raise ConfigError(
                f"{type(self.rollouts).__name__} drew for {strangers[0]!r}, which is no policy here "
                f"({', '.join(self.policies.names)}); name it in policies"
            )
        metrics, alarms, tokens, alone = Metrics(), [], 0, len(self.policies.names) == 1
        for name in self.policies.names:
            found = rollout_metrics(drawn, name, self.processes)
            tokens += int(found.pop("tokens", None) or 0)
            if name in self.trained:
                found |= self._learn(name, drawn)
                alarms += self.alarms[name].look(step + 1, found)
            metrics |= named(found, name, alone)
        metrics |= self.rollouts.learn() | synced
        done = time.perf_counter()
        metrics |= {
            "seconds": done - begun,
            "rollout_seconds": played - begun,
            "tokens_per_second": tokens / (played - begun),
        }
        return metrics, alarms

    def _served(self) -> Any:
        """Start what draws, where the settings name another engine than the model that trains."""
        if self.config.engine == "hf":
            return None
        from tracer_env.trainers.gspo.vllm_rollouts import serve

        return serve(self.speaker, self.policies, self.config.probe_bound, self.processes.count, self.config.sleep)

    def _sync(self) -> Metrics:
        """Give what draws the adapters of now; return how far a probe of each policy differs, and the seconds."""
        if self.served is None:
            return {}
        begun = time.perf_counter()
        state = initial(task_at(self.scenario, 0), self.rules)
        prompt, _ = self.speaker.prompt(Request(state, state.seat, 0))
        found: Metrics = {}
        for name, apart in self.served.sync(prompt).items():
            found |= named({"probe_difference": apart}, name, len(self.policies.names) == 1)
        return {**found, "sync_seconds": time.perf_counter() - begun}

    def _learn(self, name: str, drawn: Sequence[Any]) -> Mapping[str, float | int | None]:
        if self.hooks.updater is None:
            return self.update.update(name, samples_of(drawn, name))
        self.policies.activate(name)
        loaded = self.speaker.loaded
        groups = [one for one in drawn if one.policy == name and one.reward is not None and one.learns]
        handle = PolicyHandle(name, loaded.model, loaded.tokenizer, self.policies.parameters(name))
        told: dict[str, list[float]] = {}
        for number in dict.fromkeys(one.group for one in groups):
            some = [one for one in groups if one.group == number]
            found = self.hooks.updated(handle, some[0].state, [m.utterance for m in some], [m.reward for m in some])
            for key, value in found.items():
                told.setdefault(key, []).append(value)
        self.policies.changed()
        return {key: sum(values) / len(values) for key, values in told.items()}

    # -- stopping and going on -----------------------------------------------------------------------

    @property
    def _main(self) -> bool:
        return self.processes.rank == 0

    def _found(self) -> Checkpoint | None:
        return gspo_state.find(self.config.resume_from_checkpoint, self.out, self.settings, self._tell)

    def _resume(self, found: Checkpoint | None) -> int:
        """Go back to the checkpoint and return its step, 0 without one."""
        if self._log is not None and self.config.resume_from_checkpoint is not None:
            self._log.cut(found.step if found else 0)
        self.update.shard() if found is None else gspo_state.restore(self, found)
        if found is not None:
            self.step = found.step
            if self.out is not None and self._main:
                prune(self.out / "checkpoints", found.step, self.config.save_total_limit)
        return self.step

    def _tell(self, line: str) -> None:
        if self._main:
            complain(line)

    def _save(self) -> None:
        if self.out is not None and (self._main or self.update.shards is not None):
            parts = gspo_state.parts(self)
            with self.update.whole():
                if self._main:
                    save(self.out / "checkpoints", self.step, parts, self.config.save_total_limit)
        self.processes.wait()

    def _final(self) -> dict[str, Path]:
        """Write the adapters where speakers find them."""
        with self.update.whole():
            if self.out is None or not self._main:
                return {}
            return gspo_state.write_adapters(self.policies, self.out / "adapters")

    def _drawn_for(self, order: TaskOrder, names: Sequence[str]) -> Rollouts:
        candidates = self.config.num_generations
        if isinstance(self.reward, TeamReward):
            return TeamRollouts(order, self.speaker, candidates, role_of, self.rules, self.reward)
        return ROLES[names[0]](order, self.speaker, candidates, self.rules, self.reward)
