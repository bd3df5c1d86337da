"""The tree of exceptions: what can be caught as what, and what the lines say."""

from __future__ import annotations

import pytest

from tracer_env import errors
from tracer_env.errors import (
    ConfigError,
    DataError,
    IllegalActionError,
    MissingExtraError,
    RunFolderError,
    SpeakerError,
    TracerEnvError,
    UnknownNameError,
    UserError,
    did_you_mean,
)
from tracer_env.types import Role, Seat


@pytest.mark.parametrize(
    ("error", "bases"),
    [
        (ConfigError, (UserError, ValueError)),
        (UnknownNameError, (UserError, LookupError)),
        (MissingExtraError, (UserError, ImportError)),
        (DataError, (UserError,)),
        (RunFolderError, (UserError,)),
        (IllegalActionError, (UserError, ValueError)),
        (SpeakerError, (TracerEnvError,)),
        (UserError, (TracerEnvError,)),
        (TracerEnvError, (Exception,)),
    ],
)
def test_the_tree(error: type[Exception], bases: tuple[type[Exception], ...]) -> None:
    assert issubclass(error, bases)
    assert all(issubclass(error, base) for base in bases)
    assert error.__name__ in errors.__all__


def test_exit_codes() -> None:
    assert UserError.exit_code == 2
    assert ConfigError("x").exit_code == 2
    assert SpeakerError("x").exit_code == 1
    assert not issubclass(SpeakerError, UserError)


def test_an_illegal_action_names_seat_action_and_mask() -> None:
    error = IllegalActionError(Seat(1, Role.REVIEWER), 1, (1, 0))
    assert str(error) == (
        "illegal action 1 for agent_1 (reviewer): the action mask (SKIP, SPEAK) is (1, 0); "
        "choose an action whose mask entry is 1"
    )
    assert (error.action, error.mask, error.seat) == (1, (1, 0), Seat(1, Role.REVIEWER))


def test_an_unknown_name_gets_the_nearest_one() -> None:
    error = UnknownNameError("controller", "alwys", ["never", "always"])
    assert str(error) == "unknown controller 'alwys'; did you mean 'always'?"
    assert (error.kind, error.name, error.known) == ("controller", "alwys", ["always", "never"])


def test_a_missing_extra_gives_the_install_line() -> None:
    assert str(MissingExtraError("speaker 'hf'", "torch", "hf")) == (
        "speaker 'hf' needs the package 'torch'; install it with: pip install \"tracer-env[hf]\""
    )
    assert str(MissingExtraError("p", "q", "", "pip install q")).endswith("install it with: pip install q")


def test_did_you_mean() -> None:
    assert did_you_mean("rond", ["round", "square"]) == "; did you mean 'round'?"
    assert did_you_mean("xyz", ["round", "square"]) == "; choose one of: round, square"
    assert did_you_mean("xyz", []) == ""
    many = [f"name{i:02d}" for i in range(20)]
    assert did_you_mean("?", many) == "; choose one of: " + ", ".join(many[:16]) + " and 4 more"


@pytest.mark.parametrize("known", [[], ["a"], [f"n{i}" for i in range(40)]])
def test_messages_are_one_line(known: list[str]) -> None:
    assert "\n" not in str(UnknownNameError("thing", "zzz", known))
