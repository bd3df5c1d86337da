"""The dialogues of TRACER's training: choices of controllers, candidates at every seat that may speak, regrets.

    all tasks of the step in step; at each turn of each dialogue
        choose     SKIP or SPEAK from the controller's current policy, by the episode's own noise
        sample     G candidates where the seat may speak, whatever was chosen: both branches are really valued
        grade      the referee reads them, the reward pays them
        value      v(SPEAK) is the mean of the candidates' values, v(SKIP) what leaving things as they are is worth
        enter      candidate 0, an exchangeable draw, if the choice was SPEAK
    afterwards     regrets are applied in the order of tasks and turns, under the policies that were played

(TRACER, arXiv 2605.28699.) Policies and tables stand still while a step is played, so all candidates are on-policy and
batch and number of processes change nothing. Under a key with buckets the first step is also what their edges are
fitted on (`window`). The values are the paper's, in {-1, 0, +1}, or under another credit those
of the whole dialogue (`choice_trees`); a reward object may pay utterances in another way. A decision whose value needs
a grade that timed out is left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from tracer_env.agents.controllers.cast import CastController
from tracer_env.agents.controllers.regret_matching import RegretMatching
from tracer_env.errors import ConfigError
from tracer_env.intake.checked import listed, plain, read, record
from tracer_env.interfaces import Controller, Information, Request, Speaker
from tracer_env.parts.contracts import asked_under, key_of, probability
from tracer_env.parts.lessons import Lessons, split_of
from tracer_env.randomness import Purpose, stream, uniform
from tracer_env.rewards import skip_value, speak_value
from tracer_env.rules import FREE, DialogueState, Rules, advance, final_answer, initial, legal_actions
from tracer_env.trainers.cfr.credit import OneStep, Tree
from tracer_env.trainers.gspo.hooks import Hooks
from tracer_env.trainers.gspo.rewards import RoleReward, UtteranceReward
from tracer_env.trainers.gspo.rollouts import Drawn, Mine, PolicyOf, TaskOrder, drawn_group
from tracer_env.trainers.regret.trainer import CurrentPolicies, average_regret, tables
from tracer_env.trainers.support.processes import Alone, Processes
from tracer_env.trainers.tracer.choice_trees import ChoiceTrees, Decision, Root, path_of
from tracer_env.trainers.tracer.reviews import REVIEWS, ReviewChoice
from tracer_env.trainers.tracer.settings import TracerSettings, Variant
from tracer_env.trainers.tracer.window import FirstWindow, key_of_tables
from tracer_env.trees.shape import check_growable
from tracer_env.types import Action, Grade, Role, Utterance
from tracer_env.verification.referee import ask

__all__ = ["TracerRollouts"]


class _Turn(NamedTuple):
    """What one dialogue does at this turn."""

    dialogue: Root
    key: str
    free: bool
    action: Action
    asks: bool


class TracerRollouts:
    """Plays the dialogues of a step and keeps what the controllers are to learn until `learn` is called.

    ``controller``: a table, or a cast of tables and fixed controllers. ``policy_of`` names the policy that speaks in a
    state. Of the ``settings`` (or of the objects given in place of their names), ``reviews`` says which groups of
    reviews are learnt from; ``fading`` what is left of the tables after a step: below 1 they forget what speakers were
    worth that have become better since; ``credit`` what a choice is told to be worth, the paper's one-step values or
    (`Tree`) what the team earns in the end; ``information`` the key of the tables, whose buckets are cut by the first
    step, or where a given table has them cut. A fixed controller is asked under its own key, else under that of the
    tables, which is empty until their buckets are cut.
    """

    def __init__(
        self,
        order: TaskOrder,
        speaker: Speaker,
        candidates: int,
        controller: Controller,
        policy_of: PolicyOf,
        settings: TracerSettings | None = None,
        *,
        variant: Variant | None = None,
        reviews: ReviewChoice | None = None,
        credit: OneStep | Tree | None = None,
        rules: Rules | None = None,
        reward: UtteranceReward | None = None,
        hooks: Hooks | None = None,
        processes: Processes | None = None,
    ) -> None:
        asked = settings or TracerSettings()
        self.fading, self.credit = asked.fading, credit or asked.valued()
        self.information = (variant or asked.chosen()).information
        self.order, self.speaker, self.candidates, self.controller = order, speaker, candidates, controller
        self.policy_of, self.rules, self.reward = policy_of, rules or Rules(), reward or RoleReward()
        self.hooks, self.processes = hooks or Hooks(), processes or Alone()
        self.reviews: ReviewChoice = reviews or REVIEWS[asked.reviews]()
        self._tables, self._current = tables(controller), CurrentPolicies(controller)
        self._read_by(key_of_tables(self._tables, self.information))
        self._trees = self._grown_under(self.credit)
        for table in self._tables:
            table.rules = self.rules
        self._decisions: list[Decision] = []
        self._ended: list[tuple[int, bool, int, int, int, int]] = []
        self._reviewed: list[bool] = []

    @property
    def told(self) -> Any:
        """What a checkpoint must agree with besides the trainer's settings."""
        parts = self.controller.parts if isinstance(self.controller, CastController) else {"": self.controller}
        named = {seat: part.name if isinstance(part, RegretMatching) else repr(part) for seat, part in parts.items()}
        return [self.candidates, self.information, named, type(self.reviews).__name__, self.fading, self.credit.name]

    def play(self, step: int, mine: Mine = lambda place: True) -> list[Drawn]:
        seed, scenario = self.order.seed, self.order.scenario
        taught = Lessons.of((place.task for place in self.order.of(step)), split_of(scenario))
        for table in self._tables:
            table.lessons |= taught
        running = [
            Root(place.number, stream(seed, place.task.id, place.world), initial(place.task, self.rules))
            for place in self.order.of(step, mine)
        ]
        roots, played = list(running), {}
        window = FirstWindow(self.information) if self._key is None else None
        drawn: list[Drawn] = []
        costs = {dialogue.place: (0, 0, 0, 0) for dialogue in running}  # calls, tokens, choices to speak, choices
        while running:
            turns = [self._choose(dialogue) for dialogue in running]
            asked = [turn for turn in turns if turn.asks]
            requests = [
                Request(turn.dialogue.state, turn.dialogue.state.seat, turn.dialogue.noise, self.candidates)
                for turn in asked
            ]
            said = ask(self.speaker, requests, scenario)
            groups = {
                turn.dialogue.place: said[number * self.candidates : (number + 1) * self.candidates]
                for number, turn in enumerate(asked)
            }
            for turn, request in zip(asked, requests, strict=True):
                group = groups[turn.dialogue.place]
                policy = self.policy_of(request.state)
                learns = self._learns(turn.dialogue)
                drawn += drawn_group(policy, request, group, self.reward, turn.dialogue.place, learns)
                played[turn.dialogue.place, path_of(request.state)] = group[0]
            if window is not None:
                self._shown(window, turns, groups)
            running = [self._moved(turn, groups.get(turn.dialogue.place, []), costs) for turn in turns]
            running = [dialogue for dialogue in running if not dialogue.state.over]
        if window is not None:
            self._read_by(window.fitted(self.processes))
            self._decisions = window.named(self._decisions, self._key_of)
        if self._trees is not None:
            self._decisions += self._trees.decisions(roots, self.speaker, scenario, played)
        return drawn

    def learn(self) -> dict[str, float | int | None]:
        """Apply the regrets of the step that was played, in every process alike; return numbers for the log."""
        decisions = sorted(self.processes.gathered(self._decisions))
        ended = sorted(self.processes.gathered(self._ended))
        sums: dict[tuple[int, str], tuple[float, float, float]] = {}
        for one in decisions:
            chance = float(self._tables[one.table].policy(one.key)[1])
            expected = (1.0 - chance) * one.skip + chance * one.speak
            regrets = one.others * (one.skip - expected), one.others * (one.speak - expected)
            old = sums.get((one.table, one.key), (0.0, 0.0, 0.0))
            sums[one.table, one.key] = (old[0] + regrets[0], old[1] + regrets[1], old[2] + one.own)
        chances = {name: float(self._tables[name[0]].policy(name[1])[1]) for name in sums}
        if self.fading < 1.0:
            for table in self._tables:
                table.fade(self.fading)
        for (number, key), (skip, speak, visits) in sums.items():
            self._tables[number].accumulate(key, (skip, speak), chances[number, key], visits)
        reviewed = self.processes.gathered(self._reviewed)
        self.reviews.seen(sum(reviewed), len(reviewed) - sum(reviewed))
        self._decisions, self._ended, self._reviewed = [], [], []
        count = max(1, len(ended))
        return {
            "dialogue_accuracy": sum(end[1] for end in ended) / count,
            "calls_per_task": sum(end[2] for end in ended) / count,
            "tokens_per_task": sum(end[3] for end in ended) / count,
            "speak_rate": sum(end[4] for end in ended) / max(1, sum(end[5] for end in ended)),
            "average_regret": average_regret(self.controller),
        }

    def state_dict(self) -> dict[str, Any]:
        """Return the tables, and which reviews were seen, as plain data."""
        return {"tables": [table.state_dict() for table in self._tables], "reviews": self.reviews.state_dict()}

    def load_state_dict(self, data: Mapping[str, Any]) -> None:
        """Take over what `state_dict` returned; raises ConfigError for anything else."""
        count = len(self._tables)
        state = record({"tables": listed(plain(4), count, count), "reviews": plain(1)})
        found = read(data, state, "the saved rollouts", error=ConfigError)
        for table, saved in zip(self._tables, found["tables"], strict=True):
            table.load_state_dict(saved)
        self._read_by(key_of_tables(self._tables, self.information))
        self.reviews.load_state_dict(found["reviews"])

    def _read_by(self, key: Information | None) -> None:
        """Have the tables told apart by a key from now on; None: its buckets are yet to be cut."""
        self._key = key
        for table in self._tables:
            if key is None:
                table.information = self.information
            else:
                table.read_by(key, self.information)

    def _key_of(self, state: DialogueState) -> str:
        """Return the key of who decides in ``state``; an empty one while the tables' buckets are not cut."""
        return key_of(asked_under(self.controller, state.seat, self._key or _unnamed), state)

    @staticmethod
    def _shown(window: FirstWindow, turns: Sequence[_Turn], groups: Mapping[int, Sequence[Utterance]]) -> None:
        for turn in turns:
            place, _, state = turn.dialogue
            if place in groups:
                window.hear(place, state, groups[place])
            if turn.free:
                window.see(place, state)

    def _choose(self, dialogue: Root) -> _Turn:
        state = dialogue.state
        mask, key = legal_actions(state), self._key_of(state)
        if mask != FREE:
            return _Turn(dialogue, key, False, Action(mask[1]), bool(mask[1]))
        chance = probability(self._current, state, key)
        speaks = uniform(dialogue.noise, state.turn, Purpose.CHOICE) < chance
        learns = self._table(state) is not None
        return _Turn(dialogue, key, True, Action(speaks), learns or speaks)

    def _learns(self, dialogue: Root) -> bool:
        """Return whether what is said in a dialogue is learnt from: reviews are chosen, proposals all are."""
        state = dialogue.state
        if state.seat.role is not Role.REVIEWER or state.pending is None:
            return True
        self._reviewed.append(state.pending.correct)
        noise = uniform(dialogue.noise, state.turn, Purpose.LEARNING)
        return self.reviews.keeps(state.pending.correct, noise)

    def _moved(self, turn: _Turn, group: Sequence[Utterance], costs: dict[int, tuple[int, int, int, int]]) -> Root:
        """Note what the choice was worth and play it."""
        place, noise, state = turn.dialogue
        if self._trees is None and turn.free and group:
            self._note(turn, group)
        entering = group[0] if turn.action is Action.SPEAK else None
        after = advance(state, turn.action, entering)
        calls, tokens, speaks, choices = costs[place]
        if entering is not None:
            calls, tokens, speaks = calls + 1, tokens + entering.tokens, speaks + turn.free
        costs[place] = (calls, tokens, speaks, choices + turn.free)
        if after.over:
            answer = final_answer(after)
            self._ended.append((place, answer is not None and answer.correct, *costs[place]))
        return Root(place, noise, after)

    def _note(self, turn: _Turn, group: Sequence[Utterance]) -> None:
        state = turn.dialogue.state
        table, pending = self._table(state), state.pending
        said = [utterance for utterance in group if utterance.grade is not Grade.TIMEOUT]
        if table is None or not said or (pending is not None and pending.utterance.grade is Grade.TIMEOUT):
            return
        speak = sum(speak_value(state.seat.role, pending, utterance) for utterance in said) / len(said)
        skip = self.hooks.valued(state, Action.SKIP, skip_value(pending))
        speak = self.hooks.valued(state, Action.SPEAK, speak)
        self._decisions.append(Decision(turn.dialogue.place, path_of(state), table, turn.key, skip, speak))

    def _grown_under(self, credit: OneStep | Tree) -> ChoiceTrees | None:
        """Return what grows trees where the credit looks to the end of the dialogue."""
        if not isinstance(credit, Tree):
            return None
        check_growable(self.rules)
        if self.hooks.value is not None:
            raise ConfigError(
                f"the hook {self.hooks.value.name!r} gives one-step values, and credit {credit.name!r} asks for none; "
                "take credit one_step, or leave out hooks.value"
            )
        return ChoiceTrees(self._key_of, self._current.speak_probability, self._table, credit.price)

    def _table(self, state: DialogueState) -> int | None:
        """Return the number of the table that decides in ``state``, None where a fixed controller does."""
        controller = self.controller
        part = controller.part(state.seat) if isinstance(controller, CastController) else controller
        return next((number for number, table in enumerate(self._tables) if table is part), None)


def _unnamed(state: DialogueState) -> str:
    return ""
