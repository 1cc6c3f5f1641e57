"""A candidate and its references sit the same exam."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from daemon.core.evaluation.answers import Answer, AnswerLimits
from daemon.core.evaluation.suites import ScorerName, SuiteItem
from daemon.core.rows.examples import Turn
from daemon.core.training.evaluations import ExactMatches, JobLoss, Mean, RightAnswers, SetLoss
from daemon.evaluation.candidate_scores import (
    JudgementScores,
    comparisons,
    details,
    evaluations,
    examine,
    lost_answers,
)
from daemon.evaluation.questions import Question
from daemon.evaluation.scores.score import score_answer
from daemon.evaluation.scoring import OnAnswer
from daemon.evaluation.scoring_session import Exam, Examinee, NotingProgress
from daemon.evaluation.writing import ExpectedWriting
from daemon.text.encoder import Encoded

ROWS = [Encoded(np.full(4 + n, n, np.int32), np.ones(4 + n, bool)) for n in range(12)]


def question(
    number: int, golden: str, of_set: str = "own_holdout", scorer: ScorerName = "exact"
) -> Question:
    item = SuiteItem(f"i{number}", 0, (Turn("user", f"question {number}"),), (golden,))
    return Question(of_set, item, scorer, (1, number), 8, "job")


EXAM = Exam(
    {"own_holdout": ROWS, "earlier_holdout": []}, [question(n, "candidate") for n in range(9)], 9.0
)
CANDIDATE = Examinee("candidate", Path("candidate"), "key-c")
REFERENCES = [Examinee("v000002", Path("start"), "key-2"), Examinee("v000000", None, "key-0")]
NOTHING = ExpectedWriting()


class Wardrobe:
    """A model whose loss and answers depend on the adapter it wears."""

    def __init__(self) -> None:
        self.loaded: list[Path | None] = []
        self.asked = 0
        self.scored = 0

    def load_adapter(self, folder: Path | None) -> None:
        self.loaded.append(folder)

    def losses(self, rows: Sequence[Encoded]) -> list[tuple[float, int]]:
        self.scored += len(rows)
        nats = {CANDIDATE.folder: 1.0, Path("start"): 1.5, None: 3.0}[self.loaded[-1]]
        return [(nats * len(row.tokens), len(row.tokens)) for row in rows]

    def answer(
        self,
        prompts: Sequence[Sequence[int]],
        limits: AnswerLimits,
        interrupted: Callable[[], bool],
        on_answer: OnAnswer | None = None,
    ) -> list[Answer] | None:
        self.asked += len(prompts)
        answers = []
        for place in range(len(prompts)):
            if interrupted():
                return None
            answers.append(Answer(str(self.loaded[-1]), 2, 0.5))
            if on_answer is not None:
                on_answer(place, answers[-1])
        return answers


class Remembered:
    """A memory for as long as the test."""

    def __init__(self) -> None:
        self.models: dict[str, dict[str, Any]] = {}

    def known(self, model: str) -> Mapping[str, Any]:
        return self.models.get(model, {})

    def keep(self, model: str, found: Mapping[str, Any]) -> None:
        self.models.setdefault(model, {}).update(found)


def score(
    model: Wardrobe,
    memory: Remembered,
    exam: Exam = EXAM,
    interrupted: Callable[[], bool] = lambda: False,
    wanted: ExpectedWriting = NOTHING,
) -> JudgementScores | None:
    everybody = [CANDIDATE, *REFERENCES]
    return examine(model, model.load_adapter, exam, everybody, memory, wanted, interrupted)


def marks_of(exam: Exam = EXAM, wanted: ExpectedWriting = NOTHING) -> JudgementScores:
    found = score(Wardrobe(), Remembered(), exam, wanted=wanted)
    assert found is not None
    return found


def test_the_named_references_are_compared_on_every_set_that_has_items() -> None:
    found = comparisons(marks_of(), EXAM, ["v000002"])
    assert [(c.name, c.metric, c.items, c.mean_change) for c in found] == [
        ("own_holdout", "loss", 12, -0.5),
        ("own_holdout", "exact_match", 9, 1.0),
    ]
    assert all(c.against == "v000002" and c.p_better < 0.01 for c in found)


def test_where_nobody_is_right_the_words_in_common_are_compared() -> None:
    exam = Exam({}, [question(n, "the candidate it was") for n in range(9)], 9.0)
    (found,) = comparisons(marks_of(exam), exam, ["v000002"])
    assert found.metric == "token_f1"
    assert found.p_better == pytest.approx(1 / 2**9)


def test_a_set_is_compared_by_the_metric_of_its_scorer() -> None:
    golden = '{"name": "a", "size": 1}'
    asked = [question(n, golden, "records", "fields") for n in range(5)]
    (found,) = comparisons(marks_of(Exam({}, asked, 9.0)), Exam({}, asked, 9.0), ["v000000"])
    assert (found.name, found.metric, found.mean_change) == ("records", "extraction", 0.0)


def test_details_hold_every_answer_with_scores_that_anybody_can_compute_again() -> None:
    exam = Exam({}, [*EXAM.questions, question(9, "start", "earlier_holdout")], 9.0)
    found: Iterable[Any] = details(marks_of(exam), exam)
    for record, asked in zip(found, exam.questions, strict=True):
        assert list(record["answers"]) == ["candidate", "v000002", "v000000"]
        for said in record["answers"].values():
            item = SuiteItem(
                record["id"],
                0,
                tuple(Turn(**turn) for turn in record["prompt"]),
                tuple(record["golden"]),
                tuple(record["tools"]),
                record["difficulty"],
                record["group"],
            )
            assert item == asked.item
            assert said["scores"] == dict(
                score_answer(record["scorer"], item, said["text"]).metrics
            )


def test_rows_and_questions_of_one_family_are_one_test() -> None:
    """Variants of one question counted as independent: 12 rows of 3 questions gave p = 0.0002."""
    names = ["a"] * 4 + ["b"] * 4 + ["c"] * 4
    asked = [
        replace(one, item=replace(one.item, group=name))
        for one, name in zip(EXAM.questions, names, strict=False)
    ]
    exam = replace(EXAM, questions=asked, families={"own_holdout": names})
    losses, answers = comparisons(marks_of(exam), exam, ["v000002"])
    assert (losses.items, losses.families, losses.p_better) == (12, 3, 1 / 8)
    assert (answers.items, answers.families, answers.p_better) == (9, 3, 1 / 8)


def test_before_is_the_starting_version() -> None:
    found = evaluations(marks_of(), EXAM)
    assert found.exact_match == ExactMatches(9, before=0, after=9)
    models = {"candidate": 1.0, "v000002": 1.5, "v000000": 3.0}
    assert found.loss["own_holdout"] == SetLoss(12, before=1.5, after=1.0, models=models, jobs={})
    assert found.answers["own_holdout"]["candidate"].main == Mean(1.0, 9)


def test_each_file_has_means_of_its_own_rows_and_answers() -> None:
    class Uneven(Wardrobe):
        def losses(self, rows: Sequence[Encoded]) -> list[tuple[float, int]]:
            found = super().losses(rows)
            return [
                (total * (1 + len(row.tokens) % 2), n)
                for row, (total, n) in zip(rows, found, strict=True)
            ]

    rows = [ROWS[0], ROWS[2], ROWS[1]]
    asked = [question(0, "candidate"), question(1, "start")]
    exam = Exam({"earlier_holdout": rows}, asked, 9.0, {"earlier_holdout": ["a", "a", "b"]})
    marks = score(Uneven(), Remembered(), exam)
    assert marks is not None
    found = evaluations(marks, exam)
    assert found.loss["earlier_holdout"].jobs == {
        "a": JobLoss(2, {"candidate": 1.0, "v000002": 1.5, "v000000": 3.0}),
        "b": JobLoss(1, {"candidate": 2.0, "v000002": 3.0, "v000000": 6.0}),
    }
    right = RightAnswers(2, {"candidate": 1, "v000002": 1, "v000000": 0})
    assert found.answers_by_job == {"job": right}


def test_in_the_end_the_model_wears_the_candidate_again() -> None:
    model = Wardrobe()
    score(model, Remembered())
    assert model.loaded == [CANDIDATE.folder, Path("start"), None, CANDIDATE.folder]


def test_what_a_model_made_of_an_item_is_computed_once() -> None:
    memory = Remembered()
    first = score(Wardrobe(), memory)
    model = Wardrobe()
    exam = Exam(
        {"own_holdout": ROWS[2:], "earlier_holdout": ROWS[:2]},
        [*EXAM.questions, question(9, "")],
        9.0,
    )
    again = score(model, memory, exam)
    assert first is not None and again is not None
    assert (model.scored, model.asked) == (0, 3)
    assert (
        again.candidate.results.losses["own_holdout"]
        == first.candidate.results.losses["own_holdout"][2:]
    )
    assert again.candidate.results.answers[:9] == first.candidate.results.answers


def test_an_answer_that_time_cut_off_is_made_again() -> None:
    class Slow(Wardrobe):
        def answer(
            self,
            prompts: Sequence[Sequence[int]],
            limits: AnswerLimits,
            interrupted: Callable[[], bool],
            on_answer: OnAnswer | None = None,
        ) -> list[Answer] | None:
            self.asked += len(prompts)
            cut_off = Answer("so far", 3, 0.5, ended=False)
            if on_answer is not None:
                on_answer(0, cut_off)
            return [cut_off] * len(prompts)

    memory = Remembered()
    score(Slow(), memory)
    model = Slow()
    assert score(model, memory) is not None
    assert (model.scored, model.asked) == (0, 27)


def test_an_answer_is_kept_as_soon_as_it_has_ended() -> None:
    """Answers were kept when all of one length were made: a kill lost hours of them."""
    memory = Remembered()
    exam = Exam({}, [question(n, "candidate") for n in range(9)], 9.0)
    looks = iter([False] * 5 + [True])
    assert score(Wardrobe(), memory, exam, lambda: next(looks)) is None
    assert len(memory.models["key-c"]) == 5
    model = Wardrobe()
    assert score(model, memory, exam) is not None
    assert model.asked == 4 + 9 + 9


def test_progress_is_noted_once_and_only_where_something_new_was_found() -> None:
    noted: list[str] = []
    memory = Remembered()
    getting_on = NotingProgress(memory, lambda: noted.append("got on"))
    getting_on.keep("key", {})
    assert noted == [] and getting_on.known("key") == {}
    getting_on.keep("key", {"a": 1})
    getting_on.keep("key", {"b": 2})
    assert noted == ["got on"] and memory.models["key"] == {"a": 1, "b": 2}


def test_an_interrupted_exam_has_no_marks_and_goes_on_from_what_it_found() -> None:
    memory, model = Remembered(), Wardrobe()
    looks = iter([False, False, True])
    assert score(model, memory, interrupted=lambda: next(looks)) is None
    assert model.scored == 8
    model = Wardrobe()
    assert score(model, memory) is not None
    assert model.scored == 4 + 12 + 12


class Mute(Wardrobe):
    """The candidate says what the test gives; every other model answers."""

    def __init__(self, said: Answer) -> None:
        super().__init__()
        self._said = said

    def answer(
        self,
        prompts: Sequence[Sequence[int]],
        limits: AnswerLimits,
        interrupted: Callable[[], bool],
        on_answer: OnAnswer | None = None,
    ) -> list[Answer] | None:
        others = super().answer(prompts, limits, interrupted)
        return [self._said for _ in prompts] if self.loaded[-1] == CANDIDATE.folder else others


@pytest.mark.parametrize(
    ("said", "empty", "endless"),
    [
        (Answer(" \n", 0), 9, 0),
        (Answer("again and again", 8, ended=False), 0, 9),
        (Answer("candid", 8, ended=False), 0, 0),
        (Answer("cut off by time, not by tokens", 3, ended=False), 0, 0),
        (Answer("something else", 3), 0, 0),
    ],
    ids=["empty", "endless", "no longer than the golden one", "slow", "wrong"],
)
def test_answers_that_became_empty_or_endless_are_counted_against_each_reference(
    said: Answer, empty: int, endless: int
) -> None:
    found = score(Mute(said), Remembered())
    assert found is not None
    (lost,) = lost_answers(found, EXAM, ["v000002"])
    assert (lost.name, lost.against, lost.answered) == ("own_holdout", "v000002", 9)
    assert (lost.empty, lost.endless) == (empty, endless)
