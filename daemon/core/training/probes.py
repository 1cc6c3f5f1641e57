"""How the answers to fixed prompts change over a run: when they are asked for, and their lines.

Knows no model and no file.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from daemon.core.curves.curves import Probe, ProbeAnswer
from daemon.core.training.manifests import Milestones

EARLY = frozenset((0, 10, 25, 50, 100, 250))
EVERY = 500


@dataclass(frozen=True)
class MilestoneAnswer:
    """What the model in training said to one prompt at one milestone."""

    step: int
    """Optimizer steps since the base model."""
    step_in_run: int
    id: str
    prompt: str
    golden: str
    """Empty where nobody said what is right."""
    answer: str
    similarity: float | None
    """To the golden answer, from 0 to 1; None where there is none."""
    matches: bool | None
    """Right; None where nobody said what is."""


@dataclass(frozen=True)
class Evolution:
    """How far a run has come with its milestones."""

    asked_to: int = -1
    """The last step in the run at which a milestone was answered or left out."""
    milestones: int = 0
    """Answered so far."""
    left_out: int = 0
    """Milestones for which the budget had no time."""
    unwritten: tuple[MilestoneAnswer, ...] = ()
    """Answers since the last commit."""
    written: int = 0
    """Bytes of the run's `evolution.jsonl` that hold those before them."""

    @property
    def counts(self) -> Milestones:
        """What the manifest says of them."""
        return Milestones(milestones=self.milestones, left_out=self.left_out)


def is_milestone(step_in_run: int, end: int) -> bool:
    """Return whether the prompts are answered after a step; `end` is the run's last one."""
    return step_in_run in EARLY or step_in_run % EVERY == 0 or step_in_run == end


def probes_of(records: Iterable[object]) -> tuple[list[Probe], int]:
    """Return the probes in a record's lines, and how many lines are none.

    Of a prompt that was answered twice at one step the last answer counts.
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
