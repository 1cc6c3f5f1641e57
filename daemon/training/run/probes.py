"""Answers fixed prompts at the milestones of a run, to show how training changes the model.

The prompts are those of the suite `probes` where the workspace has it, else the first questions of
the judge hold-out. No decision uses the answers.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice

from daemon.core import messages as say
from daemon.core.evaluation.answers import Answer
from daemon.core.evaluation.suites import PROBES
from daemon.core.records import JsonObject
from daemon.core.training.probes import MilestoneAnswer, affordable, is_milestone
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

    def __init__(
        self, context: TrainerContext, current: CurrentRun, left: Callable[[], bool]
    ) -> None:
        self._context = context
        self._current = current
        self._left = left
        self._questions = _probes(context, current)
        self._memory = KnownScores(context.layout)
        self._key = partial(score_key, context, current.request.base, current.choices.libraries)
        self._last_step = -1
        self._last: JsonObject = {}
        """The answers at the last milestone, for the cache."""
        self._prompt_s: float | None = None
        """Seconds a prompt at the last milestone of this attempt; None before the first."""

    def due(self, state: RunState) -> bool:
        """Return whether this step is a milestone that was not answered yet."""
        step = state.step_in_run
        fresh = state.evolution.asked_to < step
        return fresh and bool(self._questions) and is_milestone(step, self._current.end)

    def answer(self, state: RunState, budget_s: float) -> tuple[RunState, float] | None:
        """Return the state with the answers, and the seconds they took; None when interrupted.

        The first and the last milestone have all prompts, the others the first ones there is
        time for.
        """
        known, prompts = state.evolution, self._prompts(state, budget_s)
        self._context.pipe.send(say.Alive("answering the probes"))
        began_s = self._context.clock.monotonic_s()
        answers = self._answers(state, prompts)
        if answers is None:
            return None
        seconds = self._context.clock.monotonic_s() - began_s
        if self._last:
            self._prompt_s = seconds / len(prompts)
        answered = replace(
            known,
            asked_to=state.step_in_run,
            milestones=known.milestones + 1,
            answers_left_out=known.answers_left_out + len(self._questions) - len(prompts),
            unwritten=(*known.unwritten, *answers),
        )
        return replace(state, evolution=answered), seconds

    def _prompts(self, state: RunState, budget_s: float) -> list[Question]:
        if state.step_in_run in (0, self._current.end):
            return self._questions
        if self._current.request.settings.evaluation.budget_share == 0.0:
            return self._questions[:1]
        return self._questions[: affordable(len(self._questions), budget_s, self._prompt_s)]

    def report_left_out(self, state: RunState) -> None:
        """Report at the end of a run how many answers were over budget."""
        if left_out := state.evolution.answers_left_out:
            message = (
                f"{state.run}: the probes were answered at all {state.evolution.milestones} "
                f"milestones, with {left_out} answer(s) left out in between to stay within "
                "evaluation.budget_share"
            )
            self._context.pipe.send(say.Noted("probes_left_out", message))

    def remember(self) -> None:
        """Cache the last answers for the judgement, where the newest checkpoint gave them."""
        newest, _ = runs.newest_checkpoint(self._current.place)
        if self._last and newest is not None and runs.step_of(newest) == self._last_step:
            self._memory.keep(self._key(newest), self._last)

    def _answers(
        self, state: RunState, prompts: Sequence[Question]
    ) -> list[MilestoneAnswer] | None:
        self._last = {}
        key = None
        if state.step_in_run == 0:
            start = self._context.layout.version(self._current.request.start_version)
            key = self._key(adapter_folder(start))
        known = self._memory.known(key) if key is not None else {}

        def keep(found: Found) -> None:
            self._last.update(found)
            if key is not None:
                self._memory.keep(key, found)

        answers = CachedAnswers(
            BatchedAnswering(self._context, self._current.request.base), known, keep
        )
        limit_s = self._current.request.settings.evaluation.answer_s
        given = answers.answers_to(prompts, limit_s, lambda: None, self._left)
        if given is None:
            return None
        self._last_step = state.step_in_run
        return [_at_milestone(state, *pair) for pair in zip(prompts, given, strict=True)]


def _at_milestone(state: RunState, question: Question, answer: Answer) -> MilestoneAnswer:
    return MilestoneAnswer(
        state.step,
        state.step_in_run,
        question.item.id,
        question.text,
        question.golden,
        answer.text,
        question.likeness(answer.text),
        question.is_right(answer.text),
    )


def _probes(context: TrainerContext, current: CurrentRun) -> list[Question]:
    settings = current.request.settings.evaluation
    read = suites.find(context.layout.evals, PROBES)
    if read is None:
        return list(islice(_held_out(current), settings.samples))
    if read.suite is None:
        why = "; ".join(read.sentences[:3])
        context.pipe.send(say.Alerted("suite_left_out", f"{why}; the run continues without probes"))
        return []
    suite, job = read.suite.first(settings.suite_items), current.request.jobs[0]
    if len(suite.items) < len(read.suite.items) and current.state.attempt == 0:
        message = (
            f"{len(suite.items)} of the {len(read.suite.items)} probes are used "
            "(evaluation.suite_items)"
        )
        context.pipe.send(say.Noted("probes_left_out", message))
    return suite_questions(suite, current.texts.encoder(job))


def _held_out(current: CurrentRun) -> Iterator[Question]:
    tokens = current.request.settings.evaluation.max_new_tokens
    for row in current.choices.judge:
        yield from questions(current.rows, current.texts, [row], PROBES, tokens)
