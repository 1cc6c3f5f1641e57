"""Checks a model directory before any of it is trusted or loaded."""

import hashlib
import re
from importlib.util import find_spec
from pathlib import Path

from daemon.errors import ModelFault
from daemon.model.tensor_files import read_header
from daemon.text.tokenizer_files import TokenizerFiles, read_json

# mlx_lm imports mlx by itself: it must come after the back end is set up.
import daemon.model.backend  # noqa: F401  # isort: skip
from mlx_lm.utils import MODEL_REMAPPING  # isort: skip
from daemon.core.records import JsonObject

INDEX = "model.safetensors.index.json"
_PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt")
_NAME = re.compile(r"\w+")


def check_directory(folder: Path) -> JsonObject:
    """Return the model's `config.json` if the directory can be used.

    Raises:
        ModelFault: a file is missing or damaged, or the model needs to run its own code.
    """
    if not (folder / "config.json").is_file():
        raise ModelFault("model_damaged", f"there is no config.json in {folder}")
    config = read_json(folder / "config.json")
    refuse_code(folder)
    weights = weight_files(folder)
    if not weights:
        raise _without_weights(folder)
    _check_index(folder)
    for path in weights:
        read_header(path)
    TokenizerFiles.read(folder)
    return config


def weight_files(folder: Path) -> list[Path]:
    """Return the files that mlx-lm will load, by name."""
    return sorted(folder.glob("model*.safetensors"))


def fingerprint(folder: Path) -> str:
    """Return a SHA-256 over the checksums of all weights and the configuration."""
    whole = hashlib.sha256((folder / "config.json").read_bytes())
    for path in weight_files(folder):
        with path.open("rb") as file:
            whole.update(
                f"{path.name} {hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode()
            )
    return whole.hexdigest()


def refuse_code(folder: Path) -> None:
    """Check the configuration of a model directory, before its weights are there.

    Raises:
        ModelFault: it needs to run its own code, or mlx-lm does not support its kind.
    """
    config = read_json(folder / "config.json")
    for name in ("config.json", "tokenizer_config.json"):
        for key in ("auto_map", "model_file"):
            if read_json(folder / name).get(key):
                message = f"{folder / name} needs Python code of its own ({key}), which is not run"
                raise ModelFault("model_unsupported", message)
    kind = config.get("model_type")
    if not isinstance(kind, str) or not _NAME.fullmatch(kind):
        raise ModelFault("model_damaged", f"{folder / 'config.json'} names no model_type")
    if find_spec(f"mlx_lm.models.{MODEL_REMAPPING.get(kind, kind)}") is None:
        message = f"{folder} is a {kind!r} model, which this mlx-lm cannot run"
        raise ModelFault("model_unsupported", message)


def _without_weights(folder: Path) -> ModelFault:
    if any(next(folder.glob(pattern), None) for pattern in _PICKLES):
        message = f"{folder} has only pickled weights, which could run code: convert to safetensors"
        return ModelFault("model_unsupported", message)
    return ModelFault("model_damaged", f"there is no model*.safetensors in {folder}")


def _check_index(folder: Path) -> None:
    named = read_json(folder / INDEX).get("weight_map", {})
    if not isinstance(named, dict):
        raise ModelFault("model_damaged", f"{folder / INDEX} has no table of weights")
    for name in sorted({str(value) for value in named.values()}):
        if Path(name).name != name or name == "..":
            message = f"{folder / INDEX} names {name!r}, a file outside the model's directory"
            raise ModelFault("model_unsupported", message)
        if not (folder / name).is_file():
            message = f"{folder} is incomplete: {name} is missing"
            raise ModelFault("model_damaged", message)
