"""Makes records that lie on the disk look as another release might have saved them."""

import hashlib
import json
from pathlib import Path
from typing import Any


def age(path: Path, **unusable: str) -> None:
    """Save settings in a record that this release does not know, and others otherwise.

    `unusable` are values of `[training]` that mean nothing to this release.
    """
    record: dict[str, Any] = json.loads(path.read_bytes())
    settings = record["settings"]
    settings.pop("schema_version", None)
    settings["teacher"] = {"model": "large"}
    training = settings.setdefault("training", {})
    training |= {"max_grad_norm": 1.0, "carry_step": "keep", "rewarm_steps": 200_000, **unusable}
    training.pop("min_delta", None)
    settings.setdefault("server", {})["address"] = "localhost"
    write(path, record)


def write(path: Path, record: dict[str, Any]) -> None:
    """Write a record anew, with its checksum where it has one."""
    if record.pop("sha256", None) is not None:
        plain = json.dumps(record, sort_keys=True).encode()
        record["sha256"] = hashlib.sha256(plain).hexdigest()
    path.write_text(json.dumps(record))
