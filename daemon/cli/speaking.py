"""Loads a version to talk to it, for `generate` and `chat`; trains nothing, writes nothing."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from daemon.cli.screen import complain
from daemon.cli.versions import named
from daemon.core.examples import Turn
from daemon.core.versions import version_from_manifest
from daemon.errors import ModelFault, UserFault
from daemon.folders import bases, current_model, locks
from daemon.folders.models import MANIFEST, verify
from daemon.layout import Layout
from daemon.settings_file import read_settings

LOCK_WAIT_S = 24 * 3600.0


@dataclass(frozen=True)
class Target:
    """What is to be loaded: a base model's directory, and a version's over it."""

    base: Path
    version: Path | None
    """None for the base model alone."""


def choose(layout: Layout, version: str | None, base: bool) -> Target:
    """Find what a user means.

    Raises:
        UserFault: there is no such version, or it is damaged.
        ModelFault: the base model is not ready.
    """
    if base and version is not None:
        raise UserFault("two_targets", "--base and --version exclude each other: give one")
    if base:
        return Target(_base_of_settings(layout), None)
    folder = _version_folder(layout, version)
    problem = verify(folder)
    if problem is not None:
        raise UserFault("version_damaged", f"{folder} cannot be used: {problem}")
    manifest = json.loads((folder / MANIFEST).read_bytes())
    name = str(manifest["base"]["name"])
    # A version of another workspace stands on that workspace's base models.
    for place in (folder.parent.parent / "base" / name, layout.base(name)):
        if place.is_dir():
            return Target(place, folder if manifest["adapter"] is not None else None)
    raise ModelFault(
        "model_missing", f"the base model {name} of {folder.name} is not in models/base"
    )


def _base_of_settings(layout: Layout) -> Path:
    model = read_settings(layout.settings_file).model
    facts = bases.read_facts(layout, model)
    if facts is None:
        raise ModelFault(
            "model_not_ready", f"{model} is not ready: the daemon makes it ready when it first runs"
        )
    return layout.base(facts.name)


def _version_folder(layout: Layout, version: str | None) -> Path:
    if version is None:
        if current_model.read(layout) is None:
            raise UserFault("no_version", "there is no current model yet: run the daemon first")
        return layout.current_model.resolve()
    folder = layout.version(named(version))
    if "/" not in version and folder.is_dir():
        return folder
    for place in (Path(version), layout.root / version):
        if (place / MANIFEST).is_file():
            return place.resolve()
    raise UserFault("no_such_version", f"there is no version {version}; see 'finetuned versions'")


class Speaker:
    """A loaded model that answers."""

    def __init__(self, target: Target) -> None:
        from daemon.model.loading import load_model
        from daemon.text.encoder import TextEncoder

        self._model, self._tokenizer = load_model(target.base)
        self._encoder = TextEncoder.load(target.base)
        if target.version is not None:
            self._wear(target.version)

    def _wear(self, folder: Path) -> None:
        from daemon.model.adapters import attach, load_adapter

        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_bytes())
        adapter = version_from_manifest(manifest).adapter
        assert adapter is not None
        attach(self._model, adapter, 0)
        load_adapter(self._model, folder / "adapters.safetensors")
        # The adapter's layers are new, and a new layer would drop out as in training.
        self._model.eval()

    def answer(self, turns: Sequence[Turn], max_tokens: int) -> str:
        """Return the most likely answer to a conversation."""
        from daemon.model.generation import generate_batch

        prompt = self._encoder.encode_prompt(turns)
        return generate_batch(self._model, self._tokenizer, [prompt], max_tokens)[0]

    def stream(self, turns: Sequence[Turn], max_tokens: int, temperature: float) -> Iterator[str]:
        """Give an answer piece by piece."""
        from daemon.model.generation import stream

        prompt = self._encoder.encode_prompt(turns)
        return stream(
            self._model, self._tokenizer, prompt, max_tokens=max_tokens, temperature=temperature
        )


@contextmanager
def speaker(layout: Layout, target: Target) -> Iterator[Speaker]:
    """Give the loaded model; one process a workspace may, so this waits for the trainer."""
    with locks.hold(layout.trainer_lock, LOCK_WAIT_S, _waiting):
        yield Speaker(target)


def _waiting(holder: locks.Holder | None) -> None:
    named_by = f" (process {holder.pid})" if holder is not None else ""
    complain(f"waiting for the model: the trainer{named_by} is using it; Ctrl-C gives up")
