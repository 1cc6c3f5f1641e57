"""Milestones of a run's probe prompts, and the answers as lines of `evolution.jsonl`."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from daemon.core.curves.curves import Probe, ProbeAnswer
from daemon.core.training.manifests import Milestones

EARLY = frozenset((0, 10, 25, 50, 100, 250))
EVERY = 500


@dataclass(frozen=True)
class MilestoneAnswer:
    """The answer of the model in training to one prompt at one milestone."""

    step: int
    """Optimizer steps since the base model."""
    step_in_run: int
    id: str
    prompt: str
    golden: str
    """Empty where no right answer is known."""
    answer: str
    similarity: float | None
    """Similarity to the golden answer, from 0 to 1; None if there is none."""
    matches: bool | None
    """Whether it is right; None if no right answer is known."""


@dataclass(frozen=True)
class Evolution:
    """A run's progress through its milestones."""

    asked_to: int = -1
    """The last milestone that was answered, as a step in the run."""
    milestones: int = 0
    """Answered so far."""
    left_out: int = 0
    """Milestones that an earlier release left out."""
    answers_left_out: int = 0
    """Prompts left out of milestones because they were over budget, in total."""
    unwritten: tuple[MilestoneAnswer, ...] = ()
    """Answers since the last checkpoint."""
    written: int = 0
    """Bytes of the run's `evolution.jsonl` with the answers before these."""

    @property
    def counts(self) -> Milestones:
        """The counts for the manifest."""
        return Milestones(
            milestones=self.milestones,
            left_out=self.left_out,
            answers_left_out=self.answers_left_out,
        )


def is_milestone(step_in_run: int, end: int) -> bool:
    """Return whether the prompts are answered after a step; `end` is the run's last one."""
    return step_in_run in EARLY or step_in_run % EVERY == 0 or step_in_run == end


def affordable(prompts: int, budget_s: float, prompt_s: float | None) -> int:
    """Return how many prompts a milestone between the first and the last has time for, at least 1.

    `prompt_s` is what one took at the milestone before; None if that is not known yet.
    """
    return max(1, min(prompts, int(budget_s / prompt_s))) if prompt_s else prompts


def probes_of(records: Iterable[object]) -> tuple[list[Probe], int]:
    """Return the probes in the lines of a record, and how many lines are not answers.

    Where a prompt was answered twice at one step, the last answer counts.
    """
    found: dict[tuple[str, str, str], dict[int, ProbeAnswer]] = {}
    damaged = 0
    for record in records:
        answer = _answer(record)
        if answer is None or not isinstance(record, dict):
            damaged += 1
            continue
        key = (record["id"], record["prompt"], record["golden"])
        found.setdefault(key, {})[answer.step] = answer
    probes = [
        Probe(prompt, golden, tuple(by_step[step] for step in sorted(by_step)))
        for (_, prompt, golden), by_step in found.items()
    ]
    return probes, damaged


def _answer(record: Any) -> ProbeAnswer | None:
    if not isinstance(record, dict):
        return None
    texts = [record.get(name) for name in ("id", "prompt", "golden", "answer")]
    step, similarity = record.get("step"), record.get("similarity")
    if not all(isinstance(text, str) for text in texts):
        return None
    if isinstance(step, bool) or not isinstance(step, int):
        return None
    if similarity is not None and not isinstance(similarity, int | float):
        return None
    return ProbeAnswer(step, record["answer"], similarity)
