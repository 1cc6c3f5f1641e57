"""A pass as arrays: masks and head positions where shapes are compiled, and where not."""

from dataclasses import replace

import numpy as np

from daemon.core.training.packing import RowShapes
from daemon.text.encoder import Encoded
from daemon.training.engine.arrays import arrange
from tests.training.engine.test_step import passes, stepper, texts

FEW = RowShapes(64, 128, few=True)


def text(length: int) -> Encoded:
    return Encoded(np.arange(length, dtype=np.int32), np.ones(length, bool))


def test_rows_of_one_text_get_no_mask_whatever_the_shapes() -> None:
    """Where shapes are few each row took an array of a mask, which trains in quadratic memory."""
    for shapes in (FEW, replace(FEW, few=False)):
        assert arrange([[text(60)], [text(50)]], 64, shapes).segments is None
        assert arrange([[text(30), text(20)]], 64, shapes).segments is not None


def test_scores_are_computed_at_the_supervised_positions_whatever_the_shapes() -> None:
    """They paid for the head at all positions, though scoring is not compiled."""
    few, exact = stepper(shapes=RowShapes(512, 512, few=True)), stepper(shapes=RowShapes(512, 512))
    assert few.score(texts()) == exact.score(texts())


def test_masked_and_causal_rows_are_traces_of_their_own() -> None:
    made = stepper(shapes=RowShapes(32, 64, few=True))
    made._model.train()
    made._accumulate(passes(made, texts(2)), 0)
    before = made.traces
    made._accumulate(passes(made, [text(30)]), 0)
    assert made.traces == before + 1
