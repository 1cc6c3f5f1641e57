"""A random Llama of two layers as a model directory."""

from pathlib import Path

from daemon.model.backend import mx
from tests.text.tiny_tokenizer import CHATML, VOCABULARY, write_tokenizer
from tests.tiny_bases import Kind, write_base

from mlx_lm.models.llama import Model, ModelArgs  # isort: skip

CONFIG = {
    "model_type": "llama",
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "intermediate_size": 64,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "rms_norm_eps": 1e-5,
    "vocab_size": VOCABULARY,
    "max_position_embeddings": 512,
    "tie_word_embeddings": True,
    "torch_dtype": "float32",
}


def write_model(folder: Path, seed: int = 3, kind: Kind | None = None) -> Path:
    """Write configuration, weights and tokenizer; return the directory."""
    folder.mkdir(exist_ok=True)
    mx.random.seed(seed)
    write_base(folder, Model(ModelArgs.from_dict(CONFIG)), CONFIG, kind)
    write_tokenizer(folder, CHATML, eos="<|im_end|>")
    return folder
