"""Reads the tokenizer and chat template beside a model's weights."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from tokenizers import Tokenizer

from daemon.core.records import JsonObject
from daemon.errors import ModelFault

TOKENIZER = "tokenizer.json"
REMEMBERED_WORDS = 1000
"""Cached words per thread of a tokenizer: as fast as its default of 10,000, of up to 7 KiB each."""

OTHER_FILES = ("tokenizer.model", "vocab.json", "merges.txt", "vocab.txt", "tiktoken.model")


@dataclass(frozen=True)
class TokenizerFiles:
    """The tokenizer's side files of one model directory."""

    folder: Path
    settings: JsonObject
    template: str | None
    fingerprint: str
    """SHA-256 of `tokenizer.json`, or else of all files a tokenizer can be built from."""

    @classmethod
    def read(cls, folder: Path) -> "TokenizerFiles":
        """Read the side files.

        Raises:
            ModelFault: there is no tokenizer, or a file of it cannot be read.
        """
        settings = read_json(folder / "tokenizer_config.json")
        names = [TOKENIZER] if (folder / TOKENIZER).is_file() else list(OTHER_FILES)
        digest = hashlib.sha256()
        found = [folder / name for name in names if (folder / name).is_file()]
        if not found:
            raise ModelFault("model_damaged", f"there is no tokenizer in {folder}")
        for path in found:
            digest.update(path.read_bytes())
        return cls(folder, settings, _template(folder, settings), digest.hexdigest())

    @property
    def template_fingerprint(self) -> str:
        """Return the SHA-256 of the chat template; `none` without one."""
        if self.template is None:
            return "none"
        return hashlib.sha256(self.template.encode()).hexdigest()

    def token(self, name: str) -> str | None:
        """Return the text of a named token: `bos_token`, `eos_token`."""
        more = read_json(self.folder / "special_tokens_map.json")
        value = self.settings.get(name) or more.get(name)
        if isinstance(value, dict):
            value = value.get("content")
        return value if isinstance(value, str) else None

    def tokenizer(self) -> Tokenizer:
        """Load the tokenizer.

        Raises:
            ModelFault: it cannot be read, or only Python code of the model could run it.
        """
        path = self.folder / TOKENIZER
        if not path.is_file():
            return bounded(_converted(self.folder))
        try:
            return bounded(Tokenizer.from_file(str(path)))
        # The library raises bare Exception for every mistake in the file.
        except Exception as error:
            raise ModelFault("model_damaged", f"{path} cannot be read ({error})") from error


def bounded(tokenizer: Tokenizer) -> Tokenizer:
    """Return the tokenizer with a small word cache; one without a cache is returned as it is.

    Source: huggingface/tokenizers#1539; `_clear_cache` frees no memory (0.23.3, measured).
    """
    resize = getattr(tokenizer.model, "_resize_cache", None)
    if resize is not None:
        resize(REMEMBERED_WORDS)
    return tokenizer


def read_json(path: Path) -> JsonObject:
    """Return a JSON object; a missing file counts as an empty one.

    Raises:
        ModelFault: the file is not a JSON object.
    """
    try:
        value = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise ModelFault("model_damaged", f"{path} cannot be read ({error})") from error
    if not isinstance(value, dict):
        raise ModelFault("model_damaged", f"{path} is not a JSON object")
    return value


def _template(folder: Path, settings: JsonObject) -> str | None:
    path = folder / "chat_template.jinja"
    if path.is_file():
        return path.read_text(encoding="utf-8")
    found = settings.get("chat_template")
    if isinstance(found, list):
        named = {item.get("name"): item.get("template") for item in found}
        found = named.get("default")
    return found if isinstance(found, str) else None


def _converted(folder: Path) -> Tokenizer:
    # Imported lazily: it takes half a second, and only models without tokenizer.json need it.
    from transformers import AutoTokenizer

    try:
        loaded = AutoTokenizer.from_pretrained(
            folder, trust_remote_code=False, local_files_only=True
        )
        backend = loaded.backend_tokenizer
    # The exceptions depend on the class of the tokenizer and are undocumented.
    except Exception as error:
        message = f"the tokenizer in {folder} cannot be loaded ({error})"
        raise ModelFault("model_unsupported", message) from error
    assert isinstance(backend, Tokenizer)
    return backend
