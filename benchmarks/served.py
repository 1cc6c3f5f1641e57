"""Makes a workspace with the real base and two versions to serve; prints where they lie.

The adapters are drawn at random, small enough that sentences stay sentences.
"""

import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.prepared import MODEL
from benchmarks.task import RANK, SCALE
from daemon.core.workspace.versions import AdapterSpec
from daemon.layout import Layout
from daemon.model import bases
from daemon.model.adapters import (
    adapter_config,
    adapter_weights,
    attach,
    detach,
    put_weights,
    save_adapter,
)
from daemon.model.backend import BLAS, mx
from daemon.model.loading import load_model
from tests.serving.house import add_version, make_models

LAYERS = 16
SIZE = 0.01
"""Standard deviation of the second factor's numbers."""

VERSIONS = ("v000001", "v000002")


@dataclass(frozen=True)
class Served:
    """Where everything lies, and what is to be asked for."""

    root: str
    base: str
    name: str
    """Of the base, as the server's model ids begin."""
    versions: tuple[str, ...]
    blas: str


def main(folder: str) -> None:
    layout = Layout(Path(folder))
    facts = bases.prepare(layout, MODEL)
    base = layout.base(facts.name)
    make_models(layout, facts)
    model, _ = load_model(base)
    spec = AdapterSpec("lora", RANK, SCALE, 0.0, LAYERS, ())
    for seed, name in enumerate(VERSIONS, 1):
        keys = attach(model, spec, seed)
        weights = adapter_weights(model)
        drawn = {
            key: SIZE * mx.random.normal(array.shape) if key.endswith("lora_b") else array
            for key, array in weights.items()
        }
        put_weights(model, drawn)
        made = layout.root / f"{name}.safetensors"
        save_adapter(model, made)
        detach(model)
        place = add_version(layout, facts, name, made.read_bytes(), spec)
        config = adapter_config(spec, str(base), keys)
        (place / "adapter_config.json").write_text(json.dumps(config), encoding="utf-8")
    found = Served(str(layout.root), str(base), facts.name, VERSIONS, BLAS or "as installed")
    print(json.dumps(asdict(found)))


if __name__ == "__main__":
    main(sys.argv[1])
