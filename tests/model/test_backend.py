"""What the back end is taken for, and that freed memory goes back to the system."""

import subprocess
import sys

import psutil
import pytest

from daemon.model.backend import AS_VARIABLE, give_back, mx, on_cpu

PIECES, PIECE_BYTES = 1500, 2**17


@pytest.mark.linux("glibc keeps what is freed")
def test_what_was_freed_goes_back_to_the_system() -> None:
    process = psutil.Process()
    whole = PIECES * PIECE_BYTES
    pieces = [mx.full((PIECE_BYTES // 4,), float(number)) for number in range(PIECES)]
    mx.eval(pieces)
    held = process.memory_info().rss
    del pieces
    mx.clear_cache()
    assert process.memory_info().rss > held - whole / 4, "it is kept, to be quick"
    give_back()
    assert process.memory_info().rss < held - whole / 2


def test_told_to_be_as_on_a_gpu_this_process_and_its_children_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing but a GPU could go the way of a GPU, so no test did."""
    asked = [sys.executable, "-c", "from daemon.model.backend import on_cpu; print(on_cpu())"]
    monkeypatch.setenv(AS_VARIABLE, "gpu")
    assert not on_cpu()
    assert subprocess.run(asked, capture_output=True, text=True).stdout == "False\n"
    monkeypatch.delenv(AS_VARIABLE)
    assert on_cpu() == (mx.default_device().type == mx.DeviceType.cpu)
