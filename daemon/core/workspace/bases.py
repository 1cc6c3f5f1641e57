"""The facts of a prepared base model, and the empty adapter that changes nothing."""

from dataclasses import dataclass, field

from daemon.core.records import JsonObject

EMPTY_ADAPTER = (2).to_bytes(8, "little") + b"{}"
"""A safetensors file without tensors."""


@dataclass(frozen=True)
class BaseFacts:
    """A base model that is ready under `models/base/`."""

    schema_version: int = field(default=1, kw_only=True)
    model: str
    """The setting as the user wrote it."""
    name: str
    """Its directory under `models/base/`."""
    fingerprint: str
    """SHA-256 over its weights and configuration."""
    tokenizer: str
    template: str
    dtype: str
    source: str
    architecture: str
    bytes: int
    context_tokens: int
    num_layers: int
    width: int | None = None
    """Of the hidden states; None for a base prepared before it was recorded."""


def empty_adapter_config(base: str) -> JsonObject:
    """Return the `adapter_config.json` of an untouched base for mlx-lm: no module adapted."""
    return {
        "fine_tune_type": "lora",
        "model": f"models/base/{base}",
        "num_layers": 1,
        "lora_parameters": {"rank": 8, "scale": 1.0, "dropout": 0.0, "keys": []},
    }
