"""What the self-check says of the machine that the tests run on."""

from pathlib import Path

import pytest

from daemon.core.workspace.bases import BaseFacts
from daemon.layout import Layout
from daemon.self_check import table
from daemon.self_check.children import CheckOptions, check
from daemon.self_check.finding import CheckResult, CheckRow, bounded, together
from tests.model.conftest import smollm2

__all__ = ["smollm2"]


def wrong(findings: list[CheckRow]) -> dict[str, str]:
    return {finding.check: finding.found for finding in findings if finding.state == "wrong"}


@pytest.mark.timeout(300)
def test_the_quick_check_finds_nothing_wrong_here() -> None:
    findings = list(check(CheckOptions(quick=True)))
    assert not wrong(findings)
    assert {"answers", "gradient checkpointing", "commit and resume"} <= {
        finding.check for finding in findings if finding.state == "ok"
    }


def test_no_path_of_this_machine_is_in_what_it_says(tmp_path: Path) -> None:
    base = tmp_path / "secret-model"
    base.mkdir()
    wanted = CheckOptions(base=str(base), only=("base: memory",))
    [finding] = check(wanted, hide=(tmp_path,))
    assert finding.state == "wrong"
    assert str(tmp_path) not in finding.found
    assert "…/secret-model" in finding.found


def test_running_out_of_memory_on_purpose_is_known_as_that() -> None:
    [finding] = check(CheckOptions(breaking=True, only=("out of memory",)))
    assert finding.state == "ok"


@pytest.mark.end_to_end
@pytest.mark.timeout(300)
def test_a_daemon_of_its_own_that_is_told_to_stop_in_a_step_ends_well() -> None:
    [finding] = check(CheckOptions(only=("stop within 8 s",)))
    # How long it took is the machine's: a busy one is late, and the table says so.
    stopped_s = finding.figures["stop_s"]
    assert isinstance(stopped_s, int | float) and stopped_s > 0, finding.found
    assert "with status" not in finding.found


@pytest.mark.model
@pytest.mark.timeout(300)
def test_the_embedded_base_packs_and_keeps_to_its_estimate(
    smollm2: tuple[Layout, BaseFacts],
) -> None:
    layout, facts = smollm2
    names = ("base: texts in one row", "base: memory")
    wanted = CheckOptions(base=str(layout.base(facts.name)), only=names)
    findings = {finding.check: finding for finding in check(wanted)}
    assert [findings[name].state for name in names] == ["ok", "ok"], findings


def test_without_a_base_its_checks_are_left_out_and_say_what_is_missing() -> None:
    [finding] = check(CheckOptions(only=("base: memory",)))
    assert finding.state == "left out"
    assert "no base model" in finding.found


def test_a_row_of_the_table_stays_one_row() -> None:
    finding = CheckRow("x", "wrong", "a | b\nc", 1.25)
    assert table.row(finding) == "| wrong | x | a \\| b c | 1.2 |"


def test_where_a_part_could_not_be_looked_at_the_whole_has_not_passed() -> None:
    """`ok` beside `left out` was `ok`."""
    parts = {
        "a": CheckResult("ok", "well"),
        "b": CheckResult("left out", "no g++"),
        "c": CheckResult("said", "1"),
    }
    assert together(parts).state == "left out"


def test_what_was_left_out_is_named_below_the_table() -> None:
    """A table cut short ended with "nothing is wrong" and no more."""
    findings = [CheckRow("a", "ok", "", 1.0), CheckRow("b", "left out", "late", 0.0)]
    assert table.verdict(findings) == "nothing is wrong; left out: b"
    worse = [*findings, CheckRow("c", "wrong", "", 0.0)]
    assert table.verdict(worse) == "wrong: c; left out: b"


def test_what_is_wrong_is_named_first_and_makes_the_whole_wrong() -> None:
    parts = {"a": CheckResult("ok", "well"), "b": CheckResult("wrong", "ill")}
    assert together(parts).state == "wrong"
    assert together(parts).words == "b: ill; a: well"


def test_a_difference_that_is_no_number_is_wrong() -> None:
    assert bounded("x", float("nan"), 1.0).state == "wrong"
    assert bounded("x", 0.5, 1.0).state == "ok"
