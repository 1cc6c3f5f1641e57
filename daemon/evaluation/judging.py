"""A candidate against its references on the same hold-out items; measures, decides nothing."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from daemon.core.promotion import Comparison
from daemon.evaluation.paired import compare
from daemon.evaluation.scores.overlap import exact_match
from daemon.evaluation.scoring import Interrupted, Prompt, Scorer, answers, mean_loss, row_losses
from daemon.text.encoder import Encoded


@dataclass(frozen=True)
class Exam:
    """The items of one judgement."""

    sets: Mapping[str, Sequence[Encoded]]
    prompts: Sequence[Prompt]
    max_tokens: int


@dataclass(frozen=True)
class Reference:
    """A version the candidate is compared with."""

    name: str
    folder: Path | None
    """None for the untouched base."""
    exam: Exam | None = None
    """The candidate's items, put to it as it was taught; None where that is no other way."""


@dataclass(frozen=True)
class Paper:
    """What one model made of the exam."""

    losses: Mapping[str, Sequence[tuple[float, int]]]
    answers: Sequence[str]


@dataclass(frozen=True)
class Marks:
    """All papers; the first of the references is the starting version."""

    candidate: Paper
    references: Sequence[tuple[Reference, Paper]]


def examine(
    scorer: Scorer,
    wear: Callable[[Path | None], None],
    exam: Exam,
    candidate: Path,
    references: Sequence[Reference],
    interrupted: Interrupted,
) -> Marks | None:
    """Let every model sit the exam; None when interrupted. Only the first reference answers."""
    wear(candidate)
    mine = _sit(scorer, exam, exam.prompts, interrupted)
    papers = []
    for number, reference in enumerate(references):
        if mine is None:
            return None
        wear(reference.folder)
        its = reference.exam or exam
        paper = _sit(scorer, its, its.prompts if number == 0 else (), interrupted)
        if paper is None:
            return None
        papers.append((reference, paper))
    wear(candidate)
    return None if mine is None else Marks(mine, papers)


def _sit(
    scorer: Scorer, exam: Exam, prompts: Sequence[Prompt], interrupted: Interrupted
) -> Paper | None:
    losses = {}
    for name, rows in exam.sets.items():
        scored = row_losses(scorer, rows, interrupted)
        if scored is None:
            return None
        losses[name] = scored
    said = answers(scorer, prompts, exam.max_tokens, interrupted)
    return None if said is None else Paper(losses, said)


def comparisons(marks: Marks) -> list[Comparison]:
    """Return a paired test for each set with items and each reference."""
    found = []
    for reference, paper in marks.references:
        for name, scored in marks.candidate.losses.items():
            if scored:
                test = compare(_per_token(scored), _per_token(paper.losses[name]))
                found.append(Comparison(name=name, against=reference.name, **asdict(test)))
    return found


def _per_token(scored: Sequence[tuple[float, int]]) -> list[float]:
    return [total / max(1, count) for total, count in scored]


def answer_sheet(marks: Marks, exam: Exam) -> list[dict[str, Any]]:
    """Return each prompt with its golden answer and the answers before and after."""
    before = marks.references[0][1].answers
    return [
        {
            "job": prompt.job, "prompt": prompt.text, "golden": prompt.golden,
            "before": old, "after": new,
            "matches_before": exact_match(prompt.golden, old),
            "matches": exact_match(prompt.golden, new),
        }
        for prompt, old, new in zip(exam.prompts, before, marks.candidate.answers, strict=True)
    ]  # fmt: skip


def evaluations(marks: Marks, sheet: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return exact matches and mean losses, before and after."""
    before = marks.references[0][1]
    return {
        "exact_match": {
            "items": len(sheet),
            "before": sum(item["matches_before"] for item in sheet),
            "after": sum(item["matches"] for item in sheet),
        },
        "loss": {
            name: {
                "items": len(scored),
                "before": mean_loss(before.losses[name]),
                "after": mean_loss(scored),
            }
            for name, scored in marks.candidate.losses.items()
        },
    }
