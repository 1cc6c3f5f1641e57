"""Versions that are trained and not used: told until something newer is in use."""

from dataclasses import replace

from daemon.core.decisions.snapshot import Snapshot
from daemon.core.decisions.unused import refused
from daemon.core.workspace.jobs import ending_of
from tests.core import worlds as w

FORGOTTEN = "000001-a is forgotten"


def with_refused(*numbers: int, current: int = 1) -> Snapshot:
    chain = [w.version(0), w.version(1, 0, verdict="promote", job_ids=("000001-a",))]
    chain += [
        replace(
            w.version(number, current, verdict="refuse", job_ids=(f"{number:06}-b",)),
            promotes=False,
            reasons=(FORGOTTEN,),
        )
        for number in numbers
    ]
    return w.quiet(versions={one.version: one for one in chain}, current=f"v{current:06}")


def test_a_refused_file_is_an_alert_with_the_reason_and_the_ways_out() -> None:
    """It was 'done (trained)', and nothing was said."""
    found = str(refused(with_refused(2)))
    assert found.startswith("000002-b is refused: v000002 is not used: 000001-a is forgotten; see")
    for way in ("finetuned explain v000002", "finetuned promote v000002", "[gate]", "lineage new"):
        assert way in found


def test_the_alert_ends_when_another_version_is_in_use() -> None:
    seen = with_refused(2)
    assert refused(replace(seen, current="v000002")) is None
    assert refused(replace(seen, current="v000000")) is None
    assert refused(with_refused()) is None


def test_many_refused_files_are_counted() -> None:
    found = str(refused(with_refused(2, 3, 4, 5, 6)))
    assert found.startswith("000006-b is refused") and "; and 2 more; see" in found


def test_a_job_whose_version_is_not_used_is_never_called_trained() -> None:
    assert ending_of("not_promoted", "refused: x") == "done (refused: x)"
    assert ending_of("trained", "trained in v000001") == "done (trained): trained in v000001"
