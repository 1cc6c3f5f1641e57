"""Whether texts share rows: decided by costs that were measured, and by how long the texts are."""

import json
from dataclasses import replace

from daemon.core.records import from_json_value, to_json_value
from daemon.core.training.packing import RowShapes
from daemon.core.training.row_layout import RowCosts, alone_share, layout_for

SHAPES = RowShapes(1024, 2048, few=True)
EVEN = RowCosts(1024, 1.0, {256: 1.0, 512: 1.0, 1024: 1.0, 2048: 1.0})
FUSED = replace(EVEN, alone_s={256: 0.6, 512: 0.6, 1024: 0.7, 2048: 0.8})
SHORT, HALF_ROWS = [40] * 64, [500, 510, 505, 490] * 16


def test_where_a_token_costs_the_same_texts_share_rows() -> None:
    for lengths in (SHORT, HALF_ROWS):
        share = alone_share(EVEN, lengths, 8, SHAPES)
        assert share >= 0.95 and layout_for(share) == "packed"


def test_rows_of_one_text_are_taken_where_they_are_faster_in_spite_of_their_padding() -> None:
    """On Metal only causal rows have a fused backward pass, and every run packed its texts."""
    assert layout_for(alone_share(FUSED, HALF_ROWS, 8, SHAPES)) == "alone"
    # Of short texts so much is padding that nothing is won.
    assert layout_for(alone_share(FUSED, SHORT, 8, SHAPES)) == "packed"


def test_a_saving_that_is_within_the_error_of_measuring_changes_nothing() -> None:
    assert (layout_for(0.96), layout_for(0.94)) == ("packed", "alone")


def test_a_run_without_texts_and_one_of_many_have_a_share() -> None:
    assert alone_share(EVEN, [], 8, SHAPES) == 1.0
    assert alone_share(EVEN, HALF_ROWS * 200, 8, SHAPES) >= 0.95


def test_what_was_measured_comes_back_from_json() -> None:
    assert from_json_value(json.loads(json.dumps(to_json_value(FUSED))), RowCosts) == FUSED
