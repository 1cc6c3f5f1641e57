"""Data types of learning curves and their diagnosis: points, findings, best stop, probes."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Literal

from daemon.core.records import JsonObject

Kind = Literal[
    "divergence",
    "overfitting",
    "learning_rate_too_high",
    "learning_rate_too_low",
    "underfitting",
    "plateau",
]
KINDS: tuple[Kind, ...] = (
    "divergence",
    "overfitting",
    "learning_rate_too_high",
    "learning_rate_too_low",
    "underfitting",
    "plateau",
)
"""The most severe first."""


@dataclass(frozen=True)
class Point:
    """The figures of one optimizer step; None if they were not recorded."""

    step: int
    """Optimizer steps since the base model."""
    loss: float | None = None
    """Mean nats per supervised token of the step's rows; None if it was not finite."""
    epoch: float | None = None
    learning_rate: float | None = None
    gradient_norm: float | None = None
    tokens_per_s: float | None = None
    memory_bytes: int | None = None
    applied: bool = True


@dataclass(frozen=True)
class Curve:
    """The learning curve of one run."""

    name: str
    points: tuple[Point, ...]
    """By step, each step once."""
    validation: tuple[tuple[int, float], ...] = ()
    """(step, loss on the fixed held-out rows), by step."""
    run: str | None = None
    version: str | None = None
    files: tuple[str, ...] = ()
    """Jobs or file names, as far as known."""
    damaged: int = 0
    """Lines of the record that could not be read."""
    notes: tuple[str, ...] = ()
    """Other problems of the record, a sentence each."""

    @property
    def losses(self) -> tuple[tuple[int, float], ...]:
        """Return (step, loss) of the steps that had a finite one."""
        return tuple((point.step, point.loss) for point in self.points if point.loss is not None)

    def series(self, name: str) -> tuple[tuple[int, float], ...]:
        """Return (step, value) of one field of the points, unknown values left out."""
        found = ((point.step, getattr(point, name)) for point in self.points)
        return tuple((step, float(value)) for step, value in found if value is not None)


@dataclass(frozen=True)
class CurveFinding:
    """One problem of a curve: where it begins, the evidence in figures, and what to do."""

    kind: Kind
    begins_at_step: int
    message: str
    evidence: Mapping[str, float]
    advice: str


@dataclass(frozen=True)
class BestStop:
    """The step at which the run should have ended."""

    step: int
    basis: Literal["validation", "training"]
    message: str


@dataclass(frozen=True)
class Diagnosis:
    """The diagnosis of one curve."""

    curve: Curve
    findings: tuple[CurveFinding, ...] = ()
    """The most severe first."""
    stop: BestStop | None = None
    not_judged: Mapping[str, str] = field(default_factory=dict)
    """Kinds that cannot be judged, with the reason."""
    facts: Mapping[str, float | None] = field(default_factory=dict)
    """First and final levels, noise, gap."""
    smoothed: tuple[tuple[int, float], ...] = ()
    """The training loss without its noise."""
    slope: tuple[tuple[int, float], ...] = ()
    """Slope of the smoothed loss, in nats per step."""
    smoothed_validation: tuple[tuple[int, float], ...] = ()

    @property
    def verdict(self) -> str:
        """Return the verdict in a few words."""
        if not self.curve.points:
            return "no steps"
        if self.findings:
            return ", ".join(finding.kind.replace("_", " ") for finding in self.findings)
        unknown = {*KINDS} - {"overfitting"} <= self.not_judged.keys()
        return "too short to judge" if unknown else "healthy"

    def as_record(self) -> JsonObject:
        """Return plain JSON values, the curves themselves left out."""
        curve = self.curve
        return {
            "name": curve.name,
            "run": curve.run,
            "version": curve.version,
            "files": list(curve.files),
            "steps": len(curve.points),
            "epochs": max((value for _, value in curve.series("epoch")), default=None),
            "first_step": curve.points[0].step if curve.points else None,
            "last_step": curve.points[-1].step if curve.points else None,
            "validations": len(curve.validation),
            "damaged_lines": curve.damaged,
            "notes": list(curve.notes),
            "verdict": self.verdict,
            "findings": [asdict(finding) for finding in self.findings],
            "not_judged": dict(self.not_judged),
            "recommended_stop": asdict(self.stop) if self.stop else None,
            "facts": dict(self.facts),
        }


@dataclass(frozen=True)
class ProbeAnswer:
    """The model's answer to a probe at one milestone."""

    step: int
    answer: str
    similarity: float | None
    """Similarity to the golden answer, from 0 to 1; None if there is none."""


@dataclass(frozen=True)
class Probe:
    """A fixed prompt and how its answer changed over a run."""

    prompt: str
    golden: str
    answers: tuple[ProbeAnswer, ...]
    """By step."""


def ordered(points: Sequence[Point]) -> tuple[Point, ...]:
    """Return points ordered by step; of several for one step the last counts."""
    return tuple(point for _, point in sorted({point.step: point for point in points}.items()))
