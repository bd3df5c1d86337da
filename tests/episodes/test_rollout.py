"""Dialogues in step: what is recorded, what is drawn, and that the batch changes nothing."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from moves import Script

from tracer_env.agents.controllers.baselines import Always, Never, Random
from tracer_env.agents.speakers.simulated.speaker import SimulatedSpeaker
from tracer_env.episodes.rollout import Job, everything, nothing, rollout
from tracer_env.episodes.transcript import Transcript
from tracer_env.errors import SpeakerError
from tracer_env.information import vote_and_time
from tracer_env.interfaces import Controller, Request
from tracer_env.parts.casting import make_scenario
from tracer_env.rules import DialogueState, Rules
from tracer_env.types import Action, Grade, Role, Task, Utterance, Verdict

TASKS = [Task(f"t{i}", f"What is {i} plus 1?", str(i + 1), difficulty=i / 5) for i in range(5)]
SCENARIO = make_scenario(TASKS)


def jobs(controller: Controller, count: int = 5, seed: int = 0, method: str = "m") -> list[Job]:
    return [Job(e, method, controller, TASKS[e % 5], e // 5, seed) for e in range(count)]


def test_an_episode_by_hand() -> None:
    """W, then RIGHT by mistake, mended, silence, kept: turn by turn."""

    class Hand:
        def speak_probability(self, state: DialogueState, key: str) -> float:
            return {2: 1.0, 3: 1.0, 4: 0.0, 5: 0.0}[state.turn]

    speaker = Script("W.C.W", ".+.-.")
    told = rollout(jobs(Hand(), 1), speaker, SCENARIO, Rules(), vote_and_time, everything)[0]
    assert [(t.turn, t.agent, t.role, t.mask) for t in told.turns] == [
        (1, 0, Role.PROPOSER, (0, 1)),
        (2, 1, Role.REVIEWER, (1, 1)),
        (3, 0, Role.PROPOSER, (1, 1)),
        (4, 1, Role.REVIEWER, (1, 1)),
        (5, 0, Role.PROPOSER, (1, 1)),
    ]
    assert [t.action for t in told.turns] == [Action.SPEAK] * 3 + [Action.SKIP] * 2
    assert [t.speak_probability for t in told.turns] == [1.0, 1.0, 1.0, 0.0, 0.0]
    assert [t.vote for t in told.turns] == [0, 1, 0, 0, 0]
    assert [t.skip_value for t in told.turns] == [0.0, -1.0, -1.0, 1.0, 1.0]
    assert [t.speak_value for t in told.turns] == [-1.0, -1.0, 1.0, -1.0, -1.0]
    assert [t.key.rpartition("/")[0].rpartition("/")[2] for t in told.turns] == [
        "no_pending",
        "vote_0",
        "vote_plus_1",
        "vote_0",
        "vote_0",
    ]
    assert [bool(t.utterance) for t in told.turns] == [True, True, True, False, False]
    assert [bool(t.other) for t in told.turns] == [False, False, False, True, True]
    assert told.turns[3].other is not None
    assert told.turns[3].other.verdict is Verdict.WRONG
    assert (told.final_turn, told.correct, told.max_turns) == (3, True, 5)
    assert speaker.asked == [1, 1, 1, 1, 1]


def test_what_nobody_asks_for_is_not_drawn() -> None:
    speaker = Script("C", "+")
    told = rollout(jobs(Never()), speaker, SCENARIO, Rules(), vote_and_time, nothing)
    assert speaker.asked == [5]
    assert [t.speak_value for t in told[0].turns] == [1.0, None, None, None, None]
    assert all(turn.other is None for transcript in told for turn in transcript.turns)


def test_the_speaker_is_called_once_a_turn() -> None:
    speaker = Script("C", "+")
    rollout(jobs(Always(), 12), speaker, SCENARIO, Rules(), vote_and_time)
    assert speaker.asked == [12, 12, 12, 12, 12]


def test_the_chooser_sees_what_is_said_and_what_is_not() -> None:
    seen: list[tuple[int, int]] = []

    def first_only(spoken: Sequence[Request], unspoken: Sequence[Request]) -> list[bool]:
        seen.append((len(spoken), len(unspoken)))
        return [True] + [False] * (len(unspoken) - 1)

    speaker = Script("C", "+")
    told = rollout(jobs(Never(), 3), speaker, SCENARIO, Rules(max_turns=2), vote_and_time, first_only)
    assert seen == [(0, 3)]
    assert [t.turns[1].other is not None for t in told] == [True, False, False]
    assert speaker.asked == [3, 1]


def test_kept_episodes_leave_the_others_alone() -> None:
    both = [*jobs(Never(), 2, method="never"), *jobs(Always(), 2, method="always")]
    speaker = Script("C", "+")
    told = rollout(both, speaker, SCENARIO, Rules(stop_when="kept"), vote_and_time)
    assert [(t.method, len(t.turns)) for t in told] == [("never", 3), ("never", 3), ("always", 5), ("always", 5)]
    assert speaker.asked == [2, 2, 2, 2, 2]  # the first words are the same for both


def test_who_chose_alike_is_asked_for_once_and_shown_only_what_was_wanted() -> None:
    """Words that another method heard at the same place are no reason to draw them for one that kept silent."""
    both = [*jobs(Never(), 1, method="never"), *jobs(Always(), 1, method="always"), *jobs(Always(), 1, method="again")]
    for which, drawn, asked in ((nothing, False, [1, 1, 1]), (everything, True, [1, 1, 2])):
        speaker = Script("C", "+")
        never, always, again = rollout(both, speaker, SCENARIO, Rules(max_turns=3), vote_and_time, which)
        assert speaker.asked == asked
        assert all(mine.utterance is theirs.utterance for mine, theirs in zip(always.turns, again.turns, strict=True))
        assert never.turns[0].utterance is always.turns[0].utterance
        assert [turn.other is not None for turn in never.turns] == [False, drawn, drawn]
        assert [turn.speak_value is not None for turn in never.turns] == [True, drawn, drawn]
        assert all(turn.utterance is not None and turn.other is None for turn in always.turns)


def test_a_watcher_sees_each_turn() -> None:
    lengths: list[list[int]] = []
    rollout(
        jobs(Always(), 2),
        Script("C", "+"),
        SCENARIO,
        Rules(max_turns=3),
        vote_and_time,
        watch=lambda so_far: lengths.append([len(t.turns) for t in so_far]),
    )
    assert lengths == [[1, 1], [2, 2], [3, 3]]


def test_nothing_to_play() -> None:
    assert rollout([], Script("C"), SCENARIO, Rules(), vote_and_time) == []


def test_a_speaker_that_breaks_its_contract_is_named() -> None:
    class Mute:
        def speak(self, requests: Sequence[Request]) -> list[Utterance]:
            return []

    with pytest.raises(SpeakerError, match=r"Mute.speak returned 0 items for 5 candidates"):
        rollout(jobs(Always()), Mute(), SCENARIO, Rules(), vote_and_time)


def test_timeouts_are_worth_nothing() -> None:
    told = rollout(jobs(Always(), 1), Script("T", "+"), SCENARIO, Rules(), vote_and_time)[0]
    assert [t.skip_value for t in told.turns] == [0.0] * 5
    assert [t.speak_value for t in told.turns] == [0.0] * 5
    assert told.final.grade is Grade.TIMEOUT
    assert not told.correct


def _lines(played: list[Transcript]) -> list[str]:
    return [transcript.to_json() for transcript in played]


@settings(deadline=None, max_examples=30)
@given(
    agents=st.integers(1, 4),
    horizon=st.integers(1, 6),
    stop=st.sampled_from(["horizon", "kept"]),
    seed=st.integers(0, 2**40),
    cuts=st.lists(st.integers(1, 11), max_size=3),
)
def test_the_batch_changes_nothing(agents, horizon, stop, seed, cuts) -> None:
    rules, speaker = Rules(agents, horizon, stop_when=stop), SimulatedSpeaker("harsh")
    all_jobs = jobs(Random(0.6), 12, seed)
    whole = _lines(rollout(all_jobs, speaker, SCENARIO, rules, vote_and_time, everything))
    edges = [0, *sorted(set(cuts)), 12]
    parts = [
        line
        for start, end in itertools.pairwise(edges)
        for line in _lines(rollout(all_jobs[start:end], speaker, SCENARIO, rules, vote_and_time, everything))
    ]
    assert parts == whole
    backwards = _lines(rollout(all_jobs[::-1], speaker, SCENARIO, rules, vote_and_time, everything))
    assert backwards == whole[::-1]


def test_the_unspoken_is_what_speaking_would_have_said() -> None:
    """One controller skips only at turn 3, the other speaks: turn 3's two branches hold the same utterance."""

    class Skip:
        def __init__(self, turn: int) -> None:
            self.turn = turn

        def speak_probability(self, state: DialogueState, key: str) -> float:
            return float(state.turn != self.turn)

    speaker = SimulatedSpeaker()
    for turn in range(2, 6):
        skipped = rollout(jobs(Skip(turn), 10), speaker, SCENARIO, Rules(), vote_and_time, everything)
        spoken = rollout(jobs(Always(), 10), speaker, SCENARIO, Rules(), vote_and_time)
        for quiet, loud in zip(skipped, spoken, strict=True):
            unsaid, said = quiet.turns[turn - 1].other, loud.turns[turn - 1].utterance
            assert unsaid is not None
            assert said is not None
            assert (unsaid.text, unsaid.tokens, unsaid.grade) == (said.text, said.tokens, said.grade)
