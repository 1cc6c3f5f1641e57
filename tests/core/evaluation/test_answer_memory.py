"""What answers that are made side by side are estimated to take."""

from dataclasses import replace

import pytest

from daemon.core.evaluation.answer_memory import answering_bytes, answers_that_fit, cache_bytes
from tests.core.training.test_footprint import GIB, LLAMA


def test_a_cache_is_keys_and_values_of_all_layers_as_long_as_it_grows_in_steps() -> None:
    # 28 layers, 8 heads of 128 for keys and as many for values, two bytes each.
    assert cache_bytes(LLAMA, 512) == 2 * 28 * 8 * 128 * 512 * 2
    assert cache_bytes(LLAMA, 513) == cache_bytes(LLAMA, 768)
    assert cache_bytes(replace(LLAMA, dtype_bytes=4), 512) == 2 * cache_bytes(LLAMA, 512)


def test_32_answers_of_a_3b_model_take_gigabytes() -> None:
    """They were in no estimate."""
    assert 32 * cache_bytes(LLAMA, 512 + 256) / GIB == pytest.approx(2.6, abs=0.1)
    assert 32 * cache_bytes(LLAMA, 1024 + 256) / GIB == pytest.approx(4.4, abs=0.1)
    assert answering_bytes(LLAMA, 512, 256, 32) > 32 * cache_bytes(LLAMA, 768)


def test_as_many_are_made_at_once_as_fit_and_never_none() -> None:
    assert answers_that_fit(LLAMA, 512, 256, 64 * GIB) == 32
    rooms = [answers_that_fit(LLAMA, 512, 256, room * GIB // 4) for room in range(24, -1, -1)]
    assert rooms == sorted(rooms, reverse=True) and rooms[-1] == 1
    assert {2, 4, 8, 16} & set(rooms)
    for room in range(1, 24):
        found = answers_that_fit(LLAMA, 512, 256, room * GIB // 4)
        assert found == 1 or answering_bytes(LLAMA, 512, 256, found) <= room * GIB // 4
