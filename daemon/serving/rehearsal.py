"""A stand-in engine for rehearsals and tests: everything of a server but the model."""

from collections.abc import Sequence
from itertools import cycle, islice
from math import log
from pathlib import Path

from daemon.clock import Clock
from daemon.core.rows.examples import Call
from daemon.serving.generation import (
    AnswerStep,
    GenerationJob,
    NamedToken,
    ServedVersion,
    TokenScore,
)
from daemon.serving.tool_calls import calls_in
from daemon.text.token_constraint import TokenConstraint

EVEN = log(0.5)


class RehearsalEngine:
    """Answers with the name of its version, one word a step."""

    def __init__(self, clock: Clock, pace_s: float) -> None:
        self._clock = clock
        self._pace_s = pace_s
        self._open: dict[int, list[AnswerStep]] = {}
        self._versions: set[str] = set()
        self.base: Path | None = None

    @property
    def loaded_versions(self) -> int:
        """How many versions have answered."""
        return len(self._versions)

    @property
    def prompt_cache_bytes(self) -> int:
        """Nothing is cached."""
        return 0

    def load(self, base: Path) -> None:
        """Remember the base."""
        self.base = base

    def unload(self) -> None:
        """Forget everything."""
        self.base = None
        self._open.clear()
        self._versions.clear()

    def forget(self) -> None:
        """Nothing is cached."""

    def begin(self, work: GenerationJob) -> None:
        """Prepare the whole answer: with a temperature it is as long as allowed."""
        self._versions.add(work.subject.version)
        words = f"{work.subject.version} rehearses {len(work.prompt)} tokens".split()
        endless = work.sampling.temperature > 0
        most = work.sampling.max_tokens if endless else min(len(words), work.sampling.max_tokens)
        steps = list(islice(cycle(words), most))
        if work.constraint is not None:
            self._open[work.number] = _shortest(work, work.constraint)
            return
        cut = endless or most < len(words)
        texts = [f"{' ' if place else ''}{word}" for place, word in enumerate(steps)]
        prompt = [f"<{token}>" for token in work.prompt] if work.echo else []
        self._open[work.number] = [
            *(
                [AnswerStep(work.number, "", 0, None, _scores(prompt, work, of_prompt=True))]
                if prompt
                else ()
            ),
            *(AnswerStep(work.number, text, 1, None, _scores([text], work)) for text in texts),
            AnswerStep(work.number, "", 0, "length" if cut else "stop"),
        ]

    def step(self) -> list[AnswerStep]:
        """Return the next word of every answer."""
        self._clock.sleep_s(self._pace_s)
        steps = [rest.pop(0) for rest in self._open.values()]
        self._open = {number: rest for number, rest in self._open.items() if rest}
        return steps

    def drop(self, number: int) -> None:
        """Abandon an answer."""
        self._open.pop(number, None)

    def calls(self, text: str, tools: Sequence[str]) -> tuple[str, tuple[Call, ...]]:
        """Return the text and its calls: there are some only where a form demands them."""
        return calls_in(text, tools)

    def bytes_for(self, subject: ServedVersion) -> int:
        """Return 0: there are no weights."""
        return 0


def _shortest(work: GenerationJob, constraint: TokenConstraint) -> list[AnswerStep]:
    """Return an answer of the form that is demanded, as short as may be."""
    most = work.sampling.max_tokens
    tokens = constraint.shortest(most)
    text = AnswerStep(work.number, constraint.text(tokens), len(tokens))
    return [text, AnswerStep(work.number, "", 0, "length" if len(tokens) == most else "stop")]


def _scores(
    texts: Sequence[str], work: GenerationJob, *, of_prompt: bool = False
) -> tuple[TokenScore, ...]:
    """Return made-up scores: every token has an even chance."""
    if work.alternatives is None and not of_prompt:
        return ()
    found: list[TokenScore] = []
    for text in texts:
        own = NamedToken(text, text.encode(), EVEN)
        top = (own,) if work.alternatives else ()
        scored = work.alternatives is not None
        token = own if scored and (found or not of_prompt) else None
        found.append(TokenScore(token, text, text.encode(), top if token else (), of_prompt))
    return tuple(found)
