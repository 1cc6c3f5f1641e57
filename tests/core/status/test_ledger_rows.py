"""The ledger's rows are made of values, and only what is certain is said of a promotion."""

from dataclasses import replace

from daemon.core.status.ledger_rows import (
    job_row,
    known_promotions,
    run_record,
    run_record_of,
    run_row,
)
from daemon.core.training.manifests import Manifest
from daemon.core.workspace.jobs import JobCard, card_from_record, card_to_record
from tests import manifests

CARD = JobCard("000001-a", 1, "high", "a\x1b.jsonl", "2026-01-01T00:00:00+00:00")


def manifest(number: int, parent: int | None, promotes: bool = True) -> Manifest:
    return manifests.manifest(
        f"v{number:06d}",
        parent=None if parent is None else f"v{parent:06d}",
        created_at=f"2026-01-0{number + 1}",
        promotes=promotes,
        run=f"r{number:06d}",
        job_ids=["000001-a"],
    )


def test_a_job_has_the_same_row_before_and_after_its_card_was_written() -> None:
    ended = replace(CARD, outcome="trained", version="v000001", ended_at="2026-01-02")
    for card in (CARD, ended):
        assert job_row(card_from_record(card_to_record(card))) == job_row(card)
    assert job_row(ended).values["ended_at"] == "2026-01-02"
    assert job_row(ended).values["name"] == "a\\u001b.jsonl"


def test_a_run_whose_record_is_lost_is_told_by_its_version() -> None:
    request = manifests.run_request(created_at="2026-01-01", jobs=["000001-a"])
    kept = run_row(run_record(request, "v000001", "trained", "2026-01-02")).values
    assert run_row(run_record_of(manifest(1, 0))).values == {**kept, "started_at": None}


def test_promoted_was_what_is_current_and_what_a_run_began_from_and_nothing_else() -> None:
    listed = [manifest(0, None), manifest(1, 0, False), manifest(2, 0), manifest(3, 1)]
    rows = [row.values for row in known_promotions(listed, "v000001", ())]
    assert [(row["version"], row["previous"], row["at"]) for row in rows] == [
        ("v000000", None, "2026-01-01"),
        # Its verdict did not promote it, so somebody did, later.
        ("v000001", "v000000", None),
    ]
    assert known_promotions(listed, "v000001", ("v000000", "v000001")) == []
