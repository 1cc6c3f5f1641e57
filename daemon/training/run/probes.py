"""Asks the model in training fixed prompts at the milestones of its run; nothing is decided by it.

The prompts are those of the suite `probes` where the workspace has it, else the first questions of
the judge hold-out.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import Any

from daemon.core import messages as say
from daemon.core.evaluation.answers import Answer
from daemon.core.evaluation.suites import PROBES
from daemon.core.training.probes import MilestoneAnswer, is_milestone
from daemon.evaluation.questions import Question, suite_questions
from daemon.evaluation.scoring_session import CachedAnswers, Found
from daemon.folders import suites
from daemon.folders.models.known_scores import KnownScores
from daemon.folders.runs import runs
from daemon.training.context import CurrentRun, TrainerContext
from daemon.training.data.batches import questions
from daemon.training.machine.answering import BatchedAnswering
from daemon.training.records.state import RunState
from daemon.training.run.opening import adapter_folder
from daemon.training.run.score_key import score_key


class Prober:
    """The probes of one attempt at a run."""

    def __init__(self, context: TrainerContext, hand: CurrentRun, left: Callable[[], bool]) -> None:
        self._context = context
        self._hand = hand
        self._left = left
        self._questions = _probes(context, hand)
        self._memory = KnownScores(context.layout)
        self._key = partial(score_key, context, hand.request.base, hand.choices.libraries)
        self._last_step = -1
        self._last: dict[str, Any] = {}
        """What the model answered at the step in the run that was asked last, to be remembered."""
        self._cost_s: float | None = None
        """What the last milestone of this attempt took; None before its first."""

    def due(self, state: RunState) -> bool:
        """Return whether a milestone is reached that was neither answered nor left out."""
        step = state.step_in_run
        fresh = state.evolution.asked_to < step
        return fresh and bool(self._questions) and is_milestone(step, self._hand.end)

    def ask(self, state: RunState, budget_s: float) -> tuple[RunState, float] | None:
        """Return the state with the answers, and the seconds they took; None when interrupted.

        A milestone that would take longer than the budget is left out, but neither the first nor
        the last.
        """
        step, known = state.step_in_run, state.evolution
        if step not in (0, self._hand.end) and self._is_over_budget(budget_s):
            out = replace(known, asked_to=step, left_out=known.left_out + 1)
            return replace(state, evolution=out), 0.0
        self._context.pipe.send(say.Alive("answering the probes"))
        began_s = self._context.clock.monotonic_s()
        said = self._answers(state)
        if said is None:
            return None
        seconds = self._context.clock.monotonic_s() - began_s
        if self._last:
            self._cost_s = seconds
        answered = replace(
            known,
            asked_to=step,
            milestones=known.milestones + 1,
            unwritten=(*known.unwritten, *said),
        )
        return replace(state, evolution=answered), seconds

    def _is_over_budget(self, budget_s: float) -> bool:
        # What an attempt has not measured yet it finds out by asking, once.
        none = self._hand.request.settings.evaluation.budget_share == 0.0
        return none or (self._cost_s is not None and self._cost_s > budget_s)

    def tell_left_out(self, state: RunState) -> None:
        """Say at the end of a run how many milestones the budget had no time for."""
        if left_out := state.evolution.left_out:
            message = (
                f"{state.run}: {left_out} milestone(s) of the probes left out to keep to "
                "evaluation.budget_share"
            )
            self._context.pipe.send(say.Noted("probes_left_out", message))

    def remember(self) -> None:
        """Have the judgement know what the model of the newest checkpoint has answered."""
        newest, _ = runs.newest_checkpoint(self._hand.place)
        if self._last and newest is not None and runs.step_of(newest) == self._last_step:
            self._memory.keep(self._key(newest), self._last)

    def _answers(self, state: RunState) -> list[MilestoneAnswer] | None:
        self._last = {}
        key = None
        if state.step_in_run == 0:
            start = self._context.layout.version(self._hand.request.start_version)
            key = self._key(adapter_folder(start))
        known = self._memory.known(key) if key is not None else {}

        def keep(found: Found) -> None:
            self._last.update(found)
            if key is not None:
                self._memory.keep(key, found)

        answers = CachedAnswers(
            BatchedAnswering(self._context, self._hand.request.base), known, keep
        )
        limit_s = self._hand.request.settings.evaluation.answer_s
        said = answers.answers_to(self._questions, limit_s, lambda: None, self._left)
        if said is None:
            return None
        self._last_step = state.step_in_run
        return [_said(state, *pair) for pair in zip(self._questions, said, strict=True)]


def _said(state: RunState, asked: Question, said: Answer) -> MilestoneAnswer:
    return MilestoneAnswer(
        state.step,
        state.step_in_run,
        asked.item.id,
        asked.text,
        asked.golden,
        said.text,
        asked.likeness(said.text),
        asked.is_right(said.text),
    )


def _probes(context: TrainerContext, hand: CurrentRun) -> list[Question]:
    settings = hand.request.settings.evaluation
    read = suites.find(context.layout.evals, PROBES)
    if read is None:
        return list(islice(_held_out(hand), settings.samples))
    if read.suite is None:
        why = "; ".join(read.sentences[:3])
        context.pipe.send(say.Alerted("suite_left_out", f"{why}; the run goes on without probes"))
        return []
    suite, job = read.suite.first(settings.suite_items), hand.request.jobs[0]
    if len(suite.items) < len(read.suite.items) and hand.state.attempt == 0:
        message = (
            f"{len(suite.items)} of the {len(read.suite.items)} probes are asked "
            "(evaluation.suite_items)"
        )
        context.pipe.send(say.Noted("probes_left_out", message))
    return suite_questions(suite, hand.texts.encoder(job))


def _held_out(hand: CurrentRun) -> Iterator[Question]:
    tokens = hand.request.settings.evaluation.max_new_tokens
    for row in hand.choices.judge:
        yield from questions(hand.rows, hand.texts, [row], PROBES, tokens)
