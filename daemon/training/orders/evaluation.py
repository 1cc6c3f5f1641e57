"""An evaluation: each model answers each suite, then their scores are compared."""

import json
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from daemon.core import messages as say
from daemon.core.evaluation.evaluations import (
    HOLDOUTS,
    EvaluationRequest,
    Subject,
    SuiteRun,
    suite_runs,
)
from daemon.core.evaluation.pace import paces_of, seconds_for
from daemon.core.evaluation.reports import AnsweringFigures, SuiteResult
from daemon.core.evaluation.results import EvaluationResult, OrderResult
from daemon.core.evaluation.suites import Suite
from daemon.core.status.durations import duration
from daemon.core.workspace.bases import BaseFacts
from daemon.evaluation import comparison_report
from daemon.evaluation.comparing import SubjectComparison
from daemon.evaluation.questions import Question, golden_rows, suite_questions
from daemon.evaluation.scoring_session import Exam, Examinee, ScoringSession, model_key
from daemon.evaluation.stopwatch import Stopwatch
from daemon.evaluation.writing import ExpectedWriting
from daemon.folders.models import models
from daemon.folders.orders import evaluations, orders
from daemon.settings_records import read_saved
from daemon.text.encoder import Encoded, TextEncoder
from daemon.training.context import TrainerContext
from daemon.training.engine.protocol import ADAPTER
from daemon.training.judging.examiner import json_lines
from daemon.training.machine.answering import BatchedAnswering
from daemon.training.machine.compute_plan import inference_memory
from daemon.training.orders.runner import (
    Attendance,
    OrderEnd,
    OrderUnit,
    UnitDone,
    score_cache,
)
from daemon.training.records.provenance import libraries
from daemon.training.run.opening import as_scored
from daemon.training.run.score_key import BASE


class EvaluationWork:
    """Each subject answers each suite: one unit for each pair of them."""

    skipped = "ended on request; the report compares the answers given so far"

    def __init__(self, context: TrainerContext, order: str, attendance: Attendance) -> None:
        self._context = context
        self._attendance = attendance
        self._place = context.layout.evaluation(order)
        self._request = orders.read_request(self._place, EvaluationRequest)
        self._saved = read_saved(self._request.settings)
        self.settings = self._saved.settings
        self._questions = evaluations.read_suites(self._place)

    def next_unit(self) -> OrderUnit | OrderEnd:
        """Return the first suite that a subject has not answered."""
        every = list(suite_runs(self._request.subjects, len(self._questions)))
        one = next((one for one in every if not self._is_answered(one)), None)
        if one is None:
            return OrderEnd("finished", "every model answered every suite")
        subject = self._request.subjects[one.subject]
        suite = self._questions[one.suite].suite
        return OrderUnit(
            number=one.number,
            units=len(every),
            doing=f"{subject.name} answers {suite.name} ({one.number} of {len(every)})",
            steps=len(suite.items),
            do=partial(self._do, one, subject, suite),
            fail=lambda _, why: self._failed(one, subject, suite, why),
        )

    def _is_answered(self, one: SuiteRun) -> bool:
        return evaluations.read_results(self._place, one.suite, one.subject) is not None

    def clean_up(self, result: OrderResult) -> None:
        """Keep everything: the answers belong to the report."""

    # --- one unit -----------------------------------------------------------------------------

    def _do(self, one: SuiteRun, subject: Subject, suite: Suite) -> UnitDone | None:
        problem = self._saved.problem or self._damage(subject)
        if problem is not None:
            return self._failed(one, subject, suite, problem)
        answers = self._score(subject, suite)
        if answers is None:
            return None
        return self._done(one, f"{subject.name} has answered {suite.name}", answers)

    def _failed(self, one: SuiteRun, subject: Subject, suite: Suite, why: str) -> UnitDone:
        """Mark these answers as failed; the other subjects and suites are not affected."""
        answers = SuiteResult([None] * len(suite.items), None, None, why)
        return self._done(one, f"{subject.name} could not answer {suite.name}: {why}", answers)

    def _done(self, one: SuiteRun, message: str, answers: SuiteResult) -> UnitDone:
        write = partial(evaluations.write_results, self._place, one.suite, one.subject, answers)
        left = self._time_left(one, answers)
        return UnitDone(f"{message}{left}", write)

    def _time_left(self, one: SuiteRun, answers: SuiteResult) -> str:
        """Return how long the rest takes at the pace of this order; empty for the last unit."""
        names = [each.suite.name for each in self._questions]
        measured = [(names[one.suite], answers.measured)]
        left: Counter[str] = Counter()
        for each in suite_runs(self._request.subjects, len(self._questions)):
            found = evaluations.read_results(self._place, each.suite, each.subject)
            if found is not None:
                measured.append((names[each.suite], found.measured))
            elif each != one:
                left[names[each.suite]] += len(self._questions[each.suite].suite.items)
        seconds = seconds_for(paces_of(measured), left)
        return f"; about {duration(seconds)} left" if left and seconds is not None else ""

    def _score(self, subject: Subject, suite: Suite) -> SuiteResult | None:
        engine, clock = self._context.engine, self._context.clock
        watch = Stopwatch(
            BatchedAnswering(self._context, self._facts_of(subject)),
            clock.monotonic_s,
            lambda: self._attendance.waited_s,
        )
        texts = self._context.encoder(self._base_of(subject))
        encoder = texts.for_version(subject.prefix, subject.plain_form)
        golden = self._golden(suite, encoder)
        exam = Exam(
            {suite.name: [row for row in golden if row is not None]},
            self._questions_of(suite, encoder),
            self.settings.evaluation.answer_s,
        )
        examinee = Examinee(subject.name, self._folder(subject), self._key(subject))
        session = ScoringSession(
            watch,
            lambda _: self._load(subject),
            examinee,
            score_cache(self._context, self._place),
            partial(self._attendance.attend, "answering the questions of an evaluation"),
        )
        engine.forget_peak()
        found = session.score(exam)
        if found is None:
            return None
        losses = iter(found.losses[suite.name])
        measured = AnsweringFigures(
            answers=watch.answers,
            remembered=len(exam.questions) - watch.answers,
            tokens=watch.tokens,
            seconds=watch.seconds,
            peak_bytes=max(engine.memory().values(), default=0),
        )
        scored = [None if row is None else next(losses) for row in golden]
        return SuiteResult(found.answers, scored, measured, None)

    def _golden(self, suite: Suite, encoder: TextEncoder) -> list[Encoded | None]:
        most = self.settings.training.max_row_tokens
        return golden_rows(suite, encoder, most, offer=suite.name != HOLDOUTS)

    def _questions_of(self, suite: Suite, encoder: TextEncoder) -> Sequence[Question]:
        if suite.name != HOLDOUTS:
            return suite_questions(suite, encoder)
        # Held-out rows are prompted as in the subject's training: what was left out stays left out.
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

    def _facts_of(self, subject: Subject) -> BaseFacts:
        return subject.base or self._request.facts

    def _base_of(self, subject: Subject) -> Path:
        if subject.base_folder is not None:
            return Path(subject.base_folder)
        return self._context.layout.base(self._request.facts.name)

    def _folder(self, subject: Subject) -> Path | None:
        if subject.adapter is None or subject.path is None:
            return None
        if subject.kind == "version":
            return self._context.layout.version(subject.path)
        return Path(subject.path)

    def _damage(self, subject: Subject) -> str | None:
        folder, base = self._folder(subject), self._base_of(subject)
        if not base.is_dir():
            return f"its base model is not in {base} any more"
        if folder is None:
            return None
        if subject.kind == "version":
            problem = models.verify(folder)
            return None if problem is None else f"the version cannot be used: {problem}"
        try:
            same = models.digest(folder / ADAPTER) == subject.sha256
        except OSError as error:
            return f"{folder / ADAPTER} cannot be read: {error.strerror}"
        return None if same else f"{folder / ADAPTER} has changed since the request"

    def _key(self, subject: Subject) -> str:
        """Return the subject's cache key, the same as at the verdict of its run."""
        weights = BASE
        if subject.adapter is not None:
            assert subject.sha256 is not None
            weights = subject.sha256
        return model_key(
            weights,
            self._facts_of(subject).fingerprint,
            self._context.engine.device,
            libraries(),
        )

    def _load(self, subject: Subject) -> None:
        """Load the subject; called only if it has to answer a question that is not cached."""
        self._context.pipe.send(say.Alive("loading the model"))
        training = self.settings.training
        shaped = as_scored(training, self._context.engine)
        spec = subject.adapter or training.adapter
        seed, folder = training.seed, self._folder(subject)
        engine, scratch = self._context.engine, self._place.folder
        base = self._base_of(subject)
        memory = inference_memory(engine, base, spec, shaped)
        engine.load(base, spec, shaped, folder, seed, scratch, memory)

    # --- the end ------------------------------------------------------------------------------

    def finish(self, end: OrderEnd) -> EvaluationResult:
        """Compare the answers that there are."""
        self._context.pipe.send(say.Alive("writing the result of the evaluation"))
        answers = {
            (suite, subject): found
            for suite in range(len(self._questions))
            for subject in range(len(self._request.subjects))
            if (found := evaluations.read_results(self._place, suite, subject)) is not None
        }
        writing = evaluations.read_writing(self._place, ExpectedWriting)
        compared = SubjectComparison(self._request, self._questions, answers, writing)
        report = compared.report(end.outcome, end.message)
        details = json_lines(compared.details())
        orders.write_reports(
            self._place,
            {
                "details.jsonl": details,
                "report.json": json.dumps(report, allow_nan=False, indent=1) + "\n",
                "report.md": comparison_report.markdown(report),
                "report.html": comparison_report.page(report),
            },
        )
        return {
            "schema_version": 1,
            "ended_at": self._context.clock.now().isoformat(),
            "message": "; ".join(comparison_report.headline(report)),
            "evaluation": report["evaluation"],
            "created_at": report["created_at"],
            "title": report["title"],
            "outcome": report["outcome"],
            "subjects": report["subjects"],
            "suites": report["suites"],
            "overall": report["overall"],
            "tests": report["tests"],
            "winner": report["winner"],
            "targets": report["targets"],
        }
