"""What MLX and the C library keep of freed memory, and that they give it back."""

import psutil
import pytest

from daemon.model.backend import give_back, mx

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
