"""When an audit is due, that it goes before the next run, and what its outcome leads to."""

from dataclasses import replace
from typing import Any

import pytest

from daemon.core.decisions import actions as do
from daemon.core.decisions.audits import (
    AuditRequest,
    audit_request,
    outcome_of,
    rolled_back,
    settle,
)
from daemon.core.decisions.decide import decide
from daemon.core.decisions.promotion import Gate, decide_verdict
from daemon.core.decisions.snapshot import Audit, OrderOnDisk, Snapshot, WorkerState, with_one_order
from daemon.core.records import from_json_value, to_json_value
from daemon.core.training.judgement import Judgement, PairedComparison
from tests.core import worlds as w

PROVEN, CURRENT = "v000001", "v000004"


def seen(*verdicts: str, every: int = 3, **changes: Any) -> Snapshot:
    """A lineage of versions with these verdicts on top of the base; the last one is current."""
    chain = [w.version(0)] + [
        w.version(number, number - 1, verdict=verdict) for number, verdict in enumerate(verdicts, 1)
    ]
    versions = {version.version: version for version in chain}
    return w.quiet(
        versions=versions,
        complete=frozenset(versions),
        current=chain[-1].version,
        limits=replace(w.LIMITS, audit_every=every),
        **changes,
    )


def lineage(**changes: Any) -> Snapshot:
    return seen("promote", "unproven", "unproven", "unproven", **changes)


def test_so_many_unproven_versions_in_a_row_are_audited_against_the_last_proven() -> None:
    assert decide(lineage()) == [do.OpenAudit(CURRENT, PROVEN)]
    assert decide(lineage(every=4)) == []
    assert decide(lineage(every=0)) == []
    assert decide(seen("unproven", "unproven", "promote")) == []
    base = seen("unproven", "unproven", "unproven")
    assert decide(base) == [do.OpenAudit("v000003", "v000000")]


def test_it_goes_before_the_next_run_and_does_not_begin_in_a_pause() -> None:
    queued = (w.queued(9),)
    assert decide(lineage(queued=queued)) == [do.OpenAudit(CURRENT, PROVEN)]
    order = OrderOnDisk("a000001", "x")
    known = (Audit("a000001", CURRENT, PROVEN),)
    waiting = lineage(queued=queued, orders=(order,), audits=known)
    assert decide(waiting) == [do.BeginUnit("a000001")]
    assert decide(replace(waiting, paused=True)) == []
    assert decide(replace(waiting, trainer=WorkerState("busy", "a000001"))) == []


@pytest.mark.parametrize(("at", "due"), [(4, False), (3, False), (2, False), (1, True)])
def test_the_count_begins_anew_at_a_version_that_was_audited(at: int, due: bool) -> None:
    known = (Audit("a000001", f"v{at:06d}", PROVEN, "no_difference", "", True),)
    assert decide(lineage(audits=known)) == ([do.OpenAudit(CURRENT, PROVEN)] if due else [])


def audited(outcome: str | None = "worse", **changes: Any) -> tuple[Audit, ...]:
    return (replace(Audit("a000001", CURRENT, PROVEN, outcome, "it is worse"), **changes),)


def test_a_worse_version_is_rolled_back_once_the_proven_one_is_verified() -> None:
    found = lineage(audits=audited(), queued=(w.queued(9),))
    assert decide(found) == [do.Verify(PROVEN)]
    link, settled = decide(replace(found, verified={PROVEN: True}))
    assert link == do.MoveLink(PROVEN, "a000001: v000004 is worse")
    assert isinstance(settled, do.SettleAudit) and "rolled back to v000001" in settled.message


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"audits": audited("no_difference")}, "v000004 stays"),
        ({"audits": audited("better")}, "v000004 stays"),
        ({"audits": audited("failed")}, "v000004 stays"),
        ({"audits": audited(), "current": "v000003"}, "current_model is v000003 by now"),
        ({"audits": audited(), "current": PROVEN}, "current_model is v000001"),
        ({"audits": audited(), "verified": {PROVEN: False}}, "cannot roll back to"),
        ({"audits": audited(), "complete": frozenset({CURRENT})}, "cannot roll back to"),
    ],
)
def test_in_every_other_case_the_link_stays_and_the_audit_is_settled(
    changes: dict[str, Any], told: str
) -> None:
    (action,) = settle(replace(lineage(), **changes))
    assert isinstance(action, do.SettleAudit) and told in action.message


def test_a_settled_audit_leads_to_nothing_even_where_the_user_goes_back_to_its_version() -> None:
    assert settle(lineage(audits=audited(settled=True))) == []
    assert settle(lineage(audits=audited(None))) == []


def test_a_request_of_the_user_goes_first() -> None:
    found = lineage(
        audits=audited(),
        verified={PROVEN: True, "v000003": True},
        commands=(w.command("promote", "v000003"),),
    )
    assert do.MoveLink("v000003", "promote on request") in decide(found)
    assert not any(isinstance(action, do.SettleAudit) for action in decide(found))


def test_one_who_came_for_another_order_alone_audits_nothing() -> None:
    found = lineage(orders=(OrderOnDisk("s000001", "x"),), audits=audited(order="a000007"))
    assert decide(with_one_order(found, "s000001")) == [do.BeginUnit("s000001")]


def test_the_alert_stands_as_long_as_the_link_does() -> None:
    back = replace(lineage(audits=audited(settled=True)), current=PROVEN)
    assert "rolled back from v000004 to v000001 by a000001" in str(rolled_back(back))
    assert rolled_back(lineage(audits=audited(settled=True))) is None
    better = lineage(audits=audited("better", settled=True))
    assert rolled_back(replace(better, current=PROVEN)) is None


def test_a_request_names_both_and_every_file_of_the_lineage_and_survives_its_file() -> None:
    found = lineage()
    asked = audit_request(found.versions[CURRENT], found.versions, {"a": 1}, "now")
    assert asked is not None and (asked.version, asked.proven) == (CURRENT, PROVEN)
    assert asked.jobs == tuple(f"{number:06d}-job" for number in (1, 2, 3, 4))
    assert from_json_value(to_json_value(asked), AuditRequest) == asked
    for nothing in (PROVEN, "v000000"):
        assert audit_request(found.versions[nothing], found.versions, {}, "now") is None


GATE = Gate(0.05, 0.01, 0.02, "promote")


@pytest.mark.parametrize(
    ("change", "p_worse", "outcome"),
    [
        (0.5, 1e-6, "worse"),
        (-0.5, 1.0, "better"),
        (0.5, 0.2, "no_difference"),
        (0.005, 1e-6, "no_difference"),
    ],
)
def test_the_rules_of_the_gate_decide_what_is_worse(
    change: float, p_worse: float, outcome: str
) -> None:
    test = PairedComparison(
        "lineage_holdout", PROVEN, 60, change, 1e-6 if change < 0 else 1.0, p_worse
    )
    verdict = decide_verdict(Judgement(True, True, (test,)), GATE)
    assert outcome_of(CURRENT, PROVEN, verdict)[0] == outcome
