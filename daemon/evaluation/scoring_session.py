"""One model sits an exam; what is known of it from before is not computed again.

A version never changes, so what it made of an item holds for ever; the next run compares with a
version that has just been a candidate, and every run with the same base.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from daemon.core.evaluation.answers import Answer, AnswerLimits
from daemon.core.records import fields_of
from daemon.evaluation.questions import Question
from daemon.evaluation.scoring import Interrupted, Scorer, chunks
from daemon.text.encoder import Encoded

Found = Mapping[str, Any]
"""What a model made of items, as plain JSON values by the items' keys."""


class ScoreCache(Protocol):
    """What models made of items before."""

    def known(self, model: str) -> Found:
        """Return all that is known of a model."""
        ...

    def keep(self, model: str, found: Found) -> None:
        """Add to it."""
        ...


class NotingProgress:
    """A memory that notes, once, that something new was found: the work is not futile."""

    def __init__(self, memory: ScoreCache, note: Callable[[], None]) -> None:
        self._memory = memory
        self._note: Callable[[], None] | None = note

    def known(self, model: str) -> Found:
        """Return all that is known of a model."""
        return self._memory.known(model)

    def keep(self, model: str, found: Found) -> None:
        """Add to it."""
        self._memory.keep(model, found)
        if found and self._note is not None:
            self._note()
            self._note = None


@dataclass(frozen=True)
class Exam:
    """The items of one judgement."""

    sets: Mapping[str, Sequence[Encoded]]
    """Rows whose losses are compared, by set."""
    questions: Sequence[Question]
    answer_s: float
    """Longest time for an answer, in seconds."""
    jobs: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """By set, the job of each of its rows, where they are of jobs."""
    families: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """By set, the family of each of its rows, where several may be of one."""


@dataclass(frozen=True)
class Examinee:
    """A model at the exam."""

    name: str
    folder: Path | None
    """Of its adapter; None for the untouched base."""
    key: str
    """By which it is remembered: the same for the same weights only."""
    exam: Exam | None = None
    """The items put to it as it was taught; None where that is no other way."""


@dataclass(frozen=True)
class SessionResults:
    """What one model made of the exam."""

    losses: Mapping[str, Sequence[tuple[float, int]]]
    """Each row's sum of losses in nats, and its supervised tokens."""
    answers: Sequence[Answer]


class CachedAnswers:
    """What one model answers: from memory what it has answered before, the rest by asking it."""

    def __init__(self, scorer: Scorer, known: Found, keep: Callable[[Found], None]) -> None:
        """`keep` is given what should be remembered, as soon as it is found."""
        self._scorer = scorer
        self._known = dict(known)
        self._keep = keep

    def give(
        self,
        questions: Sequence[Question],
        answer_s: float,
        ready: Callable[[], None],
        interrupted: Interrupted,
    ) -> list[Answer] | None:
        """Return an answer for each question; None when interrupted.

        `ready` is called before the model is asked; `answer_s` is the longest time for one.
        """
        missing = {key: one for one in questions if (key := _asked(one)) not in self._known}
        for tokens in sorted({one.max_tokens for one in missing.values()}):
            asked = {key: one for key, one in missing.items() if one.max_tokens == tokens}
            ready()
            said = self._scorer.answer(
                [one.tokens for one in asked.values()],
                AnswerLimits(tokens, answer_s),
                interrupted,
                partial(self._heard, list(asked), tokens),
            )
            if said is None:
                return None
            self._known |= {key: asdict(one) for key, one in zip(asked, said, strict=True)}
        return [Answer(**fields_of(Answer, self._known[_asked(one)])) for one in questions]

    def _heard(self, keys: Sequence[str], most: int, place: int, said: Answer) -> None:
        """Keep an answer at once: a kill loses those in the making, not those that have ended."""
        # How far an answer came that time cut off depends on the day: it is made again.
        if said.ended or said.tokens == most:
            self._keep({keys[place]: asdict(said)})


class ScoringSession:
    """The work of one model; its adapter is put on when something is not known yet."""

    def __init__(
        self,
        scorer: Scorer,
        load_adapter: Callable[[Path | None], None],
        examinee: Examinee,
        memory: ScoreCache,
        interrupted: Interrupted,
    ) -> None:
        self._scorer = scorer
        self._load_adapter = load_adapter
        self._examinee = examinee
        self._memory = memory
        self._interrupted = interrupted
        self._known = dict(memory.known(examinee.key))
        self._worn = False

    def score(self, exam: Exam) -> SessionResults | None:
        """Return the paper; None when interrupted. What was found until then is remembered."""
        rows = [row for rows in exam.sets.values() for row in rows]
        if not self._score(rows):
            return None
        answers = CachedAnswers(self._scorer, self._known, self._keep)
        said = answers.give(exam.questions, exam.answer_s, self._ensure_adapter, self._interrupted)
        if said is None:
            return None
        losses = {name: [self._loss(row) for row in rows] for name, rows in exam.sets.items()}
        return SessionResults(losses, said)

    def _loss(self, row: Encoded) -> tuple[float, int]:
        total, tokens = self._known[_scored(row)]
        return float(total), int(tokens)

    def _score(self, rows: Sequence[Encoded]) -> bool:
        missing = {key: row for row in rows if (key := _scored(row)) not in self._known}
        for chunk in chunks(list(missing.values())):
            if self._interrupted():
                return False
            self._ensure_adapter()
            found = self._scorer.losses(chunk)
            self._keep({_scored(row): list(one) for row, one in zip(chunk, found, strict=True)})
        return True

    def _ensure_adapter(self) -> None:
        if not self._worn:
            self._load_adapter(self._examinee.folder)
            self._worn = True

    def _keep(self, found: Found) -> None:
        self._known.update(found)
        self._memory.keep(self._examinee.key, found)


def model_key(
    adapter: str, base_fingerprint: str, device: str, libraries: Mapping[str, str]
) -> str:
    """Return what a model is remembered by: its weights, the base and what computes them.

    `adapter` is the SHA-256 of its weights, or `base` where it has none.
    """
    about = [adapter, base_fingerprint, device, dict(sorted(libraries.items()))]
    return hashlib.sha256(json.dumps(about, default=str).encode()).hexdigest()[:32]


def _scored(row: Encoded) -> str:
    """Return the key of a row's loss."""
    return _digest(b"loss", row.tokens.tobytes(), row.supervised.tobytes())


def _asked(one: Question) -> str:
    """Return the key of an answer."""
    return _digest(b"answer", repr((one.max_tokens, one.tokens)).encode())


def _digest(*parts: bytes) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "little") + part)
    return digest.hexdigest()[:32]
