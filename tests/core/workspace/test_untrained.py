"""What a lineage has not learned of its jobs, as the manifests of its versions tell."""

from daemon.core.records import from_json_value
from daemon.core.training.manifests import untrained_in
from daemon.core.workspace.untrained import (
    Untrained,
    records_of,
    untrained_along,
)
from tests.manifests import manifest

A, B = "000001-a", "000002-b"


def test_a_manifest_tells_what_was_put_aside_and_what_was_left_out() -> None:
    found = manifest(
        job_ids=[A],
        rows_set_aside=[{"job": A, "row": 3, "line": 9, "code": "not_finite"}],
        rows_dropped={A: {"exam_row": [1], "duplicate_seen": [2]}, B: {"exam_row": [0]}},
    )
    assert untrained_in(found) == {A: Untrained(frozenset({1, 2, 3}))}


def test_a_manifest_of_an_earlier_release_names_lines() -> None:
    rows = [{"job": A, "line": 9, "code": "not_finite"}]
    untrained = untrained_in(manifest(job_ids=[A], rows_set_aside=rows))[A]
    assert untrained.has(row=5, line=9) and not untrained.has(row=9, line=5)
    assert untrained_in(manifest(job_ids=[A])) == {}


def test_a_row_that_any_version_of_the_lineage_has_learned_is_learned() -> None:
    first = ((A, B), {A: Untrained(frozenset({1, 2})), B: Untrained(frozenset({7}))})
    again = ((A,), {A: Untrained(frozenset({2, 3}))})
    found = untrained_along([first, again])
    assert found == {A: Untrained(frozenset({2})), B: Untrained(frozenset({7}))}
    assert untrained_along([first, ((A,), {})]) == {B: Untrained(frozenset({7}))}


def test_it_is_written_as_plain_values() -> None:
    untrained = {A: Untrained(frozenset({2, 1}), frozenset({5}))}
    assert records_of(untrained) == {A: {"rows": [1, 2], "lines": [5]}}
    assert from_json_value(records_of(untrained), dict[str, Untrained]) == untrained
