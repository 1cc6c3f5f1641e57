"""What is known of a prepared base model, and the adapter that changes nothing; knows no file."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from daemon.core.records import fields_of

EMPTY_ADAPTER = (2).to_bytes(8, "little") + b"{}"
"""A safetensors file without a tensor."""


@dataclass(frozen=True)
class BaseFacts:
    """A base model that lies ready under `models/base/`."""

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

    def as_record(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {"schema_version": 1, **asdict(self)}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """Return what `as_record` gave.

        Raises:
            KeyError, TypeError, ValueError: not facts this version can read.
        """
        if record["schema_version"] != 1:
            raise ValueError(f"base facts of schema {record['schema_version']}, this is 1")
        return cls(**fields_of(cls, record))


def empty_adapter_config(base: str) -> dict[str, Any]:
    """Return the `adapter_config.json` of an untouched base for mlx-lm: no module adapted."""
    return {
        "fine_tune_type": "lora",
        "model": f"models/base/{base}",
        "num_layers": 1,
        "lora_parameters": {"rank": 8, "scale": 1.0, "dropout": 0.0, "keys": []},
    }
