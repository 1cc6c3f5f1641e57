"""Runs the exam of one candidate and its references, and writes the report with the verdict.

The verdict in the report equals the one reached when the version is sealed: both follow from the
same tests and from the gate that was in force when the run began.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from math import isfinite
from pathlib import Path

from daemon.core import messages as say
from daemon.core.decisions.promotion import decide_verdict, gate_from_record
from daemon.core.decisions.unused import ways_to_go_on
from daemon.core.evaluation.explanation import CANDIDATE
from daemon.core.evaluation.set_names import EARLIER, OWN
from daemon.core.evaluation.suites import Suite
from daemon.core.records import from_json_value
from daemon.core.training.evaluations import Evaluations
from daemon.core.training.forgetting import LineageLosses
from daemon.core.training.judgement import Forgetting, Judgement
from daemon.core.training.manifests import shortened_sentence
from daemon.core.training.suite_scores import LineageScores
from daemon.evaluation import report_page
from daemon.evaluation.candidate_scores import (
    JudgementScores,
    comparisons,
    details,
    evaluations,
    examine,
    lost_answers,
    question_sets,
)
from daemon.evaluation.report import markdown, report_of
from daemon.evaluation.scoring_session import Exam, Examinee, NotingProgress
from daemon.evaluation.writing import ExpectedWriting
from daemon.folders import suites
from daemon.folders.models import models
from daemon.folders.models.known_scores import KnownScores
from daemon.folders.runs import runs
from daemon.training.context import CurrentRun, TrainerContext
from daemon.training.data.batches import families_of
from daemon.training.engine.protocol import ADAPTER
from daemon.training.judging.exam import exam_for, exam_of, set_ids, tune_ids, writing_of
from daemon.training.judging.forgetting import ForgettingMeter, measured_rows
from daemon.training.judging.suite_floors import SuiteFloors
from daemon.training.machine.answering import BatchedAnswering
from daemon.training.progress_notes import ProgressNotes
from daemon.training.records.holdout_losses import read_losses
from daemon.training.records.suite_scores import read_scores
from daemon.training.run.opening import adapter_folder
from daemon.training.run.score_key import BASE, score_key

NOTHING = from_json_value({}, Evaluations)
"""Of what was never scored; read from an empty record, it is written as one."""


@dataclass(frozen=True)
class JudgementResult:
    """The results of judging one candidate."""

    judgement: Judgement
    evaluations: Evaluations = NOTHING
    losses: LineageLosses | None = None
    """The lineage's hold-out losses, for the version to store."""
    scores: LineageScores | None = None
    """The lineage's suite scores, for the version to store."""
    files: dict[str, str] = field(default_factory=dict)
    """Text files to write beside the adapter, by name."""


class Examiner:
    """Puts one run's candidate and its references through the same exam."""

    def __init__(
        self, context: TrainerContext, current: CurrentRun, interrupted: Callable[[], bool]
    ) -> None:
        self._context = context
        self._current = current
        self._interrupted = interrupted
        self._key = partial(score_key, context, current.request.base, current.choices.libraries)
        self._notes = ProgressNotes(context.pipe, context.clock)

    def examine(self, newest: Path) -> JudgementResult | None:
        """Return the results of the candidate in a checkpoint; None when interrupted."""
        engine = self._context.engine
        finite, changed = engine.finite(), engine.changed()
        if not finite:
            return JudgementResult(Judgement(False, changed, ()))
        whole = self._suites()
        most = self._current.request.settings.evaluation.suite_items
        chosen = [suite.first(most) for suite in whole]
        exam = exam_of(self._current, chosen)
        wanted = writing_of(self._current, exam, whole)
        examinees = [
            Examinee(CANDIDATE, newest, self._key(newest)),
            *self._references(exam, chosen),
        ]
        note = partial(runs.note_exam_progress, self._current.place)
        memory = NotingProgress(KnownScores(self._context.layout), note)
        marks = examine(
            BatchedAnswering(self._context, self._current.request.base),
            engine.load_adapter,
            exam,
            examinees,
            memory,
            wanted,
            self._still_wanted,
        )
        if marks is None:
            return None
        scored = marks.candidate.results.losses.values()
        if not all(isfinite(total) for rows in scored for total, _ in rows):
            return JudgementResult(Judgement(False, changed, ()))
        found = self._found(marks, exam, wanted, changed)
        versions = {suite.name: suite.sha256 for suite in whole}
        return replace(found, evaluations=replace(found.evaluations, suites=versions))

    def _found(
        self, marks: JudgementScores, exam: Exam, wanted: ExpectedWriting, changed: bool
    ) -> JudgementResult:
        # The base is shown for information: the verdict compares with versions in use.
        names = [one.examinee.name for one in marks.references if one.examinee.name != BASE]
        tests = tuple(comparisons(marks, exam, names))
        lost = tuple(lost_answers(marks, exam, names))
        meter = self._meter(marks, exam)
        earlier = [job for job, _ in self._current.choices.earlier]
        forgetting = tuple(meter.tests(earlier, self._current.request.settings.gate))
        floors = self._floors(marks, exam)
        judgement = Judgement(True, changed, tests, lost, forgetting, tuple(floors.tests()))
        files = {
            "details.jsonl": json_lines(details(marks, exam)),
            **self._reports(marks, exam, wanted, judgement),
        }
        scored = evaluations(marks, exam)
        level = self._current.request.settings.gate.level
        return JudgementResult(judgement, scored, meter.handed_on(), floors.handed_on(level), files)

    def _floors(self, marks: JudgementScores, exam: Exam) -> SuiteFloors:
        names = [name for name in question_sets(exam) if name not in (OWN, EARLIER)]
        start = self._context.layout.version(self._current.request.start_version)
        return SuiteFloors(read_scores(start), marks, exam, names)

    def _meter(self, marks: JudgementScores, exam: Exam) -> ForgettingMeter:
        tune = tune_ids(self._current)
        families = families_of(self._current.rows, tune)
        measured = measured_rows(marks, exam, set_ids(self._current), tune, families)
        start = self._context.layout.version(self._current.request.start_version)
        return ForgettingMeter(start.name, read_losses(start), measured)

    def _reports(
        self, marks: JudgementScores, exam: Exam, wanted: ExpectedWriting, judgement: Judgement
    ) -> dict[str, str]:
        request = self._current.request
        verdict = decide_verdict(judgement, gate_from_record(request.settings.gate.model_dump()))
        report = report_of(
            marks,
            exam,
            wanted,
            judgement.all_comparisons,
            verdict,
            request.settings.grade,
            {
                "title": f"{request.run}: {', '.join(request.jobs)}",
                "run": request.run,
                "job_ids": list(request.jobs),
                "parent": request.start_version,
                "forgetting": [asdict(one) for one in judgement.forgetting],
                "notes": list(self._notes_on_rows()),
                "ways_on": None if verdict.promotes else ways_to_go_on(),
            },
        )
        return {
            "report.json": json.dumps(report, allow_nan=False, indent=1) + "\n",
            "report.md": markdown(report),
            "report.html": report_page.render(report),
        }

    def _notes_on_rows(self) -> Iterator[str]:
        if shortened := self._current.rows_shortened:
            yield shortened_sentence(shortened)

    def _suites(self) -> list[Suite]:
        """Return the suites of the settings, whole; an alert for each that cannot be used."""
        settings = self._current.request.settings.evaluation
        found = []
        for name in settings.suites:
            read = suites.find(self._context.layout.evals, name)
            if read is None:
                why = f"there is no suite {name} in evals/"
            elif read.suite is None:
                why = "; ".join(read.sentences[:3])
            else:
                found.append(read.suite)
                continue
            self._context.pipe.send(say.Alerted("suite_left_out", f"{why}; judged without it"))
        return found

    def _references(self, exam: Exam, chosen: Sequence[Suite]) -> list[Examinee]:
        """Return the starting version, the last proven one where it is another, and the base."""
        request, layout = self._current.request, self._context.layout
        start = layout.version(request.start_version)

        def reference(version: Path) -> Examinee:
            its = exam_for(self._current, exam, chosen, version)
            folder = adapter_folder(version)
            return Examinee(version.name, folder, self._key(folder), its)

        references = [reference(start)]
        proven = layout.version(request.proven_version)
        if proven != start and (proven / ADAPTER).exists():
            problem = models.verify(proven)
            if problem is None:
                references.append(reference(proven))
            else:
                message = f"{proven.name} cannot be compared with: {problem}"
                self._context.pipe.send(say.Alerted("version_damaged", message))
        if all(one.folder is not None for one in references):
            references.append(Examinee(BASE, None, self._key(None)))
        return references

    def alert_forgetting(self, forgetting: Sequence[Forgetting]) -> None:
        """Raise an alert for earlier files whose loss has risen by more than `replay.alarm`."""
        alarm = self._current.request.settings.replay.alarm
        forgotten = [one for one in forgetting if one.name != EARLIER and one.rise > alarm]
        if forgotten:
            files = ", ".join(f"{one.name} (+{one.rise:.2f})" for one in forgotten)
            message = (
                f"{self._current.request.run} has forgotten parts of earlier files, in nats a "
                f"token above the best version of each: {files}"
            )
            self._context.pipe.send(say.Alerted("forgetting", message))

    def _still_wanted(self) -> bool:
        self._notes.send("judging the candidate")
        return self._interrupted()


def json_lines(records: Iterable[object]) -> str:
    """Return records as JSON lines."""
    return "".join(
        json.dumps(record, ensure_ascii=False, allow_nan=False) + "\n" for record in records
    )
