"""The key under which a model's scores and answers are cached, for runs, evaluations and audits."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from daemon.evaluation.scoring_session import model_key
from daemon.folders.models.models import MANIFEST
from daemon.training.context import TrainerContext
from daemon.training.engine.protocol import ADAPTER

BASE = "base"


def score_key(
    context: TrainerContext,
    base: Mapping[str, Any],
    libraries: Mapping[str, str],
    folder: Path | None,
) -> str:
    """Return what a model is remembered by; `folder` has its adapter, None for the bare base.

    Runs and audits remember by the same, so that neither asks again what the other has asked.
    """
    adapter = BASE
    if folder is not None:
        manifest = json.loads((folder / MANIFEST).read_bytes())
        adapter = manifest["files"][ADAPTER]["sha256"]
    return model_key(adapter, str(base["fingerprint"]), context.engine.device, libraries)
