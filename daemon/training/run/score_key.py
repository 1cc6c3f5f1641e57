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
    """Return the cache key of a model; `folder` has its adapter, None means the bare base.

    Runs, evaluations and audits share these keys, so that none repeats another's prompts.
    """
    adapter = BASE
    if folder is not None:
        # A version or a checkpoint.
        adapter = read_record(folder / MANIFEST, FileList).files[ADAPTER].sha256
    return model_key(adapter, base.fingerprint, context.engine.device, libraries)
