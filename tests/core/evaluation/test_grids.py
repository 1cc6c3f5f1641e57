"""Grids of a sweep: how they are written, multiplied out and drawn from."""

import pytest

from daemon.core.evaluation.grids import MOST, GridError, grid_of, planned_trials, read_axes

RATES, RANKS = "learning_rate=5e-6,1e-5,2e-5", "rank=64,128,256"


def test_values_are_numbers_or_words_each_once() -> None:
    """The form that people write, with blanks, a table's name and a repetition."""
    axes = read_axes(
        ["learning_rate= 5e-6, 1e-5,.1,1.e-5", "training.rank=8,16,8", "optimizer=lion"]
    )
    assert axes == {"learning_rate": (5e-6, 1e-5, 0.1), "rank": (8, 16), "optimizer": ("lion",)}


@pytest.mark.parametrize(
    ("given", "named"),
    [
        (["learning_rate"], "KEY=VALUE"),
        (["learning_rate="], "empty"),
        (["learning_rate=1e-5,,2e-5"], "empty"),
        (["lr=1e-5"], "learning_rate, batch_rows"),
        (["seed=1,2"], "cannot be swept"),
        (["rank=8", "rank=16"], "twice"),
        (["rank=true"], "KEY=VALUE"),
    ],
)
def test_what_is_no_grid_is_refused_with_what_to_write(given: list[str], named: str) -> None:
    """A slip in a grid is named before anything is trained."""
    with pytest.raises(GridError, match=named):
        read_axes(given)


def test_a_grid_is_every_combination_once() -> None:
    """Two lists of three are nine trials."""
    grid = grid_of(read_axes([RATES, RANKS]), None, 1)
    assert len(grid) == 9 and len({tuple(one.items()) for one in grid}) == 9
    assert grid[0] == {"learning_rate": 5e-6, "rank": 64}
    assert grid[1] == {"learning_rate": 5e-6, "rank": 128}


@pytest.mark.parametrize("keys", [1, 4])
def test_a_draw_is_of_the_grid_and_the_same_for_one_seed(keys: int) -> None:
    """`--draw`: so many different combinations, chosen by the seed alone; of huge grids too."""
    many = ",".join(str(n) for n in range(1, 21))
    names = ("rank", "batch_rows", "warmup_steps", "epochs")[:keys]
    axes = read_axes([f"{name}={many}" for name in names])
    drawn = grid_of(axes, 10, 3)
    assert drawn == grid_of(axes, 10, 3) != grid_of(axes, 10, 4)
    assert len({tuple(one.items()) for one in drawn}) == 10


def test_a_grid_larger_than_a_sweep_and_a_draw_larger_than_a_grid_are_refused() -> None:
    """1,001 trials are a slip, not a wish."""
    axes = read_axes([f"warmup_steps={','.join(map(str, range(MOST + 1)))}"])
    with pytest.raises(GridError, match=f"--draw {MOST}"):
        grid_of(axes, None, 1)
    with pytest.raises(GridError, match="only 3 combinations"):
        grid_of(read_axes([RANKS]), 4, 1)


def test_the_values_in_force_are_tried_first_and_once() -> None:
    """Every other trial is compared with them."""
    grid = grid_of(read_axes([RANKS]), None, 1)
    assert planned_trials({"rank": 16}, grid) == ({"rank": 16}, *grid)
    assert planned_trials({"rank": 128}, grid) == ({"rank": 128}, {"rank": 64}, {"rank": 256})
