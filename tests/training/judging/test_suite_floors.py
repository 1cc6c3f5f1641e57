"""Suites are held against the best version that a lineage had, not against the last one."""

import json
from dataclasses import replace
from pathlib import Path

from daemon.core.decisions.promotion import Gate, Verdict, decide_verdict
from daemon.core.evaluation.answers import Answer
from daemon.core.evaluation.suites import SuiteItem
from daemon.core.records import to_json_value
from daemon.core.rows.examples import Turn
from daemon.core.training.judgement import Judgement
from daemon.core.training.suite_scores import LineageScores
from daemon.evaluation.candidate_scores import JudgementScores, ModelScores, comparisons
from daemon.evaluation.questions import Question
from daemon.evaluation.scoring_session import Exam, Examinee, SessionResults
from daemon.evaluation.writing import ExpectedWriting
from daemon.training.judging.suite_floors import SuiteFloors
from daemon.training.records.suite_scores import SCORES, read_scores

GATE = Gate(0.05, 0.01, 0.02, "promote", floor=0.05)
ITEMS = [
    SuiteItem(f"i{n}", n, (Turn("user", f"What is {n}?"),), (f"number {n}",)) for n in range(100)
]


def exam_of(items: list[SuiteItem]) -> Exam:
    """Return an exam of one suite alone."""
    return Exam({}, [Question("numbers", item, "exact", (1,), 8) for item in items], 1.0)


def model(name: str, exam: Exam, right: set[int]) -> ModelScores:
    """Return a model that has these items right."""
    answers = [
        Answer(q.golden if int(q.item.id[1:]) in right else "no idea") for q in exam.questions
    ]
    scores = [
        q.score(answer, ExpectedWriting())
        for q, answer in zip(exam.questions, answers, strict=True)
    ]
    examinee = Examinee(name, Path(name), name)
    return ModelScores(examinee, SessionResults({}, answers), scores)


def floors(
    lineage: LineageScores, exam: Exam, start: tuple[str, set[int]], candidate: set[int]
) -> tuple[SuiteFloors, JudgementScores]:
    """Measure a candidate that begins at a version, each with what it has right."""
    marks = JudgementScores(model("candidate", exam, candidate), [model(start[0], exam, start[1])])
    return SuiteFloors(lineage, marks, exam, ["numbers"]), marks


def verdict(its: SuiteFloors, marks: JudgementScores, exam: Exam) -> Verdict:
    """Return the verdict by the suite alone."""
    tests = comparisons(marks, exam, [one.examinee.name for one in marks.references])
    return decide_verdict(Judgement(True, True, tuple(tests), floors=tuple(its.tests())), GATE)


def sealed(its: SuiteFloors, folder: Path) -> LineageScores:
    """Return what the next run reads of the version in a folder."""
    folder.mkdir()
    (folder / SCORES).write_text(json.dumps(to_json_value(its.handed_on(GATE.level))))
    return read_scores(folder)


def test_ten_tolerated_falls_in_a_row_are_refused(tmp_path: Path) -> None:
    """Each was held against its parent: two right answers of a hundred are no fall that counts,
    and ten such falls were twenty."""
    exam, right = exam_of(ITEMS), set(range(90))
    first, _ = floors(LineageScores(), exam, ("v1", set()), right)
    lineage, refused = sealed(first, tmp_path / "v2"), []
    for number in range(10):
        parent, now = f"v{number + 2}", set(range(90 - 2 * (number + 1)))
        its, marks = floors(lineage, exam, (parent, right), now)
        refused.append(verdict(its, marks, exam).kind == "refuse")
        alone = Judgement(True, True, tuple(comparisons(marks, exam, [parent])))
        assert decide_verdict(alone, GATE).kind == "unproven"
        lineage, right = sealed(its, tmp_path / f"v{number + 3}"), now
    assert refused == [False, False, *[True] * 8]


def test_the_reason_names_the_best_version(tmp_path: Path) -> None:
    exam = exam_of(ITEMS)
    first, _ = floors(LineageScores(), exam, ("v1", set()), set(range(90)))
    lineage = sealed(first, tmp_path / "v2")
    its, marks = floors(lineage, exam, ("v7", set(range(84))), set(range(80)))
    (reason,) = verdict(its, marks, exam).reasons
    assert reason.startswith("significantly worse than v2 on 100 items of numbers")


def test_a_version_is_the_best_only_if_it_is_significantly_better(tmp_path: Path) -> None:
    """The highest of many scores that are alike is luck, and those after it would seem worse."""
    exam = exam_of(ITEMS)
    first, _ = floors(LineageScores(), exam, ("v1", set()), set(range(60)))
    lineage = sealed(first, tmp_path / "v2")
    lucky, _ = floors(lineage, exam, ("v2", set(range(60))), set(range(63)))
    assert sealed(lucky, tmp_path / "v3").suites["numbers"].best == "v2"
    better, _ = floors(lineage, exam, ("v2", set(range(60))), set(range(70)))
    assert sealed(better, tmp_path / "v4").suites["numbers"].best == "v4"


def test_an_item_that_was_changed_is_held_against_the_starting_version(tmp_path: Path) -> None:
    exam = exam_of(ITEMS)
    first, _ = floors(LineageScores(), exam, ("v1", set()), set(range(100)))
    lineage = sealed(first, tmp_path / "v2")
    changed = exam_of(
        [replace(item, answers=("another",)) if item.line < 50 else item for item in ITEMS]
    )
    its, _ = floors(lineage, changed, ("v2", set(range(50, 100))), set(range(50, 100)))
    (test,) = its.tests()
    assert test.mean_change == 0.0 and test.items == 100


def test_items_keep_their_scores_when_lines_are_added_before_them(tmp_path: Path) -> None:
    exam = exam_of(ITEMS)
    first, _ = floors(LineageScores(), exam, ("v1", set()), set(range(100)))
    lineage = sealed(first, tmp_path / "v2")
    moved = exam_of([replace(item, line=item.line + 3) for item in ITEMS])
    its, _ = floors(lineage, moved, ("v2", set()), set(range(80)))
    assert its.tests()[0].mean_change == -0.2


def test_a_suite_that_was_not_asked_is_handed_on(tmp_path: Path) -> None:
    exam = exam_of(ITEMS)
    first, _ = floors(LineageScores(), exam, ("v1", set()), set(range(90)))
    lineage = sealed(first, tmp_path / "v2")
    its, _ = floors(lineage, exam_of([]), ("v2", set()), set())
    assert its.tests() == [] and sealed(its, tmp_path / "v3").suites == lineage.suites


def test_a_version_of_an_older_release_has_no_scores_to_hand_on(tmp_path: Path) -> None:
    assert read_scores(tmp_path) == LineageScores()
