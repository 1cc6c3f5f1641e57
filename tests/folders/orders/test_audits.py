"""What the supervisor sees of audits on the disk."""

import json
import shutil
from pathlib import Path

from daemon.core.decisions.audits import AuditRequest
from daemon.core.decisions.snapshot import Audit
from daemon.core.workspace.orders import AUDIT, Header
from daemon.core.workspace.versions import AdapterSpec
from daemon.folders.disk import atomic
from daemon.folders.orders import audits, orders
from daemon.layout import Layout
from tests.manifests import BASE


def make(layout: Layout) -> str:
    spec = AdapterSpec("lora", 4, 2.0, 0.0, 2, ())
    asked = AuditRequest("", "now", "v000004", "v000001", (), BASE, {}, spec)
    return orders.create(
        layout, AUDIT, Header("", "now", "x"), lambda built, _: audits.fill(built, asked)
    )


def test_an_audit_is_seen_open_then_over_then_settled_for_good(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    seen = audits.Audits(layout)
    assert seen.scan() == ()
    name = make(layout)
    assert name == "a000001"
    assert seen.scan() == (Audit(name, "v000004", "v000001"),)
    orders.end(layout.audit(name), {"outcome": "worse", "message": "by much"})
    assert seen.scan() == (Audit(name, "v000004", "v000001", "worse", "by much"),)
    seen.settle(name, "rolled back")
    after = (Audit(name, "v000004", "v000001", "worse", "by much", settled=True),)
    assert seen.scan() == after == audits.Audits(layout).scan(), "also after a restart"
    assert json.loads(layout.audit(name).settled.read_bytes()) == {"message": "rolled back"}


def test_one_that_cannot_be_read_leads_to_nothing(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    first, second = make(layout), make(layout)
    atomic.write_bytes(layout.audit(first).request, b"{")
    assert [audit.order for audit in audits.Audits(layout).scan()] == [second]


def test_a_new_audit_with_the_number_of_a_settled_one_is_not_settled(tmp_path: Path) -> None:
    """It was known by its number, which is free again once the settled one was removed."""
    layout = Layout(tmp_path)
    known, name = audits.Audits(layout), make(layout)
    orders.end(layout.audit(name), {"outcome": "worse", "message": "m"})
    known.settle(name, "rolled back")
    assert [audit.settled for audit in known.scan()] == [True]
    shutil.rmtree(layout.audit(name).folder)
    assert make(layout) == name
    assert [(audit.outcome, audit.settled) for audit in known.scan()] == [(None, False)]
