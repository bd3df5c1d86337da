"""What a controller sees: every key literally, the feature vector by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from moves import play, utterance

from tracer_env.compositions import information_named
from tracer_env.errors import ConfigError, UnknownNameError
from tracer_env.information import (
    FEATURES,
    KEYS,
    features,
    history,
    iteration_bucket,
    seat_prefix,
    time_only,
    vote_and_time,
    vote_bucket,
    vote_only,
)
from tracer_env.rules import Rules, advance, initial, legal_actions
from tracer_env.types import Role, Task


@pytest.mark.parametrize(
    ("letters", "key"),
    [
        ("", "agent_0/proposer/no_pending/not_last"),
        ("C", "agent_1/reviewer/vote_0/not_last"),
        ("C.", "agent_0/proposer/vote_0/not_last"),
        ("C..", "agent_1/reviewer/vote_0/last"),
        ("C...", "agent_0/proposer/vote_0/last"),
        ("C+", "agent_0/proposer/vote_plus_1/not_last"),
        ("C-", "agent_0/proposer/vote_minus_1/not_last"),
        ("C0", "agent_0/proposer/vote_0/not_last"),
        ("C+.", "agent_1/reviewer/vote_plus_1/last"),
        ("C+.+", "agent_0/proposer/vote_plus_2/last"),
        ("C-.-", "agent_0/proposer/vote_minus_2/last"),
        ("C+.-", "agent_0/proposer/vote_0/last"),
        ("C+W", "agent_1/reviewer/vote_0/last"),
        ("I", "agent_1/reviewer/invalid_pending/not_last"),
        ("I-", "agent_0/proposer/invalid_pending/not_last"),
        ("I-.+", "agent_0/proposer/invalid_pending/last"),
        ("T-", "agent_0/proposer/vote_minus_1/not_last"),  # a timeout held an answer
    ],
)
def test_the_papers_key(letters: str, key: str) -> None:
    state = play(letters)
    assert vote_and_time(state) == key
    assert vote_and_time(state) == key  # from the cache, the second time
    prefix, vote, time = key.rsplit("/", 2)
    assert (vote_only(state), time_only(state)) == (f"{prefix}/{vote}", f"{prefix}/{time}")
    assert (vote_bucket(state), iteration_bucket(state)) == (vote, time)


def test_the_cache_keeps_rules_apart() -> None:
    short, long = Rules(max_turns=3), Rules(max_turns=7)
    assert vote_and_time(play("C", short)) == "agent_1/reviewer/vote_0/last"
    assert vote_and_time(play("C", long)) == "agent_1/reviewer/vote_0/not_last"


def test_with_three_agents_the_seat_changes_the_role() -> None:
    rules = Rules(num_agents=3, max_turns=9)
    keys = [vote_only(play("C....."[:count], rules)) for count in range(1, 6)]
    assert keys == [
        "agent_1/reviewer/vote_0",
        "agent_2/proposer/vote_0",
        "agent_0/reviewer/vote_0",
        "agent_1/proposer/vote_0",
        "agent_2/reviewer/vote_0",
    ]


@pytest.mark.parametrize(
    ("letters", "key"),
    [
        ("", "agent_0/proposer/-"),
        ("C", "agent_1/reviewer/P"),
        ("W", "agent_1/reviewer/P"),  # right or wrong is nobody's business here
        ("T", "agent_1/reviewer/P"),
        ("I", "agent_1/reviewer/I"),
        ("C+", "agent_0/proposer/PR"),
        ("C-I0", "agent_0/proposer/PWIN"),
        ("C-.+", "agent_0/proposer/PWKR"),
        ("C.W.", "agent_0/proposer/PSPS"),
    ],
)
def test_the_history_spells_the_dialogue(letters: str, key: str) -> None:
    assert history(play(letters)) == key


def test_names_of_keys() -> None:
    assert sorted(KEYS) == ["history", "time_only", "vote_and_time", "vote_only"]
    assert information_named("vote_only") is vote_only
    assert information_named(history) is history
    with pytest.raises(UnknownNameError, match="unknown information 'vote_and_tme'; did you mean 'vote_and_time'"):
        information_named("vote_and_tme")
    with pytest.raises(ConfigError, match="information must be a name or a function"):
        information_named(3)  # type: ignore[arg-type]


def test_prefixes() -> None:
    assert seat_prefix(4, Role.REVIEWER) == "agent_4/reviewer"


def test_the_names_of_the_features() -> None:
    assert FEATURES == (
        "turn",
        "turns_left",
        "is_proposer",
        "is_reviewer",
        "last_proposal_turn",
        "has_pending",
        "pending_invalid",
        "vote",
        "reviews",
        "last_verdict",
        "proposals",
    )


@pytest.mark.parametrize(
    ("letters", "expected"),
    [
        ("", [0.2, 1.0, 1, 0, 0, 0, 0, 0, 0, 0, 0]),
        ("C", [0.4, 0.8, 0, 1, 0, 1, 0, 0, 0, 0, 0.2]),
        ("C-", [0.6, 0.6, 1, 0, 0, 1, 0, -0.2, 0.2, -1, 0.2]),
        ("C+.-", [1.0, 0.2, 1, 0, 1, 1, 0, 0, 0.4, -1, 0.2]),
        ("C-I", [0.8, 0.4, 0, 1, 1, 1, 1, 0, 0, 0, 0.4]),
        ("C....", [1.0, 0.0, 1, 0, 1, 1, 0, 0, 0, 0, 0.2]),
    ],
)
def test_features_by_hand(letters: str, expected: list[float]) -> None:
    vector = features(play(letters))
    assert vector.dtype == np.float32
    np.testing.assert_array_equal(vector, np.array(expected, dtype=np.float32))


def test_the_vector_is_shared_and_read_only() -> None:
    rules = Rules()
    vector = features(play("C", rules))
    assert features(play("W", rules)) is vector  # it tells nothing about the grade
    with pytest.raises(ValueError, match="read-only"):
        vector[0] = 1.0


@settings(deadline=None)
@given(
    agents=st.integers(1, 5),
    horizon=st.integers(1, 9),
    luck=st.lists(st.tuples(st.booleans(), st.sampled_from("CWIT"), st.sampled_from("+-0")), min_size=9, max_size=9),
)
def test_features_stay_in_range_and_hide_the_grade(agents, horizon, luck) -> None:
    rules = Rules(agents, horizon)
    state, twin = initial(Task("t", "?", "42"), rules), initial(Task("t", "?", "other"), rules)
    for speak, grade, verdict in luck:
        for key in KEYS.values():
            assert key(state) == key(twin)
        vector = features(state)
        assert vector.shape == (len(FEATURES),)
        assert np.all(np.abs(vector) <= 1.0)
        assert vector[2] + vector[3] == 1.0
        np.testing.assert_array_equal(vector, features(twin))
        if state.over:
            break
        mask = legal_actions(state)
        said = None
        if mask[1] and (speak or not mask[0]):
            said = utterance(grade if state.seat.role is Role.PROPOSER else verdict)
        hidden = utterance({"C": "W", "W": "T", "T": "C"}.get(grade, grade)) if said and said.grade else said
        action = 0 if said is None else 1
        state, twin = advance(state, action, said), advance(twin, action, hidden)


def test_the_end_of_a_dialogue_does_not_lend_its_key_to_a_turn_that_is_still_played() -> None:
    rules = Rules(stop_when="kept")
    kept, spoken = play("W..", rules), play("W.C", rules)
    assert kept.over
    vote_and_time(kept)
    assert vote_and_time(spoken) == "agent_1/reviewer/vote_0/last"
