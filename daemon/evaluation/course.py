"""The benchmarks of all versions: right answers to each suite, overall, grade."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from daemon.core.evaluation.benchmarks import Benchmarks, benchmarks_of, share
from daemon.core.evaluation.explanation import CANDIDATE
from daemon.core.evaluation.set_names import EARLIER, OWN
from daemon.core.records import JsonObject
from daemon.core.training.evaluations import Evaluations
from daemon.core.training.manifests import Manifest
from daemon.evaluation.scores.grade import Grade, grade, parts_of, shown
from daemon.settings_evaluation import GradeSettings

BASES = ("base", "v000000")
"""The name of the untouched base in an exam."""


@dataclass(frozen=True)
class CoursePoint:
    """The right answers of one version, or of the base."""

    version: str
    created_at: str
    verdict: str
    right: Benchmarks
    grade: Grade | None
    """The grade over suites alone, whose items and habits stay the same."""
    items: Mapping[str, str]
    """The version and number of items of each suite, as one text."""

    @property
    def number(self) -> int:
        """The number of the version."""
        return int(self.version.lstrip("v"))


@dataclass(frozen=True)
class Course:
    """All versions that were measured on suites, the oldest first."""

    points: Sequence[CoursePoint]

    @property
    def suites(self) -> list[str]:
        """Every suite that was measured, in order."""
        return list(dict.fromkeys(name for point in self.points for name in point.right.suites))

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the table's columns."""
        return ("version", "created", "verdict", *self.suites, "overall", "grade")

    @property
    def rows(self) -> list[tuple[str, ...]]:
        """A row for each version."""
        return [
            (
                point.version,
                point.created_at[:10],
                point.verdict,
                *(
                    share(point.right.suites[name]) if name in point.right.suites else ""
                    for name in self.suites
                ),
                share(point.right.overall),
                "" if point.grade is None else shown(point.grade.as_record()),
            )
            for point in self.points
        ]

    @property
    def notes(self) -> list[str]:
        """Which figures do not compare: the suite, or the number of its items, has changed."""
        newest: dict[str, str] = {}
        for point in self.points:
            newest |= point.items
        return [
            f"{point.version} was measured on a different version or part of {', '.join(other)}: "
            "these figures, its overall result and its grade do not compare with the newest"
            for point in self.points
            if (other := [name for name, its in point.items.items() if its != newest[name]])
            or (other := [name for name in self.points[-1].items if name not in point.items])
        ]

    def as_record(self) -> JsonObject:
        """Return plain JSON values."""
        return {
            "schema_version": 1,
            "versions": [
                {
                    "version": point.version,
                    "created_at": point.created_at,
                    "verdict": point.verdict,
                    **point.right.as_record(),
                    "grade": None if point.grade is None else asdict(point.grade),
                }
                for point in self.points
            ],
            "notes": self.notes,
        }


def course_of(manifests: Sequence[Manifest], grading: GradeSettings) -> Course:
    """Return the benchmarks of all versions; the base, as first measured, is `v000000`."""
    points = [
        point
        for manifest in manifests
        if (point := _point(manifest, CANDIDATE, manifest.version, manifest.verdict, grading))
    ]
    base = next((found for one in manifests if (found := _base(one, grading))), None)
    return Course([base, *points] if base is not None else points)


def _base(manifest: Manifest, grading: GradeSettings) -> CoursePoint | None:
    points = (_point(manifest, name, "v000000", "base", grading) for name in BASES)
    return next((point for point in points if point is not None), None)


def _point(
    manifest: Manifest, model: str, version: str, verdict: str, grading: GradeSettings
) -> CoursePoint | None:
    found = benchmarks_of(manifest.evaluations, model)
    if found is None:
        return None
    return CoursePoint(
        version,
        manifest.created_at,
        verdict,
        found,
        _grade(manifest.evaluations, model, grading),
        {
            name: f"{manifest.evaluations.suites.get(name, '')} {counts[1]}"
            for name, counts in found.suites.items()
        },
    )


def _grade(evaluations: Evaluations, model: str, grading: GradeSettings) -> Grade | None:
    return grade(
        parts_of(
            [
                models[model]
                for name, models in evaluations.answers.items()
                if name not in (OWN, EARLIER) and model in models
            ]
        ),
        grading,
    )
