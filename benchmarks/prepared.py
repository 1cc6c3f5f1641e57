"""Makes the base model ready in the two forms that the sides compute with; prints where."""

import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from daemon.folders.disk import atomic
from daemon.layout import Layout
from daemon.model import bases
from daemon.model.adapters import all_linear
from daemon.model.backend import on_cpu
from daemon.model.gguf import convert
from daemon.model.interruption import unattended
from daemon.model.loading import load_model
from daemon.model.sources import find

MODEL = "smollm2-135m"


@dataclass(frozen=True)
class Prepared:
    """Where the base model lies."""

    base: str
    """As this package prepares it here: float32 on a CPU, 4 bits a weight on a GPU."""
    shipped: str
    """As it is shipped, 4 bits a weight: what `mlx_lm.lora` would be given."""
    keys: tuple[str, ...]
    """Names of its linear modules."""
    gpu: bool


def main(folder: str) -> None:
    layout = Layout(Path(folder))
    base = layout.base(bases.prepare(layout, MODEL).name)
    shipped = base
    if on_cpu():
        shipped = Path(folder) / "shipped"
        with atomic.building_directory(shipped) as building:
            convert(find(layout, MODEL, unattended).path, building, quantised=True)
    model, _ = load_model(base)
    keys = tuple(all_linear(model))
    print(json.dumps(asdict(Prepared(str(base), str(shipped), keys, not on_cpu()))))


if __name__ == "__main__":
    main(sys.argv[1])
