"""The exam of one candidate, and what is written about it; seals nothing.

The verdict told here is the one that is reached when the version is sealed: both follow from the
tests and from the rules that were in force when the run began.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from math import isfinite
from pathlib import Path
from typing import Any

from daemon.core import messages as say
from daemon.core.decisions.promotion import decide_verdict, gate_from_record
from daemon.core.evaluation.explanation import CANDIDATE, EARLIER
from daemon.core.evaluation.suites import Suite
from daemon.core.records import from_json_value
from daemon.core.training.evaluations import Evaluations
from daemon.core.training.forgetting import rises
from daemon.core.training.judgement import Judgement
from daemon.evaluation import report_page
from daemon.evaluation.candidate_scores import (
    JudgementScores,
    comparisons,
    details,
    evaluations,
    examine,
    lost_answers,
)
from daemon.evaluation.report import markdown, report_of
from daemon.evaluation.scores.score import ExpectedStyle
from daemon.evaluation.scoring_session import Exam, Examinee, NotingProgress
from daemon.folders import suites
from daemon.folders.models import models
from daemon.folders.models.known_scores import KnownScores
from daemon.folders.runs import runs
from daemon.training.context import CurrentRun, TrainerContext
from daemon.training.engine.protocol import ADAPTER
from daemon.training.judging.exam import exam_for, exam_of, wanted_of
from daemon.training.machine.answering import BatchedAnswering
from daemon.training.run.opening import adapter_folder
from daemon.training.run.score_key import BASE, score_key

SAID_EVERY_S = 1.0
"""The supervisor hears that the trainer lives at most so often."""


NOTHING = from_json_value({}, Evaluations)
"""Of what was never scored; read from an empty record, it is written as one."""


@dataclass(frozen=True)
class JudgementResult:
    """What the judgement found."""

    judgement: Judgement
    evaluations: Evaluations = NOTHING
    rises: dict[str, float] = field(default_factory=dict)
    """Of the loss on the hold-outs of earlier files, in nats a token."""
    files: dict[str, str] = field(default_factory=dict)
    """Texts to lie beside the adapter, by name."""


class Examiner:
    """Puts one run's candidate and its references through the same exam."""

    def __init__(
        self, context: TrainerContext, hand: CurrentRun, interrupted: Callable[[], bool]
    ) -> None:
        self._context = context
        self._hand = hand
        self._interrupted = interrupted
        self._key = partial(score_key, context, hand.request.base, hand.choices.libraries)
        self._said_s = -SAID_EVERY_S

    def examine(self, newest: Path) -> JudgementResult | None:
        """Return what was found of the candidate in a checkpoint; None when interrupted."""
        engine = self._context.engine
        finite, changed = engine.finite(), engine.changed()
        if not finite:
            return JudgementResult(Judgement(False, changed, ()))
        chosen = self._suites()
        exam = exam_of(self._hand, chosen)
        wanted = wanted_of(self._hand)
        examinees = [
            Examinee(CANDIDATE, newest, self._key(newest)),
            *self._references(exam, chosen),
        ]
        note = partial(runs.note_exam_progress, self._hand.place)
        memory = NotingProgress(KnownScores(self._context.layout), note)
        marks = examine(
            BatchedAnswering(self._context, self._hand.request.base),
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
        return self._found(marks, exam, wanted, changed)

    def _found(
        self, marks: JudgementScores, exam: Exam, wanted: ExpectedStyle, changed: bool
    ) -> JudgementResult:
        # The base is there to be looked at: the verdict is about what is in use.
        names = [one.examinee.name for one in marks.references if one.examinee.name != BASE]
        tests = tuple(comparisons(marks, exam, names))
        lost = tuple(lost_answers(marks, exam, names))
        judgement = Judgement(True, changed, tests, lost)
        files = {
            "details.jsonl": json_lines(details(marks, exam)),
            **self._reports(marks, exam, wanted, judgement),
        }
        return JudgementResult(
            judgement, evaluations(marks, exam, wanted), self._rises(marks), files
        )

    def _reports(
        self, marks: JudgementScores, exam: Exam, wanted: ExpectedStyle, judgement: Judgement
    ) -> dict[str, str]:
        request = self._hand.request
        gate = gate_from_record(request.settings.gate.model_dump())
        report = report_of(
            marks,
            exam,
            wanted,
            judgement.comparisons,
            decide_verdict(judgement, gate),
            request.settings.grade,
            {
                "title": f"{request.run}: {', '.join(request.jobs)}",
                "run": request.run,
                "job_ids": list(request.jobs),
                "parent": request.start_version,
            },
        )
        return {
            "report.json": json.dumps(report, allow_nan=False, indent=1) + "\n",
            "report.md": markdown(report),
            "report.html": report_page.render(report),
        }

    def _suites(self) -> list[Suite]:
        """Return the suites that the settings choose; one that cannot be used is told."""
        settings = self._hand.request.settings.evaluation
        found = []
        for name in settings.suites:
            read = suites.find(self._context.layout.evals, name)
            if read is None:
                why = f"there is no suite {name} in evals/"
            elif read.suite is None:
                why = "; ".join(read.sentences[:3])
            else:
                found.append(read.suite.first(settings.suite_items))
                continue
            self._context.pipe.send(say.Alerted("suite_left_out", f"{why}; judged without it"))
        return found

    def _references(self, exam: Exam, chosen: Sequence[Suite]) -> list[Examinee]:
        """Return the starting version, the last proven one where it is another, and the base."""
        request, layout = self._hand.request, self._context.layout
        start = layout.version(request.start_version)

        def reference(version: Path) -> Examinee:
            its = exam_for(self._hand, exam, chosen, version)
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

    def _rises(self, marks: JudgementScores) -> dict[str, float]:
        """Return how much each earlier file was forgotten, against the worst-placed reference."""
        jobs = [job for job, _ in self._hand.choices.earlier]
        after = marks.candidate.results.losses[EARLIER]
        worst: dict[str, float] = {}
        for one in marks.references:
            for job, rise in rises(jobs, one.results.losses[EARLIER], after).items():
                if one.examinee.name != BASE:
                    worst[job] = max(rise, worst.get(job, rise))
        alarm = self._hand.request.settings.replay.alarm
        forgotten = {job: rise for job, rise in worst.items() if rise > alarm}
        if forgotten:
            told = ", ".join(f"{job} (+{rise:.2f})" for job, rise in sorted(forgotten.items()))
            message = (
                f"{self._hand.request.run} has forgotten of earlier files, in nats a token: "
                f"{told}; more of them is replayed in the next run"
            )
            self._context.pipe.send(say.Alerted("forgetting", message))
        return worst

    def _still_wanted(self) -> bool:
        now_s = self._context.clock.monotonic_s()
        if now_s - self._said_s >= SAID_EVERY_S:
            self._said_s = now_s
            self._context.pipe.send(say.Alive("judging the candidate"))
        return self._interrupted()


def json_lines(records: Iterable[Any]) -> str:
    """Return records as JSON lines."""
    return "".join(
        json.dumps(record, ensure_ascii=False, allow_nan=False) + "\n" for record in records
    )
