"""Puts the current version and the last proven one to the same exam: the whole lineage's hold-outs.

It is one piece: what a model made of an item is remembered, so a kill loses little. What comes of
the outcome is the supervisor's to do.
"""

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from daemon.core import messages as say
from daemon.core.decisions.audits import AuditRequest, Outcome, outcome_of
from daemon.core.decisions.promotion import decide_verdict, gate_from_record
from daemon.core.evaluation.suites import Suite
from daemon.core.records import to_json_value
from daemon.core.training.judgement import Judgement
from daemon.dedup.superseding import superseded_exam_rows
from daemon.errors import ModelFault, RunFault
from daemon.evaluation import report_page
from daemon.evaluation.candidate_scores import JudgementScores, comparisons, details, examine
from daemon.evaluation.questions import Question, suite_questions
from daemon.evaluation.report import markdown, report_of
from daemon.evaluation.scores.score import ExpectedStyle
from daemon.evaluation.scoring_session import Exam, Examinee, NotingProgress
from daemon.folders import suites
from daemon.folders.models import models
from daemon.folders.models.known_scores import KnownScores
from daemon.folders.orders import audits, orders
from daemon.settings_records import read_saved
from daemon.training.context import TrainerContext
from daemon.training.data.batches import families_of, holdout_rows, questions
from daemon.training.data.exam_rows import judge_rows, pick_families
from daemon.training.data.row_texts import RowTexts
from daemon.training.data.rows import JobRows
from daemon.training.engine.protocol import ADAPTER
from daemon.training.judging.examiner import SAID_EVERY_S, json_lines
from daemon.training.machine.answering import BatchedAnswering
from daemon.training.machine.compute_plan import memory_to_ask
from daemon.training.mailbox import OrderMailbox
from daemon.training.records.provenance import libraries
from daemon.training.run.freeze import prefixes_of
from daemon.training.run.opening import adapter_folder, as_scored
from daemon.training.run.score_key import score_key

STARTS = 3
"""An audit that was begun so often without an answer more is what kills the trainer."""
LINEAGE = "lineage_holdout"


class Auditing:
    """One request about an audit."""

    def __init__(self, context: TrainerContext, audit: str, mailbox: OrderMailbox) -> None:
        self._context = context
        self._mailbox = mailbox
        self._place = context.layout.audit(audit)
        self._request = orders.read_request(self._place, AuditRequest)
        self._saved = read_saved(self._request.settings)
        self.settings = self._saved.settings
        self._base = context.layout.base(self._request.base.name)
        self._said_s = -SAID_EVERY_S

    def go_on(self) -> None:
        """Examine both, or write the result, and report it."""
        request = self._request
        result = orders.read_result(self._place)
        if result is not None:
            # The trainer died before it could be heard.
            self._context.pipe.send(say.OrderEnded(request.order, result["message"]))
            return
        if self._place.skip.exists():
            self._conclude("skipped", "ended on request before it was known")
            return
        doing = f"compares {request.version} with {request.proven}"
        self._context.pipe.send(say.UnitBegun(request.order, 1, 1, doing, 0))
        starts = orders.begin_unit(self._place, 1)
        problem = f"the trainer died {starts} times on it" if starts >= STARTS else self._damage()
        if problem is not None:
            self._conclude("failed", problem)
            return
        try:
            self._compare()
        except (ModelFault, RunFault) as fault:
            self._conclude("failed", fault.message)
        except Exception as error:
            if self._context.engine.trouble(error) != "memory":
                raise
            self._conclude("failed", "it ran out of memory")

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

    def _compare(self) -> None:
        request, engine = self._request, self._context.engine
        version, proven = map(self._context.layout.version, (request.version, request.proven))
        self._context.pipe.send(say.Alive("loading the model"))
        training = as_scored(self.settings.training, engine)
        seed = self.settings.training.seed
        start = adapter_folder(version)
        plan = memory_to_ask(engine, self._base, request.adapter, training)
        engine.load(self._base, request.adapter, training, start, seed, self._place.folder, plan)
        exams = self._exams((version, proven))
        key = partial(score_key, self._context, request.base, libraries())
        examinees = [
            Examinee(folder.name, (loaded := adapter_folder(folder)), key(loaded), exam)
            for folder, exam in zip((version, proven), exams, strict=True)
        ]
        note = partial(orders.note_progress, self._place)
        memory = NotingProgress(KnownScores(self._context.layout), note)
        scorer = BatchedAnswering(self._context, request.base)
        marks = examine(
            scorer, engine.load_adapter, exams[0], examinees, memory, ExpectedStyle(), self._is_left
        )
        if not self._context.parent_lives():
            # Another trainer may be at it already.
            self._mailbox.leaving = "stop"
        elif marks is None:
            orders.leave_unit(self._place)
        else:
            self._found(marks, exams[0])

    def _exams(self, versions: Sequence[Path]) -> list[Exam]:
        """Return the same items for each version, suites as its users would ask them."""
        rows = JobRows(self._context.layout)
        jobs = self._request.jobs
        corrected = superseded_exam_rows(self._context.layout, jobs, self.settings.dedup)
        live = [item for item in judge_rows(jobs, rows) if item not in corrected]
        most, seed = self.settings.gate.audit_rows, self.settings.training.seed
        ids = pick_families(live, rows, most, seed)
        texts = RowTexts(self._context.encoder(self._base), prefixes_of(rows, {j for j, _ in ids}))
        evaluation = self.settings.evaluation
        asked = questions(rows, texts, ids, LINEAGE, evaluation.max_new_tokens)
        asked = asked[: evaluation.judge_samples]
        encoded = {LINEAGE: holdout_rows(rows, texts, ids)}
        names = {LINEAGE: [job for job, _ in ids]}
        families = {LINEAGE: families_of(rows, ids)}
        chosen = self._suites()
        return [
            Exam(
                encoded,
                [*asked, *self._of_suites(chosen, folder)],
                evaluation.answer_s,
                names,
                families,
            )
            for folder in versions
        ]

    def _suites(self) -> list[Suite]:
        settings = self.settings.evaluation
        read = [suites.find(self._context.layout.evals, name) for name in settings.suites]
        found = [one.suite for one in read if one is not None and one.suite is not None]
        if len(found) < len(settings.suites):
            message = "not every suite of evaluation.suites can be used; audited without"
            self._context.pipe.send(say.Alerted("suite_left_out", message))
        return [suite.first(settings.suite_items) for suite in found]

    def _of_suites(self, chosen: Sequence[Suite], version: Path) -> list[Question]:
        prefix = models.read_manifest(version).prefix
        encoder = self._context.encoder(self._base).prefixed(prefix)
        return [one for suite in chosen for one in suite_questions(suite, encoder)]

    def _is_left(self) -> bool:
        now_s = self._context.clock.monotonic_s()
        if now_s - self._said_s >= SAID_EVERY_S:
            self._said_s = now_s
            self._context.pipe.send(say.Alive("auditing the current version"))
        return self._mailbox.attend(self._request.order)

    # --- the end ------------------------------------------------------------------------------

    def _found(self, marks: JudgementScores, exam: Exam) -> None:
        request = self._request
        judgement = Judgement(True, True, tuple(comparisons(marks, exam, [request.proven])))
        gate = gate_from_record(self.settings.gate.model_dump())
        verdict = decide_verdict(judgement, gate)
        outcome, message = outcome_of(request.version, request.proven, verdict)
        about = {"title": f"{request.order}: {request.version} against {request.proven}"}
        report = report_of(
            marks, exam, ExpectedStyle(), judgement.comparisons, verdict, self.settings.grade, about
        )
        kind = outcome.replace("_", " ")
        told = {"kind": kind, "promotes": False, "reasons": list(verdict.reasons)}
        report |= {"verdict": told}
        audits.write_reports(
            self._place,
            {
                "details.jsonl": json_lines(details(marks, exam)),
                "report.json": json.dumps(report, allow_nan=False, indent=1) + "\n",
                "report.md": markdown(report),
                "report.html": report_page.render(report),
            },
        )
        self._conclude(outcome, message, to_json_value(judgement.comparisons))

    def _conclude(
        self, outcome: Outcome, message: str, tests: Sequence[dict[str, Any]] = ()
    ) -> None:
        if not self._context.parent_lives():
            self._mailbox.leaving = "stop"
            return
        request = self._request
        if not self._place.report.exists():
            audits.write_reports(self._place, {"report.md": f"# {request.order}\n\n{message}.\n"})
        orders.end(
            self._place,
            {
                "schema_version": 1,
                "order": request.order,
                "version": request.version,
                "proven": request.proven,
                "outcome": outcome,
                "message": message,
                "tests": list(tests),
                "ended_at": self._context.clock.now().isoformat(),
            },
        )
        self._context.pipe.send(say.OrderEnded(request.order, message))
