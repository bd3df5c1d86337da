"""Plays training windows of simulated dialogues as numpy arrays, one entry an episode.

The noise of a block of episodes is drawn ahead (it hangs on no choice), so a window of a few dozen
episodes costs a few dozen array operations a turn. The decisions are summed in episode order, which
makes the tables equal, bit by bit, to those of the dialogues played one by one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tracer_env.agents.controllers.regret_matching import RegretMatching
from tracer_env.agents.speakers.simulated.arrays import SimulatedArrays
from tracer_env.agents.speakers.simulated.speaker import SimulatedSpeaker
from tracer_env.compositions import information_named
from tracer_env.interfaces import Scenario
from tracer_env.parts.worlds import played_in
from tracer_env.randomness import Purpose, draws, streams, uniforms
from tracer_env.rules import DialogueState, Proposal, Rules
from tracer_env.types import Grade, Role, Task, Utterance

__all__ = ["ArrayPlayer", "suits_arrays"]

_BLOCK = 4096
_FROM_TURN_AND_VOTE = ("vote_and_time", "vote_only", "time_only")


def suits_arrays(information: str) -> bool:
    """Return whether a key is a function of turn, vote and validity alone, as the array player needs."""
    return information in _FROM_TURN_AND_VOTE


@dataclass(slots=True)
class _Noise:
    """What a block of episodes will meet, shape (T + 1, B) each; row 0 is not used."""

    first: int
    outcome: NDArray[np.uint64]
    content: NDArray[np.uint64]
    choice: NDArray[np.float64]
    skill: NDArray[np.float64]  # (B,)
    mend: NDArray[np.float64]  # (B,)


class ArrayPlayer:
    """Plays windows for one table and the simulated speaker."""

    def __init__(
        self,
        table: RegretMatching,
        scenario: Scenario,
        speaker: SimulatedSpeaker,
        rules: Rules,
        seed: int,
        information: str,
    ) -> None:
        self.table, self.rules, self.seed = table, rules, seed
        tasks = list(scenario)
        self._ids = [task.id for task in tasks]
        self._arrays = SimulatedArrays(speaker.simulation, tasks)
        self._keys, self._key_of = _key_codes(rules, information)
        self._noise: _Noise | None = None
        self.turns = self.tokens = self.counterfactual_tokens = 0

    def play(self, first: int, count: int) -> list[tuple[RegretMatching, dict[str, tuple[float, float, int]]]]:
        """Play a window; simulated tokens are not counted here (they cost nothing)."""
        noise, offset = self._noise_for(first, count)
        here = slice(offset, offset + count)
        speaks = np.array([self.table.policy(key)[1] for key in self._keys])
        skill, mend = noise.skill[here], noise.mend[here]
        horizon, votes = self.rules.max_turns, 2 * self.rules.max_turns + 2
        grade = self._arrays.fresh(noise.outcome[1, here], skill)
        vote, active = np.zeros(count, dtype=np.int64), np.ones(count, dtype=bool)
        keys = np.zeros((horizon - 1, count), dtype=np.int64)
        skips, talks, played = np.zeros(keys.shape), np.zeros(keys.shape), np.zeros(keys.shape, dtype=bool)
        for turn in range(2, horizon + 1):
            bits = noise.outcome[turn, here]
            code = turn * votes + np.where(grade == Grade.UNPARSABLE, votes - 1, vote + horizon)
            key = self._key_of[code]
            speak = noise.choice[turn, here] < speaks[key]
            correct, row = grade == Grade.CORRECT, turn - 2
            keys[row], played[row] = key, active
            skips[row] = np.where(correct, 1.0, -1.0)
            if self.rules.seats[turn].role is Role.PROPOSER:
                new = self._arrays.refreshed(bits, noise.content[turn, here], skill, mend, grade, vote)
                talks[row] = np.where(new == Grade.CORRECT, 1.0, -1.0)
                grade, vote = np.where(speak, new, grade), np.where(speak, 0, vote)
                if self.rules.stop_when == "kept":
                    active = active & speak
            else:
                verdict = self._arrays.verdicts(bits, grade)
                talks[row] = np.where(correct, verdict, -verdict)
                vote = np.where(speak, vote + verdict, vote)
        self.turns += count + int(played.sum())
        return [(self.table, self._sums(keys, skips, talks, played, speaks))]

    def _sums(
        self,
        keys: NDArray[np.int64],
        skips: NDArray[np.float64],
        talks: NDArray[np.float64],
        played: NDArray[np.bool_],
        speaks: NDArray[np.float64],
    ) -> dict[str, tuple[float, float, int]]:
        live = played.T.ravel()  # episode by episode, turn by turn
        key, skip, talk = keys.T.ravel()[live], skips.T.ravel()[live], talks.T.ravel()[live]
        chance = speaks[key]
        expected = (1.0 - chance) * skip + chance * talk
        size = len(self._keys)
        skip_sum = np.bincount(key, skip - expected, size)
        talk_sum = np.bincount(key, talk - expected, size)
        visits = np.bincount(key, minlength=size)
        return {
            self._keys[place]: (float(skip_sum[place]), float(talk_sum[place]), int(visits[place]))
            for place in np.flatnonzero(visits)
        }

    def _noise_for(self, first: int, count: int) -> tuple[_Noise, int]:
        noise = self._noise
        if noise is None or not noise.first <= first or first + count > noise.first + len(noise.skill):
            noise = self._noise = self._draw(first, max(count, _BLOCK))
        return noise, first - noise.first

    def _draw(self, first: int, size: int) -> _Noise:
        worlds, index = played_in(np.arange(first, first + size), len(self._ids))
        stream = streams(self.seed, [self._ids[place] for place in index], worlds)
        turns = range(self.rules.max_turns + 1)
        return _Noise(
            first=first,
            outcome=np.stack([draws(stream, turn, Purpose.OUTCOME) for turn in turns]),
            content=np.stack([draws(stream, turn, Purpose.CONTENT) for turn in turns]),
            choice=np.stack([uniforms(stream, turn, Purpose.CHOICE) for turn in turns]),
            skill=self._arrays.skill[index],
            mend=self._arrays.mend[index],
        )


def _key_codes(rules: Rules, information: str) -> tuple[list[str], NDArray[np.int64]]:
    """Return all keys, and the place of the key for each code ``turn * (2T + 2) + vote + T`` (last: invalid)."""
    tell, horizon = information_named(information), rules.max_turns
    size = 2 * horizon + 2
    places: dict[str, int] = {}
    codes = np.zeros((horizon + 1) * size, dtype=np.int64)
    task = Task("", "", "")
    for turn in range(2, horizon + 1):
        for column in range(size):
            invalid = column == size - 1
            text = Utterance("", grade=Grade.UNPARSABLE if invalid else Grade.WRONG)
            state = DialogueState(rules, task, turn, (Proposal(text, 1, 0 if invalid else column - horizon),))
            codes[turn * size + column] = places.setdefault(tell(state), len(places))
    return list(places), codes
