"""The registry of servable versions, by the model ids that clients use.

Ids are looked up among the existing ones: no part of a request ever becomes a path.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from daemon.core.rows.plain_form import PLAIN_FORM
from daemon.core.workspace.version_names import (
    BASE,
    CURRENT,
    CURRENT_NAMES,
    LATEST,
    MOST_SHOWN,
    full_name,
    nearest,
)
from daemon.core.workspace.versions import Version
from daemon.errors import SettingsFault, UserFault
from daemon.folders.models import current_model
from daemon.folders.models.models import Models
from daemon.layout import Layout
from daemon.serving.generation import RequestRefused, ServedVersion, refused
from daemon.settings_file import named_prefix, read_settings


class Registry:
    """The versions of a workspace, read anew for each request; used by one thread."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._models = Models(layout)

    def subjects(self) -> dict[str, ServedVersion]:
        """Return every complete version by its id, and the current version's base."""
        versions = self._models.versions()
        complete = self._models.complete()
        listed = [version for name, version in versions.items() if name in complete]
        found = {subject.model: subject for subject in map(self._subject, listed)}
        current = versions.get(current_model.read(self._layout) or "")
        if current is not None:
            bare = self._bare(current)
            found[bare.model] = bare
        return found

    def find(self, model: str, prefix: str | None = None) -> ServedVersion:
        """Return the version that an id, `v12`, `latest`, `current` or `base` names now.

        With the name of a prefix it has that prefix, as the settings define it now.

        Raises:
            RequestRefused: there is no such id (404), no current version yet (503), or no such
                prefix (422).
        """
        subject = self._found(model)
        if subject.adapter is None:
            # An untouched base learned no form: it is asked as the settings say now.
            subject = replace(subject, plain_form=self._plain_form_now())
        if prefix is None:
            return subject
        try:
            return replace(subject, prefix=named_prefix(self._layout.settings_file, prefix))
        except SettingsFault as fault:
            raise refused(503, fault.code, "the settings cannot be read", retry_s=10) from fault
        except UserFault as fault:
            message = "there is no such prefix in [prefixes]"
            raise refused(422, fault.code, message, field="prefix") from fault

    def listed(self) -> list[tuple[str, ServedVersion]]:
        """Return what can be asked, by id: `current`, the versions from the newest on, the base."""
        subjects = list(self.subjects().items())
        versions = [(name, subject) for name, subject in subjects if subject.version != BASE]
        bases = [(name, subject) for name, subject in subjects if subject.version == BASE]
        versions.sort(key=lambda pair: pair[1].version, reverse=True)
        current = current_model.read(self._layout)
        now = [(CURRENT, subject) for _, subject in versions if subject.version == current]
        return [*now, *versions, *bases]

    def _found(self, model: str) -> ServedVersion:
        subjects = self.subjects()
        if model in subjects:
            return subjects[model]
        if model in (*CURRENT_NAMES, BASE):
            return self._now(subjects, BASE if model == BASE else CURRENT)
        versions = {subject.version: subject for subject in subjects.values()}
        versions.pop(BASE, None)
        name = full_name(model, sorted(versions))
        if name in versions:
            return versions[name]
        raise _unknown(model, name, [CURRENT, BASE, LATEST, *subjects, *versions])

    def _plain_form_now(self) -> str | None:
        try:
            return read_settings(self._layout.settings_file).plain_form
        except SettingsFault:
            return PLAIN_FORM

    def has_current(self) -> bool:
        """Return whether there is a current version."""
        return current_model.read(self._layout) in self._models.versions()

    def _now(self, subjects: dict[str, ServedVersion], model: str) -> ServedVersion:
        version = self._models.versions().get(current_model.read(self._layout) or "")
        if version is not None:
            subject = self._bare(version) if model == BASE else self._subject(version)
            if subject.model in subjects:
                return subject
        message = "there is no current model yet: the daemon creates it when it first runs"
        raise refused(503, "no_model_yet", message, retry_s=10)

    def _subject(self, version: Version) -> ServedVersion:
        adapter = self._layout.version(version.version) if version.adapter is not None else None
        facts = version.base
        return ServedVersion(
            model=f"{facts.name}@{version.version}",
            version=version.version,
            base=self._layout.base(facts.name),
            adapter=adapter,
            prefix=version.prefix,
            context_tokens=facts.context_tokens,
            created_s=int(datetime.fromisoformat(version.created_at).timestamp()),
            plain_form=version.plain_form,
            base_bytes=facts.bytes,
            base_dtype=facts.dtype,
        )

    def _bare(self, version: Version) -> ServedVersion:
        own = self._subject(version)
        name = f"{version.base.name}@{BASE}"
        return replace(own, model=name, version=BASE, adapter=None, prefix=None, plain_form=None)


def _unknown(model: str, full: str, known: Sequence[str]) -> RequestRefused:
    near = nearest(full, known)
    shown = json.dumps(model[:MOST_SHOWN], ensure_ascii=False)
    hint = f"did you mean {near}?" if near else f"ask for {CURRENT}, the version in use."
    message = f"there is no model {shown}: {hint} GET /v1/models lists the available ones"
    return refused(404, "model_not_found", message, field="model")
