"""Each illness is found where it was planted, and noise is none; over seeded random curves."""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from daemon.analysis.curves.charts import charts
from daemon.analysis.curves.judge import diagnose
from daemon.core.curves.curves import KINDS, Curve, CurveFinding, Kind, Point
from tests.analysis.curves import made
from tests.analysis.curves.made import Made

HEALTHY = 500
SICK = 60
FALSE_ALARMS = 0.02
"""Of each detector, as docs/tuning.md says."""
FOUND = 0.95
TOLERANCE = 0.10
"""Share of the run by which the step may be off."""
OF_VALIDATION = 0.14
"""The same where it is one of a dozen validations: one and a half of their distances."""

PLANTED: list[tuple[Kind, Callable[[int], Made], float]] = [
    ("overfitting", made.overfitted, OF_VALIDATION),
    ("divergence", made.diverged, TOLERANCE),
    ("divergence", made.not_finite, 0.0),
    ("learning_rate_too_high", made.loud, TOLERANCE),
    ("learning_rate_too_high", made.spiked, 0.0),
    ("learning_rate_too_high", made.surged, TOLERANCE),
    ("learning_rate_too_low", made.creeping, TOLERANCE),
    ("learning_rate_too_low", made.motionless, TOLERANCE),
    ("underfitting", made.cut_short, TOLERANCE),
    ("plateau", made.levelled, TOLERANCE),
]


def found(curve: Curve, kind: Kind) -> CurveFinding | None:
    return next((one for one in diagnose(curve).findings if one.kind == kind), None)


def test_healthy_curves_raise_no_more_false_alarms_than_the_docs_say() -> None:
    alarms = Counter(
        finding.kind
        for seed in range(HEALTHY)
        for finding in diagnose(made.healthy(seed).curve).findings
    )
    assert {kind: alarms[kind] for kind in KINDS if alarms[kind] > FALSE_ALARMS * HEALTHY} == {}


@pytest.mark.parametrize(
    ("kind", "make", "tolerance"), PLANTED, ids=lambda one: getattr(one, "__name__", str(one))
)
def test_what_was_planted_is_found_at_its_step(
    kind: Kind, make: Callable[[int], Made], tolerance: float
) -> None:
    good = 0
    for seed in range(1000, 1000 + SICK):
        planted = make(seed)
        finding = found(planted.curve, kind)
        if finding is not None:
            off = abs(finding.begins_at_step - planted.planted - 1)
            good += off <= max(1, tolerance * planted.steps)
    assert good >= FOUND * SICK


def test_it_is_recommended_to_stop_where_the_validation_loss_was_lowest() -> None:
    good = 0
    for seed in range(SICK):
        planted = made.overfitted(seed)
        stop = diagnose(planted.curve).stop
        assert stop is not None and stop.basis == "validation"
        good += abs(stop.step - planted.planted) <= OF_VALIDATION * planted.steps
    assert good >= FOUND * SICK


RISES, NOISES, EVERY = (0.0, 0.02, 0.05, 0.1, 0.2, 0.5), (0.002, 0.03, 0.1), (2, 5, 8, 10)


def test_what_is_advised_never_contradicts_the_verdict() -> None:
    """A healthy run is never to be ended early, an overfitted one always, and where it turned."""
    seen = set()
    for seed, (rise, sigma, every) in enumerate(product(RISES, NOISES, EVERY)):
        diagnosis = diagnose(made.turned(seed, rise, sigma, every).curve)
        kinds = {finding.kind: finding.begins_at_step for finding in diagnosis.findings}
        stop, last = diagnosis.stop, diagnosis.curve.validation[-1][0]
        assert stop is not None
        if "overfitting" in kinds:
            assert stop.step == kinds["overfitting"] < last
        elif not kinds:
            assert (diagnosis.verdict, stop.step) == ("healthy", last)
        seen.add(diagnosis.verdict)
    assert seen == {"healthy", "overfitting"}


@pytest.mark.parametrize("every", EVERY)
def test_a_turn_that_anybody_sees_is_found_by_few_validations_too(every: int) -> None:
    for seed in range(5):
        finding = found(made.turned(seed, 0.1, 0.002, every).curve, "overfitting")
        assert finding is not None
        assert abs(finding.begins_at_step - 20) <= every


def test_noise_around_a_level_is_seldom_overfitting() -> None:
    """Flat is the worst case: of a curve that falls, noise makes a valley even less often."""
    tries, alarms = 300, 0
    for seed in range(tries):
        random = np.random.default_rng(seed)
        count = int(random.integers(6, 41))
        values = 1.5 + 0.04 * random.standard_t(4, count)
        validation = [(5 * n, float(value)) for n, value in enumerate(values, 1)]
        alarms += (
            found(made.curve(np.linspace(2.0, 1.0, 20), validation), "overfitting") is not None
        )
    assert alarms <= FALSE_ALARMS * tries


def test_a_curve_that_got_better_to_the_end_is_not_to_be_stopped_early() -> None:
    level = 3.0 - np.linspace(0.0, 2.0, 200)
    validation = [(n, float(level[n - 1])) for n in range(10, 201, 10)]
    stop = diagnose(made.curve(level, validation)).stop
    assert stop is not None and stop.step == 200


def test_a_loss_that_halves_to_the_end_is_no_plateau_however_little_is_left_of_it() -> None:
    """As of a real run: 3.9 nats to 0.3 in a third of its steps, and to 0.05 in the others."""
    for seed in range(20):
        steps, rng = np.arange(78), np.random.default_rng(seed)
        level = 4.0 * np.exp(-steps / 8.0) + 0.4 * np.exp(-steps / 35.0)
        diagnosis = diagnose(made.curve(level * rng.lognormal(0.0, 0.3, 78)))
        assert "plateau" not in {finding.kind for finding in diagnosis.findings}
        assert diagnosis.stop is None


@pytest.mark.parametrize("count", [0, 1, 5, 29])
def test_a_short_curve_is_not_judged_and_says_why(count: int) -> None:
    diagnosis = diagnose(made.curve(np.linspace(2.0, 1.0, count)))
    assert diagnosis.findings == ()
    assert diagnosis.verdict == ("too short to judge" if count else "no steps")
    assert set(diagnosis.not_judged) == set(KINDS)


def test_a_short_run_with_many_validations_is_not_called_healthy() -> None:
    """Of six findings one was looked for, overfitting, and the run was healthy."""
    validation = tuple((step, 2.0) for step in range(2, 20, 2))
    curve = replace(made.curve(np.linspace(2.0, 1.0, 20)), validation=validation)
    assert diagnose(curve).verdict == "too short to judge"
    alone = diagnose(replace(curve, points=()))
    assert (alone.verdict, alone.stop) == ("no steps", None)


def test_without_validation_overfitting_is_not_judged_and_the_rest_is() -> None:
    diagnosis = diagnose(made.curve(np.exp(-np.linspace(0.0, 3.0, 100)) + 1.0))
    assert set(diagnosis.not_judged) == {"overfitting"}


def test_a_constant_and_a_noiseless_curve_are_judged_without_a_division_by_zero() -> None:
    assert diagnose(made.curve(np.full(100, 2.0))).verdict == "learning rate too low"
    assert diagnose(made.curve(np.zeros(100))).verdict == "healthy"


def test_losses_that_are_all_lost_are_divergence_from_the_first_step() -> None:
    points = tuple(Point(n, None, applied=False) for n in range(5, 12))
    finding = found(Curve("lost", points), "divergence")
    assert finding is not None and finding.begins_at_step == 5


def test_a_few_rows_put_aside_are_no_divergence() -> None:
    losses = made.healthy(3).curve.losses
    values = np.array([loss for _, loss in losses])
    values[[10, 50]] = np.nan
    assert found(made.curve(values), "divergence") is None


def test_the_same_curve_gets_the_same_words() -> None:
    planted = made.overfitted(7).curve
    assert diagnose(planted).as_record() == diagnose(planted).as_record()


def test_a_long_curve_is_judged_like_a_short_one() -> None:
    at = np.arange(20_000) / 20_000
    random = np.random.default_rng(1)
    level = 1.0 + np.exp(-at / 0.3) + np.where(at > 0.6, 3.0 * (at - 0.6), 0.0)
    finding = found(made.curve(level + 0.2 * random.normal(size=20_000)), "divergence")
    assert finding is not None and abs(finding.begins_at_step - 12_000) < 2_500


@pytest.mark.parametrize("seed", range(40))
def test_whatever_the_numbers_are_the_verdicts_are_json(seed: int) -> None:
    """Warnings are errors here: nothing may overflow or divide by zero on the way."""
    random = np.random.default_rng(seed)
    scale = 10.0 ** random.integers(-12, 14)
    values = scale * random.normal(size=int(random.integers(0, 200)))
    values = (values, np.cumsum(values), np.round(values / scale), np.abs(values))[seed % 4]
    steps = np.cumsum(random.integers(1, 10 ** int(random.integers(1, 9)), len(values)))
    points = [Point(int(step), float(loss)) for step, loss in zip(steps, values, strict=True)]
    validation = [(int(step), float(scale * random.normal())) for step in steps[::9]]
    diagnosis = diagnose(Curve("any", tuple(points), tuple(validation)))
    assert json.dumps(diagnosis.as_record(), allow_nan=False)
    for chart in charts(diagnosis):
        assert json.dumps(chart.as_data(), allow_nan=False)
