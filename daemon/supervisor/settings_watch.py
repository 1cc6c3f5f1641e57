"""Reloads `finetuned.toml` when it changes; an invalid edit keeps the old settings in force."""

from pathlib import Path

from daemon.core.decisions.snapshot import DecisionSettings
from daemon.errors import SettingsFault
from daemon.settings import Settings
from daemon.settings_file import read_settings


class SettingsWatch:
    """The settings in force, and the problem with an invalid edit."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._identity = self._stat()
        self.now: Settings = read_settings(path)
        self.problem: str | None = None

    def _stat(self) -> tuple[int, int, int] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return (found.st_ino, found.st_size, found.st_mtime_ns)

    def refresh(self) -> bool:
        """Read the file if it was touched; return whether the settings have changed."""
        identity = self._stat()
        if identity == self._identity:
            return False
        self._identity = identity
        try:
            fresh = read_settings(self._path)
        except SettingsFault as fault:
            self.problem = fault.message
            return False
        self.problem = None
        changed = fresh != self.now
        self.now = fresh
        return changed


def limits_of(settings: Settings) -> DecisionSettings:
    """Return the settings that decisions depend on."""
    return DecisionSettings(
        gather_rows=settings.run.gather_rows,
        idle_s=settings.trainer.idle_s,
        silent_s=settings.trainer.silent_s,
        release_s=settings.pause.release_s,
        intake_silent_s=settings.intake.silent_s,
        adapter=settings.training.adapter,
        keep_versions=settings.retention.versions,
        keep_moments=settings.retention.moments,
        keep_backups=settings.retention.backups,
        audit_every=settings.gate.audit_every,
    )
