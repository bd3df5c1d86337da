"""TRACER: controllers learn when to speak, language models what to say, in the same dialogues.

    TracerTrainer("nano", Arithmetic(split="train"), GSPOConfig(...), TracerSettings(variant="no_reviewer")).train()

A step is one of `rollouts` (choices, candidates, regrets) followed by one GSPO update of each policy on what its
role has said (`trainers.gspo.trainer`, whose folder, checkpoints and log these are). The tables are
``controllers/tracer.json``.

What the controllers see is a variant's ``information``: any key of `compositions`, ``vote+time+confidence:bins=3`` for
one that sees how sure the speaker was of its proposal. Its buckets are cut once, by the first step (`window`).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tracer_env.agents.controllers.cast import CastController
from tracer_env.agents.controllers.regret_matching import RegretMatching
from tracer_env.errors import ConfigError
from tracer_env.interfaces import Controller, Scenario
from tracer_env.parts.casting import make_controller
from tracer_env.parts.lessons import split_of
from tracer_env.rules import Rules
from tracer_env.scenarios.base import TaskList
from tracer_env.storage.files import write_text
from tracer_env.terminal.bars import reporting
from tracer_env.trainers.cfr.credit import OneStep, Tree
from tracer_env.trainers.gspo.config import GSPOConfig
from tracer_env.trainers.gspo.hooks import Hooks
from tracer_env.trainers.gspo.rewards import RoleReward, TeamReward, UtteranceReward
from tracer_env.trainers.gspo.rollouts import TaskOrder
from tracer_env.trainers.gspo.sharing import SHARING, policies_under
from tracer_env.trainers.gspo.trainer import GSPOTrainer, TrainingResult
from tracer_env.trainers.regret.trainer import policy_table, tables
from tracer_env.trainers.support.checkpoint import Checkpoint
from tracer_env.trainers.support.processes import Processes, running_processes
from tracer_env.trainers.tracer.reviews import ReviewChoice
from tracer_env.trainers.tracer.rollouts import TracerRollouts
from tracer_env.trainers.tracer.settings import TracerSettings, Variant
from tracer_env.trainers.tracer.settling import check_settled, settle_tables
from tracer_env.trees.growth import expand
from tracer_env.trees.shape import check_growable

__all__ = ["TracerTrainer"]


class TracerTrainer(GSPOTrainer):
    """Trains controllers and policies together.

    ``controller``: the tables to train, made from the variant when it is not given. ``variant``, ``reviews`` and
    ``credit`` are objects in the place of what the settings name, yours too. Everything else is as in `GSPOTrainer`.
    """

    def __init__(
        self,
        speaker: Any,
        scenario: str | Scenario,
        config: GSPOConfig | None = None,
        settings: TracerSettings | None = None,
        *,
        rules: Rules | None = None,
        reward: UtteranceReward | None = None,
        controller: Controller | None = None,
        variant: Variant | None = None,
        reviews: ReviewChoice | None = None,
        credit: OneStep | Tree | None = None,
        processes: Processes | None = None,
        **others: Any,
    ) -> None:
        self.asked, rules = settings or TracerSettings(), rules or Rules()
        self.variant, self.credit = variant or self.asked.chosen(), credit or self.asked.valued()
        self.controller = controller or _controller(self.variant, rules)
        self._check(rules, reward, others.get("hooks"))
        config, team = config or GSPOConfig(), processes or running_processes()

        def rollouts(order: TaskOrder, made: Any) -> TracerRollouts:
            return TracerRollouts(
                order,
                made,
                config.num_generations,
                self.controller,
                SHARING[self.asked.sharing],
                self.asked,
                variant=self.variant,
                reviews=reviews,
                credit=self.credit,
                rules=rules,
                reward=self.reward,
                hooks=self.hooks,
                processes=team,
            )

        super().__init__(
            speaker,
            scenario,
            config,
            rules=rules,
            reward=reward or RoleReward(),
            rollouts=rollouts,
            policies=policies_under(rules, self.asked.sharing, self.variant.policies),
            frozen=policies_under(rules, self.asked.sharing, self.variant.frozen),
            processes=team,
            **others,
        )

    def _check(self, rules: Rules, reward: UtteranceReward | None, hooks: Hooks | None) -> None:
        """Raise ConfigError for parts that do not fit, before anything is loaded."""
        if isinstance(reward, TeamReward):
            raise ConfigError(
                "a team reward pays whole dialogues, and TRACER single utterances; take GSPOTrainer for it"
            )
        if self.asked.settle:
            check_growable(rules)
            check_settled(self.controller, rules)
            if hooks is not None and hooks.value is not None:
                raise ConfigError(
                    f"the hook {hooks.value.name!r} values single choices, and tracer.settle solves tables "
                    "by final answers; leave out one of them"
                )

    def _trained(self, found: Checkpoint | None) -> TrainingResult:
        """Train until ``max_steps``, settle the tables, and write them beside the adapters."""
        result = super()._trained(found)
        told = self._settled() if self.asked.settle else None
        if self.out is not None and self._main:
            write_tables(
                self.out / "controllers" / "tracer.json", self.rollouts.state_dict()["tables"], self.controller, told
            )
        return result

    def _settled(self) -> dict[str, float]:
        """Solve the tables on the tasks that would come next; every process does the same."""
        order = TaskOrder(self.scenario, self.config.tasks_per_step, self.config.seed)
        steps = -(-self.asked.settle // order.per_step)
        places = [place for step in range(steps) for place in order.of(self.config.max_steps + step)]
        tasks = TaskList([place.task for place in places[: self.asked.settle]], name=self.scenario.name)
        tasks.split = split_of(self.scenario)
        with reporting(self.wanted and self._main) as reporter:
            trees = expand(
                tasks, self.speaker, self.rules, order.seed, scenario=self.scenario, texts=False, reporter=reporter
            )
        price = self.credit.price if isinstance(self.credit, Tree) else 0.0
        key = next((table.tell for table in tables(self.controller)), None) or self.variant.information
        return {"tasks": self.asked.settle, **settle_tables(self.controller, trees, price, key)}


def write_tables(
    file: Path, trained: list[dict[str, Any]], controller: Controller, settled: dict[str, float] | None = None
) -> None:
    """Write trained tables; a file with one table is a controller that can be loaded."""
    single = trained[0] if len(trained) == 1 else {}
    file.parent.mkdir(parents=True, exist_ok=True)
    told = {"tables": trained, "policy_table": policy_table(controller), "settled": settled}
    write_text(file, json.dumps({**single, **told}, indent=1) + "\n", inside=file.parent.parent)


def _controller(variant: Variant, rules: Rules) -> Controller:
    """Return one table for both roles, or a cast where one of them is fixed (agents' rows have names of their own)."""
    if variant.proposer == variant.reviewer == "regret_matching":
        return RegretMatching(variant.information, rules)
    parts = {
        role: RegretMatching(variant.information, rules) if name == "regret_matching" else make_controller(name)
        for role, name in (("proposer", variant.proposer), ("reviewer", variant.reviewer))
    }
    return CastController(parts)
