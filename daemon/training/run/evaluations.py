"""The evaluations of a run: every `evaluation.eval_every` steps and after the last one.

None is left out. Where they take more than `evaluation.budget_share` of the time, they answer
fewer sample prompts, down to three.
"""

import math
from collections.abc import Callable
from dataclasses import replace

from daemon.core import messages as say
from daemon.core.evaluation.answers import AnswerLimits
from daemon.core.training.progress import after_evaluation
from daemon.evaluation.periodic import Evaluation
from daemon.training.context import CurrentRun, TrainerContext
from daemon.training.data.batches import holdout_rows, questions
from daemon.training.machine.answering import BatchedAnswering
from daemon.training.records.state import RunState
from daemon.training.run.samples import Samples

FEWEST = 3
"""Sample prompts of every evaluation: a share of right answers out of one says nothing, and three
answers in a batch take little longer than one."""

FORGIVEN_S = 1.0
"""How many seconds evaluations may be over budget before fewer prompts are answered."""


class RunEvaluations:
    """The evaluations of one attempt at a run, and what they have cost."""

    def __init__(
        self, context: TrainerContext, current: CurrentRun, left: Callable[[], bool]
    ) -> None:
        self._context = context
        self._current = current
        self._left = left
        self._settings = current.request.settings.evaluation
        self._validation = holdout_rows(current.rows, current.texts, current.choices.tune)
        most = self._settings.max_new_tokens
        chosen = questions(current.rows, current.texts, current.choices.samples, "samples", most)
        self._samples = Samples(current.place, chosen)
        self._trained_s = 0.0
        self._evaluated_s = 0.0

    def count_training(self, seconds: float) -> None:
        """Note how long a step took."""
        self._trained_s += seconds

    def count_evaluating(self, seconds: float) -> None:
        """Note what else was paid from the budget."""
        self._evaluated_s += seconds

    @property
    def budget_s(self) -> float:
        """The seconds that evaluations may still take; negative where they took more."""
        return self._settings.budget_share * self._trained_s - self._evaluated_s

    def due(self, state: RunState) -> bool:
        """Return whether an evaluation belongs to this step and is not made yet.

        A pause or a kill may have come between a step and its evaluation: it is made up for.
        """
        every, step = self._settings.eval_every, state.step_in_run
        something = bool(self._samples.chosen or self._validation)
        known = state.step in (state.progress.validation_step, _last_answered(state))
        return something and not known and _is_due(step, every, self._current.end)

    def measure(self, state: RunState, requested: bool = False) -> RunState | None:
        """Return the state with what was measured at its step; None when interrupted.

        One on request costs nothing of the budget. With nothing to measure nothing changes.
        """
        if not (self._samples.chosen or self._validation):
            return state
        limits = AnswerLimits(self._settings.max_new_tokens, self._settings.answer_s)
        scorer = BatchedAnswering(self._context, self._current.request.base)
        evaluation = Evaluation(scorer, self._context.clock, limits, self._left)
        step, prompts = state.step, self._samples.selected
        found = evaluation.measure(step, self._validation, prompts, self._samples_s())
        if found is None:
            return None
        self._keep_within_budget(0.0 if requested else found.seconds, len(found.samples))
        loss, left_out = found.validation_loss, len(self._samples.chosen) - len(found.samples)
        self._context.pipe.send(
            say.Evaluated(state.run, step, loss, found.samples, left_out, found.seconds)
        )
        return replace(
            state,
            progress=after_evaluation(state.progress, step, loss, found.samples),
            validation=(*state.validation, *([] if loss is None else [(step, loss)])),
        )

    def _samples_s(self) -> float:
        """Return the seconds that samples may take; unlimited once their number is known."""
        periodic = self._settings.eval_every > 0
        return self.budget_s if periodic and not self._samples.known else math.inf

    def _keep_within_budget(self, seconds: float, answered: int) -> None:
        """Count an evaluation; halve the prompts of the following ones where it cost too much."""
        self._evaluated_s += seconds
        over = seconds > 0.0 and self.budget_s < -FORGIVEN_S
        fewer = max(FEWEST, answered // 2) if over else answered
        self._samples.keep_count(min(answered, fewer))


def _is_due(step: int, every: int, end: int) -> bool:
    return bool(every) and step > 0 and (step % every == 0 or step == end)


def _last_answered(state: RunState) -> int | None:
    """Return the step at which samples were last answered."""
    history = state.progress.accuracy_history
    return history[-1][0] if history else None
