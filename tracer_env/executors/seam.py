"""The seam between work and where it is done.

    with opened({"name": "ray", "workers": 8, "num_gpus": 1}) as executor:
        speaker = executor.speaker("hf:PATH")
        for result in executor.run(work, chunks):     in the order of the chunks, whoever finished first
            ...

Work is what has to be known to do a chunk: the parts and the settings. Whoever does it calls `Work.ready` once and then
what that returns, chunk after chunk. A chunk says nothing about the ones before it, so it may be done anywhere, and
done again where a worker was lost. The caller alone writes files: what it is given is whole, in order, and each chunk
once. So a folder that was written with any executor is the one that `InProcess` writes, byte by byte, for every part
whose answer hangs on its own request alone.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from tracer_env import errors
from tracer_env.errors import ExecutorError, TracerEnvError
from tracer_env.interfaces import Speaker
from tracer_env.parts.casting import make_speaker
from tracer_env.registry import build, section_class
from tracer_env.settings import Settings, read

__all__ = ["Executor", "ExecutorConfig", "Failed", "InProcess", "Work", "opened"]

C = TypeVar("C")
R = TypeVar("R")
C_contra = TypeVar("C_contra", contravariant=True)
R_co = TypeVar("R_co", covariant=True)


@dataclass(frozen=True)
class ExecutorConfig(Settings, at="executor"):
    """Where work is done; ``settings`` go to the executor's constructor. It changes speed and no result."""

    name: str = "process"
    settings: Mapping[str, Any] = field(default_factory=dict)


class Work(Protocol[C_contra, R_co]):
    """What has to be known to do chunks of one kind; it may be sent to another process."""

    def ready(self) -> Callable[[C_contra], R_co]:
        """Make what is needed where the work is done, and return what does a chunk."""
        ...


class Executor(Protocol):
    """Does work chunk by chunk."""

    apart: bool
    """Whether the work is done in other processes: what is returned should then be whole, with nothing left to say."""
    shares_files: bool
    """Whether all of them see the files of this machine's own disk, the run's store of utterances above all."""

    def size(self, usual: int, total: int, free: bool) -> int:
        """Return how many tasks of ``total`` make a chunk, where one process takes ``usual`` at once.

        ``free``: the size changes no bit of what is said, as with a simulation.
        """
        ...

    def speaker(self, name: str, **settings: Any) -> Speaker:
        """Return a speaker by its name, made where it will speak."""
        ...

    def run(self, work: Work[C, R], chunks: Iterable[C]) -> Generator[R, None, None]:
        """Yield what became of each chunk, in their order.

        What the work raises is raised where its chunk stands in the order, after everything before it. Closing the
        iterator, as Ctrl-C does, lets go of what is being done. Raises ExecutorError where workers are lost for good.
        """
        ...

    def close(self) -> None:
        """Let go of all workers."""
        ...


class InProcess:
    """This process, one chunk after the other."""

    apart, shares_files = False, True

    def size(self, usual: int, total: int, free: bool) -> int:
        """Return what is usual."""
        return usual

    def speaker(self, name: str, **settings: Any) -> Speaker:
        """Make the speaker here."""
        return make_speaker(name, **settings)

    def run(self, work: Work[C, R], chunks: Iterable[C]) -> Generator[R, None, None]:
        """Do one chunk after the other."""
        do = work.ready()
        for chunk in chunks:
            yield do(chunk)

    def close(self) -> None:
        """Nobody has to be let go."""


@contextmanager
def opened(asked: str | Mapping[str, Any] | Executor | None) -> Iterator[Executor]:
    """Make the executor that a section ``[executor]`` or a name asks for, and let go of it at the end.

    One that is made already belongs to whoever made it, and stays. Raises UnknownNameError for a name that there is
    not, ConfigError for settings that it has not, MissingExtraError where its package is missing.
    """
    if asked is not None and not isinstance(asked, str | Mapping):
        yield asked
        return
    config = read(section_class("executor"), {"name": asked} if isinstance(asked, str) else asked or {})
    made: Executor = build("executor", config.name, **config.settings)
    try:
        yield made
    finally:
        made.close()


@dataclass(frozen=True)
class Failed:
    """An error of ours as plain data, on its way from a worker to whoever waits for the chunk."""

    kind: str
    line: str
    facts: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, error: TracerEnvError) -> Failed:
        """Take the error's class by the nearest name that `errors` knows, its line, and its plain attributes."""
        kinds = [kind.__name__ for kind in type(error).__mro__ if getattr(errors, kind.__name__, None) is kind]
        facts = {name: value for name, value in vars(error).items() if isinstance(value, str | int | float | bool)}
        return cls(kinds[0], str(error), facts)

    def error(self) -> TracerEnvError:
        """Return the error again, with the same class, line and exit code."""
        kind = getattr(errors, self.kind, None)
        if not isinstance(kind, type) or not issubclass(kind, TracerEnvError):
            return ExecutorError(f"a worker told of the error {self.kind!r}, which is none of ours: {self.line}")
        made: TracerEnvError = kind.__new__(kind)
        Exception.__init__(made, self.line)
        vars(made).update(self.facts)
        return made
