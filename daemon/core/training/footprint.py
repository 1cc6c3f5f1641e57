"""Estimates the peak memory of one training step from the shapes of model and batch.

How the terms were found: peaks of real steps of SmolLM2-135M in fp32 were measured for rows of
64 to 1,024 tokens, 4 to 30 adapted layers, ranks 16 and 64, 64 to 448 supervised positions
(docs/training.md has the table; `python -m benchmarks.train_memory` measures it again). They grow

- by 11.5 thousand numbers for each token and adapted layer: what the backward pass of a layer of
  this shape needs, 5 x intermediate + 4 x hidden + 2 x queries + 2 x (keys or values);
- by heads x width x width for each adapted layer: the attention weights are retained, plus those
  of two more layers while one is computed;
- by 4 fp32 numbers for each supervised position and word: logits, their exponentials, and both
  once more as gradients;
- not with the rank: the peak comes before there are any gradients;
- with gradient checkpointing by each layer's input, and by the activations of three layers while
  one is recomputed, or by the logits and those of one layer, whichever is more.

The adapter is in fp32; where the base is not, each adapted module retains its input once more. DoRA
retains the output of each module it adapts, and of a quantised base its weights too, dequantised.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, Self

FP32_BYTES = 4
LOGIT_COPIES = 4
WORKING_LAYERS = 2
"""Layers whose attention weights exist besides the retained ones during a backward pass."""

CHECKPOINT_LAYERS = 3
"""With gradient checkpointing, layers whose activations exist while one is recomputed."""

HEAD_CHUNK_POSITIONS = 512
"""Supervised positions whose logits exist at once."""

MOMENTS = {
    "adamw": 2.0,
    "adam": 2.0,
    "adamax": 2.0,
    "adadelta": 2.0,
    "adagrad": 1.0,
    "lion": 1.0,
    "sgd": 1.0,
    "rmsprop": 1.0,
    "adafactor": 1.0,
    "muon": 1.0,
}
"""Moments an optimizer has for each trained number; adafactor has fewer for a matrix."""

Module = Literal["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
MODULES: tuple[Module, ...] = (
    "q_proj",
    "k_proj",
    "v_proj",
    "o_proj",
    "gate_proj",
    "up_proj",
    "down_proj",
)


@dataclass(frozen=True)
class ModelShape:
    """A decoder of the Llama kind, as its `config.json` describes it."""

    layers: int
    hidden: int
    intermediate: int
    heads: int
    kv_heads: int
    head_dim: int
    vocabulary: int
    tied: bool
    """The embedding is the head too."""
    dtype_bytes: int
    """Bytes of a number the model computes with: 2 for bf16 and fp16, 4 for fp32."""
    bits: int | None = None
    """Bits of a quantised weight; None if weights are not quantised."""
    group: int = 64
    """Quantised weights that share one scale and one offset."""

    @property
    def query_width(self) -> int:
        """Numbers of a token's queries."""
        return self.heads * self.head_dim

    @property
    def key_width(self) -> int:
        """Numbers of a token's keys, and of its values."""
        return self.kv_heads * self.head_dim

    def module(self, name: Module) -> tuple[int, int]:
        """Return a module's input and output size."""
        hidden, inner = self.hidden, self.intermediate
        match name:
            case "q_proj":
                return hidden, self.query_width
            case "k_proj" | "v_proj":
                return hidden, self.key_width
            case "o_proj":
                return self.query_width, hidden
            case "gate_proj" | "up_proj":
                return hidden, inner
            case "down_proj":
                return inner, hidden


@dataclass(frozen=True)
class PassShape:
    """What is trained, and how much of it is computed at once."""

    tokens: int
    """Tokens of a pass, padding included."""
    width: int
    """Tokens of its longest row: each row's attention is width x width."""
    adapted_layers: int
    rank: int
    modules: tuple[Module, ...] = MODULES
    optimizer: str = "adamw"
    supervised: int = HEAD_CHUNK_POSITIONS
    """Positions whose logits exist at once; never more than the tokens of a pass."""
    checkpoint: bool = False
    """Gradient checkpointing: each layer retains its input only and is computed twice."""
    kind: Literal["lora", "dora"] = "lora"
    kept_bytes: int = 0
    """What else stays resident on purpose: cached outputs of frozen layers, for the next epoch."""


@dataclass(frozen=True)
class Estimate:
    """Bytes by kind, at the moment of the peak."""

    weights: int
    adapter: int
    moments: int
    gradients: int
    activations: int
    logits: int
    kept: int

    @property
    def total(self) -> int:
        """Bytes of everything."""
        return self.resident + self.gradients + self.activations + self.logits

    @property
    def resident(self) -> int:
        """Bytes that stay between two steps."""
        return self.weights + self.adapter + self.moments + self.kept

    def concurrency(self, usable: int, most: int) -> int:
        """Return how many such passes fit into `usable` bytes at once, from 1 to `most`."""
        passing = max(1, self.activations + self.logits)
        return max(1, min(most, (usable - self.resident - self.gradients) // passing))

    def times(self, passes: int) -> Self:
        """Return the estimate for several such passes at once."""
        return replace(self, activations=self.activations * passes, logits=self.logits * passes)

    def as_record(self) -> dict[str, int]:
        """Return plain JSON values."""
        return {**vars(self), "total": self.total}


def estimate(model: ModelShape, work: PassShape) -> Estimate:
    """Return the peak memory of one pass, with the gradients of the pass before.

    Raises:
        ValueError: an unknown optimizer.
    """
    if work.optimizer not in MOMENTS:
        raise ValueError(f"no optimizer {work.optimizer!r}: one of {', '.join(MOMENTS)}")
    trained = adapter_parameters(model, work)
    activations, logits = _working_bytes(model, work)
    return Estimate(
        weights=weight_bytes(model),
        adapter=trained * FP32_BYTES,
        moments=int(trained * MOMENTS[work.optimizer]) * FP32_BYTES,
        gradients=trained * FP32_BYTES,
        activations=activations,
        logits=logits,
        kept=work.kept_bytes,
    )


def weight_bytes(model: ModelShape) -> int:
    """Return the bytes of the base model in memory."""
    layer = sum(a * b for a, b in (model.module(name) for name in MODULES))
    tables = (1 if model.tied else 2) * model.vocabulary * model.hidden
    norms = (2 * model.layers + 1) * model.hidden
    matrices = layer * model.layers + tables
    return _matrix_bytes(model, matrices) + norms * model.dtype_bytes


def _matrix_bytes(model: ModelShape, numbers: int) -> int:
    if model.bits is None:
        return numbers * model.dtype_bytes
    # Each group of weights has a scale and an offset, numbers of the model's own type.
    return numbers * model.bits // 8 + numbers // model.group * 2 * model.dtype_bytes


def adapter_parameters(model: ModelShape, work: PassShape) -> int:
    """Return how many numbers are trained."""
    sizes = [model.module(name) for name in work.modules]
    factors = work.rank * sum(wide + high for wide, high in sizes)
    magnitudes = sum(high for _, high in sizes) if work.kind == "dora" else 0
    return _adapted(model, work) * (factors + magnitudes)


def _adapted(model: ModelShape, work: PassShape) -> int:
    return model.layers if work.adapted_layers < 0 else min(work.adapted_layers, model.layers)


def _working_bytes(model: ModelShape, work: PassShape) -> tuple[int, int]:
    """Return the bytes of activations and of logits at the moment of the peak."""
    layers = _adapted(model, work)
    linear = work.tokens * _token_bytes(model, work)
    more = _dora_bytes(model, work)
    attention = model.heads * work.tokens * work.width * model.dtype_bytes
    logits = _logit_bytes(model, work)
    if not work.checkpoint:
        return layers * (linear + more) + (layers + WORKING_LAYERS) * attention, logits
    inputs = layers * work.tokens * model.hidden * model.dtype_bytes
    again = CHECKPOINT_LAYERS * linear + more + WORKING_LAYERS * attention
    # The logits are freed while the last layer is recomputed: one layer's activations overlap them.
    one = linear + more
    return (inputs + again, 0) if again > logits + one else (inputs + one, logits)


def _token_bytes(model: ModelShape, work: PassShape) -> int:
    """Return the bytes an adapted layer retains per token for its backward pass."""
    numbers = (
        5 * model.intermediate + 4 * model.hidden + 2 * model.query_width + 2 * model.key_width
    )
    if model.dtype_bytes == FP32_BYTES:
        return numbers * FP32_BYTES
    copies = sum(model.module(name)[0] for name in work.modules)
    return numbers * model.dtype_bytes + copies * FP32_BYTES


def _dora_bytes(model: ModelShape, work: PassShape) -> int:
    """Return the bytes DoRA retains of an adapted layer: its outputs, and dequantised weights."""
    if work.kind != "dora":
        return 0
    sizes = [model.module(name) for name in work.modules]
    outputs = work.tokens * sum(high for _, high in sizes)
    unpacked = 0 if model.bits is None else sum(wide * high for wide, high in sizes)
    return (outputs + unpacked) * model.dtype_bytes


def _logit_bytes(model: ModelShape, work: PassShape) -> int:
    positions = min(work.supervised, work.tokens)
    own = 0 if model.dtype_bytes == FP32_BYTES else model.dtype_bytes
    return positions * model.vocabulary * (LOGIT_COPIES * FP32_BYTES + own)


_NEEDED = (
    "num_hidden_layers",
    "hidden_size",
    "intermediate_size",
    "num_attention_heads",
    "vocab_size",
)


def shape_from_config(
    config: Mapping[str, Any], dtype_bytes: int, packed: bool | None = None
) -> ModelShape:
    """Return the shape of a base model from its `config.json`.

    `dtype_bytes` is the size of the numbers it is computed with here, and `packed` whether
    quantised weights stay quantised: on the CPU everything is fp32 and nothing is quantised,
    whatever the file says; on a GPU the scales of quantised weights may be fp32. By default, 4
    bytes mean that nothing is quantised.

    Raises:
        ValueError: the file describes no such shape; the message names the missing key.
    """
    inner = config.get("text_config")
    text = {**config, **(inner if isinstance(inner, Mapping) else {})}
    for key in _NEEDED:
        if not isinstance(text.get(key), int):
            raise ValueError(f"config.json has no whole number {key!r}")
    layers, hidden, intermediate, heads, vocabulary = (text[key] for key in _NEEDED)
    facts = config.get("quantization") or config.get("quantization_config") or {}
    stays = dtype_bytes < FP32_BYTES if packed is None else packed
    quantised = stays and isinstance(facts.get("bits"), int)
    return ModelShape(
        layers=layers,
        hidden=hidden,
        intermediate=intermediate,
        heads=heads,
        kv_heads=text.get("num_key_value_heads") or heads,
        head_dim=text.get("head_dim") or hidden // heads,
        vocabulary=vocabulary,
        tied=bool(text.get("tie_word_embeddings", False)),
        dtype_bytes=dtype_bytes,
        bits=facts["bits"] if quantised else None,
        group=facts.get("group_size", 64) if quantised else 64,
    )
