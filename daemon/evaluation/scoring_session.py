"""Scores one model on an exam, with a cache of its earlier losses and answers.

A version never changes, so its results stay valid; the next run compares with a version that has
just been a candidate, and every run with the same base.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Protocol

from daemon.core.evaluation.answers import Answer, AnswerLimits
from daemon.core.records import from_json_value
from daemon.evaluation.questions import Question
from daemon.evaluation.scoring import Interrupted, Scorer, chunks
from daemon.text.encoder import Encoded

Found = Mapping[str, object]
"""A model's losses and answers, as plain JSON values by the items' keys."""


class ScoreCache(Protocol):
    """Cached losses and answers of models."""

    def known(self, model: str) -> Found:
        """Return everything cached for a model."""
        ...

    def keep(self, model: str, found: Found) -> None:
        """Add results to the cache."""
        ...


class NotingProgress:
    """A cache that reports, once, that a new result was added: the work makes progress."""

    def __init__(self, cache: ScoreCache, note: Callable[[], None]) -> None:
        self._cache = cache
        self._note: Callable[[], None] | None = note

    def known(self, model: str) -> Found:
        """Return everything cached for a model."""
        return self._cache.known(model)

    def keep(self, model: str, found: Found) -> None:
        """Add results to the cache."""
        self._cache.keep(model, found)
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
    """By set, the job of each of its rows, where the rows belong to jobs."""
    families: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """By set, the family of each of its rows, where rows may share one."""
    tune: Sequence[Encoded] = ()
    """Rows whose losses are measured and never compared: they aim what the next run replays."""


@dataclass(frozen=True)
class Examinee:
    """A model to be scored on an exam."""

    name: str
    folder: Path | None
    """The directory of its adapter; None for the untouched base."""
    key: str
    """Its cache key: equal only for equal weights."""
    exam: Exam | None = None
    """The exam encoded as this model was trained; None if that is the common one."""


@dataclass(frozen=True)
class SessionResults:
    """One model's losses and answers."""

    losses: Mapping[str, Sequence[tuple[float, int]]]
    """Each row's sum of losses in nats, and its supervised tokens."""
    answers: Sequence[Answer]
    tune: Sequence[tuple[float, int]] = ()
    """The same as `losses`, of the exam's tune rows."""


class CachedAnswers:
    """The answers of one model: cached ones first, the rest generated."""

    def __init__(self, scorer: Scorer, known: Found, keep: Callable[[Found], None]) -> None:
        """`keep` receives what should be cached, as soon as it is there."""
        self._scorer = scorer
        self._known = dict(known)
        self._keep = keep

    def answers_to(
        self,
        questions: Sequence[Question],
        answer_s: float,
        ready: Callable[[], None],
        interrupted: Interrupted,
    ) -> list[Answer] | None:
        """Return an answer for each question; None when interrupted.

        `ready` is called before the model generates; `answer_s` is the time limit of one answer.
        """
        missing = {key: one for one in questions if (key := _answer_key(one)) not in self._known}
        for tokens in sorted({one.max_tokens for one in missing.values()}):
            batch = {key: one for key, one in missing.items() if one.max_tokens == tokens}
            ready()
            answers = self._scorer.answer(
                [one.tokens for one in batch.values()],
                AnswerLimits(tokens, answer_s),
                interrupted,
                partial(self._cache_answer, list(batch), tokens),
            )
            if answers is None:
                return None
            self._known |= {key: asdict(one) for key, one in zip(batch, answers, strict=True)}
        return [from_json_value(self._known[_answer_key(one)], Answer) for one in questions]

    def _cache_answer(self, keys: Sequence[str], most: int, place: int, answer: Answer) -> None:
        """Cache an answer at once: a kill loses only the unfinished ones."""
        # An answer cut off by time depends on the machine's load: it is not cached.
        if answer.ended or answer.tokens == most:
            self._keep({keys[place]: asdict(answer)})


class ScoringSession:
    """Scores one model; its adapter is loaded when something is not cached yet."""

    def __init__(
        self,
        scorer: Scorer,
        load_adapter: Callable[[Path | None], None],
        examinee: Examinee,
        cache: ScoreCache,
        interrupted: Interrupted,
    ) -> None:
        self._scorer = scorer
        self._load_adapter = load_adapter
        self._examinee = examinee
        self._cache = cache
        self._interrupted = interrupted
        self._known = dict(cache.known(examinee.key))
        self._adapter_loaded = False

    def score(self, exam: Exam) -> SessionResults | None:
        """Return the results; None when interrupted. Those found until then are cached."""
        rows = [*(row for rows in exam.sets.values() for row in rows), *exam.tune]
        if not self._score(rows):
            return None
        cached = CachedAnswers(self._scorer, self._known, self._keep)
        answers = cached.answers_to(
            exam.questions, exam.answer_s, self._ensure_adapter, self._interrupted
        )
        if answers is None:
            return None
        losses = {name: [self._loss(row) for row in rows] for name, rows in exam.sets.items()}
        return SessionResults(losses, answers, [self._loss(row) for row in exam.tune])

    def _loss(self, row: Encoded) -> tuple[float, int]:
        found = self._known[loss_key(row)]
        assert isinstance(found, list | tuple), "it was cached as a sum and a number of tokens"
        total, tokens = found
        return float(total), int(tokens)

    def _score(self, rows: Sequence[Encoded]) -> bool:
        missing = {key: row for row in rows if (key := loss_key(row)) not in self._known}
        for chunk in chunks(list(missing.values())):
            if self._interrupted():
                return False
            self._ensure_adapter()
            found = self._scorer.losses(chunk)
            self._keep({loss_key(row): list(one) for row, one in zip(chunk, found, strict=True)})
        return True

    def _ensure_adapter(self) -> None:
        if not self._adapter_loaded:
            self._load_adapter(self._examinee.folder)
            self._adapter_loaded = True

    def _keep(self, found: Found) -> None:
        self._known.update(found)
        self._cache.keep(self._examinee.key, found)


def model_key(
    adapter: str, base_fingerprint: str, device: str, libraries: Mapping[str, str]
) -> str:
    """Return a model's cache key, of its weights, the base and what computes them.

    `adapter` is the SHA-256 of its weights, or `base` where it has none.
    """
    about = [adapter, base_fingerprint, device, dict(sorted(libraries.items()))]
    return hashlib.sha256(json.dumps(about, default=str).encode()).hexdigest()[:32]


def loss_key(row: Encoded) -> str:
    """Return the cache key of a row's loss, equal only for equal tokens and supervision."""
    return _digest(b"loss", row.tokens.tobytes(), row.supervised.tobytes())


def _answer_key(one: Question) -> str:
    """Return the cache key of an answer."""
    return _digest(b"answer", repr((one.max_tokens, one.tokens)).encode())


def _digest(*parts: bytes) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "little") + part)
    return digest.hexdigest()[:32]
