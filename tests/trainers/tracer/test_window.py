"""The edges of TRACER's buckets: fitted on the first step, kept by tables and checkpoints, one for all processes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from moves import proposal, review
from training import Scripted, in_two_threads, left, tasks, tracer

from tracer_env.agents.controllers.baselines import Always, Never
from tracer_env.agents.controllers.cast import CastController
from tracer_env.agents.controllers.regret_matching import RegretMatching, Row
from tracer_env.agents.speakers.simulated.rates import Simulation
from tracer_env.agents.speakers.simulated.speaker import SimulatedSpeaker
from tracer_env.compositions import Composition, information_named
from tracer_env.errors import ConfigError, RunFolderError
from tracer_env.interfaces import Controller
from tracer_env.parts.casting import make_controller
from tracer_env.rules import DialogueState, Rules
from tracer_env.scenarios.arithmetic import Arithmetic
from tracer_env.trainers.gspo.rollouts import TaskOrder
from tracer_env.trainers.tracer.rollouts import TracerRollouts
from tracer_env.trainers.tracer.settings import TracerSettings
from tracer_env.types import Signals, Utterance

KEY = "vote+time+confidence:bins=3"
WIDE = "turn+confidence:of=sum,bins=4+reviewer_margin:bins=2+length:bins=2"
SEEN = TracerSettings(information=KEY)
THREE = Rules(max_turns=3)
MADE = {"settings": SEEN, "rules": THREE}


def _role(state: DialogueState) -> str:
    return state.seat.role.name.lower()


def _told(said: Utterance, **signals: float) -> Utterance:
    return replace(said, signals=Signals(**signals), completion_tokens=int(-4 * signals.get("logprob_sum", -1)))


SAID = {
    1: [_told(proposal("C"), logprob_sum=-1.0, logprob_mean=-0.5), _told(proposal("W"), logprob_sum=-4.0)],
    2: [_told(review("+"), margin=2.0), _told(review("-"), margin=-1.0)],
    3: [_told(proposal("W"), logprob_sum=-9.0), proposal("C")],
}


def _unfaded(information: str, credit: str = "one_step") -> TracerSettings:
    return TracerSettings(information=information, fading=1.0, credit=credit)


def _scripted(information: str, controller: Controller | None = None, said: Any = None) -> TracerRollouts:
    order, table = TaskOrder(tasks(6), 1, seed=2), controller or RegretMatching()
    return TracerRollouts(order, Scripted(said or SAID), 2, table, _role, _unfaded(information), rules=THREE)


# -- fitted once -----------------------------------------------------------------------------------


def test_edges_are_quantiles_of_all_candidates_of_what_is_pending_at_a_choice() -> None:
    table = RegretMatching()
    rollouts = _scripted("turn+confidence:of=sum,bins=2+length:bins=2", table)
    assert table.tell is None
    rollouts.play(0)
    # Two choices, both with turn 1 pending: its candidates told -1 and -4 with 4 and 16 tokens, twice each.
    assert table.edges == {"confidence:of=sum,bins=2": (-2.5,), "length:bins=2": (10.0,)}
    rollouts.learn()
    assert set(table.rows) == {
        "agent_1/reviewer/turn_2/confidence_2/length_1",
        "agent_0/proposer/turn_3/confidence_2/length_1",
    }
    rollouts.play(1)
    assert table.edges["confidence:of=sum,bins=2"] == (-2.5,)  # kept, though another world measures other things


def test_margins_are_those_of_the_newest_review_and_what_nobody_told_is_left_out() -> None:
    speaks = CastController({"proposer": RegretMatching(), "reviewer": Always()})
    rollouts = _scripted("reviewer_margin:bins=2+confidence", speaks)
    rollouts.play(0)
    rollouts.learn()
    table = speaks.parts["proposer"]
    assert isinstance(table, RegretMatching)
    assert table.edges == {"reviewer_margin:bins=2": (0.5,), "confidence": (-0.5,)}  # one candidate told its mean
    assert set(table.rows) == {"agent_0/proposer/reviewer_margin_2/confidence_2"}
    silent = {turn: [replace(one, signals=Signals()) for one in said] for turn, said in SAID.items()}
    dumb = _scripted("confidence", said=silent)
    dumb.play(0)
    dumb.learn()
    assert dumb.state_dict()["tables"][0]["edges"] == {"confidence": []}
    assert {key.rpartition("/")[2] for key in dumb.state_dict()["tables"][0]["rows"]} == {"confidence_unknown"}


@pytest.mark.parametrize("credit", ["one_step", "team_minus_tokens:price=1e-4"])
def test_two_processes_cut_where_one_does(credit: str) -> None:
    def made(processes: Any = None) -> TracerRollouts:
        order = TaskOrder(Arithmetic(split="train", limit=20), 6, seed=4)
        speaker = SimulatedSpeaker(Simulation(confidence=0.9))
        settings = _unfaded(WIDE, credit)
        return TracerRollouts(order, speaker, 3, RegretMatching(), _role, settings, processes=processes)

    alone = made()
    lines = [(alone.play(step), alone.learn())[1] for step in range(2)]
    teams, _, found = in_two_threads(made, 2)
    assert found == [lines, lines]
    assert teams[0].state_dict() == teams[1].state_dict() == alone.state_dict()
    edges = alone.state_dict()["tables"][0]["edges"]
    assert [len(cuts) for cuts in edges.values()] == [3, 1, 1]


# -- kept ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("seen") / "run"
    tracer(out, made=MADE, max_steps=2).train()
    return out


def test_a_run_that_goes_on_keeps_its_edges_to_the_last_byte(run: Path, tmp_path: Path) -> None:
    tracer(tmp_path / "parts", made=MADE, max_steps=1).train()
    more = {"max_steps": 2, "resume_from_checkpoint": str(tmp_path / "parts")}
    tracer(tmp_path / "parts", made=MADE, **more).train()
    assert left(tmp_path / "parts") == left(run)
    steps = sorted((run / "checkpoints").glob("step_??????"))
    saved = [json.loads((step / "trainer.json").read_text(encoding="utf-8")) for step in steps]
    table = json.loads((run / "controllers" / "tracer.json").read_text(encoding="utf-8"))
    edges = [one["rollouts"]["tables"][0]["edges"] for one in saved]
    assert edges == [table["edges"]] * len(steps)
    assert len(table["edges"]["confidence:bins=3"]) == 2


def test_a_trained_table_is_asked_under_its_own_key(run: Path) -> None:
    table = make_controller(str(run / "controllers" / "tracer.json"), THREE, "vote_and_time")
    assert isinstance(table, RegretMatching)
    assert isinstance(table.tell, Composition)
    assert all("/confidence_" in key for key in table.rows)


def test_a_checkpoint_with_edges_of_another_key_is_no_way_to_go_on(run: Path) -> None:
    rollouts = _scripted(KEY)
    table = json.loads((run / "controllers" / "tracer.json").read_text(encoding="utf-8"))["tables"][0]
    other = {**table, "information": "vote+time+confidence:bins=4", "edges": {"confidence:bins=4": [-3, -2, -1]}}
    with pytest.raises(ConfigError, match="taught under the key"):
        rollouts.load_state_dict({"tables": [other], "reviews": rollouts.reviews.state_dict()})


def test_another_key_does_not_go_on(run: Path) -> None:
    other = replace(SEEN, information="vote+time+confidence:bins=4")
    with pytest.raises(RunFolderError, match=r"rollouts was \[.*bins=3.*now \[.*bins=4"):
        tracer(run, made={**MADE, "settings": other}, max_steps=3, resume_from_checkpoint=str(run)).train()


# -- tables that are given -------------------------------------------------------------------------


def _fitted(edge: float, rows: bool = False) -> RegretMatching:
    told = information_named("turn+confidence:bins=2")
    assert isinstance(told, Composition)
    table = RegretMatching()
    table.read_by(told.with_edges({"confidence:bins=2": [edge]}), told.name)
    table.rows = {"agent_1/reviewer/turn_2/confidence_1": Row()} if rows else {}
    return table


def test_a_given_table_keeps_its_edges_and_lends_them_to_a_new_one() -> None:
    old, new = _fitted(-7.0, rows=True), RegretMatching()
    rollouts = _scripted("turn+confidence:bins=2", CastController({"reviewer": old, "proposer": new}))
    assert new.edges == old.edges == {"confidence:bins=2": (-7.0,)}
    rollouts.play(0)
    rollouts.learn()
    assert new.edges == old.edges == {"confidence:bins=2": (-7.0,)}
    assert set(new.rows) == {"agent_0/proposer/turn_3/confidence_2"}


def test_a_fixed_controller_is_asked_under_its_own_key() -> None:
    fixed = _fitted(-0.7)
    fixed.learns_from = "trees"
    fixed.rows = {"agent_1/reviewer/turn_2/confidence_2": Row(strategy=[0.0, 1.0], visits=1.0)}
    rollouts = _scripted("vote_and_time", CastController({"reviewer": fixed, "proposer": RegretMatching()}))
    rollouts.play(0)
    assert rollouts.learn()["speak_rate"] in (0.5, 1.0)
    assert fixed.unseen == 0


def test_what_cannot_be_cut_is_refused() -> None:
    table = RegretMatching()
    table.rows = {"agent_1/reviewer/vote_0/not_last": Row()}
    with pytest.raises(ConfigError, match="'vote_and_time', and is to learn under 'turn\\+confidence:bins=2'"):
        _scripted("turn+confidence:bins=2", table)
    with pytest.raises(ConfigError, match="at different edges; train them one by one"):
        _scripted("turn+confidence:bins=2", CastController({"reviewer": _fitted(-1.0), "proposer": _fitted(-2.0)}))
    with pytest.raises(ConfigError, match="for tables that learn, and none does"):
        _scripted("confidence", CastController({"reviewer": Never(), "proposer": Always()}))
