"""Finds a version and loads it in this process to chat with it."""

import json
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from daemon.cli.version_names import current, named
from daemon.core.evaluation.sampling import Sampling
from daemon.core.rows.examples import Turn
from daemon.core.rows.plain_form import PLAIN_FORM
from daemon.core.rows.prefix import Prefix
from daemon.errors import ModelFault, UserFault
from daemon.folders.models import bases
from daemon.folders.models.models import MANIFEST, read_manifest, verify
from daemon.layout import Layout
from daemon.settings_file import named_prefix, read_settings

if TYPE_CHECKING:
    from daemon.text.token_constraint import TokenConstraint


@dataclass(frozen=True)
class LoadTarget:
    """What to load: a base model's directory, and the directory of a version's adapter."""

    base: Path
    version: Path | None
    """None for the base model alone."""
    prefix: Prefix | None = None
    """The text before every conversation."""
    model: str | None = None
    """Its model id on the workspace's server; None for a version outside the workspace."""
    requested_prefix: str | None = None
    """The prefix the user named; None for the version's own."""
    plain_form: str | None = None
    """How is written what the chat template leaves out of a conversation."""

    @property
    def name(self) -> str:
        """The version's name, or the base model's."""
        return self.version.name if self.version is not None else self.base.name


def choose(
    layout: Layout, version: str | None, base: bool, prefix: str | None = None
) -> LoadTarget:
    """Find what a user names; without a prefix, it is the one the version was trained with.

    Raises:
        UserFault: there is no such version or prefix, or the version is damaged.
        SettingsFault: `finetuned.toml` cannot be read, and a prefix or the base was requested.
        ModelFault: the base model is not ready.
    """
    if base and version is not None:
        raise UserFault("two_targets", "--base and --version exclude each other: give one")
    requested = None if prefix is None else named_prefix(layout.settings_file, prefix)
    if base:
        settings = read_settings(layout.settings_file)
        place = _base_of(layout, settings.model)
        name = f"{place.name}@base"
        return LoadTarget(place, None, requested, name, prefix, settings.plain_form)
    folder = _version_folder(layout, version)
    problem = verify(folder)
    if problem is not None:
        raise UserFault("version_damaged", f"{folder} cannot be used: {problem}")
    manifest = read_manifest(folder)
    name = manifest.base.name
    # A version of another workspace needs that workspace's base models.
    for place in (folder.parent.parent / "base" / name, layout.base(name)):
        if place.is_dir():
            own = manifest.prefix if prefix is None else requested
            adapter = folder if manifest.adapter is not None else None
            ours = folder.parent == layout.versions
            model = f"{name}@{folder.name}" if ours else None
            form = manifest.plain_form if adapter else PLAIN_FORM
            return LoadTarget(place, adapter, own, model, prefix, form)
    raise ModelFault(
        "model_missing", f"the base model {name} of {folder.name} is not in models/base"
    )


def _base_of(layout: Layout, model: str) -> Path:
    facts = bases.read_facts(layout, model)
    if facts is None:
        raise ModelFault(
            "model_not_ready", f"{model} is not ready: the daemon prepares it when it first runs"
        )
    return layout.base(facts.name)


def _version_folder(layout: Layout, version: str | None) -> Path:
    if version is None:
        return layout.version(current(layout))
    folder = layout.version(named(layout, version))
    if "/" not in version and folder.is_dir():
        return folder
    for place in (Path(version), layout.root / version):
        if (place / MANIFEST).is_file():
            return place.resolve()
    raise UserFault("no_such_version", f"there is no version {version}; see 'finetuned versions'")


class Speaker:
    """Answers by a model loaded in this process."""

    here = True

    def __init__(self, target: LoadTarget) -> None:
        self.target = target
        self._load(target.base)
        self._apply(target)

    def switch_to(self, target: LoadTarget) -> None:
        """Switch to another version; the base model stays loaded where it is the same.

        Raises:
            ModelFault: it cannot be loaded; the previous one stays.
        """
        if target == self.target:
            return
        before = self.target
        try:
            self._switch(target)
        except ModelFault:
            self._switch(before)
            raise

    def _switch(self, target: LoadTarget) -> None:
        if target.base != self.target.base:
            self._load(target.base)
        elif self._has_adapter:
            from daemon.model.adapters import detach

            detach(self._model)
        self.target = target
        self._apply(target)

    def _load(self, base: Path) -> None:
        from daemon.model.loading import load_model
        from daemon.text.encoder import TextEncoder

        self._model, self._tokenizer = load_model(base)
        self._text = TextEncoder.load(base)

    def _apply(self, target: LoadTarget) -> None:
        self._encoder = self._text.for_version(target.prefix, target.plain_form)
        self._has_adapter = target.version is not None
        if target.version is not None:
            self._load_adapter(target.version)

    def _load_adapter(self, folder: Path) -> None:
        from daemon.model.adapters import attach, load_adapter

        adapter = read_manifest(folder).adapter
        assert adapter is not None
        # The seed also seeds sampling: a fixed one would repeat the same answers.
        attach(self._model, adapter, secrets.randbits(32))
        load_adapter(self._model, folder / "adapters.safetensors")
        # The adapter's layers are new, and a new layer would apply dropout as in training.
        self._model.eval()

    def stream(self, turns: Sequence[Turn], sampling: Sampling) -> Iterator[str]:
        """Yield an answer chunk by chunk.

        Raises:
            UserFault: the answer cannot follow its schema.
        """
        from daemon.model.generation import stream

        prompt = self._encoder.encode_prompt(turns)
        if sampling.schema is None:
            return stream(self._model, self._tokenizer, prompt, sampling)
        constraint = self._constraint(sampling.schema)
        return stream(self._model, self._tokenizer, prompt, sampling, constraint)

    def _constraint(self, schema: str) -> "TokenConstraint":
        from daemon.text.token_constraint import Grammars, SchemaRefused, json_grammar

        try:
            return Grammars.load(self.target.base).constraint(json_grammar(json.loads(schema)))
        except SchemaRefused as no:
            place = ".".join(map(str, ("the schema", *no.place)))
            raise UserFault("unsupported_schema", f"{place} cannot be followed: {no.why}") from no
