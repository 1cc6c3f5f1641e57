"""Two versions by the questions that both answered: counts, interval, and what is refused."""

from pathlib import Path
from typing import Any

import pytest

from daemon.layout import Layout
from daemon.serving.dashboard.version_pair import NotComparable, interval_of_change, version_pair
from tests.serving.dashboard.furnished import furnished, record_details


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """A workspace with v000000 and v000001."""
    return furnished(tmp_path / "w")


def test_a_version_is_compared_with_the_base_it_was_judged_against(layout: Layout) -> None:
    rows = [("a", "right", False), ("b", "wrong", True), ("c", "right", True), ("d", "x", False)]
    record_details(layout, "v000001", rows)
    found: Any = version_pair(layout, "v000000", "v000001")
    assert (found["scored"], found["right_before"], found["right_after"]) == (4, 2, 2)
    assert (found["better"], found["worse"], found["changed"]) == (1, 1, 3)
    assert [one["kind"] for one in found["answers"]] == ["worse", "better", "other"]


def test_the_other_way_round_better_is_worse(layout: Layout) -> None:
    record_details(layout, "v000001", [("a", "right", False)])
    assert version_pair(layout, "v000001", "v000000")["worse"] == 1


def test_versions_without_a_common_question_have_no_interval(layout: Layout) -> None:
    found = version_pair(layout, "v000000", "v000001")
    assert (found["questions"], found["interval"]) == (0, None)


def test_the_interval_covers_no_change_unless_many_changed_one_way() -> None:
    low, high = interval_of_change(3, 1, 24) or (0.0, 0.0)
    assert low < 0 < high
    low, _ = interval_of_change(20, 0, 24) or (0.0, 0.0)
    assert low > 0.5
    assert interval_of_change(5, 3, 0) is None


@pytest.mark.parametrize("name", ["", "v9", "v000009", "../v000001", "v000001/..", "base"])
def test_what_is_no_version_is_refused_by_name(layout: Layout, name: str) -> None:
    with pytest.raises(NotComparable, match="version"):
        version_pair(layout, name, "v000001")


def test_damaged_records_are_named(layout: Layout) -> None:
    (layout.version("v000001") / "details.jsonl").write_text("{}\n")
    with pytest.raises(NotComparable, match="records of v000001 cannot be read"):
        version_pair(layout, "v000000", "v000001")
