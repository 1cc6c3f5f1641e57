"""The rungs of the memory ladder."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.decisions.scheduling import STARTS_UNSEEN
from daemon.core.records import from_json_value, to_json_value
from daemon.core.training.fallback import (
    Fallback,
    describe,
    fallback_at,
    next_change,
    next_fallback,
    no_fallback_left,
)


def all_fallbacks(pass_tokens: int, longest: int) -> list[Fallback]:
    fallbacks = [Fallback(0, pass_tokens)]
    while (
        found := next_fallback(fallbacks[-1], longest, len(fallbacks), "memory ran out")
    ) is not None:
        fallbacks.append(found)
    return fallbacks


def test_tokens_are_halved_then_layers_computed_twice_then_rows_shortened() -> None:
    seen = [(r.pass_tokens, r.checkpoint, r.max_row_tokens) for r in all_fallbacks(2048, 600)]
    assert seen == [
        (2048, False, None),
        (1024, False, None),
        (600, False, None),
        (600, True, None),
        (320, True, 320),
        (192, True, 192),
        (128, True, 128),
    ]


def test_short_rows_end_the_ladder_with_checkpointing() -> None:
    assert [(r.pass_tokens, r.checkpoint) for r in all_fallbacks(512, 60)] == [
        (512, False),
        (256, False),
        (128, False),
        (128, True),
    ]


@given(st.integers(16, 2**20), st.integers(1, 2**20))
def test_every_rung_takes_less_and_there_is_a_last_one(pass_tokens: int, longest: int) -> None:
    fallbacks = all_fallbacks(pass_tokens, longest)
    for before, after in pairwise(fallbacks):
        width = min(longest, before.max_row_tokens or longest)
        shorter = min(longest, after.max_row_tokens or longest)
        smaller = max(after.pass_tokens, shorter) < max(before.pass_tokens, width)
        assert smaller or (after.checkpoint and not before.checkpoint)
        assert after.checkpoint >= before.checkpoint


def test_the_usual_ladder_ends_before_its_starts_are_given_up() -> None:
    assert len(all_fallbacks(8192, 1024)) - 1 < STARTS_UNSEEN


def test_each_commit_is_computed_as_it_first_was() -> None:
    fallbacks = [Fallback(0, 2048), Fallback(10, 1024), Fallback(20, 512)]
    assert [fallback_at(fallbacks, step) for step in (9, 10, 19, 20)] == [
        fallbacks[0],
        *2 * [fallbacks[1]],
        fallbacks[2],
    ]
    assert fallback_at([], 5) is None
    assert fallback_at([Fallback(10, 1024)], 5) is None


def test_a_halved_rate_never_comes_back() -> None:
    """After jumps at 40 and then at 30 the rate was a quarter until step 39, then a half again."""
    fallbacks = [
        Fallback(0, 2048),
        Fallback(40, 2048, rate_share=0.5),
        Fallback(30, 2048, rate_share=0.25),
    ]
    shares = [
        found.rate_share for step in (29, 30, 39, 40, 90) if (found := fallback_at(fallbacks, step))
    ]
    assert shares == [1.0, 0.25, 0.25, 0.25, 0.25]
    assert next_change(fallbacks, 0) == 30 and next_change(fallbacks, 30) is None


def test_rate_and_memory_go_down_each_by_itself() -> None:
    """A rung of memory behind a rollback brought the whole rate back; one of the rate, memory."""
    fallbacks = [
        Fallback(0, 2048),
        Fallback(40, 512, True, 256),
        Fallback(30, 2048, rate_share=0.25),
        Fallback(10, 1024),
    ]
    seen = [fallback_at(fallbacks, step) for step in (9, 10, 30, 40)]
    assert seen == [
        Fallback(0, 2048),
        Fallback(10, 1024),
        Fallback(30, 1024, rate_share=0.25),
        Fallback(40, 512, True, 256, rate_share=0.25),
    ]
    assert [next_change(fallbacks, step) for step in (0, 10, 30, 40)] == [10, 30, 40, None]


def test_what_memory_needed_at_an_earlier_commit_is_not_more_at_a_later_one() -> None:
    """After running out at 20, and then at 10 of less, 512 tokens were tried again from 20 on."""
    fallbacks = [
        Fallback(0, 2048),
        Fallback(10, 1024),
        Fallback(20, 512),
        Fallback(10, 512),
        Fallback(10, 256),
    ]
    assert [
        found.pass_tokens for step in (9, 10, 20) if (found := fallback_at(fallbacks, step))
    ] == [
        2048,
        256,
        256,
    ]


@given(
    st.lists(
        st.builds(
            Fallback,
            st.integers(0, 50),
            st.integers(16, 4096),
            st.booleans(),
            st.none() | st.integers(128, 512),
            st.sampled_from([1.0, 0.5, 0.25, 0.125]),
        )
    )
)
def test_no_later_step_takes_more_memory_or_a_higher_rate(noted: list[Fallback]) -> None:
    fallbacks = [Fallback(0, 2048), *noted]
    for step in range(51):
        now, then = fallback_at(fallbacks, step), fallback_at(fallbacks, step + 1)
        assert now is not None and then is not None
        assert then.pass_tokens <= now.pass_tokens and then.rate_share <= now.rate_share
        assert then.checkpoint >= now.checkpoint
        assert (then.max_row_tokens or 512) <= (now.max_row_tokens or 512)


def test_a_rung_comes_back_from_its_record() -> None:
    fallback = Fallback(7, 512, True, 256, why="the kernel killed it")
    assert from_json_value(to_json_value(fallback), Fallback) == fallback


@pytest.mark.parametrize(
    "record",
    [
        {},
        {"at": 1},
        {"at": -1, "pass_tokens": 9},
        {"at": 0, "pass_tokens": 0},
        {"at": "0", "pass_tokens": 5},
    ],
)
def test_what_is_no_rung_is_refused(record: dict[str, object]) -> None:
    with pytest.raises((TypeError, ValueError)):
        from_json_value(record, Fallback)


def test_people_are_told_what_holds_and_what_to_do_at_the_end() -> None:
    """Fault T14."""
    fallback = Fallback(0, 1024, True, 512)
    assert describe(fallback) == (
        "at most 1,024 tokens at once, gradient checkpointing, rows of at most 512 tokens"
    )
    assert "num_layers" in no_fallback_left(fallback) and describe(fallback) in no_fallback_left(
        fallback
    )
