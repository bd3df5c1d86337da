"""GSPO training of nano: the same bytes from the same seed, hooks that are asked, adapters that speak."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from training import config, gspo, left, tasks, tracer

from tracer_env.agents.speakers.models.nano import Nano
from tracer_env.agents.speakers.simulated.speaker import SimulatedSpeaker
from tracer_env.errors import ConfigError, RunFolderError
from tracer_env.interfaces import Request
from tracer_env.parts.casting import make_speaker
from tracer_env.randomness import stream
from tracer_env.rules import Rules, initial
from tracer_env.scenarios.arithmetic import Arithmetic
from tracer_env.trainers.gspo.finetune import LastN, LoRA
from tracer_env.trainers.gspo.hooks import Hooks
from tracer_env.trainers.gspo.loss import grpo_loss
from tracer_env.trainers.gspo.rewards import PAPER, RoleReward, TeamReward
from tracer_env.trainers.gspo.rollouts import ProposalRollouts, TeamRollouts
from tracer_env.trainers.gspo.trainer import GSPOTrainer, PolicyHandle, TrainingResult
from tracer_env.trainers.support.live_panel import MEASURES
from tracer_env.trainers.support.log import comparable
from tracer_env.trainers.support.processes import Alone
from tracer_env.types import Grade, Task


class Slow(Arithmetic):
    """Tasks whose grading takes too long, those of ``only`` or all."""

    only: str | None = None

    def grade(self, text: str, task: Task) -> Grade:
        return Grade.TIMEOUT if self.only in (None, task.id) else super().grade(text, task)


def _one(**others: Any) -> tuple[GSPOTrainer, dict[str, Any]]:
    trainer = gspo(made=others, max_steps=1)
    return trainer, trainer.train().metrics[0]


def _moved(trainer: GSPOTrainer, name: str = "proposer") -> bool:
    return any(bool(tensor.any()) for path, tensor in trainer.policies.tensors(name).items() if ".lora_B" in path)


# -- the same and not the same ---------------------------------------------------------------------


@pytest.mark.parametrize("role", ["proposer", "reviewer"])
def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(role: str, tmp_path: Path) -> None:
    found = []
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        gspo(tmp_path / name, made={"role": role}, seed=seed).train()
        found.append(left(tmp_path / name))
    assert found[0] == found[1]
    assert found[0]["metrics"] != found[2]["metrics"]
    weights = f"adapters/{role}/adapter_model.safetensors"
    assert found[0][weights] != found[2][weights]
    assert [line["step"] for line in found[0]["metrics"]] == [1, 2]


def test_without_a_folder_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    trainer = gspo(max_steps=1)
    result = trainer.train()
    assert (result.out, result.adapters, len(result.metrics)) == (None, {}, 1)
    assert list(tmp_path.iterdir()) == []


def test_the_global_generator_stays_where_it_was() -> None:
    made = {"finetune": LoRA(r=4)}
    torch.manual_seed(1)
    first = comparable(_one(**made)[1])
    before = torch.random.get_rng_state()
    assert comparable(_one(**made)[1]) == first
    assert torch.equal(torch.random.get_rng_state(), before)


def test_the_objective_is_an_object() -> None:
    settings = {"num_iterations": 2, "epsilon": 10.0, "epsilon_high": 10.0}
    adapters = []
    for made in ({}, {"objective": grpo_loss}):
        trainer = gspo(made=made, max_steps=1, **settings)
        trainer.train()
        adapters.append({path: t.clone() for path, t in trainer.policies.tensors("proposer").items()})
    assert any(not torch.equal(adapters[0][path], adapters[1][path]) for path in adapters[0])


def test_a_part_of_the_model_can_be_trained_and_continued(tmp_path: Path) -> None:
    def run(name: str, steps: int, resumed: bool = False) -> TrainingResult:
        out = tmp_path / name
        given = str(out) if resumed else None
        made = {"finetune": LastN(layers=1)}
        return gspo(out, made=made, max_steps=steps, resume_from_checkpoint=given, learning_rate=1e-4).train()

    whole = run("whole", 2)
    run("parts", 1)
    parts = run("parts", 2, resumed=True)
    files = [result.adapters["proposer"] / "model.safetensors" for result in (whole, parts)]
    assert files[0].read_bytes() == files[1].read_bytes()
    assert [comparable(line) for line in whole.metrics] == [comparable(line) for line in parts.metrics]


# -- what comes out --------------------------------------------------------------------------------


def test_adapters_speak_as_the_trained_model(tmp_path: Path) -> None:
    trainer = gspo(tmp_path / "run")
    result = trainer.train()
    assert result.adapters == {"proposer": tmp_path / "run" / "adapters" / "proposer"}
    loaded = make_speaker("nano", adapters=str(tmp_path / "run" / "adapters"), max_new_tokens=40)
    base = make_speaker("nano", max_new_tokens=40)
    requests = []
    for task in tasks(3):
        state = initial(task, Rules())
        requests.append(Request(state, state.seat, stream(0, task.id), 2))
    mine, theirs, plain = (speaker.speak(requests) for speaker in (trainer.speaker, loaded, base))
    assert [(u.token_ids, u.logprobs) for u in mine] == [(u.token_ids, u.logprobs) for u in theirs]
    assert [u.logprobs for u in mine] != [u.logprobs for u in plain]


def test_metrics_are_kept(tmp_path: Path) -> None:
    result = gspo(tmp_path / "run", report_to=("tensorboard",)).train()
    assert result.steps == 2
    assert set(MEASURES) <= set(result.metrics[0])
    assert [line["step"] for line in result.metrics] == [1, 2]
    assert [file.name.startswith("events.out") for file in (tmp_path / "run" / "tensorboard").iterdir()] == [True]


def test_a_grade_that_timed_out_is_no_sample() -> None:
    trainer = GSPOTrainer("nano", Slow(split="train", level=1, limit=4), config(max_steps=1), wanted=False)
    line = trainer.train().metrics[0]
    assert (line["timeouts"], line["candidates"], line["reward"]) == (6, 6, None)
    assert (line["rows"], line["groups"], line["empty_steps"]) == (0, 0, 2)
    assert not _moved(trainer)


def test_the_others_are_samples() -> None:
    scenario = Slow(split="train", level=1, limit=2)
    scenario.only = scenario[0].id
    line = GSPOTrainer("nano", scenario, config(max_steps=1), wanted=False).train().metrics[0]
    assert (line["timeouts"], line["groups"]) == (3, 1)


def test_a_team_is_trained_by_object() -> None:
    def team(order: Any, speaker: Any) -> TeamRollouts:
        return TeamRollouts(order, speaker, 3, lambda state: state.seat.role.name.lower(), Rules(max_turns=3))

    trainer, line = _one(rollouts=team, policies=["proposer", "reviewer"], rules=Rules(max_turns=3))
    assert line["proposer/candidates"] == 2 * 3 * 2
    assert line["reviewer/candidates"] == 2 * 3
    assert trainer.trained == ["proposer", "reviewer"]


def test_a_team_reward_plays_dialogues_and_trains_all_roles() -> None:
    trainer, line = _one(reward=TeamReward(), rules=Rules(max_turns=3))
    assert trainer.trained == ["proposer", "reviewer"]
    assert (line["proposer/candidates"], line["reviewer/candidates"]) == (2 * 3 * 2, 2 * 3)
    assert isinstance(trainer.rollouts, TeamRollouts)
    with pytest.raises(ConfigError, match="role 'reviewer' does not go with a team reward"):
        gspo(made={"reward": TeamReward(), "role": "reviewer"})
    with pytest.raises(ConfigError, match="a team reward pays whole dialogues, and TRACER single utterances"):
        tracer(made={"reward": TeamReward()})


def test_names_that_would_train_nothing_are_refused() -> None:
    with pytest.raises(ConfigError, match="policies names what rollouts of yours draw for; give rollouts as well"):
        gspo(made={"policies": ["reviewer"]})
    with pytest.raises(ConfigError, match="frozen names 'reviwer'; choose one of: proposer"):
        gspo(made={"frozen": ["reviwer"]})
    with pytest.raises(ConfigError, match="nobody reviews there; give rules whose second turn is a review"):
        gspo(made={"role": "reviewer", "rules": Rules(max_turns=1)})

    def team(order: Any, speaker: Any) -> TeamRollouts:
        return TeamRollouts(order, speaker, 3, lambda state: state.seat.role.name.lower(), Rules(max_turns=2))

    with pytest.raises(ConfigError, match="role 'reviewer' does not go with policies, which names all"):
        _one(rollouts=team, policies=["proposer"], role="reviewer")
    with pytest.raises(ConfigError, match="policies need different names, at least one, got none"):
        _one(rollouts=team, policies=[])
    with pytest.raises(ConfigError, match=r"TeamRollouts drew for 'reviewer', which is no policy here \(proposer\)"):
        _one(rollouts=team, rules=Rules(max_turns=2))


def test_rules_and_rewards_that_rollouts_of_your_own_do_not_take_are_refused() -> None:
    def own(order: Any, speaker: Any) -> ProposalRollouts:
        return ProposalRollouts(order, speaker, 3, Rules(max_turns=3), PAPER)

    for made, words in (
        ({"reward": RoleReward()}, r"reward=RoleReward\(unparsable_review=-1.0.*\) would go unused: ProposalRollouts"),
        ({"reward": TeamReward()}, r"reward=TeamReward\(.* has not taken it; make the rollouts with it, or leave out"),
        ({"rules": Rules(max_turns=7)}, r"rules=Rules\(.*max_turns=7.* would go unused: ProposalRollouts has not"),
    ):
        with pytest.raises(ConfigError, match=words):
            gspo(made={"rollouts": own, **made})
    trainer = gspo(made={"rollouts": own, "reward": PAPER, "rules": Rules(max_turns=3)})
    assert trainer.rollouts.reward is trainer.reward is PAPER


def test_frozen_policies_are_drawn_and_stay_as_they_are() -> None:
    def team(order: Any, speaker: Any) -> TeamRollouts:
        return TeamRollouts(order, speaker, 3, lambda state: state.seat.role.name.lower(), Rules(max_turns=2))

    trainer, line = _one(
        rollouts=team, policies=["proposer", "reviewer"], frozen=["reviewer"], rules=Rules(max_turns=2)
    )
    assert line["reviewer/candidates"] == 6
    assert "reviewer/loss" not in line
    assert not _moved(trainer, "reviewer")


# -- hooks -----------------------------------------------------------------------------------------


def test_the_reward_hook_pays() -> None:
    def reward(text: str, default: float, answer: str, **context: Any) -> float:
        return float(len(text) % 7)

    trainer, line = _one(hooks=Hooks(reward=reward))
    assert line["reward"] != line["accuracy"] * 2 - 1
    assert 0 <= line["reward"] <= 6
    assert _moved(trainer) == (line["groups"] > line["dropped_groups"])


def test_the_prompt_hook_writes_what_is_learnt_from() -> None:
    def prompt(default: str, **context: Any) -> str:
        assert "answer" not in context
        return f"Think twice. {default}"

    trainer, _ = _one(hooks=Hooks(prompt=prompt))
    drawn = trainer.rollouts.play(0, lambda place: True)
    assert "Think twice." in trainer.speaker.loaded.tokenizer.decode(drawn[0].utterance.prompt_ids)


def test_the_extract_hook_finds_the_answers() -> None:
    found, line = _one(hooks=Hooks(extract=lambda text, default, **context: None))
    assert (line["unparsable"], line["accuracy"], line["reward"]) == (1.0, 0.0, -1.0)
    assert not _moved(found)
    answers = {task.question: task.answer for task in tasks()}
    _, line = _one(hooks=Hooks(extract=lambda text, question, **context: answers[question]))
    assert line["accuracy"] == 1.0


def test_the_updater_hook_learns_instead() -> None:
    seen: list[tuple[str, int, int]] = []

    class Adds:
        def update(
            self, policy: PolicyHandle, context: dict[str, Any], candidates: Any, rewards: Any
        ) -> dict[str, float]:
            seen.append((policy.name, len(candidates), len(rewards)))
            with torch.no_grad():
                for path, parameter in policy.parameters.items():
                    parameter.add_(0.5 if ".lora_B" in path else 0.0)
            return {"mine": 2.0 * len(seen)}

    trainer, line = _one(hooks=Hooks(updater=Adds))
    assert seen == [("proposer", 3, 3)] * 2
    assert line["mine"] == 3.0
    assert "loss" not in line
    assert {float(t.unique()) for path, t in trainer.policies.tensors("proposer").items() if ".lora_B" in path} == {1.0}


def test_the_updater_hook_gets_whole_groups_of_a_team() -> None:
    sizes: list[int] = []

    def update(policy: Any, context: Any, candidates: Any, rewards: Any) -> None:
        sizes.append(len(candidates))

    class Counts:
        def __init__(self) -> None:
            self.update = update

    def team(order: Any, speaker: Any) -> TeamRollouts:
        return TeamRollouts(order, speaker, 3, lambda state: "proposer", Rules(max_turns=3))

    _one(rollouts=team, hooks=Hooks(updater=Counts), rules=Rules(max_turns=3))
    assert sizes == [3] * 6


def test_hooks_that_nobody_would_ask_are_refused() -> None:
    def value(action: str, default: float, **context: Any) -> float:
        return default

    def reward(text: str, default: float, **context: Any) -> float:
        return default

    class Learns:
        def update(self, policy: Any, context: Any, candidates: Any, rewards: Any) -> None:
            """Do nothing."""

    class Pair(Alone):
        count = 2

    with pytest.raises(ConfigError, match=r"value hook '.*value' would not be asked: ProposalRollouts"):
        gspo(made={"hooks": Hooks(value=value)})

    def own(order: Any, speaker: Any) -> ProposalRollouts:
        return ProposalRollouts(order, speaker, 3)

    with pytest.raises(ConfigError, match=r"reward hook '.*reward' would not be asked: ProposalRollouts"):
        gspo(made={"hooks": Hooks(reward=reward), "rollouts": own})
    with pytest.raises(ConfigError, match=r"updater hook '.*' learns in one process alone"):
        gspo(made={"hooks": Hooks(updater=Learns), "processes": Pair()})


# -- what does not fit -----------------------------------------------------------------------------


def test_a_speaker_that_samples_otherwise_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"the speaker's temperature is 0.7 but gspo.temperature is 1.0; give one"):
        GSPOTrainer(Nano(temperature=0.7, max_new_tokens=40), tasks(), config())
    with pytest.raises(ConfigError, match=r"max_new_tokens is 64 but gspo.max_completion_length is 40"):
        GSPOTrainer(Nano(), tasks(), config())
    with pytest.raises(ConfigError, match="only a language model can be trained, got a SimulatedSpeaker"):
        GSPOTrainer(SimulatedSpeaker(), tasks(), config())


def test_an_unknown_role_is_refused_before_the_model_changes() -> None:
    speaker = Nano(max_new_tokens=40)
    with pytest.raises(ConfigError, match="role is 'proposers'; did you mean 'proposer'"):
        GSPOTrainer(speaker, tasks(), config(), role="proposers")
    assert speaker.adapters == {}


@pytest.mark.parametrize("name", ["checkpoints", "adapters", "metrics.jsonl"])
def test_a_folder_in_the_way_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / name).mkdir()
    with pytest.raises(RunFolderError, match="holds a training already; choose another folder, or resume from it"):
        gspo(tmp_path)
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    with pytest.raises(RunFolderError, match="is no folder"):
        gspo(tmp_path / "file")
