"""What the server needs of whatever makes its answers; the real one and the stand-in obey it."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

from daemon.core.rows.examples import Call
from daemon.serving.generation import AnswerStep, GenerationJob, ServedVersion


class Engine(Protocol):
    """Answers in the making over one base model; used by one thread only."""

    @property
    def base(self) -> Path | None:
        """The base model that is in memory."""
        ...

    @property
    def loaded_versions(self) -> int:
        """How many versions are in memory."""
        ...

    @property
    def kept_bytes(self) -> int:
        """What the states of earlier prompts take."""
        ...

    def load(self, base: Path) -> None:
        """Take a base model into memory.

        Raises:
            ModelFault: it cannot be loaded.
        """
        ...

    def unload(self) -> None:
        """Give everything back, answers in the making too."""
        ...

    def forget(self) -> None:
        """Give back what is kept of earlier prompts."""
        ...

    def begin(self, work: GenerationJob) -> None:
        """Begin an answer; its base is in memory.

        Raises:
            UserFault: its version cannot be used.
        """
        ...

    def step(self) -> Iterable[AnswerStep]:
        """Go on with every answer by at most one token; done when what is given is used up."""
        ...

    def drop(self, number: int) -> None:
        """Leave an answer; one that has ended or never began is left already."""
        ...

    def calls(self, text: str, tools: Sequence[str]) -> tuple[str, tuple[Call, ...]]:
        """Return what an answer says and what it calls."""
        ...

    def bytes_for(self, subject: ServedVersion) -> int:
        """Return the memory that a base takes with what answering needs, in bytes."""
        ...
