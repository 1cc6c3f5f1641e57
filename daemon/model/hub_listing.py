"""Lists the files of a model on the hub, and explains why one cannot be downloaded."""

import fnmatch
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from daemon.core.records import Record
from daemon.errors import ModelFault
from daemon.folders.disk.record_files import read_record

LISTING = "hub.json"
ANSWER_S = 10.0
"""Timeout of the hub's answers, in seconds."""
_WANTED = ("*.json", "*.jinja", "*.safetensors", "*.txt", "*.tiktoken", "tokenizer.model")
_ELSE = (
    "connect this machine, or copy the model's directory here and set 'model' to its path; "
    "smollm2-135m needs no hub"
)


@dataclass(frozen=True)
class HubFile:
    """One file as the hub states it."""

    name: str
    size: int
    sha256: str | None
    """None for small files, which the hub stores in git."""
    git_sha1: str | None
    """The file's git blob hash."""

    @property
    def is_weights(self) -> bool:
        """Whether it holds weights: the large ones."""
        return self.name.endswith(".safetensors")


@dataclass(frozen=True)
class Listing(Record):
    """The needed files of a model, at one revision."""

    model: str
    revision: str
    files: tuple[HubFile, ...]
    """Weights last: the configuration is checked before they are fetched."""


def read_listing(folder: Path, model: str) -> Listing | None:
    """Return the listing of a started download; None if there is no usable one."""
    try:
        found = read_record(folder / LISTING, Listing)
    except (OSError, ValueError):
        return None
    return found if found.model == model else None


def fetch_listing(model: str) -> Listing:
    """Return the newest revision of a model and its needed files.

    Raises:
        ModelFault: the hub does not answer, has no such model, refuses it, or has no safetensors
            of it.
    """
    # Imported here: most models are on this disk already.
    import httpx2
    from huggingface_hub import HfApi

    try:
        info = HfApi().model_info(model, files_metadata=True, timeout=ANSWER_S)
    except (httpx2.HTTPError, OSError, ValueError) as error:
        raise explained(model, error) from error
    siblings = info.siblings or []
    files = [
        HubFile(
            file.rfilename, int(file.size or 0), file.lfs.sha256 if file.lfs else None, file.blob_id
        )
        for file in siblings
        if _is_wanted(file.rfilename)
    ]
    if info.sha is None or not any(file.is_weights for file in files):
        raise _without_weights(model, (file.rfilename for file in siblings))
    files.sort(key=lambda file: (file.is_weights, file.name))
    return Listing(model, info.sha, tuple(files))


def _is_wanted(name: str) -> bool:
    # Subfolders hold other formats of a model (onnx/, original/), and a name is used as a path.
    if "/" in name or "\\" in name or name.startswith(".") or name == LISTING:
        return False
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in _WANTED)


def _without_weights(model: str, names: Iterable[str]) -> ModelFault:
    kinds = sorted({Path(name).suffix for name in names} & {".bin", ".pt", ".pth", ".gguf"})
    has = f" (only {', '.join(kinds)})" if kinds else ""
    message = (
        f"the model {model!r} has no safetensors on the hub{has}: name one that has, such as its "
        "conversion by mlx-community"
    )
    return ModelFault("model_unsupported", message)


def explained(model: str, error: Exception) -> ModelFault:
    """Return the fault for an error of the hub: one sentence, with what to do."""
    from huggingface_hub import constants
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        HFValidationError,
        RepositoryNotFoundError,
    )

    login = "log in with 'hf auth login' or set HF_TOKEN"
    place = f"{constants.ENDPOINT}/{model}"
    match error:
        case GatedRepoError():
            message = f"the model {model!r} is gated: accept its terms at {place}, then {login}"
        case RepositoryNotFoundError():
            message = (
                f"the hub shows no model {model!r}, and there is no such directory here: "
                f"check the name; for a private one {login}"
            )
            return ModelFault("model_missing", message)
        case HFValidationError():
            return ModelFault("model_missing", f"{model!r} is not the name of a model on the hub")
        case HfHubHTTPError() if error.response.status_code in (401, 403):
            status = error.response.status_code
            message = f"the hub refuses this machine's login ({status}) for {model!r}: {login}"
        case HfHubHTTPError():
            status = error.response.status_code
            message = f"the hub cannot serve {model!r} now ({status}); it is retried automatically"
        case _:
            why = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
            message = f"no model hub could be reached at {constants.ENDPOINT} ({why}): {_ELSE}"
    return ModelFault("model_download_failed", message, passing=True)
