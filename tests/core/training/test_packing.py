"""How texts are laid into rows and passes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.training.packing import Pass, RowShapes, first_fit_decreasing, lay_out

LENGTHS = st.lists(st.integers(1, 2000), min_size=1, max_size=80)


def filled(rows: list[tuple[int, ...]], lengths: list[int]) -> list[int]:
    return [sum(lengths[text] for text in row) for row in rows]


def test_the_long_go_first_and_the_short_into_what_is_left() -> None:
    lengths = [6, 5, 4, 3, 2]
    assert filled(first_fit_decreasing(range(5), lengths, 10), lengths) == [10, 10]
    assert len(first_fit_decreasing(range(3), [6, 6, 6], 10)) == 3
    assert first_fit_decreasing(range(2), [12, 4], 10) == [(0,), (1,)]
    assert first_fit_decreasing([], [], 10) == []


@given(LENGTHS, st.integers(1, 700))
def test_rows_hold_every_text_once_within_the_budget(lengths: list[int], budget: int) -> None:
    rows = first_fit_decreasing(range(len(lengths)), lengths, budget)
    assert sorted(text for row in rows for text in row) == list(range(len(lengths)))
    for row, size in zip(rows, filled(rows, lengths), strict=True):
        assert size <= budget or len(row) == 1
    # First fit leaves no two rows that would have fitted into one.
    short = sorted(size for size in filled(rows, lengths) if size <= budget)
    assert len(short) < 2 or short[0] + short[1] > budget


def reference(lengths: list[int], budget: int) -> list[tuple[int, ...]]:
    rows: list[list[int]] = []
    for text in sorted(range(len(lengths)), key=lambda text: (-lengths[text], text)):
        for row in rows:
            if sum(lengths[other] for other in row) + lengths[text] <= budget:
                row.append(text)
                break
        else:
            rows.append([text])
    return [tuple(row) for row in rows]


@given(st.lists(st.integers(1, 50), min_size=1, max_size=60))
def test_the_tree_finds_what_a_plain_search_finds(lengths: list[int]) -> None:
    assert first_fit_decreasing(range(len(lengths)), lengths, 50) == reference(lengths, 50)


@given(LENGTHS, st.integers(16, 4096), st.booleans(), st.booleans())
def test_passes_cover_the_step_and_keep_to_their_tokens(
    lengths: list[int], pass_tokens: int, packed: bool, few: bool
) -> None:
    shapes = RowShapes(min(256, pass_tokens), pass_tokens, packed, few)
    found = lay_out(range(len(lengths)), lengths, shapes)
    assert sorted(text for item in found for text in item.texts) == list(range(len(lengths)))
    for item in found:
        assert all(sum(lengths[text] for text in row) <= item.width for row in item.rows)
        assert len(item.rows) == 1 or item.width * len(item.rows) <= pass_tokens
        assert len(item.rows) <= shapes.height(item.width, len(item.rows))
        assert packed or all(len(row) == 1 for row in item.rows)


@given(st.lists(st.lists(st.integers(1, 1024), min_size=1, max_size=40), min_size=5, max_size=30))
def test_where_each_shape_is_compiled_there_are_few_whatever_the_texts(
    steps: list[list[int]],
) -> None:
    for packed in (False, True):
        shapes = RowShapes(1024, 4096, packed, few=True)
        found = {
            (shapes.height(item.width, len(item.rows)), item.width)
            for lengths in steps
            for item in lay_out(range(len(lengths)), lengths, shapes)
        }
        # Eight widths; of passes with room for n rows, heights of 1, 2, 4 ... and n.
        assert len(found) <= 34


@pytest.mark.parametrize(
    ("lengths", "width", "height"),
    [([300], 384, 1), ([1024] * 3, 1024, 4), ([130], 256, 1), ([1100], 1536, 1)],
)
def test_few_shapes_pad_little(lengths: list[int], width: int, height: int) -> None:
    """Widths doubled, and a pass had all its rows or one: up to twice the work."""
    shapes = RowShapes(1024, 4096, few=True)
    (item,) = lay_out(range(len(lengths)), lengths, shapes)
    assert (item.width, shapes.height(item.width, len(item.rows))) == (width, height)


def test_the_head_works_at_twice_the_supervised_positions_at_most() -> None:
    """It worked at half of all positions, or at all of them."""
    few, exact = RowShapes(1024, 2048, few=True), RowShapes(1024, 2048)
    assert all(count <= few.picks(count, 2048) <= 2 * count for count in range(64, 2048, 7))
    assert few.picks(1, 2048) == exact.picks(1, 2048) == 64
    assert exact.picks(500, 2048) == 512 and exact.picks(500, 504) == 504
    assert len({few.picks(count, 2048) for count in range(2049)}) == 6


def test_rows_of_one_text_keep_together_where_shapes_are_few() -> None:
    """Every row took an array as its mask, with which no attention on Metal is fused."""
    lengths = [500, 500, 1000, 1000]
    few, usual = (
        lay_out(range(4), lengths, RowShapes(1024, 4096, few=one)) for one in (True, False)
    )
    assert [item.rows for item in few] == [((2,), (3,)), ((0, 1),)]
    assert [item.rows for item in usual] == [((0, 1), (2,), (3,))] or len(usual) > 1


def test_rows_that_cannot_be_shared_are_not_padded_to_the_longest() -> None:
    lengths = [800, 16, 16, 16, 16, 16, 16, 16]
    found = lay_out(range(8), lengths, RowShapes(256, 10_000, packed=False))
    assert sum(item.width * len(item.rows) for item in found) == 800 + 7 * 16


def test_little_padding_is_cheaper_than_one_more_pass() -> None:
    found = lay_out(range(4), [32, 32, 24, 24], RowShapes(256, 10_000, packed=False))
    assert found == [Pass(32, ((0,), (1,), (2,), (3,)))]
