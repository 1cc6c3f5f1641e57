"""`models/versions/` and `models/backups/`: seals, verifies, prunes and backs up versions.

The manifest of a pruned version stays, so that no lineage is ever lost.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar, cast

from daemon.core.records import JsonObject, NewerRecord, to_json_value
from daemon.core.training.evaluations import Evaluations
from daemon.core.training.manifests import FileList, Manifest
from daemon.core.training.run_state import SavedState
from daemon.core.workspace.bases import EMPTY_ADAPTER, BaseFacts, empty_adapter_config
from daemon.core.workspace.versions import Version, version_name
from daemon.folders.disk import atomic
from daemon.folders.disk.record_files import parse_record, read_record
from daemon.layout import Layout

Shared = TypeVar("Shared")

MANIFEST = "manifest.json"
SUM = "manifest.sha256"
"""The manifest's own checksum, as `sha256sum --check` reads it; older versions have none."""

ADAPTER = "adapters.safetensors"
MOMENTS = "optimizer.safetensors"
KEPT = (
    MANIFEST,
    SUM,
    "training_metrics.json",
    "loss_curve.png",
    "run.json",
    "ladder.json",
    "stopped.json",
)
"""What stays of a pruned version: its records, and what is needed to reproduce it."""


def read_manifests(layout: Layout) -> list[Manifest]:
    """Return the manifests of all sealed versions, by number; unreadable ones are left out."""
    found = []
    for name in version_names(layout):
        try:
            manifest = read_manifest(layout.version(name))
        except (OSError, ValueError, NewerRecord):
            continue
        if manifest.version == name:
            found.append(manifest)
    return found


def read_manifest(folder: Path) -> Manifest:
    """Return the manifest of a version.

    Raises:
        OSError: it cannot be read.
        ValueError: it is damaged: not a manifest, or not as it was written.
        NewerRecord: a later release wrote it.
    """
    return parse_record(_manifest_bytes(folder), Manifest, folder / MANIFEST)


def _manifest_bytes(folder: Path) -> bytes:
    data = (folder / MANIFEST).read_bytes()
    with suppress(FileNotFoundError):
        if (folder / SUM).read_bytes() != _sum_of(data):
            raise ValueError(f"it does not match {SUM}")
    return data


def _sum_of(data: bytes) -> bytes:
    return f"{hashlib.sha256(data).hexdigest()}  {MANIFEST}\n".encode()


def version_names(layout: Layout) -> list[str]:
    """Return the names of the versions' directories, by number."""
    try:
        return sorted(e.name for e in os.scandir(layout.versions) if e.name.startswith("v"))
    except FileNotFoundError:
        return []


def verify(folder: Path) -> str | None:
    """Read every file of a version; return the problem in a few words, or None."""
    try:
        files = parse_record(_manifest_bytes(folder), FileList, folder / MANIFEST).files
    except (OSError, ValueError) as error:
        return f"{MANIFEST} cannot be read ({error})"
    for name, facts in files.items():
        path = folder / name
        if not path.exists() and facts.droppable:
            continue
        try:
            if path.stat().st_size != facts.size:
                return f"{name} differs in size from its manifest"
            if digest(path) != facts.sha256:
                return f"{name} differs in checksum from its manifest"
        except OSError as error:
            return f"{name} cannot be read ({error})"
    return None


def ways_out(layout: Layout, damaged: str) -> str:
    """Return what a user can do about a damaged version; verifies others until one is intact."""
    copy = layout.backups / damaged
    if copy.is_dir() and verify(copy) is None:
        return f"replace it by the intact copy {copy}"
    promoted = [m.version for m in read_manifests(layout) if m.promotes]
    for name in reversed([name for name in promoted if name != damaged]):
        if verify(layout.version(name)) is None:
            return f"the newest intact version is {name}: run 'finetuned promote {name}'"
    return "no other promoted version is intact: start over with 'finetuned lineage new'"


def digest(path: Path) -> str:
    """Return a file's SHA-256 as hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class Models:
    """The versions of one workspace."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._known: dict[str, Version] = {}
        self._unreadable: dict[str, str] = {}
        self._newer: dict[str, NewerRecord] = {}
        self._listings: dict[str, tuple[int, frozenset[str]]] = {}
        self._alike: list[Any] = []
        """Values that many versions share, held in memory only once."""

    def make_folders(self) -> None:
        """Create the folders, and remove what a crash left unfinished."""
        for folder in (self._layout.versions, self._layout.backups, self._layout.bases):
            atomic.make_directory(folder)
            atomic.purge_leftovers(folder)
        atomic.purge_leftovers(self._layout.models)
        link = self._layout.current_model
        atomic.purge_leftovers(link.parent, of=f"-{link.name}")

    def versions(self) -> Mapping[str, Version]:
        """Return every version with a readable manifest; each is read once, as they never change.

        Unreadable ones are tried again: they may be repaired, or the disk may recover.
        """
        names = version_names(self._layout)
        self._unreadable.clear()
        self._newer.clear()
        for name in names:
            if name not in self._known:
                self._read(name)
        return {name: self._known[name] for name in names if name in self._known}

    def _read(self, name: str) -> None:
        try:
            version = read_manifest(self._layout.version(name)).described()
            if version.version != name:
                raise ValueError(f"it claims to be {version.version}")
            self._known[name] = replace(
                version, base=self._once(version.base), adapter=self._once(version.adapter)
            )
        except NewerRecord as newer:
            self._newer[name] = newer
            self._unreadable[name] = newer.message
        except (OSError, ValueError) as error:
            self._unreadable[name] = f"{name}: {error}"

    def refuse_newer(self, current: str | None) -> None:
        """Refuse to train where a later release sealed the current version.

        Raises:
            NewerRecord: it did; a daemon without it would begin with the untouched base.
        """
        if current in self._newer:
            raise self._newer[current]

    def _once(self, value: Shared) -> Shared:
        """Return an equal value that is already held, if there is one."""
        for held in self._alike:
            if held == value:
                return cast("Shared", held)
        self._alike.append(value)
        return value

    @property
    def unreadable(self) -> tuple[str, ...]:
        """Return the directories that are not a version, with the reason."""
        return tuple(self._unreadable.values())

    def manifest(self, version: str) -> Manifest:
        """Return a version's manifest.

        Raises:
            OSError, ValueError: it cannot be read, or is damaged.
        """
        return read_manifest(self._layout.version(version))

    def manifests(self) -> list[Manifest]:
        """Return all manifests."""
        return read_manifests(self._layout)

    def how_to_use(self, version: str) -> str:
        """Return the command with which mlx-lm uses a version as `current_model`."""
        found = self.versions()[version]
        base = f"--model models/base/{found.base.name}"
        usage = f"mlx_lm.generate {base} --adapter-path current_model"
        if found.prefix is None:
            return f"{usage} --prompt '…'"
        return f"{usage} --system-prompt '(the prefix {found.prefix.name})' --prompt '…'"

    def skipped_rows(self, version: str, job: str) -> list[JsonObject]:
        """Return the rows of a job that a version's run skipped, as lines of `rejected.jsonl`."""
        rows = read_manifest(self._layout.version(version)).rows_set_aside
        lines = [to_json_value(row) for row in rows if row.job == job]
        return [{key: value for key, value in line.items() if key != "job"} for line in lines]

    def training_state(self, version: str) -> SavedState | None:
        """Return a version's counters and histories; None if it has none."""
        try:
            return read_record(self._layout.version(version) / "training_state.json", SavedState)
        except (OSError, ValueError):
            return None

    def evaluations(self, version: str) -> Evaluations:
        """Return the results of a version's exam from its manifest; empty if there are none."""
        try:
            return read_manifest(self._layout.version(version)).evaluations
        except (OSError, ValueError):
            return Evaluations()

    def complete(self) -> frozenset[str]:
        """Return the versions with weights."""
        return self._holding(ADAPTER)

    def with_moments(self) -> frozenset[str]:
        """Return the versions with optimizer moments."""
        return self._holding(MOMENTS)

    def pinned(self) -> frozenset[str]:
        """Return the versions that the user pinned with an empty file `pinned`."""
        return self._holding("pinned")

    def _holding(self, file: str) -> frozenset[str]:
        """Return the versions whose directory has a file of that name."""
        place = os.fspath(self._layout.versions)
        return frozenset(
            name for name in self._known if file in self._listing(name, f"{place}/{name}")
        )

    def _listing(self, name: str, folder: str) -> frozenset[str]:
        """List a directory, but only if it has changed: there are many, needed at each tick."""
        try:
            changed = os.stat(folder).st_mtime_ns
            known = self._listings.get(name)
            if known is None or known[0] != changed:
                files = self._once(frozenset(os.listdir(folder)))
                known = self._listings[name] = changed, files
        except FileNotFoundError:
            return frozenset()
        return known[1]

    def take_name(self) -> str:
        """Take the next number, durably: that of a removed version is never used again."""
        numbers = [int(name[1:]) for name in version_names(self._layout) if name[1:].isdigit()]
        counter = self._layout.versions / ".last"
        return version_name(atomic.take_number(counter, max(numbers, default=-1)))

    def seal_base(self, created_at: str, base: BaseFacts, settings: JsonObject) -> str:
        """Seal a version of the untouched base, with an empty adapter."""
        name = self.take_name()
        files = {
            ADAPTER: EMPTY_ADAPTER,
            "adapter_config.json": _json(empty_adapter_config(base.name)),
        }
        manifest = {
            "schema_version": 1,
            "version": name,
            "parent": None,
            "lineage": name,
            "created_at": created_at,
            "run": None,
            "job_ids": [],
            "step": 0,
            "verdict": "base",
            "verdict_reasons": ["the untouched base model"],
            "promotes": True,
            "files": {
                file: {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
                for file, data in files.items()
            },
            "base": to_json_value(base),
            "adapter": None,
            "prefix": None,
            "settings": settings,
        }
        with atomic.building_directory(self._layout.version(name)) as folder:
            for file, data in files.items():
                (folder / file).write_bytes(data)
            (folder / SUM).write_bytes(_sum_of(_json(manifest)))
            (folder / MANIFEST).write_bytes(_json(manifest))
        return name

    def seal(self, candidate: Path, manifest: Manifest) -> None:
        """Write a candidate's manifest as its last file, and move it to the versions."""
        draft = candidate / "draft.json"
        data = _json(to_json_value(manifest))
        # A daemon killed between these two has left more files than the version consists of.
        atomic.purge_leftovers(candidate)
        atomic.write_bytes(candidate / SUM, _sum_of(data))
        atomic.write_bytes(candidate / MANIFEST, data)
        # The draft is removed only once the manifest is durable: a crash leaves one or both.
        atomic.move(candidate, self._layout.version(manifest.version))
        atomic.remove_file(self._layout.version(manifest.version) / draft.name)

    def prune(self, version: str, moments_only: bool) -> None:
        """Remove a version's moments, or all but its manifest."""
        folder = self._layout.version(version)
        # Two changes at once may leave the same time.
        self._listings.pop(version, None)
        if moments_only:
            atomic.remove_file(folder / MOMENTS)
            return
        # The weights are removed first: without them the version no longer counts as complete.
        atomic.remove_file(folder / ADAPTER)
        for entry in list(os.scandir(folder)):
            if entry.name not in KEPT:
                atomic.remove_file(Path(entry.path))

    def kept_backups(self) -> frozenset[str]:
        """Return the versions that have a backup."""
        try:
            entries = os.scandir(self._layout.backups)
        except FileNotFoundError:
            return frozenset()
        return frozenset(entry.name for entry in entries if entry.name.startswith("v"))

    def back_up(self, version: str) -> None:
        """Copy a version to the backups; never within a tick, because it may take long."""
        target = self._layout.backups / version
        if target.exists():
            return
        with atomic.building_directory(target) as folder:
            for entry in list(os.scandir(self._layout.version(version))):
                if not entry.name.startswith("."):
                    atomic.copy_file(Path(entry.path), folder / entry.name)

    def remove_backup(self, version: str) -> None:
        """Remove a backup."""
        atomic.remove_directory(self._layout.backups / version)


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=True, allow_nan=False, indent=1).encode() + b"\n"
