"""Random environments: every view of a dialogue agrees with every other, turn by turn.

In each random world (`torture_worlds`):

    walk       PettingZoo's environment under random legal actions: masks, spaces, ends, rewards and votes keep the
               rules; illegal and foreign actions raise IllegalActionError and move nothing
    fork       a clone, and a fresh environment with the state set, go on to the same end
    parallel   the turn-based parallel view shows the same observations, rewards, ends and infos
    single     the Gymnasium view equals a walk in which forced and other seats' turns are played by its documented rule
    vector     the vector view equals single environments with Gymnasium's autoreset, float by float, or says
               in a ConfigError that arrays cannot play this world

Turns of all views are counted; 300,000 in the long form.
"""

from __future__ import annotations

import random
from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode
from torture_tools import Counts
from torture_worlds import World, drawn

from tracer_env.envs.aec import DialogueEnv
from tracer_env.envs.vector.env import make_vector_env
from tracer_env.envs.wrappers import ControllerEnv, learning_turns, make_controller_env, parallel_env, raw_env
from tracer_env.errors import ConfigError, IllegalActionError
from tracer_env.parts.casting import make_controller
from tracer_env.randomness import Purpose, uniform
from tracer_env.rules import FREE, legal_actions

TURNS, QUICK_TURNS = 300_000, 4_000
_FOREIGN = (2, -1, None, "1", 0.5, float("nan"), [1])


class Disagreement(Exception):
    """Two views of one dialogue differ, or a rule is broken."""


def sweep(seed: int, quick: bool) -> dict[str, int]:
    """Play random worlds until enough turns are played; the same seed plays the same."""
    counts, number = Counts(turns=0, worlds=0), 0
    while counts["turns"] < (QUICK_TURNS if quick else TURNS):
        noise = random.Random(f"{seed} world {number}")
        world, number = drawn(noise), number + 1
        counts.add("worlds")
        for play in (_walk, _parallel, _single, _vector):
            try:
                play(world, noise, counts)
            except Disagreement as error:
                counts.check(False, f"{play.__name__} of world {number - 1}: {error}; {world}")
            except Exception as error:
                counts.check(False, f"{play.__name__} of world {number - 1}: {type(error).__name__}: {error}; {world}")
    return counts


def _same(left: Any, right: Any, what: str) -> None:
    if left != right:
        raise Disagreement(f"{what}: {left!r} is not {right!r}")


def _walk(world: World, noise: random.Random, counts: Counts) -> None:
    """Play episodes of the bare environment, with a fork now and then."""
    made = raw_env(**world.settings)
    for episode in range(noise.randint(1, 16)):
        made.reset(seed=world.seed if episode == 0 else None)
        twin = made.clone()
        fork = noise.randrange(world.rules.max_turns + 1)
        while not made.state_now.over:
            _legal(made, noise, counts)
            if made.state_now.turn == fork:
                twin = made.clone()
            action = _choice(made, noise)
            _step(made, action, counts)
        _forked(twin, made, world, counts)
        _buried(made)


def _legal(made: DialogueEnv, noise: random.Random, counts: Counts) -> None:
    """Check what the environment shows at a turn, and that what is not allowed is refused and moves nothing."""
    state, agent = made.state_now, made.agent_selection
    mask = legal_actions(state)
    for name in made.agents:
        seen = made.observe(name)
        _same(tuple(seen["action_mask"]), mask if name == agent else (0, 0), f"mask of {name}")
        if not made.observation_space(name).contains(seen):
            raise Disagreement(f"the observation of {name} is outside its space: {seen}")
    _same(tuple(made.infos[agent]["action_mask"]), mask, "mask in info")
    _same((agent, any(made.terminations.values())), (state.seat.name, False), "who acts, and nobody has ended")
    for wrong in [action for action in (0, 1) if not mask[action]] + noise.sample(_FOREIGN, 1):
        try:
            made.step(wrong)  # type: ignore[arg-type]  # that is the attack
        except IllegalActionError:
            counts.add("illegal actions")
        else:
            raise Disagreement(f"the action {wrong!r} was taken under the mask {mask}")
        _same(made.state_now is state, True, f"a refused action {wrong!r} moved the dialogue")


def _choice(made: DialogueEnv, noise: random.Random) -> int:
    mask = legal_actions(made.state_now)
    return noise.randrange(2) if mask == FREE else mask[1]


def _step(made: DialogueEnv, action: int, counts: Counts) -> None:
    """Step and check the invariants of the rules."""
    before, tokens = made.state_now, made._tokens
    made.step(action)
    after = made.state_now
    counts.add("turns")
    _same((after.turn, len(after.turns)), (before.turn + 1, before.turn), "a step is one turn")
    _same(int(after.turns[-1].action), action, "the action is on record")
    _same((after.turns[-1].utterance is not None), action == 1, "SPEAK and only SPEAK says something")
    ends = before.turn == before.rules.max_turns or (
        before.rules.stop_when == "kept" and not action and before.pending is not None and before.seat.role == 0
    )
    _same(after.over, ends, "the dialogue ends when the rules say so")
    for proposal in after.proposals:
        if abs(proposal.vote) > proposal.reviews:
            raise Disagreement(f"a vote of {proposal.vote} from {proposal.reviews} reviews")
    said = after.turns[-1].utterance
    _same(made._tokens - tokens, said.tokens if said else 0, "tokens are those of what was said")
    _same(tuple(made.rewards.values()), made.reward(before, after), "rewards are the reward's")


def _forked(twin: DialogueEnv, made: DialogueEnv, world: World, counts: Counts) -> None:
    """Play a clone, and a new environment at the clone's place, along the path that the original went."""
    other = raw_env(**world.settings)
    other.set_state(twin.get_state())
    for turn in made.state_now.turns[len(twin.state_now.turns) :]:
        for each in (twin, other):
            each.step(int(turn.action))
            counts.add("turns")
    for name, each in (("clone", twin), ("set_state", other)):
        _same(_shown(each), _shown(made), f"{name} ends elsewhere")
        _same(
            [t.utterance for t in each.state_now.turns], [t.utterance for t in made.state_now.turns], f"{name}'s texts"
        )


def _shown(made: DialogueEnv) -> Any:
    """Return all that an environment tells."""
    infos = {name: _info(info) for name, info in made.infos.items()}
    seen = {name: _seen(made.observe(name)) for name in made.agents}
    books = (made.rewards, made._cumulative_rewards, made.terminations, made.truncations, made.agents)
    return made.agent_selection, infos, seen, [str(book) for book in books], made._tokens, str(made.last_line)


def _seen(observation: Any) -> tuple[bytes, tuple[int, ...]]:
    return observation["observation"].tobytes(), tuple(map(int, observation["action_mask"]))


def _info(info: Any) -> tuple[Any, ...]:
    names = ("role", "turn", "information_state", "tokens")
    return (*(info.get(name) for name in names), tuple(map(int, info["action_mask"])))


def _buried(made: DialogueEnv) -> None:
    """Step the dead agents out, as PettingZoo has it; a living action is refused by then."""
    if not all(made.terminations.values()) or any(made.truncations.values()):
        raise Disagreement("an end is a termination of all")
    left = len(made.agents)
    while made.agents:
        made.step(None)
        left -= 1
        _same(len(made.agents), left, "one dead agent leaves a step")


def _parallel(world: World, noise: random.Random, counts: Counts) -> None:
    twin, made = raw_env(**world.settings), parallel_env(**world.settings)
    for episode in range(noise.randint(1, 6)):
        _together(twin, made, world.seed if episode == 0 else None, noise, counts)


def _together(twin: DialogueEnv, made: Any, seed: int | None, noise: random.Random, counts: Counts) -> None:
    """Play one episode of the parallel view beside the bare environment."""
    twin.reset(seed=seed)
    shown, infos = made.reset(seed=seed)
    while True:
        for name in made.agents:
            _same(_seen(shown[name]), _seen(_waiting(twin.observe(name))), f"observation of {name}")
            _same(_info(infos[name]), _info(_waiting(twin.infos[name])), f"info of {name}")
        if twin.state_now.over:
            return
        acting, action = twin.agent_selection, _choice(twin, noise)
        actions = {name: action if name == acting else noise.randrange(2) for name in made.agents}
        twin.step(action)
        agents = list(made.agents)
        shown, rewards, ended, cut, infos = made.step(actions)
        counts.add("turns")
        _same({name: rewards[name] for name in agents}, dict(twin.rewards), "rewards")
        _same((set(ended.values()), set(cut.values())), ({twin.state_now.over}, {False}), "ends")
        if twin.state_now.over:
            return


def _waiting(told: dict[str, Any]) -> dict[str, Any]:
    """Return what an agent is told in the parallel view, where one who waits may skip."""
    return told if np.any(told["action_mask"]) else {**told, "action_mask": np.array([1, 0], dtype=np.int8)}


class Reference:
    """What the Gymnasium view has to show, played on the bare environment by the rule in its docstring."""

    def __init__(self, world: World) -> None:
        self.made = raw_env(**world.settings)
        self.learns = learning_turns(world.rules, world.seats)
        self.others = make_controller(world.others, world.rules)
        self.earned: dict[str, float] = {}

    def reset(self, seed: int | None) -> None:
        """Begin episodes until the learner has a choice."""
        while True:
            self.made.reset(seed=seed)
            seed, self.earned = None, dict.fromkeys(self.made.possible_agents, 0.0)
            self.play_on()
            if not self.made.state_now.over:
                return

    def step(self, action: int) -> float:
        """Play the learner's choice and on; return what it earned."""
        agent = self.made.agent_selection
        self.move(action)
        self.play_on()
        earned, self.earned = self.earned[agent], dict.fromkeys(self.made.possible_agents, 0.0)
        return earned

    def move(self, action: int) -> None:
        """Play one turn and keep what it pays."""
        self.made.step(action)
        for agent, reward in self.made.rewards.items():
            self.earned[agent] += reward

    def play_on(self) -> None:
        """Play forced turns, and those of others by their own luck."""
        while not (state := self.made.state_now).over:
            mask = legal_actions(state)
            if mask == FREE and self.learns[state.turn]:
                return
            chance = float(mask[1])
            if mask == FREE:
                chance = self.others.speak_probability(state, self.made.information(state))
            self.move(int(uniform(self.made._stream, state.turn, Purpose.CHOICE) < chance))


def _playable(world: World) -> ControllerEnv | None:
    """Return the Gymnasium view, or None where its learner never has a choice, or others have no controller."""
    try:
        made = make_controller_env(**world.settings, seats=world.seats, others=world.others)
        made.reset(seed=world.seed)
    except ConfigError:
        return None
    return made


def _single(world: World, noise: random.Random, counts: Counts) -> None:
    made = _playable(world)
    if made is None:
        counts.add("worlds without a choice")
        return
    twin = Reference(world)
    for episode in range(noise.randint(1, 16)):
        seen, info = made.reset(seed=world.seed if episode == 0 else None)
        twin.reset(world.seed if episode == 0 else None)
        over = False
        while not over:
            _same(seen.tobytes(), twin.made.observe(twin.made.agent_selection)["observation"].tobytes(), "observation")
            _same(_info(info), _info(twin.made.infos[twin.made.agent_selection]), "info")
            before, action = made.inner.state_now.turn, noise.randrange(2)
            seen, reward, over, cut, info = made.step(action)
            _same((reward, over, cut), (twin.step(action), twin.made.state_now.over, False), "reward and end")
            counts.add("turns", made.inner.state_now.turn - before)


def _vector(world: World, noise: random.Random, counts: Counts) -> None:
    if _playable(world) is None:
        return
    count, mode = noise.randint(1, 12), noise.choice(list(AutoresetMode)[:2])
    options = {**world.settings, "seats": world.seats, "others": world.others}
    try:
        made = make_vector_env(count, autoreset_mode=mode, **options)
    except ConfigError:
        counts.add("worlds not for arrays")
        return
    seed = world.seed % (1 << 62)
    singles = [make_controller_env(**options) for _ in range(count)]
    shown = [single.reset(seed=seed + place) for place, single in enumerate(singles)]
    ended = [False] * count
    seen, infos = made.reset(seed=seed)
    before = made.turns
    for _ in range(noise.randint(8, 48)):
        _rows(made, seen, infos, shown)
        actions = np.array([noise.randrange(2) for _ in range(count)])
        seen, rewards, ends, cuts, infos = made.step(actions)
        _same(bool(cuts.any()), False, "an end is no truncation")
        for place, single in enumerate(singles):
            reward, over = 0.0, False
            if ended[place]:
                shown[place] = single.reset()
            else:
                *first, reward, over, _, info = single.step(actions[place])
                shown[place] = (first[0], info)
            _same((float(rewards[place]), bool(ends[place])), (reward, over), f"reward and end of row {place}")
            ended[place] = over and mode is AutoresetMode.NEXT_STEP
            if over and mode is AutoresetMode.SAME_STEP:
                _rows(made, infos["final_obs"], infos["final_info"], shown, place)
                shown[place] = single.reset()
    counts.add("turns", 2 * (made.turns - before))


def _rows(made: Any, seen: Any, infos: Any, shown: list[Any], only: int | None = None) -> None:
    """Compare rows of the vector view with what single environments showed."""
    for place, (observation, info) in enumerate(shown):
        if only is not None and place != only:
            continue
        _same(seen[place].tobytes(), observation.tobytes(), f"observation of row {place}")
        told = made.information_states[infos["information_code"][place]]
        numbers = [int(infos[name][place]) for name in ("role", "turn", "tokens", "episodes_without_choice")]
        expected = [int(info[name]) for name in ("role", "turn", "tokens", "episodes_without_choice")]
        _same((told, numbers), (info["information_state"], expected), f"info of row {place}")
        _same(list(infos["action_mask"][place]), list(info["action_mask"]), f"mask of row {place}")
