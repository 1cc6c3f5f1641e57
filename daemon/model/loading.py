"""Loads a prepared base model in the precision that is fastest on this device."""

from pathlib import Path

from daemon.errors import ModelFault
from daemon.model.activations import use_fast_swiglu
from daemon.model.backend import Module, mx, on_cpu

# mlx_lm imports mlx by itself: it must come after the back end is set up.
from mlx_lm import utils as mlx_lm  # isort: skip
from mlx_lm.tokenizer_utils import TokenizerWrapper  # isort: skip

_MISTAKES = (
    AttributeError,
    ImportError,
    LookupError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""What mlx-lm raises for a model that it cannot run: it has no exceptions of its own."""


def load_model(folder: Path) -> tuple[Module, TokenizerWrapper]:
    """Return the model, in evaluation mode, and its mlx-lm tokenizer.

    Raises:
        ModelFault: mlx-lm cannot load it.
    """
    try:
        model, config = mlx_lm.load_model(folder, lazy=True)
        tokenizer = mlx_lm.load_tokenizer(folder, eos_token_ids=config.get("eos_token_id"))
        if on_cpu():
            model = in_full_precision(model)
            use_fast_swiglu(model)
        mx.eval(model.parameters())
    except _MISTAKES as e:
        # MLX has no exceptions of its own for disk and memory errors.
        passing = isinstance(e, OSError | RuntimeError)
        message = f"{folder} cannot be loaded: {e}"
        raise ModelFault("model_unsupported", message, passing) from e
    model.eval()
    return model, tokenizer


def in_full_precision(model: Module) -> Module:
    """Return the model in float32: on the CPU only float32 products use the fast BLAS."""
    # Scales first: dequantised in half precision, the weights would be rounded twice.
    model.set_dtype(mx.float32)
    full: Module = mlx_lm.dequantize_model(model)
    return full
