"""Decides which versions' weights, moments and backups to remove.

Never those of the current version, its parent or the last proven one.
"""

from daemon.core.decisions.actions import Backup, Prune, RemoveBackup
from daemon.core.decisions.snapshot import DecisionSettings, Snapshot
from daemon.core.workspace.versions import ancestry, last_proven


def protected(snapshot: Snapshot) -> frozenset[str]:
    """Return the versions whose weights are never removed."""
    retained = set(snapshot.pinned)
    version = snapshot.version
    if version is not None:
        chain = ancestry(version.version, snapshot.versions)
        proven = last_proven(chain)
        retained |= {version.version} | ({proven.version} if proven else set())
        retained |= {version.parent} if version.parent else set()
    if snapshot.run is not None:
        retained.add(snapshot.run.start_version)
    retained |= {name for name, v in snapshot.versions.items() if v.adapter is None}
    return frozenset(retained)


def prune(snapshot: Snapshot, with_moments: frozenset[str]) -> tuple[Prune, ...]:
    """Return what to remove of the complete versions, oldest first.

    `with_moments` names the versions whose optimizer moments are still on disk.
    """
    retained = protected(snapshot)
    by_age = sorted(snapshot.complete)
    newest = by_age[-snapshot.limits.keep_versions :]
    removed = [name for name in by_age if name not in retained and name not in newest]
    moments = set(by_age[-snapshot.limits.keep_moments :] if snapshot.limits.keep_moments else [])
    parent = snapshot.version.parent if snapshot.version else None
    moments |= {snapshot.current or "", parent or ""} | snapshot.pinned
    if snapshot.run is not None:
        moments.add(snapshot.run.start_version)
    light = [name for name in sorted(with_moments) if name not in moments and name not in removed]
    return (
        *(Prune(name, moments_only=False) for name in removed),
        *(Prune(name, moments_only=True) for name in light),
    )


def backups(
    limits: DecisionSettings,
    promoted: tuple[str, ...],
    complete: frozenset[str],
    existing: frozenset[str],
) -> tuple[Backup | RemoveBackup, ...]:
    """Return the copies to create and to remove; `promoted` are versions, newest last."""
    last: list[str] = []
    for version in reversed(promoted):
        if version not in last:
            last.append(version)
    wanted = last[: limits.keep_backups]
    missing = [Backup(name) for name in wanted if name not in existing and name in complete]
    surplus = [RemoveBackup(name) for name in sorted(existing) if name not in wanted]
    return (*missing, *(surplus if not missing else ()))
