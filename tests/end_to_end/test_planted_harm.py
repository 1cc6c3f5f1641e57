"""One stream of the benchmark of planted harm: harmful files are refused, clean ones promoted."""

from pathlib import Path

import pytest

from benchmarks.planted_harm import HARMS, outcomes, report
from benchmarks.word_model import make_word_model

pytestmark = pytest.mark.end_to_end

STEPS = 300
"""Of the tiny model's own training, where the benchmark takes three times as many."""
SEED = 2


# The tiny model is made first; on a busy machine that takes minutes.
@pytest.mark.timeout(900)
def test_files_with_harmed_answers_are_refused_and_clean_ones_promoted(tmp_path: Path) -> None:
    """A file whose answers are shuffled, emptied or endless must not be bought by what it gains on
    its own hold-out, which is harmed as it is."""
    make_word_model(tmp_path / "base", STEPS)
    found = outcomes(SEED, tmp_path / "base", tmp_path / "w")
    assert {one.kind for one in found if not one.promoted} == set(HARMS), found
    assert [one.kind for one in found if one.promoted] == ["clean"] * 3
    assert {one.outcome for one in found if not one.promoted} == {"not_promoted"}
    assert list(report(found))[-1].endswith("as wanted")
