"""A random llama of two layers, small enough to train in milliseconds, as a prepared base model."""

from pathlib import Path

from mlx_lm.models.llama import Model, ModelArgs

from daemon.core.training.row_layout import RowCosts
from daemon.core.workspace.bases import BaseFacts
from daemon.layout import Layout
from daemon.model.backend import mx
from daemon.model.interruption import Attend, unattended
from daemon.training.engine.mlx import MlxEngine
from daemon.training.engine.stub_base import make_base
from tests.tiny_bases import Kind, write_base

CONFIG = {
    "model_type": "llama",
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "intermediate_size": 64,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "rms_norm_eps": 1e-5,
    "vocab_size": 300,
    "rope_theta": 10000.0,
    "tie_word_embeddings": True,
    "eos_token_id": 2,
}


def make_weights(
    folder: Path, seed: int = 3, poison: int | None = None, kind: Kind | None = None
) -> None:
    """Write configuration and weights; of the token `poison` the model makes no finite number."""
    mx.random.seed(seed)
    # The head is another matrix than the embedding, or a poisoned token would spoil every row.
    config = CONFIG | {"tie_word_embeddings": poison is None}
    model = Model(ModelArgs.from_dict(config))
    if poison is not None:
        model.model.embed_tokens.weight[poison] = float("nan")
    write_base(folder, model, config, kind)


ROW_TOKENS = 256
"""Of packed rows where all is as on a GPU."""


class TinyEngine(MlxEngine):
    """The real engine, with a base model that is built here and figures that no load changes.

    It measures neither row lengths nor row layouts: two runs on a busy machine would be given two
    shapes, and on the GPU path rows of up to 2,048 tokens take 24 seconds of each run. `MlxEngine`
    measures in the tests of measuring.
    """

    def best_row_tokens(self, base: Path) -> int | None:
        return ROW_TOKENS

    def row_costs(self, base: Path, row_tokens: int) -> RowCosts | None:
        return None

    def prepare(self, layout: Layout, model: str, attend: Attend = unattended) -> BaseFacts:
        facts = make_base(layout, model)
        make_weights(layout.base(facts.name))
        return facts
