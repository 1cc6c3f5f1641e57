"""Tests whether packed texts give the same logits as alone, up to the device's rounding noise."""

import math
from dataclasses import asdict, dataclass
from typing import Any, Self

from daemon.core.records import JsonObject
from daemon.model.anatomy import Anatomy, probe_rows
from daemon.model.backend import mx
from daemon.model.noise import LEAST, TIMES, apart_by, noise
from daemon.model.packing_masks import packing_masks


@dataclass(frozen=True)
class PackingCheck:
    """The measurements: changes of logits as shares of their mean size, nan where not measured."""

    neighbours: float = math.nan
    """Change of a text when the other texts of its row change."""
    repeated: float = math.nan
    """Change without any difference: 0 if the device is deterministic."""
    place: float = math.nan
    """Change when the text is at another place in a row of the same length."""
    length: float = math.nan
    """Change when the text is alone in a row of its own length, without a mask."""
    noise: float = math.nan
    """Change by rounding alone: when every layer's output is rounded differently."""
    unmasked: float = math.nan
    """Change when the other texts change and there is no mask."""
    refused: str | None = None
    """Why nothing could be measured, as a sentence."""

    @classmethod
    def refusing(cls, why: str) -> Self:
        """Return the result for a model that cannot be tested."""
        return cls(refused=why)

    @property
    def limit(self) -> float:
        """The most that place and length may change a text."""
        return max(LEAST, TIMES * self.noise)

    @property
    def packs(self) -> bool:
        """Whether texts may share rows."""
        return self.problem is None

    @property
    def problem(self) -> str | None:
        """Why rows cannot be packed, as a sentence; None if they can."""
        if self.refused is not None:
            return self.refused
        if not self.neighbours <= max(LEAST, TIMES * self.repeated):
            return (
                f"the other texts of a row change a text by {self.neighbours:.1e} of its size, "
                "and may change nothing"
            )
        for what, change in (("place in a row", self.place), ("row's length", self.length)):
            if not change <= self.limit:
                return (
                    f"its {what} changes a text by {change:.1e} of its size, and may by "
                    f"{self.limit:.1e}"
                )
        return None

    def as_record(self) -> JsonObject:
        """Return plain JSON values."""
        return {
            **{key: _plain(value) for key, value in asdict(self).items()},
            "limit": _plain(self.limit),
            "packs": self.packs,
        }


def check_packing(anatomy: Anatomy) -> PackingCheck:
    """Test a model, in training mode as it is, with three short texts in one row.

    A test, because models with recurrent layers or learned positions cannot pack, and no field of
    their configuration says so.
    """
    model: Any = anatomy.model
    scaling = getattr(getattr(model, "args", None), "rope_scaling", None) or {}
    if (scaling.get("rope_type") or scaling.get("type")) == "dynamic":
        return PackingCheck.refusing("its positions depend on the length of the row")
    try:
        return _measured(anatomy)
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        return PackingCheck.refusing(f"it does not accept a mask for packed texts ({error})")


def can_pack(anatomy: Anatomy) -> bool:
    """Return whether packed texts give the same results as alone."""
    return check_packing(anatomy).packs


def _measured(anatomy: Anatomy) -> PackingCheck:
    """Measure the middle one of three texts."""
    model: Any = anatomy.model
    before, text, after = probe_rows()
    row = mx.concatenate([before, text, after])[None]
    others = mx.concatenate([before[::-1] + 3, text, after[::-1] + 5])[None]
    segments = _segments(before.size, text.size, after.size)

    def shown(tokens: Any, numbers: Any, at: int = before.size) -> Any:
        cache = None if numbers is None else packing_masks(len(anatomy.layers), numbers)
        return model(tokens, cache=cache)[0, at : at + text.size]

    first = shown(row, segments)
    moved = mx.concatenate([text, before, after])[None]
    at_start = shown(moved, _segments(text.size, before.size, after.size), 0)
    return PackingCheck(
        neighbours=apart_by(first, shown(others, segments)),
        repeated=apart_by(first, shown(row, segments)),
        place=apart_by(at_start, first),
        length=apart_by(at_start, model(text[None])[0]),
        noise=noise(anatomy, row),
        unmasked=apart_by(shown(row, None), shown(others, None)),
    )


def _plain(value: float | str | None) -> float | str | None:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _segments(*lengths: int) -> Any:
    return mx.concatenate(
        [mx.full((length,), number, mx.int32) for number, length in enumerate(lengths)]
    )[None]
