"""Which weights may be removed; never the current version's, its parent's or the only good."""

from daemon.core.decisions.actions import Backup, Prune, RemoveBackup
from daemon.core.decisions.snapshot import DecisionSettings, Snapshot
from daemon.core.workspace.versions import ancestry, last_proven


def protected(snapshot: Snapshot) -> frozenset[str]:
    """Return the versions whose weights are never removed."""
    keep = set(snapshot.pinned)
    version = snapshot.version
    if version is not None:
        chain = ancestry(version.version, snapshot.versions)
        proven = last_proven(chain)
        keep |= {version.version} | ({proven.version} if proven else set())
        keep |= {version.parent} if version.parent else set()
    if snapshot.run is not None:
        keep.add(snapshot.run.start_version)
    keep |= {name for name, v in snapshot.versions.items() if v.adapter is None}
    return frozenset(keep)


def prune(snapshot: Snapshot, with_moments: frozenset[str]) -> tuple[Prune, ...]:
    """Return what may go of the complete versions, the oldest first.

    `with_moments` names the versions whose optimizer moments are still on disk.
    """
    keep = protected(snapshot)
    by_age = sorted(snapshot.complete)
    newest = by_age[-snapshot.limits.keep_versions :]
    gone = [name for name in by_age if name not in keep and name not in newest]
    moments = set(by_age[-snapshot.limits.keep_moments :] if snapshot.limits.keep_moments else [])
    parent = snapshot.version.parent if snapshot.version else None
    moments |= {snapshot.current or "", parent or ""} | snapshot.pinned
    if snapshot.run is not None:
        moments.add(snapshot.run.start_version)
    light = [name for name in sorted(with_moments) if name not in moments and name not in gone]
    return (
        *(Prune(name, moments_only=False) for name in gone),
        *(Prune(name, moments_only=True) for name in light),
    )


def backups(
    limits: DecisionSettings,
    promoted: tuple[str, ...],
    complete: frozenset[str],
    kept: frozenset[str],
) -> tuple[Backup | RemoveBackup, ...]:
    """Return the copies to make and to remove; `promoted` are the promoted, newest last."""
    last: list[str] = []
    for version in reversed(promoted):
        if version not in last:
            last.append(version)
    wanted = last[: limits.keep_backups]
    make = [Backup(name) for name in wanted if name not in kept and name in complete]
    drop = [RemoveBackup(name) for name in sorted(kept) if name not in wanted]
    return (*make, *(drop if not make else ()))
