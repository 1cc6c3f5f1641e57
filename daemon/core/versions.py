"""What a version is and how versions descend from each other; knows no folder."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self

VerdictKind = Literal["base", "promote", "unproven", "refuse"]


@dataclass(frozen=True)
class AdapterSpec:
    """The shape of an adapter: what must be equal for it to be carried on."""

    kind: Literal["lora", "dora"]
    rank: int
    scale: float
    dropout: float
    num_layers: int
    keys: tuple[str, ...]
    """Adapted modules by their name in a layer; empty for every linear layer."""

    def as_record(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self) | {"keys": list(self.keys)}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """Return what `as_record` gave."""
        return cls(**{**record, "keys": tuple(record["keys"])})
