"""Tiny random models in the shape that mlx-community gives the real ones, texts included.

Weights are in bf16 or in 4 bits with bf16 scales, with an index; tokenizer and chat template are
the family's own. A last block of the vocabulary is as large as the real one.
"""

import json
import shutil
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

from tokenizers import Tokenizer

from daemon.model.backend import mx
from tests.model.families import COMMON, PACKABLE

from mlx_lm.utils import quantize_model, save_model  # isort: skip

Kind = Literal["bf16", "4bit"]
TEXTS = ("tokenizer.json", "tokenizer_config.json")


MODULES = {"mistral": "llama", "smollm2": "llama"}
"""Families that mlx-lm has no module of their own for."""


TYPES = {"smollm2": "llama"}
"""What a family's `config.json` calls it, where that is another name."""


def write_shaped(folder: Path, family: str, texts: Path, kind: Kind) -> Path:
    """Write a model directory of a family of mlx-lm over the texts of a folder."""
    folder.mkdir(parents=True)
    for name in TEXTS:
        shutil.copy(texts / name, folder / name)
    words = Tokenizer.from_file(str(folder / TEXTS[0])).get_vocab_size(with_added_tokens=True)
    config: dict[str, Any] = {
        **COMMON,
        **PACKABLE.get(family, {}),
        "model_type": TYPES.get(family, family),
        "num_hidden_layers": 2,
        "hidden_size": 64,
        "head_dim": 16,
        "vocab_size": -(-words // 64) * 64,
        "torch_dtype": "bfloat16",
    }
    module: Any = import_module(f"mlx_lm.models.{MODULES.get(family, family)}")
    mx.random.seed(3)
    model = module.Model(module.ModelArgs.from_dict(config))
    model.set_dtype(mx.bfloat16)
    if kind == "4bit":
        model, config = quantize_model(model, config, group_size=64, bits=4)
    save_model(folder, model)
    (folder / "config.json").write_text(json.dumps(config))
    return folder
