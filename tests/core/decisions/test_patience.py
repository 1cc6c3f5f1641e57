"""How often a disk that refuses is tried again, and when it is given up (fault D2)."""

import errno

import pytest

from daemon.core.decisions.patience import FIRST_REST_S, GIVE_UP_S, LONGEST_REST_S, TRIES, Patience


def after(number: int, times: int, every_s: float) -> tuple[Patience, float]:
    patience, now_s = Patience(), 0.0
    for turn in range(times):
        now_s = turn * every_s
        patience = patience.after(OSError(number, "refused"), now_s)
    return patience, now_s


def test_the_first_retry_comes_at_once_and_the_later_ones_ever_later() -> None:
    rests = [after(errno.EMFILE, times, 1.0)[0].rest_s for times in range(1, 14)]
    assert rests[:4] == [0.0, FIRST_REST_S, 2 * FIRST_REST_S, 4 * FIRST_REST_S]
    assert rests == sorted(rests) and rests[-1] == LONGEST_REST_S


@pytest.mark.parametrize("number", [errno.EIO, errno.EROFS])
def test_a_broken_disk_is_given_up_after_many_tries_and_much_time(number: int) -> None:
    for times, every_s, spent in [
        (TRIES, GIVE_UP_S / (TRIES - 1), True),
        (TRIES - 1, GIVE_UP_S, False),
        (TRIES * 2, 1.0, False),
    ]:
        patience, now_s = after(number, times, every_s)
        assert patience.spent(now_s) is spent


@pytest.mark.parametrize("number", [errno.EMFILE, errno.EACCES])
def test_what_may_mend_itself_is_tried_for_ever(number: int) -> None:
    patience, now_s = after(number, 1000, LONGEST_REST_S)
    assert not patience.spent(now_s)


def test_another_error_in_between_begins_the_count_anew() -> None:
    patience, now_s = after(errno.EIO, TRIES, GIVE_UP_S)
    patience = patience.after(OSError(errno.EACCES, "refused"), now_s)
    patience = patience.after(OSError(errno.EIO, "refused"), now_s)
    assert not patience.spent(now_s)
