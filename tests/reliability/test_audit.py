"""The audit of what was trained finds what a total would hide (I2)."""

import pytest

from tests.reliability.audit import _miscounted

WANTED = {("a", row, epoch) for row in (0, 1) for epoch in (1, 2)}


def steps(*contents: tuple[int, list[int]]) -> list[dict[str, object]]:
    return [
        {"step_in_run": number, "epoch": epoch, "trained": {"a": rows}}
        for number, (epoch, rows) in enumerate(contents, 1)
    ]


def test_each_row_once_in_each_epoch_is_right() -> None:
    assert not _miscounted(steps((1, [0, 1]), (2, [1]), (2, [0])), WANTED)


@pytest.mark.parametrize(
    "wrong",
    [
        steps((1, [0, 0]), (2, [0, 1])),
        steps((1, [0]), (2, [0, 1])),
        steps((1, [0, 1]), (2, [0, 1]), (2, [0])),
        steps((1, [0, 1]), (2, [0, 2])),
        steps((1, [0, 1]), (2, [0, 1]))[1:],
    ],
)
def test_a_row_twice_left_out_or_foreign_and_a_lost_step_are_found(
    wrong: list[dict[str, object]],
) -> None:
    assert _miscounted(wrong, WANTED)
