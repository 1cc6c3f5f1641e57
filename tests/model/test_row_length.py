"""How long packed rows are: what is measured, and what is chosen of it."""

from daemon.model.anatomy import Anatomy
from daemon.model.backend import on_cpu
from daemon.model.row_length import CPU_LENGTHS, GPU_LENGTHS, choose, row_costs
from daemon.training.engine.mlx import CPU_ROW_TOKENS, GPU_ROW_TOKENS, MlxEngine
from tests.model.families import make


def test_every_length_that_is_listed_fits_into_a_pass_and_is_measured() -> None:
    """384 and 512 were listed for a CPU, whose passes have 256 tokens: they were never measured."""
    row, most = MlxEngine().usual_tokens
    lengths = CPU_LENGTHS if on_cpu() else GPU_LENGTHS
    assert max(lengths) <= most and row in lengths
    assert CPU_ROW_TOKENS in CPU_LENGTHS and GPU_ROW_TOKENS in GPU_LENGTHS


def test_a_longer_row_is_taken_where_a_token_costs_nearly_the_same() -> None:
    assert choose({128: 1.02, 192: 1.0, 256: 1.03}) == 256
    assert choose({128: 1.0, 192: 1.02, 256: 1.04}) == 192
    assert choose({128: 1.0, 192: 1.1, 256: 1.2}) == 128


def test_packed_rows_and_rows_of_one_text_are_timed_on_the_device_there_is() -> None:
    anatomy = Anatomy(make("llama"))
    costs = row_costs(anatomy, 256, 512)
    assert costs is not None and costs.row_tokens == 256
    assert sorted(costs.alone_s) == [256, 512]
    assert min(costs.packed_s, *costs.alone_s.values()) > 0
