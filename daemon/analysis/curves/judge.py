"""Puts together what is said of a curve: findings, where to stop, what cannot be judged."""

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
"""By kind, the gravest first."""
EXCLUDED = {
    "underfitting": ("divergence", "overfitting"),
    "plateau": ("divergence", "overfitting"),
    "learning_rate_too_low": ("divergence",),
}
"""What is not said beside a graver illness that explains it."""


def diagnose(curve: Curve) -> Diagnosis:
    """Return all that is said of a curve."""
    seen = prepare(curve)
    findings: list[CurveFinding] = []
    for kind, detect in DETECTORS.items():
        graver = {finding.kind for finding in findings}
        found = None if graver & set(EXCLUDED.get(kind, ())) else detect(seen)
        findings += [found] if found else []
    return Diagnosis(
        curve,
        tuple(findings),
        _stop(seen, findings),
        _not_judged(seen, findings),
        _facts(seen),
        _pairs(seen.train, "level"),
        _pairs(seen.train, "slope"),
        _drawn(seen.validation),
    )


def _stop(seen: PreparedCurve, findings: list[CurveFinding]) -> BestStop | None:
    """Return where the run would best have ended; before its end only where a finding says why."""
    began = {finding.kind: finding.begins_at_step for finding in findings}
    stops = []
    if (step := began.get("divergence")) is not None:
        stops.append(
            BestStop(step, "training", f"step {step}: from there on the training loss rises")
        )
    if {"divergence", "overfitting"} & set(began) and seen.validation is not None:
        # Where a run diverges, its validation loss may have turned before its training loss.
        turn = detectors.sure_turn(seen.validation)
        if turn is not None:
            step = int(seen.validation.steps[turn.lowest])
            said = f"step {step}: there the validation loss was lowest, and it has risen since"
            stops.append(BestStop(step, "validation", said))
    if stops:
        return min(stops, key=lambda stop: stop.step)
    if seen.validation is not None:
        return _stop_by_validation(seen.validation, "plateau" in began)
    if (step := began.get("plateau")) is not None:
        said = f"step {step}: the training loss stays where it is; no validation says more"
        return BestStop(step, "training", said)
    return None


def _stop_by_validation(found: Trace, plateau: bool) -> BestStop:
    """Return the last validation, or for a plateau the first that is as good as the best."""
    least = found.level[found.lowest]
    # A smoothed value has about half the noise of a single one.
    good = found.level <= least + max(0.5 * found.sigma, limits.GOOD_ENOUGH * abs(least))
    first, last = int(found.steps[int(np.argmax(good))]), int(found.steps[-1])
    if first == last:
        said = f"step {last}, the last validation: no earlier one is as good"
    elif plateau:
        said = f"step {first}: the validation loss is nowhere lower beyond its noise"
        return BestStop(first, "validation", said)
    else:
        said = (
            f"step {last}, the last validation: nothing speaks against it, though the loss is "
            f"nowhere lower beyond its noise than at step {first}"
        )
    return BestStop(last, "validation", said)


def _not_judged(seen: PreparedCurve, findings: list[CurveFinding]) -> dict[str, str]:
    found = {finding.kind for finding in findings}
    missing: dict[str, str] = {}
    if seen.train is None:
        few = f"{len(seen.raw)} steps with a loss, {LEAST_STEPS} are needed"
        missing = {kind: few for kind in KINDS if kind != "overfitting"}
    if seen.validation is None:
        count = len(seen.curve.validation)
        missing["overfitting"] = f"{count} validations, {LEAST_VALIDATIONS} are needed"
    return {kind: why for kind, why in missing.items() if kind not in found}


def _facts(seen: PreparedCurve) -> dict[str, float | None]:
    raw, validation = seen.raw, seen.curve.validation
    last = max(3, round(0.1 * len(raw)))
    final = float(np.median(raw[-last:])) if len(raw) else None
    end = validation[-1][1] if validation else None
    facts = {
        "first_loss": seen.start if len(raw) else None,
        "final_loss": final,
        "lowest_smoothed_loss": float(seen.train.level.min()) if seen.train else None,
        "noise": seen.train.sigma if seen.train else None,
        "last_slope_a_step": float(seen.train.slope[-1]) if seen.train else None,
        "final_validation_loss": end,
        "lowest_validation_loss": min((loss for _, loss in validation), default=None),
        "final_gap": None if end is None or final is None else end - final,
    }
    return {key: None if value is None else round(value, 6) for key, value in facts.items()}


def _drawn(found: Trace | None) -> tuple[tuple[int, float], ...]:
    """Return the smoothed validation; nothing where it would lie far off its few values."""
    return () if found is None or len(found.steps) < LEAST_SMOOTHED else _pairs(found, "level")


def _pairs(trace: Trace | None, name: str) -> tuple[tuple[int, float], ...]:
    if trace is None:
        return ()
    values = getattr(trace, name)
    return tuple((int(s), float(v)) for s, v in zip(trace.steps, values, strict=True))
