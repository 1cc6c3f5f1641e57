"""Lets the next subject of an evaluation answer the next suite, or writes the result.

One request, one piece. All it goes on from is on the disk: it may die at any instant and loses the
piece in hand at most.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, Literal

from daemon.core import messages as say
from daemon.core.evaluation.evaluations import (
    HOLDOUTS,
    EvaluationRequest,
    Subject,
    SuiteRun,
    pieces,
)
from daemon.core.evaluation.suites import Suite
from daemon.core.workspace.versions import AdapterSpec
from daemon.errors import ModelFault
from daemon.evaluation import comparison_report
from daemon.evaluation.comparing import SubjectComparison
from daemon.evaluation.questions import Question, golden_rows, suite_questions
from daemon.evaluation.scoring_session import (
    Exam,
    Examinee,
    NotingProgress,
    ScoreCache,
    ScoringSession,
    model_key,
)
from daemon.evaluation.stopwatch import Stopwatch
from daemon.folders.models import models
from daemon.folders.models.known_scores import KnownScores
from daemon.folders.orders import evaluations, orders
from daemon.settings_records import read_saved
from daemon.text.encoder import Encoded, TextEncoder
from daemon.training.context import TrainerContext
from daemon.training.engine.protocol import ADAPTER
from daemon.training.judging.examiner import SAID_EVERY_S, json_lines
from daemon.training.machine.answering import BatchedAnswering
from daemon.training.machine.compute_plan import memory_to_ask
from daemon.training.mailbox import OrderMailbox
from daemon.training.records.provenance import libraries
from daemon.training.run.opening import as_scored
from daemon.training.run.score_key import BASE

STARTS = 3
"""A piece that was begun so often without an answer more is what kills the trainer."""

Paper = dict[str, Any]

IN_THE_LEDGER = (
    "evaluation",
    "created_at",
    "title",
    "outcome",
    "subjects",
    "suites",
    "overall",
    "tests",
    "winner",
    "targets",
)
"""What of a report stays in the order's result, for the ledger and the lists of commands."""


class Evaluating:
    """One request about an evaluation."""

    def __init__(self, context: TrainerContext, evaluation: str, mailbox: OrderMailbox) -> None:
        self._context = context
        self._mailbox = mailbox
        self._place = context.layout.evaluation(evaluation)
        self._request = orders.read_request(self._place, EvaluationRequest)
        self._saved = read_saved(self._request.settings)
        self.settings = self._saved.settings
        self._questions = evaluations.read_suites(self._place)
        self._said_s = -SAID_EVERY_S
        self._waited_s = 0.0

    def go_on(self) -> None:
        """Do the next piece and report it."""
        result = orders.read_result(self._place)
        if result is not None:
            # The trainer died before it could be heard.
            self._context.pipe.send(say.OrderEnded(self._request.evaluation, result["message"]))
            return
        if self._place.skip.exists():
            self._conclude("skipped", "ended on request with what there was")
            return
        piece = next((one for one in self._pieces() if not self._is_done(one)), None)
        if piece is None:
            self._conclude("finished", "all questions were put to all")
        else:
            self._do(piece)

    def _pieces(self) -> list[SuiteRun]:
        return list(pieces(self._request.subjects, len(self._questions)))

    def _is_done(self, piece: SuiteRun) -> bool:
        return evaluations.read_paper(self._place, piece.suite, piece.subject) is not None

    # --- one piece ----------------------------------------------------------------------------

    def _do(self, piece: SuiteRun) -> None:
        subject = self._request.subjects[piece.subject]
        suite = self._questions[piece.suite].suite
        all_of_them = len(self._pieces())
        starts = orders.begin_unit(self._place, piece.number)
        doing = f"puts {suite.name} to {subject.name} ({piece.number} of {all_of_them})"
        self._context.pipe.send(
            say.UnitBegun(
                self._request.evaluation, piece.number, all_of_them, doing, len(suite.items)
            )
        )
        paper = self._failed(suite, f"the trainer died {starts} times on it")
        if starts < STARTS:
            paper = self._ask(subject, suite)
        if not self._context.parent_lives():
            # Another trainer may be at it already.
            self._mailbox.leaving = "stop"
        elif paper is None:
            orders.leave_unit(self._place)
        else:
            evaluations.write_paper(self._place, piece.suite, piece.subject, paper)
            orders.leave_unit(self._place)
            message = f"{subject.name} has answered {suite.name}"
            if paper["failed"] is not None:
                message = f"{subject.name} could not answer {suite.name}: {paper['failed']}"
            self._context.pipe.send(say.UnitEnded(self._request.evaluation, piece.number, message))

    def _failed(self, suite: Suite, why: str) -> Paper | None:
        return {
            "answers": [None] * len(suite.items),
            "losses": None,
            "measured": None,
            "failed": why,
        }

    def _ask(self, subject: Subject, suite: Suite) -> Paper | None:
        """Return the paper; one that cannot be used fails by itself. None where it was left."""
        problem = self._saved.problem or self._damage(subject)
        if problem is not None:
            return self._failed(suite, problem)
        try:
            return self._sit(subject, suite)
        except ModelFault as fault:
            return self._failed(suite, fault.message)
        except Exception as error:
            if self._context.engine.trouble(error) != "memory":
                raise
            return self._failed(suite, "it ran out of memory")

    def _sit(self, subject: Subject, suite: Suite) -> Paper | None:
        engine, clock = self._context.engine, self._context.clock
        watch = Stopwatch(
            BatchedAnswering(self._context, self._request.facts),
            clock.monotonic_s,
            lambda: self._waited_s,
        )
        encoder = self._context.encoder(self._base).prefixed(subject.prefix)
        golden = self._golden(suite, encoder)
        exam = Exam(
            {suite.name: [row for row in golden if row is not None]},
            self._asked(suite, encoder),
            self.settings.evaluation.answer_s,
        )
        examinee = Examinee(subject.name, self._folder(subject), self._key(subject))
        sitting = ScoringSession(
            watch,
            lambda _: self._load(subject),
            examinee,
            self._memory(),
            self._is_left,
        )
        engine.forget_peak()
        found = sitting.score(exam)
        if found is None:
            return None
        losses = iter(found.losses[suite.name])
        return {
            "answers": [asdict(answer) for answer in found.answers],
            "losses": [None if row is None else next(losses) for row in golden],
            "measured": {
                "answers": watch.answers,
                "remembered": len(exam.questions) - watch.answers,
                "tokens": watch.tokens,
                "seconds": watch.seconds,
                "peak_bytes": max(engine.memory().values(), default=0),
            },
            "failed": None,
        }

    def _memory(self) -> ScoreCache:
        known = KnownScores(self._context.layout)
        return NotingProgress(known, partial(orders.note_progress, self._place))

    def _golden(self, suite: Suite, encoder: TextEncoder) -> list[Encoded | None]:
        most = self.settings.training.max_row_tokens
        return golden_rows(suite, encoder, most, offer=suite.name != HOLDOUTS)

    def _asked(self, suite: Suite, encoder: TextEncoder) -> Sequence[Question]:
        if suite.name != HOLDOUTS:
            return suite_questions(suite, encoder)
        # Own rows are asked as they are trained: a function that the template hides stays hidden.
        return [
            Question(
                suite.name,
                item,
                suite.scorer,
                tuple(encoder.encode_prompt(item.messages, item.tools)),
                suite.max_tokens,
            )
            for item in suite.items
        ]

    @property
    def _base(self) -> Path:
        return self._context.layout.base(self._request.facts.name)

    def _folder(self, subject: Subject) -> Path | None:
        if subject.adapter is None or subject.path is None:
            return None
        if subject.kind == "version":
            return self._context.layout.version(subject.path)
        return Path(subject.path)

    def _damage(self, subject: Subject) -> str | None:
        folder = self._folder(subject)
        if folder is None:
            return None
        if subject.kind == "version":
            problem = models.verify(folder)
            return None if problem is None else f"the version cannot be used: {problem}"
        try:
            same = models.digest(folder / ADAPTER) == subject.sha256
        except OSError as error:
            return f"{folder / ADAPTER} cannot be read: {error.strerror}"
        return None if same else f"{folder / ADAPTER} is no longer the one it was asked about"

    def _key(self, subject: Subject) -> str:
        """Return what it is remembered by, the same as at the verdict of its run."""
        weights = BASE
        if subject.adapter is not None:
            assert subject.sha256 is not None
            weights = subject.sha256
        return model_key(
            weights,
            self._request.facts.fingerprint,
            self._context.engine.device,
            libraries(),
        )

    def _load(self, subject: Subject) -> None:
        """Have the subject resident; only where it is asked something that is not remembered."""
        self._context.pipe.send(say.Alive("loading the model"))
        training = self.settings.training
        shaped = as_scored(training, self._context.engine)
        spec = subject.adapter or AdapterSpec(
            training.kind,
            training.rank,
            training.effective_scale,
            training.dropout,
            training.num_layers,
            training.keys,
        )
        seed, folder = training.seed, self._folder(subject)
        engine, scratch = self._context.engine, self._place.folder
        memory = memory_to_ask(engine, self._base, spec, shaped)
        engine.load(self._base, spec, shaped, folder, seed, scratch, memory)

    def _is_left(self) -> bool:
        clock = self._context.clock
        now_s = clock.monotonic_s()
        if now_s - self._said_s >= SAID_EVERY_S:
            self._said_s = now_s
            self._context.pipe.send(say.Alive("answering the questions of an evaluation"))
        left = self._mailbox.attend(self._request.evaluation)
        self._waited_s += clock.monotonic_s() - now_s
        return left

    # --- the end ------------------------------------------------------------------------------

    def _conclude(self, outcome: Literal["finished", "skipped"], message: str) -> None:
        if not self._context.parent_lives():
            self._mailbox.leaving = "stop"
            return
        self._context.pipe.send(say.Alive("writing the result of the evaluation"))
        papers = {
            (suite, subject): paper
            for suite in range(len(self._questions))
            for subject in range(len(self._request.subjects))
            if (paper := evaluations.read_paper(self._place, suite, subject)) is not None
        }
        compared = SubjectComparison(self._request, self._questions, papers)
        report = compared.report(outcome, message)
        details = json_lines(compared.details())
        evaluations.write_reports(
            self._place,
            {
                "details.jsonl": details,
                "report.json": json.dumps(report, allow_nan=False, indent=1) + "\n",
                "report.md": comparison_report.markdown(report),
                "report.html": comparison_report.page(report),
            },
        )
        said = "; ".join(comparison_report.headline(report))
        result = {key: report[key] for key in IN_THE_LEDGER}
        ended_at = self._context.clock.now().isoformat()
        orders.end(
            self._place, {"schema_version": 1, "ended_at": ended_at, "message": said, **result}
        )
        self._context.pipe.send(say.OrderEnded(self._request.evaluation, said))
