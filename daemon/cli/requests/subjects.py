"""Resolves the name of a version, `base`, an adapter's folder or a file of answers to a subject."""

import json
import re
from dataclasses import dataclass, replace
from pathlib import Path

from daemon.cli.version_names import current
from daemon.cli.version_names import named as full_name
from daemon.core.evaluation.evaluations import Subject
from daemon.core.rows.prefix import Prefix
from daemon.core.workspace.bases import BaseFacts
from daemon.core.workspace.jobs import escape
from daemon.core.workspace.version_names import BASE, CURRENT_NAMES, LATEST
from daemon.core.workspace.versions import AdapterSpec, Version
from daemon.errors import UserFault
from daemon.folders.models import bases
from daemon.folders.models.models import MANIFEST, Models, digest, read_manifest
from daemon.layout import Layout
from daemon.settings import Settings
from daemon.settings_file import named_prefix

ADAPTER, ADAPTER_CONFIG = "adapters.safetensors", "adapter_config.json"
FORMS = (
    "a version (v000042, 42 or latest), current_model, base, an adapter's folder, a file of answers"
)
_VERSION = re.compile(r"v?\d+\Z", re.ASCII)


@dataclass(frozen=True)
class SubjectResolver:
    """Resolves the names of subjects in one workspace."""

    layout: Layout
    settings: Settings
    base: BaseFacts | None
    """None before it is ready: then only files of answers can be compared."""
    prefix: str | None
    """The prefix the user names, or `none`; None for each version's own."""

    def subject(self, named: str) -> Subject:
        """Return the subject of a name.

        Raises:
            UserFault: there is no such subject, or it cannot answer.
        """
        if Path(named).is_file():
            return Subject(_shown(named), "answers", str(Path(named).resolve()))
        if self.base is None:
            model = self.settings.model
            raise UserFault(
                "model_not_ready", f"{model} is not ready: the daemon prepares it when it runs"
            )
        if named == BASE:
            prefix, form = self._prefix(self.settings.prefix), self.settings.plain_form
            return Subject(BASE, "base", prefix=prefix, plain_form=form)
        if named in CURRENT_NAMES:
            return self._version(current(self.layout), self.base)
        if _VERSION.match(named) or named == LATEST:
            return self._version(full_name(self.layout, named), self.base)
        folder = Path(named).resolve()
        if folder.parent == self.layout.versions and (folder / MANIFEST).exists():
            return self._version(folder.name, self.base)
        if (folder / ADAPTER).is_file():
            return self._adapter(named, folder, self.base)
        raise UserFault("nobody", f"{named} is none of these: {FORMS}")

    def _prefix(self, own: Prefix | None) -> Prefix | None:
        return own if self.prefix is None else named_prefix(self.layout.settings_file, self.prefix)

    def _version(self, name: str, base: BaseFacts) -> Subject:
        version = Models(self.layout).versions().get(name)
        if version is None:
            raise UserFault(
                "no_such_version", f"there is no version {name}: see finetuned versions"
            )
        folder = self.layout.version(name)
        found = self._on_base(Subject(name, "version", name), version, folder, base)
        if version.adapter is None:
            return found
        if not (folder / ADAPTER).is_file():
            raise UserFault("version_pruned", f"{name} was pruned: only its manifest is left")
        sha256 = read_manifest(folder).files[ADAPTER].sha256
        return replace(found, sha256=sha256, adapter=version.adapter)

    def _adapter(self, named: str, folder: Path, base: BaseFacts) -> Subject:
        found = Subject(_shown(named), "adapter", str(folder), digest(folder / ADAPTER))
        if not (folder / MANIFEST).is_file():
            return replace(
                found,
                adapter=_spec_of(folder / ADAPTER_CONFIG),
                prefix=self._prefix(self.settings.prefix),
                plain_form=self.settings.plain_form,
            )
        try:
            version = read_manifest(folder).described()
        except ValueError as error:
            message = f"{folder / MANIFEST} is not a manifest: {error}"
            raise UserFault("not_a_version", message) from error
        if version.adapter is None:
            raise UserFault("no_adapter", f"{named} has no adapter: name 'base' instead")
        home = _workspace_of(folder)
        name = found.name if home is None else escape(f"{home.root.name}/{folder.name}", 60)
        found = replace(found, name=name, adapter=version.adapter)
        return self._on_base(found, version, folder, base)

    def _on_base(self, found: Subject, version: Version, folder: Path, base: BaseFacts) -> Subject:
        """Return a subject with its prefix and form, and with its base where that is another.

        Raises:
            UserFault: its base lies neither in this workspace nor in its own.
        """
        form = version.plain_form_or(self.settings.plain_form)
        found = replace(found, prefix=self._prefix(version.prefix), plain_form=form)
        if version.base.fingerprint == base.fingerprint:
            return found
        homes = [home for home in (self.layout, _workspace_of(folder)) if home is not None]
        for home in homes:
            facts = bases.find_facts(home, version.base.fingerprint)
            if facts is not None:
                return replace(found, base=facts, base_folder=str(home.base(facts.name)))
        where = " nor in ".join(dict.fromkeys(str(home.bases) for home in homes))
        raise UserFault(
            "base_missing",
            f"{found.name} needs the base model {version.base.model}, which does not lie in "
            f"{where}: prepare it there, or compare its answers (--save-answers)",
        )


def _workspace_of(folder: Path) -> Layout | None:
    """Return the workspace in whose `models/versions/` a version lies; None elsewhere."""
    home = Layout(folder.parents[2]) if len(folder.parents) > 2 else None
    return home if home is not None and home.versions == folder.parent else None


def _spec_of(path: Path) -> AdapterSpec:
    """Return the adapter's shape from an `adapter_config.json` of mlx-lm."""
    try:
        config = json.loads(path.read_bytes())
        kind, lora = config["fine_tune_type"], config["lora_parameters"]
        if kind not in ("lora", "dora"):
            raise UserFault(
                "not_lora", f"{path} is of kind {escape(str(kind), 40)}: only lora and dora are"
            )
        return AdapterSpec(
            kind,
            int(lora["rank"]),
            float(lora["scale"]),
            0.0,
            int(config["num_layers"]),
            tuple(map(str, lora.get("keys") or ())),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        message = f"{path} does not have the adapter's shape as mlx-lm writes it: {error!r}"
        raise UserFault("adapter_unknown", message) from error


def _shown(named: str) -> str:
    """Return the name of a path in tables."""
    return escape(Path(named).resolve().name, 60)
