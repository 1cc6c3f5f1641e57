"""A candidate and its references sit the same exam."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from daemon.core.answers import Answer, Limits
from daemon.evaluation.judging import (
    Exam,
    Reference,
    answer_sheet,
    comparisons,
    evaluations,
    examine,
)
from daemon.evaluation.scoring import Prompt
from daemon.text.encoder import Encoded

ROWS = [Encoded(np.full(4 + n, n, np.int32), np.ones(4 + n, bool)) for n in range(12)]
EXAM = Exam(
    {"own_holdout": ROWS, "earlier_holdout": []}, [Prompt((1,), "q", "candidate", "job")], Limits(8)
)
CANDIDATE = Path("candidate")
REFERENCES = [Reference("v000002", Path("start")), Reference("v000000", None)]


class Wardrobe:
    """A model whose loss depends on the adapter it wears."""

    def __init__(self) -> None:
        self.worn: list[Path | None] = []

    def wear(self, folder: Path | None) -> None:
        self.worn.append(folder)

    def losses(self, rows: Sequence[Encoded]) -> list[tuple[float, int]]:
        nats = {CANDIDATE: 1.0, Path("start"): 1.5, None: 3.0}[self.worn[-1]]
        return [(nats * len(row.tokens), len(row.tokens)) for row in rows]

    def answer(
        self, prompts: Sequence[Sequence[int]], limits: Limits, interrupted: Callable[[], bool]
    ) -> list[Answer] | None:
        return None if interrupted() else [Answer(str(self.worn[-1]))] * len(prompts)


def test_every_reference_is_compared_on_every_set_that_has_items() -> None:
    model = Wardrobe()
    marks = examine(model, model.wear, EXAM, CANDIDATE, REFERENCES, lambda: False)
    assert marks is not None
    found = comparisons(marks)
    assert [(c.name, c.against, c.items, c.mean_change) for c in found] == [
        ("own_holdout", "v000002", 12, -0.5),
        ("own_holdout", "v000000", 12, -2.0),
    ]
    assert all(c.p_better < 0.01 for c in found)


def test_answers_before_are_the_starting_versions() -> None:
    model = Wardrobe()
    marks = examine(model, model.wear, EXAM, CANDIDATE, REFERENCES, lambda: False)
    assert marks is not None
    sheet = answer_sheet(marks, EXAM)
    assert (sheet[0]["before"], sheet[0]["after"], sheet[0]["matches"]) == (
        "start", "candidate", True,
    )  # fmt: skip
    found = evaluations(marks, sheet)
    assert found["exact_match"] == {"items": 1, "before": 0, "after": 1}
    assert found["loss"]["own_holdout"] == {"items": 12, "before": 1.5, "after": 1.0}


def test_in_the_end_the_model_wears_the_candidate_again() -> None:
    model = Wardrobe()
    examine(model, model.wear, EXAM, CANDIDATE, REFERENCES, lambda: False)
    assert model.worn == [CANDIDATE, Path("start"), None, CANDIDATE]


def test_an_interrupted_exam_has_no_marks() -> None:
    model = Wardrobe()
    assert examine(model, model.wear, EXAM, CANDIDATE, REFERENCES, lambda: True) is None
