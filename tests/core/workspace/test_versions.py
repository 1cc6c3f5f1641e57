"""Lineage: who descends from whom, what was seen, what fits (docs/protocol.md)."""

from dataclasses import replace

from daemon.core.decisions.retention import backups, prune
from daemon.core.workspace.versions import Version, ancestry, fit_problem, jobs_of, last_proven
from tests.core import worlds as w


def chain_of(length: int) -> dict[str, Version]:
    versions = {"v000000": w.version(0)}
    for number in range(1, length + 1):
        versions[f"v{number:06d}"] = w.version(number, parent=number - 1)
    return versions


def test_seen_means_trained_along_the_chain_of_parents_only() -> None:
    versions = chain_of(3)
    versions["v000004"] = w.version(4, parent=1)
    chain = ancestry("v000004", versions)
    assert [v.version for v in chain] == ["v000004", "v000001", "v000000"]
    assert jobs_of(chain) == ("000001-job", "000004-job")


def test_a_job_that_was_trained_again_stands_once_in_its_lineage() -> None:
    """`--suite holdouts` asked 24 items of which 12 were distinct: p-values came out too small."""
    versions = chain_of(3)
    again = replace(versions["v000002"], job_ids=("000001-job", "000002-job"))
    chain = ancestry("v000003", versions | {"v000002": again})
    assert jobs_of(chain) == ("000001-job", "000002-job", "000003-job")


def test_the_last_proven_version_is_the_newest_promoted_by_evidence() -> None:
    versions = chain_of(3)
    for name in ("v000002", "v000003"):
        versions[name] = replace(versions[name], verdict="unproven")
    proven = last_proven(ancestry("v000003", versions))
    assert proven is not None and proven.version == "v000001"


def test_another_model_rank_layer_or_kind_does_not_fit_and_dropout_does() -> None:
    """Faults T6, T8."""
    trained = w.version(1, parent=0)
    assert fit_problem(trained, "tiny", "f", replace(w.ADAPTER, dropout=0.5)) is None
    for changed in (
        replace(w.ADAPTER, rank=4),
        replace(w.ADAPTER, num_layers=2),
        replace(w.ADAPTER, kind="dora"),
        replace(w.ADAPTER, scale=1.0),
    ):
        assert fit_problem(trained, "tiny", "f", changed)
    assert fit_problem(trained, "other", "f", w.ADAPTER)
    assert fit_problem(trained, "tiny", "other files", w.ADAPTER)
    assert fit_problem(w.version(0), "tiny", "f", replace(w.ADAPTER, rank=4)) is None


def test_retention_never_removes_current_parent_base_proven_or_pinned() -> None:
    """T12, V6: the only good version stays whatever the numbers say."""
    versions = chain_of(9)
    for number in range(4, 10):
        name = f"v{number:06d}"
        versions[name] = replace(versions[name], verdict="unproven")
    seen = w.quiet(
        versions=versions,
        complete=frozenset(versions),
        current="v000009",
        pinned=frozenset({"v000002"}),
        limits=replace(w.LIMITS, keep_versions=1, keep_moments=0),
    )
    gone = {action.version for action in prune(seen, frozenset()) if not action.moments_only}
    kept = set(versions) - gone
    assert kept == {"v000000", "v000002", "v000003", "v000008", "v000009"}


def test_moments_stay_with_current_parent_pinned_and_the_last_few() -> None:
    versions = chain_of(9)
    seen = w.quiet(versions=versions, complete=frozenset(versions), current="v000005")
    light = {a.version for a in prune(seen, frozenset(versions)) if a.moments_only}
    assert set(versions) - light == {"v000004", "v000005", "v000007", "v000008", "v000009"}


def test_a_backup_goes_only_after_its_successors_are_made() -> None:
    promoted = ("v000001", "v000002", "v000003", "v000004")
    everything = frozenset(promoted)
    make = backups(w.LIMITS, promoted, everything, frozenset({"v000001"}))
    assert [(type(a).__name__, a.version) for a in make] == [
        ("Backup", "v000004"),
        ("Backup", "v000003"),
        ("Backup", "v000002"),
    ]
    [drop] = backups(w.LIMITS, promoted, everything, everything)
    assert (type(drop).__name__, drop.version) == ("RemoveBackup", "v000001")
