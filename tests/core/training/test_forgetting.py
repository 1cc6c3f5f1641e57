"""What a run has forgotten, against the best that its lineage had."""

import json

import pytest

from daemon.core.records import from_json_value, to_json_value
from daemon.core.training.forgetting import (
    LineageLosses,
    LossesFile,
    MeasuredRow,
    Part,
    Tolerance,
    rises,
    together,
    with_candidate,
)


def rows(
    job: str, candidate: float, start: float, *, n: int = 4, part: Part = "judge"
) -> list[MeasuredRow]:
    """Return rows of ten tokens whose losses a token are all alike; the base has 2 nats."""
    return [
        MeasuredRow(job, part, row, f"{job}{row}", 10, 10 * candidate, 10 * start, 20.0, f"f{row}")
        for row in range(n)
    ]


def handed_on(
    lineage: LineageLosses, measured: list[MeasuredRow], start: str, name: str
) -> LineageLosses:
    """Return what a version passes to the next one, by way of its file."""
    record = json.dumps(to_json_value(with_candidate(lineage, measured, start).as_file()))
    return LineageLosses.of_file(from_json_value(json.loads(record), LossesFile), name)


def test_small_rises_add_up_against_the_best_version() -> None:
    """Each run was compared with its own start: ten rises of 0.04 passed a limit of 0.05."""
    lineage = handed_on(LineageLosses(), rows("a", 1.0, 2.0), "v1", "v2")
    found = []
    for number in range(1, 11):
        before, now = 1.0 + 0.04 * (number - 1), 1.0 + 0.04 * number
        measured = rows("a", now, before)
        found.append(rises(lineage, measured, f"v{number + 1}")["a", "judge"])
        lineage = handed_on(lineage, measured, f"v{number + 1}", f"v{number + 2}")
    assert [rise.mean for rise in found] == pytest.approx([0.04 * n for n in range(1, 11)])
    assert {rise.best for rise in found} == {"v2"} and found[-1].gained == pytest.approx(1.0)


def test_a_better_version_is_the_new_best() -> None:
    lineage = handed_on(LineageLosses(), rows("a", 1.0, 2.0), "v1", "v2")
    lineage = handed_on(lineage, rows("a", 0.5, 1.0), "v2", "v3")
    rise = rises(lineage, rows("a", 0.6, 0.5), "v3")["a", "judge"]
    assert rise.best == "v3" and rise.mean == pytest.approx(0.1)


def test_a_row_that_was_corrected_is_measured_against_the_starting_version() -> None:
    lineage = handed_on(LineageLosses(), rows("a", 1.0, 2.0, n=1), "v1", "v2")
    corrected = [MeasuredRow("a", "judge", 0, "another key", 10, 15.0, 14.0, 20.0)]
    assert rises(lineage, corrected, "v2")["a", "judge"].mean == pytest.approx(0.1)
    kept = with_candidate(lineage, corrected, "v2").parts["a", "judge"].rows
    assert {row.key for row in kept} == {"another key", "a0"}


def test_files_that_are_not_measured_are_handed_on() -> None:
    lineage = handed_on(LineageLosses(), rows("a", 1.0, 2.0), "v1", "v2")
    lineage = handed_on(lineage, rows("b", 1.0, 2.0), "v2", "v3")
    assert [job for job, _ in lineage.parts] == ["a", "b"]
    assert lineage.rise("a", "judge") is None
    found = lineage.rise("b", "judge")
    assert found is not None and found.mean == 0.0 and found.best == "v3"


def test_the_larger_tolerance_holds() -> None:
    tolerance = Tolerance(0.05, 0.1)
    assert tolerance.of(0.2) == 0.05 and tolerance.of(None) == 0.05
    assert tolerance.of(2.0) == pytest.approx(0.2)


def test_all_files_together_tolerate_the_mean_of_what_each_does() -> None:
    measured = [*rows("a", 1.1, 1.0, n=3), *rows("b", 1.0, 1.0, n=1)]
    parts = list(rises(LineageLosses(), measured, "v2").values())
    whole, tolerated = together(parts, lambda rise: 0.2 if rise.mean > 0.05 else 0.04)
    assert len(whole.rows) == 4 and whole.mean == pytest.approx(0.075)
    assert tolerated == pytest.approx(0.16)


def test_losses_are_saved_as_rows_of_six_values() -> None:
    """Users' versions hold them in this form."""
    saved = with_candidate(LineageLosses(), rows("a", 1.0, 2.0, n=1), "v1").as_file()
    assert json.dumps(to_json_value(saved)) == (
        '{"schema_version": 1, "files": {"a": {"judge": {"best": "candidate", '
        '"rows": [[0, "a0", 10, 20.0, 10.0, 10.0]]}}}}'
    )
