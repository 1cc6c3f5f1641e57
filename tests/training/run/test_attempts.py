"""What a new attempt begins with, on the engine that made the one before."""

import sys
from pathlib import Path

import psutil
import pytest

from daemon.core.workspace.versions import AdapterSpec
from daemon.model.backend import mx
from daemon.settings import Settings
from tests.training.tiny_llama import TinyEngine
from tests.training.workspace import make_workspace

PIECES, PIECE_BYTES = 1500, 2**17


@pytest.mark.skipif(sys.platform != "linux", reason="glibc keeps what is freed; others do not")
def test_an_attempt_begins_with_all_the_memory_that_was_freed(tmp_path: Path) -> None:
    """After a step that had run out the next try found what was freed still kept by MLX."""
    engine = TinyEngine()
    made = make_workspace(tmp_path / "w", engine)
    spec = AdapterSpec("lora", 2, 2.0, 0.0, 1, ())
    training = Settings().training.model_copy(update={"row_tokens": 64, "pass_tokens": 64})
    given = (made.layout.base(made.facts.name), spec, training, None, 1, tmp_path, None)
    engine.load(*given)
    pieces = [mx.full((PIECE_BYTES // 4,), float(number)) for number in range(PIECES)]
    mx.eval(pieces)
    held = psutil.Process().memory_info().rss
    del pieces
    engine.load(*given)
    assert psutil.Process().memory_info().rss < held - PIECES * PIECE_BYTES / 2
