"""An audit: the current version and the last proven one take the same exam.

As at a verdict, the exam consists of the held-out rows of the whole lineage and of files that
were dropped as an exam only. The supervisor acts on the outcome.
"""

import json
from collections.abc import Sequence
from functools import cached_property, partial
from pathlib import Path

from daemon.core import messages as say
from daemon.core.decisions.audits import AuditRequest, outcome_of
from daemon.core.decisions.promotion import decide_verdict, gate_from_record
from daemon.core.evaluation.results import AuditFound, OrderResult
from daemon.core.evaluation.set_names import LINEAGE
from daemon.core.evaluation.suites import Suite
from daemon.core.records import to_json_value
from daemon.core.training.judgement import Judgement
from daemon.dedup.superseding import superseded_exam_rows
from daemon.evaluation import report_page
from daemon.evaluation.candidate_scores import JudgementScores, comparisons, details, examine
from daemon.evaluation.questions import Question, suite_questions
from daemon.evaluation.report import markdown, report_of
from daemon.evaluation.scoring_session import Exam, Examinee
from daemon.evaluation.writing import ExpectedWriting, expected_writing
from daemon.folders import suites
from daemon.folders.models import models
from daemon.folders.orders import orders
from daemon.reports.rendering import render
from daemon.settings_records import read_saved
from daemon.training.context import TrainerContext
from daemon.training.data.batches import families_of, holdout_rows, questions
from daemon.training.data.exam_rows import judge_rows, pick_families
from daemon.training.data.row_texts import RowTexts
from daemon.training.data.rows import JobRows
from daemon.training.engine.protocol import ADAPTER
from daemon.training.judging.examiner import json_lines
from daemon.training.machine.answering import BatchedAnswering
from daemon.training.machine.compute_plan import inference_memory
from daemon.training.orders.runner import (
    Attendance,
    Cause,
    OrderEnd,
    OrderUnit,
    score_cache,
)
from daemon.training.records.provenance import libraries
from daemon.training.run.freeze import plain_forms_of, prefixes_of
from daemon.training.run.opening import adapter_folder, as_scored
from daemon.training.run.score_key import score_key


class AuditWork:
    """Both versions take the same exam, in one unit; each score is cached at once."""

    skipped = "ended on request before there was a result"

    def __init__(self, context: TrainerContext, order: str, attendance: Attendance) -> None:
        self._context = context
        self._attendance = attendance
        self._place = context.layout.audit(order)
        self._request = orders.read_request(self._place, AuditRequest)
        self._saved = read_saved(self._request.settings)
        self.settings = self._saved.settings
        self._base = context.layout.base(self._request.base.name)
        self._writing = ExpectedWriting()

    def next_unit(self) -> OrderUnit:
        """Return the whole comparison."""
        doing = f"compares {self._request.version} with {self._request.proven}"
        return OrderUnit(1, 1, doing, 0, self._compare, self._fail)

    def clean_up(self, result: OrderResult) -> None:
        """Remove nothing: an audit leaves only its reports."""

    def _fail(self, _cause: Cause, why: str) -> OrderEnd:
        return OrderEnd("failed", why)

    def _damage(self) -> str | None:
        if self._saved.problem is not None:
            return self._saved.problem
        for version in (self._request.version, self._request.proven):
            folder = self._context.layout.version(version)
            problem = models.verify(folder)
            if problem is None and not (folder / ADAPTER).exists():
                problem = "its weights were removed"
            if problem is not None:
                return f"{version} cannot be compared: {problem}"
        return None

    # --- the exam -----------------------------------------------------------------------------

    def _compare(self) -> OrderEnd | None:
        problem = self._damage()
        if problem is not None:
            return OrderEnd("failed", problem)
        request, engine = self._request, self._context.engine
        version, proven = map(self._context.layout.version, (request.version, request.proven))
        self._context.pipe.send(say.Alive("loading the model"))
        training = as_scored(self.settings.training, engine)
        seed = self.settings.training.seed
        start = adapter_folder(version)
        plan = inference_memory(engine, self._base, request.adapter, training)
        engine.load(self._base, request.adapter, training, start, seed, self._place.folder, plan)
        exams = self._exams((version, proven))
        self._writing = self._expected(exams[0])
        key = partial(score_key, self._context, request.base, libraries())
        examinees = [
            Examinee(folder.name, (loaded := adapter_folder(folder)), key(loaded), exam)
            for folder, exam in zip((version, proven), exams, strict=True)
        ]
        scores = examine(
            BatchedAnswering(self._context, request.base),
            engine.load_adapter,
            exams[0],
            examinees,
            score_cache(self._context, self._place),
            self._writing,
            partial(self._attendance.attend, "auditing the current version"),
        )
        return None if scores is None else self._judge(scores, exams[0])

    def _exams(self, versions: Sequence[Path]) -> list[Exam]:
        """Return the same items for each version, with suites prompted as its users would."""
        rows = JobRows(self._context.layout)
        jobs = self._request.jobs
        corrected = superseded_exam_rows(self._context.layout, jobs, self.settings.dedup)
        exam_jobs = dict.fromkeys([*jobs, *self._request.exam_jobs])
        live = [item for item in judge_rows(exam_jobs, rows) if item not in corrected]
        most, seed = self.settings.gate.audit_rows, self.settings.training.seed
        ids = pick_families(live, rows, most, seed)
        used_jobs = {job for job, _ in ids}
        texts = RowTexts(
            self._context.encoder(self._base),
            prefixes_of(rows, used_jobs),
            plain_forms_of(rows, used_jobs),
        )
        evaluation = self.settings.evaluation
        prompts = questions(rows, texts, ids, LINEAGE, evaluation.max_new_tokens)
        prompts = prompts[: evaluation.judge_samples]
        encoded = {LINEAGE: holdout_rows(rows, texts, ids)}
        names = {LINEAGE: [job for job, _ in ids]}
        families = {LINEAGE: families_of(rows, ids)}
        most_items = evaluation.suite_items
        chosen = [suite.first(most_items) for suite in self._suites]
        return [
            Exam(
                encoded,
                [*prompts, *self._of_suites(chosen, folder)],
                evaluation.answer_s,
                names,
                families,
            )
            for folder in versions
        ]

    @cached_property
    def _suites(self) -> list[Suite]:
        settings = self.settings.evaluation
        read = [suites.find(self._context.layout.evals, name) for name in settings.suites]
        found = [one.suite for one in read if one is not None and one.suite is not None]
        if len(found) < len(settings.suites):
            message = "not every suite of evaluation.suites can be used; audited without"
            self._context.pipe.send(say.Alerted("suite_left_out", message))
        return found

    def _expected(self, exam: Exam) -> ExpectedWriting:
        jobs = dict.fromkeys(one.job for one in exam.questions if one.job is not None)
        newest = self._request.jobs[-1] if self._request.jobs else None
        return expected_writing(self._context.layout, jobs, self._suites, newest)

    def _of_suites(self, chosen: Sequence[Suite], version: Path) -> list[Question]:
        found = models.read_manifest(version).described()
        form = found.plain_form_or(self.settings.plain_form)
        encoder = self._context.encoder(self._base).for_version(found.prefix, form)
        return [one for suite in chosen for one in suite_questions(suite, encoder)]

    # --- the end ------------------------------------------------------------------------------

    def _judge(self, scores: JudgementScores, exam: Exam) -> OrderEnd:
        request = self._request
        judgement = Judgement(True, True, tuple(comparisons(scores, exam, [request.proven])))
        verdict = decide_verdict(judgement, gate_from_record(self.settings.gate.model_dump()))
        outcome, message = outcome_of(request.version, request.proven, verdict)
        about = {"title": f"{request.order}: {request.version} against {request.proven}"}
        tests, grade = judgement.comparisons, self.settings.grade
        report = report_of(scores, exam, self._writing, tests, verdict, grade, about)
        kind = outcome.replace("_", " ")
        reasons = list(verdict.reasons)
        report |= {"verdict": {"kind": kind, "promotes": False, "reasons": reasons}}
        files = {
            "details.jsonl": json_lines(details(scores, exam)),
            "report.json": json.dumps(report, allow_nan=False, indent=1) + "\n",
            "report.md": markdown(report),
            "report.html": report_page.render(report),
        }
        return OrderEnd(outcome, message, (files, to_json_value(tests)))

    def finish(self, end: OrderEnd) -> AuditFound:
        """Write the reports of the exam, or that there was none."""
        request, message = self._request, end.message
        files, tests = end.found or (None, [])
        # Prefer reports that an earlier trainer wrote before it died.
        if files is not None or not self._place.report.exists():
            page = render("order.md", order=request.order, message=message)
            orders.write_reports(self._place, files or {"report.md": page})
        return {
            "schema_version": 1,
            "order": request.order,
            "version": request.version,
            "proven": request.proven,
            "outcome": end.outcome,
            "message": message,
            "tests": tests,
            "ended_at": self._context.clock.now().isoformat(),
        }
