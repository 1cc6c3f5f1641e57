"""Decides when to audit the current version against the last proven one, and what follows.

Small losses may add up over versions none of which was proven better or worse by itself.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from daemon.core.decisions import actions as do
from daemon.core.decisions.promotion import Verdict
from daemon.core.decisions.snapshot import Audit, Snapshot
from daemon.core.records import JsonObject, Record
from daemon.core.workspace.bases import BaseFacts
from daemon.core.workspace.versions import AdapterSpec, Version, ancestry, jobs_of, last_proven

Outcome = Literal["worse", "better", "no_difference", "skipped", "failed"]
OUTCOMES: Mapping[str, Outcome] = {"refuse": "worse", "promote": "better"}


@dataclass(frozen=True)
class AuditRequest(Record):
    """What an audit needs besides the versions and the rows."""

    order: str
    created_at: str
    version: str
    proven: str
    jobs: tuple[str, ...]
    """The jobs of the lineage, whose hold-outs are the exam."""
    base: BaseFacts
    settings: JsonObject
    adapter: AdapterSpec
    """The configuration of the version's adapter."""
    exam_jobs: tuple[str, ...] = ()
    """Jobs that were dropped as an exam only: their rows are part of the exam, as in a verdict."""


@dataclass(frozen=True)
class AuditResult:
    """What became of an audit, as far as a decision needs it."""

    outcome: Outcome
    message: str


def audit_request(
    version: Version,
    versions: Mapping[str, Version],
    settings: JsonObject,
    now: str,
    exam_jobs: Sequence[str] = (),
) -> AuditRequest | None:
    """Return the request of an audit without a name yet; None if there is nothing to compare."""
    chain = ancestry(version.version, versions)
    proven = last_proven(chain)
    if proven is None or proven == version or version.adapter is None:
        return None
    return AuditRequest(
        "",
        now,
        version.version,
        proven.version,
        jobs_of(chain),
        version.base,
        settings,
        version.adapter,
        tuple(exam_jobs),
    )


def audit_due(snapshot: Snapshot) -> do.OpenAudit | None:
    """Return the audit that is due: enough unproven promotions since the last proven version.

    The count starts over at a version that was audited.
    """
    every, current = snapshot.limits.audit_every, snapshot.version
    if not every or current is None:
        return None
    chain = ancestry(current.version, snapshot.versions)
    proven = last_proven(chain)
    audited = {audit.version for audit in snapshot.audits}
    unproven = 0
    for version in chain:
        if version == proven or version.version in audited:
            break
        unproven += 1
    if proven is None or unproven < every or proven.version not in snapshot.complete:
        return None
    return do.OpenAudit(current.version, proven.version)


def settle(snapshot: Snapshot) -> list[do.Action]:
    """Act on the outcomes of audits: a version that is worse is rolled back, once."""
    for audit in snapshot.audits:
        if audit.outcome is None or audit.settled:
            continue
        return _settle(snapshot, audit)
    return []


def _settle(snapshot: Snapshot, audit: Audit) -> list[do.Action]:
    if audit.outcome != "worse":
        return [do.SettleAudit(audit.order, f"{audit.version} stays: {audit.message}")]
    if snapshot.current == audit.proven:
        return [do.SettleAudit(audit.order, f"current_model is {audit.proven}")]
    if snapshot.current != audit.version:
        why = f"nothing is rolled back: current_model is {snapshot.current} by now"
        return [do.SettleAudit(audit.order, why)]
    known = snapshot.verified.get(audit.proven)
    if audit.proven not in snapshot.complete or known is False:
        why = f"cannot roll back to {audit.proven}: its files are missing or damaged"
        return [do.SettleAudit(audit.order, why)]
    if known is None:
        return [do.Verify(audit.proven)]
    return [
        do.MoveLink(audit.proven, f"{audit.order}: {audit.version} is worse"),
        do.SettleAudit(audit.order, f"rolled back to {audit.proven}: {audit.message}"),
    ]


def rolled_back(snapshot: Snapshot) -> str | None:
    """Return a sentence on the last audit's rollback while its result is still current."""
    worse = [audit for audit in snapshot.audits if audit.outcome == "worse" and audit.settled]
    if not worse or worse[-1].proven != snapshot.current:
        return None
    last = worse[-1]
    return (
        f"current_model was rolled back from {last.version} to {last.proven} by {last.order}: "
        f"{last.message}; see models/audits/{last.order}/report.md"
    )


def outcome_of(version: str, proven: str, verdict: Verdict) -> tuple[Outcome, str]:
    """Return the outcome of an audit for a verdict, with a sentence."""
    outcome = OUTCOMES.get(verdict.kind, "no_difference")
    if outcome == "no_difference":
        return outcome, f"no significant difference between {version} and {proven}"
    return outcome, f"{version} is {'; '.join(verdict.reasons)}"
