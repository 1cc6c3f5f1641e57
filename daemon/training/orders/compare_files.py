"""Compares the adapter, moments and metrics of a version with those of a repeated run."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

from daemon.core.evaluation.reproduction import Files
from daemon.core.training.manifests import Manifest
from daemon.core.training.progress import MetricsLine
from daemon.folders.models import models
from daemon.training.engine.protocol import ADAPTER, MOMENTS
from daemon.training.records.history import read_steps
from daemon.training.records.state import METRICS


def compare_files(version: Path, again: Path, end: Path, manifest: Manifest) -> Files:
    """Compare adapter and moments with the digests in the version's manifest.

    The adapter lies in `again`, the moments at the end of the run.
    """
    adapter, moments = (
        models.digest(folder / name) == manifest.files[name].sha256
        for folder, name in ((again, ADAPTER), (end, MOMENTS))
    )
    gap = 0.0 if adapter else _gap(version / ADAPTER, again / ADAPTER)
    return Files(adapter, moments, gap)


def _gap(then: Path, now: Path) -> float | None:
    """Return the greatest difference of a weight; None if the old ones are gone or differ in shape.

    Adapters are computed and kept in float32.
    """
    if not then.exists():
        return None
    old, new = load_file(then), load_file(now)
    if {name: array.shape for name, array in old.items()} != {
        name: array.shape for name, array in new.items()
    }:
        return None
    return max(float(np.max(np.abs(array - new[name]))) for name, array in old.items())


def steps_of_version(version: Path) -> Iterator[MetricsLine]:
    """Yield the metrics of a version's steps, which are stored one step a line."""
    return read_steps(version / METRICS)
