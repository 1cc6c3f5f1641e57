"""Diagnoses a learning curve: findings, the best stop, and what cannot be judged."""

import numpy as np

from daemon.analysis.curves import detectors, limits
from daemon.analysis.curves.prepared import (
    LEAST_SMOOTHED,
    LEAST_STEPS,
    LEAST_VALIDATIONS,
    PreparedCurve,
    Trace,
    prepare,
)
from daemon.core.curves.curves import KINDS, BestStop, Curve, CurveFinding, Diagnosis

DETECTORS = {
    "divergence": detectors.divergence,
    "overfitting": detectors.overfitting,
    "learning_rate_too_high": detectors.learning_rate_too_high,
    "learning_rate_too_low": detectors.learning_rate_too_low,
    "underfitting": detectors.underfitting,
    "plateau": detectors.plateau,
}
"""By kind, the most severe first."""
EXCLUDED = {
    "underfitting": ("divergence", "overfitting"),
    "plateau": ("divergence", "overfitting"),
    "learning_rate_too_low": ("divergence",),
}
"""Findings left out beside a more severe one that explains them."""


def diagnose(curve: Curve) -> Diagnosis:
    """Return the diagnosis of a curve; without a step nothing is said, whatever else it has."""
    if not curve.points:
        return Diagnosis(curve, not_judged=dict.fromkeys(KINDS, "the record has no training step"))
    prepared = prepare(curve)
    findings: list[CurveFinding] = []
    for kind, detect in DETECTORS.items():
        more_severe = {finding.kind for finding in findings}
        found = None if more_severe & set(EXCLUDED.get(kind, ())) else detect(prepared)
        findings += [found] if found else []
    return Diagnosis(
        curve,
        tuple(findings),
        _stop(prepared, findings),
        _not_judged(prepared, findings),
        _facts(prepared),
        _pairs(prepared.train, "level"),
        _pairs(prepared.train, "slope"),
        _drawn(prepared.validation),
    )


def _stop(prepared: PreparedCurve, findings: list[CurveFinding]) -> BestStop | None:
    """Return the best step to end at; before the run's end only where a finding gives a reason."""
    began = {finding.kind: finding.begins_at_step for finding in findings}
    stops = []
    if (step := began.get("divergence")) is not None:
        stops.append(
            BestStop(step, "training", f"step {step}: from there on the training loss rises")
        )
    if {"divergence", "overfitting"} & set(began) and prepared.validation is not None:
        # Where a run diverges, its validation loss may have turned before its training loss.
        turn = detectors.sure_turn(prepared.validation)
        if turn is not None:
            step = int(prepared.validation.steps[turn.lowest])
            reason = f"step {step}: there the validation loss was lowest, and it has risen since"
            stops.append(BestStop(step, "validation", reason))
    if stops:
        return min(stops, key=lambda stop: stop.step)
    if prepared.validation is not None:
        return _stop_by_validation(prepared.validation, "plateau" in began)
    if (step := began.get("plateau")) is not None:
        reason = f"step {step}: the training loss stays level, and there is no validation loss"
        return BestStop(step, "training", reason)
    return None


def _stop_by_validation(found: Trace, plateau: bool) -> BestStop:
    """Return the last validation, or on a plateau the first that is as good as the best."""
    least = found.level[found.lowest]
    # A smoothed value has about half the noise of a single one.
    good = found.level <= least + max(0.5 * found.sigma, limits.GOOD_ENOUGH * abs(least))
    first, last = int(found.steps[int(np.argmax(good))]), int(found.steps[-1])
    if first == last:
        reason = f"step {last}, the last validation: no earlier one is as good"
    elif plateau:
        reason = f"step {first}: the validation loss is never lower by more than its noise"
        return BestStop(first, "validation", reason)
    else:
        reason = (
            f"step {last}, the last validation: nothing speaks against it, though the loss is "
            f"never lower than at step {first} by more than its noise"
        )
    return BestStop(last, "validation", reason)


def _not_judged(prepared: PreparedCurve, findings: list[CurveFinding]) -> dict[str, str]:
    found = {finding.kind for finding in findings}
    missing: dict[str, str] = {}
    if prepared.train is None:
        few = f"{len(prepared.raw)} steps with a loss, {LEAST_STEPS} are needed"
        missing = {kind: few for kind in KINDS if kind != "overfitting"}
    if prepared.validation is None:
        count = len(prepared.curve.validation)
        missing["overfitting"] = f"{count} validations, {LEAST_VALIDATIONS} are needed"
    return {kind: why for kind, why in missing.items() if kind not in found}


def _facts(prepared: PreparedCurve) -> dict[str, float | None]:
    raw, validation = prepared.raw, prepared.curve.validation
    last = max(3, round(0.1 * len(raw)))
    final = float(np.median(raw[-last:])) if len(raw) else None
    end = validation[-1][1] if validation else None
    facts = {
        "first_loss": prepared.start if len(raw) else None,
        "final_loss": final,
        "lowest_smoothed_loss": float(prepared.train.level.min()) if prepared.train else None,
        "noise": prepared.train.sigma if prepared.train else None,
        "last_slope_a_step": float(prepared.train.slope[-1]) if prepared.train else None,
        "final_validation_loss": end,
        "lowest_validation_loss": min((loss for _, loss in validation), default=None),
        "final_gap": None if end is None or final is None else end - final,
    }
    return {key: None if value is None else round(value, 6) for key, value in facts.items()}


def _drawn(found: Trace | None) -> tuple[tuple[int, float], ...]:
    """Return the smoothed validation; empty if it would lie far off its few values."""
    return () if found is None or len(found.steps) < LEAST_SMOOTHED else _pairs(found, "level")


def _pairs(trace: Trace | None, name: str) -> tuple[tuple[int, float], ...]:
    if trace is None:
        return ()
    values = getattr(trace, name)
    return tuple((int(s), float(v)) for s, v in zip(trace.steps, values, strict=True))
