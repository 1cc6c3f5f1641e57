"""The key under which a model's scores and answers are cached, for runs, evaluations and audits."""

from collections.abc import Mapping
from pathlib import Path

from daemon.core.training.manifests import FileList
from daemon.core.workspace.bases import BaseFacts
from daemon.evaluation.scoring_session import model_key
from daemon.folders.disk.record_files import read_record
from daemon.folders.models.models import MANIFEST
from daemon.training.context import TrainerContext
from daemon.training.engine.protocol import ADAPTER

BASE = "base"


def score_key(
    context: TrainerContext,
    base: BaseFacts,
    libraries: Mapping[str, str],
    folder: Path | None,
) -> str:
    """Return what a model is remembered by; `folder` has its adapter, None for the bare base.

    Runs and audits remember by the same, so that neither asks again what the other has asked.
    """
    adapter = BASE
    if folder is not None:
        # A version or a checkpoint.
        adapter = read_record(folder / MANIFEST, FileList).files[ADAPTER].sha256
    return model_key(adapter, base.fingerprint, context.engine.device, libraries)
