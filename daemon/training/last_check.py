"""Makes intake's duplicate and exam check again as a run starts: other jobs were trained since."""

from typing import Any

from daemon.core.examples import Example
from daemon.dedup.boilerplate import NOTHING_SHARED
from daemon.dedup.matching import ExampleAt, Judge, Match, on_exam, seen_before
from daemon.dedup.sealing import Sealer
from daemon.dedup.seen import Seen
from daemon.dedup.suites import Suites
from daemon.folders.fingerprints import Keys
from daemon.folders.seen import Kind
from daemon.training.frozen import Request
from daemon.training.rows import JobRows


class LastCheck:
    """What the jobs of one run are compared with."""

    def __init__(self, request: Request, rows: JobRows) -> None:
        self._request = request
        self._rows = rows
        self._judge = Judge(Sealer())
        self._suites = Suites(rows.layout.evals)

    def known_elsewhere(self, number: int, keys: Keys) -> dict[int, dict[str, Any]]:
        """Return rows of a job that are on an exam, or were trained or gathered before.

        A job's own keys never count against itself: it may be trained again on purpose.
        """
        job = self._request.jobs[number]

        def example_at(place: int) -> Example:
            return self._rows.example(job, int(keys["row"][place]), "train")

        gone: dict[int, dict[str, Any]] = {}
        for match, place in self._matches(job, number, keys, example_at):
            row = int(keys["row"][place])
            code = "exam_row" if match.kind == "exam" else "duplicate_seen"
            if match.kind == "conflict":
                if self._request.settings.dedup.conflicts != "refuse":
                    continue
                code = "conflict"
            of = {"job": match.job, "line": match.line}
            gone.setdefault(row, {"row": row, "code": code, "how": match.how, "of": of})
        return gone

    def _matches(
        self, job: str, number: int, keys: Keys, example_at: ExampleAt
    ) -> list[tuple[Match, int]]:
        request, near = self._request, self._request.settings.dedup.near
        exams = self._of("holdout", [*request.holdout_jobs, *request.jobs], job)
        trained = self._of("train", [*request.lineage_jobs, *request.jobs[:number]], job)
        found = [
            on_exam(
                keys, example_at, exams.open(merge=False), exams.example, self._judge, job, near
            ),
            on_exam(
                keys, example_at, self._suites.index(), self._suites.item, self._judge, job, near
            ),
            self._suites.asked_shortly(keys, example_at, self._judge, NOTHING_SHARED)
            if near
            else {},
            seen_before(
                keys, example_at, trained.open(merge=False), trained, self._judge, job, near
            ),
        ]
        return [(match, place) for matches in found for place, match in matches.items()]

    def _of(self, kind: Kind, jobs: list[str], without: str) -> Seen:
        others = [job for job in dict.fromkeys(jobs) if job != without]
        return Seen(self._rows.layout, kind, others)
