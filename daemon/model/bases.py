"""Prepares base models under `models/base/`: finds, downloads, converts and checks them."""

import hashlib
import os
from pathlib import Path

from daemon.core.records import JsonObject
from daemon.core.workspace.bases import BaseFacts
from daemon.errors import ModelFault
from daemon.folders.disk import atomic
from daemon.folders.models import bases as base_files
from daemon.layout import Layout
from daemon.model.backend import on_cpu
from daemon.model.checks import check_directory, fingerprint, weight_files
from daemon.model.gguf import convert
from daemon.model.interruption import Attend, unattended
from daemon.model.sources import ModelSource, find
from daemon.text.tokenizer_files import TokenizerFiles


def prepare(layout: Layout, model: str, attend: Attend = unattended) -> BaseFacts:
    """Prepare the model of a setting and return its facts; a prepared one is only checked.

    Raises:
        ModelFault: `model_missing`, `model_damaged`, `model_unsupported`, `model_download_failed`.
        Interrupted: `attend` returned true.
    """
    known = base_files.read_facts(layout, model)
    if known is not None and _unchanged(layout.base(known.name), known):
        return known
    try:
        source = find(layout, model, attend)
        name = known.name if known is not None else _free_name(layout, source.name, model)
        atomic.make_directory(layout.bases)
        _place(source, layout.base(name), layout)
        facts = _examine(layout.base(name), model, name, source)
    # MLX raises RuntimeError where a disk is full.
    except (OSError, RuntimeError) as error:
        message = f"the model {model!r} could not be prepared ({error})"
        raise ModelFault("model_damaged", message) from error
    base_files.write_facts(layout, facts)
    return facts


def _unchanged(folder: Path, known: BaseFacts) -> bool:
    """Return whether a base is unchanged since its weights were hashed, without reading these."""
    try:
        check_directory(folder)
        text = TokenizerFiles.read(folder)
    except ModelFault:
        return False
    return (_weight_bytes(folder), text.fingerprint, text.template_fingerprint) == (
        known.bytes,
        known.tokenizer,
        known.template,
    )


def _free_name(layout: Layout, name: str, model: str) -> str:
    """Return the name, or a longer one where another model has it."""
    if layout.base_facts(name).exists():
        return f"{name}-{hashlib.sha256(model.encode()).hexdigest()[:8]}"
    return name


def _place(source: ModelSource, folder: Path, layout: Layout) -> None:
    """Put the model into its directory: converted, or as a link to the user's own."""
    if source.path.is_dir():
        check_directory(source.path)
        if os.path.lexists(folder) and not folder.is_symlink():
            atomic.remove_directory(folder)
        # A relative link: a workspace may be moved with its downloads.
        own = source.path.is_relative_to(layout.models)
        target = os.path.relpath(source.path, layout.bases) if own else str(source.path)
        atomic.replace_link(folder, target)
        return
    if os.path.lexists(folder):
        # Left by a conversion that did not finish, or damaged since.
        _remove(folder)
    with atomic.building_directory(folder) as building:
        convert(source.path, building, quantised=not on_cpu())


def _remove(folder: Path) -> None:
    if folder.is_symlink():
        atomic.remove_file(folder)
    else:
        atomic.remove_directory(folder)


def _examine(folder: Path, model: str, name: str, source: ModelSource) -> BaseFacts:
    config = check_directory(folder)
    text = TokenizerFiles.read(folder)
    return BaseFacts(
        model=model,
        name=name,
        fingerprint=fingerprint(folder),
        tokenizer=text.fingerprint,
        template=text.template_fingerprint,
        dtype=_kind_of_numbers(config),
        source=source.origin,
        architecture=str(config["model_type"]),
        bytes=_weight_bytes(folder),
        context_tokens=_number(config, "max_position_embeddings", "n_positions", "n_ctx"),
        num_layers=_number(config, "num_hidden_layers", "n_layers", "n_layer"),
        width=_number(config, "hidden_size", "n_embd", "d_model", "dim") or None,
    )


def _weight_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in weight_files(folder))


def _kind_of_numbers(config: JsonObject) -> str:
    packed = config.get("quantization") or config.get("quantization_config")
    if isinstance(packed, dict) and "bits" in packed:
        return f"{packed['bits']}-bit"
    return str(config.get("torch_dtype") or config.get("dtype") or "unknown")


def _number(config: JsonObject, *names: str) -> int:
    """Return the first of several settings; 0 if the model has none of them."""
    text = config.get("text_config")
    for place in (config, text if isinstance(text, dict) else {}):
        for name in names:
            if isinstance(found := place.get(name), int):
                return found
    return 0
