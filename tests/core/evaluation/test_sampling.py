"""An answer ends before the first stop, however it comes in pieces."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.evaluation.sampling import until_stop

LETTERS = st.text("ab\n", max_size=12)


@given(st.lists(LETTERS), st.lists(st.text("ab\n", min_size=1, max_size=4), max_size=3))
def test_pieces_give_what_stands_before_the_first_stop(pieces: list[str], stops: list[str]) -> None:
    whole = "".join(pieces)
    places = [whole.find(stop) for stop in stops if stop in whole]
    found = list(until_stop(pieces, stops))
    assert all(found)
    # A stop ends the answer as soon as it is whole, so an earlier end wins over an earlier start.
    if not places:
        assert "".join(found) == whole
    else:
        said = "".join(found)
        assert whole.startswith(said) and not any(stop in said for stop in stops)
        assert len(said) in places


def test_what_cannot_begin_a_stop_is_given_at_once() -> None:
    def answer() -> object:
        yield "one "
        raise AssertionError("asked for more before it gave what it had")

    assert next(until_stop(answer(), ["two"])) == "one "  # type: ignore[arg-type]


def test_no_more_is_asked_for_after_a_stop() -> None:
    def answer() -> object:
        yield "one st"
        yield "op"
        raise AssertionError("the model was asked for more")

    assert list(until_stop(answer(), ["stop"])) == ["one "]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("pieces", "stops", "said"),
    [
        (["a\n", "\nb"], ["\n\n"], "a"),
        (["ab", "ac"], ["b", "aba"], "a"),
        (["abab", "x"], ["aba"], ""),
        (["stop"], ["stop"], ""),
        (["a", "b"], [], "ab"),
    ],
)
def test_stops(pieces: list[str], stops: list[str], said: str) -> None:
    assert "".join(until_stop(pieces, stops)) == said
