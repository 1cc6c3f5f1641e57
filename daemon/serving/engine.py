"""The interface of an inference engine, which the MLX engine and the rehearsal engine implement."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

from daemon.core.rows.examples import Call
from daemon.serving.generation import AnswerStep, GenerationJob, ServedVersion


class Engine(Protocol):
    """Generates answers with one base model; used by one thread only."""

    @property
    def base(self) -> Path | None:
        """The base model that is in memory."""
        ...

    @property
    def loaded_versions(self) -> int:
        """How many versions are in memory."""
        ...

    @property
    def prompt_cache_bytes(self) -> int:
        """The size of the cached KV states of earlier prompts."""
        ...

    def load(self, base: Path) -> None:
        """Load a base model.

        Raises:
            ModelFault: it cannot be loaded.
        """
        ...

    def unload(self) -> None:
        """Free everything, unfinished answers too."""
        ...

    def forget(self) -> None:
        """Clear the prompt cache."""
        ...

    def begin(self, work: GenerationJob) -> None:
        """Begin an answer; its base must be loaded.

        Raises:
            UserFault: its version cannot be used.
        """
        ...

    def step(self) -> Iterable[AnswerStep]:
        """Generate at most one token of every answer; the step is done when the iterator ends."""
        ...

    def drop(self, number: int) -> None:
        """Abandon an answer; nothing happens where it has ended or never began."""
        ...

    def calls(self, text: str, tools: Sequence[str]) -> tuple[str, tuple[Call, ...]]:
        """Return an answer's text and its tool calls."""
        ...

    def bytes_for(self, subject: ServedVersion) -> int:
        """Return the memory a base needs for generation, in bytes."""
        ...
