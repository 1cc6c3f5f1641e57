"""Proposes a sweep's next trial and prunes hopeless ones, with Optuna.

The study is rebuilt from the trials on disk each time, so it needs no storage of its own.
"""

from collections.abc import Sequence

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
from optuna.trial import TrialState, create_trial

from daemon.core.evaluation.sweeps import (
    MEASUREMENTS,
    RATE_TRIALS,
    Choice,
    Setting,
    Span,
    SweepRequest,
    Trial,
    Value,
    measurement_of,
    rounded,
)
from daemon.core.training.plan import mix

STATES = {
    "finished": TrialState.COMPLETE,
    "pruned": TrialState.PRUNED,
    "failed": TrialState.FAIL,
}


class Proposal:
    """The next trial of a sweep: the same after a restart as without one."""

    def __init__(self, request: SweepRequest, trials: Sequence[Trial]) -> None:
        self.number = len(trials) + 1
        self._trial: optuna.Trial | None = None
        if self.number <= len(request.planned):
            self.setting: Setting = request.planned[self.number - 1]
            return
        self._trial = _ask(request, trials)
        found = self._trial.params
        self.setting = {**request.default, **{key: _plain(found[key]) for key in found}}

    def note_loss(self, measurement: int, loss: float) -> bool:
        """Record a measurement; return whether the trial is behind the median of the earlier ones.

        What is planned, a grid or the plain comparison of rates, is never cut short.
        """
        if self._trial is None:
            return False
        self._trial.report(loss, measurement)
        return measurement < MEASUREMENTS and self._trial.should_prune()


def _ask(request: SweepRequest, trials: Sequence[Trial]) -> optuna.Trial:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    searched = {key: _distribution(item.range) for key, item in request.space.items()}
    seed = mix(request.seed, "trial", len(trials)) % 2**32
    study = optuna.create_study(
        sampler=optuna.samplers.TPESampler(n_startup_trials=RATE_TRIALS, seed=seed),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=RATE_TRIALS),
    )
    study.add_trials([_past(trial, searched) for trial in trials])
    return study.ask(searched)


def _distribution(searched: Span | Choice) -> BaseDistribution:
    match searched:
        case Span(low, high):
            return FloatDistribution(low, high, log=True)
        case Choice(values):
            return CategoricalDistribution(values)


def _plain(value: Value) -> Value:
    return rounded(value) if isinstance(value, float) else value


def _past(trial: Trial, searched: dict[str, BaseDistribution]) -> optuna.trial.FrozenTrial:
    """Return a trial in Optuna's form."""
    measurements = {measurement_of(share): loss for share, loss in trial.curve if share > 0.0}
    return create_trial(
        state=STATES[trial.outcome],
        value=trial.loss,
        params={key: trial.setting[key] for key in searched},
        distributions=searched,
        intermediate_values=measurements,
    )
