"""Loads a prepared base model through mlx-lm; on the CPU in fp32, whatever its files hold."""

import os
from pathlib import Path
from typing import Any

os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")  # it warns of PyTorch, which nobody needs

from mlx_lm.utils import dequantize_model
from mlx_lm.utils import load_model as load_mlx_lm
from mlx_lm.utils import load_tokenizer

from daemon.errors import ModelFault
from daemon.model.backend import ON_CPU, mx


def load_model(folder: Path) -> tuple[Any, Any]:
    """Return the model, in evaluation mode, and mlx-lm's tokenizer wrapper.

    Raises:
        ModelFault: the directory holds no model that mlx-lm can load.
    """
    try:
        model, config = load_mlx_lm(folder, lazy=True)
        tokenizer = load_tokenizer(folder, eos_token_ids=config.get("eos_token_id"))
    except (OSError, ValueError, KeyError, RuntimeError, TypeError) as error:
        reason = str(error).strip().splitlines()[0][:300] if str(error).strip() else "no reason"
        raise ModelFault(
            "model_unsupported", f"mlx-lm cannot load {folder}: {reason}"
        ) from error
    if ON_CPU:
        _widen(model, config)
    model.eval()
    mx.eval(model.parameters())
    return model, tokenizer


def _widen(model: Any, config: dict[str, Any]) -> None:
    """Make everything fp32: half precision and quantised products are 10 to 20 times slower here."""
    if "quantization" in config or "quantization_config" in config:
        dequantize_model(model)
    model.set_dtype(mx.float32)
