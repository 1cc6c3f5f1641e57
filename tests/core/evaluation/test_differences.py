"""Differences: both texts can be read from them."""

from hypothesis import given
from hypothesis import strategies as st

from daemon.core.evaluation.differences import word_changes


def test_words_that_are_missing_and_words_that_are_too_much_are_told_apart() -> None:
    assert word_changes("the capital is Paris", "the capital was Rome indeed") == [
        ("same", "the capital "),
        ("gone", "is Paris"),
        ("new", "was Rome indeed"),
    ]


def test_of_a_json_text_only_the_value_that_differs_is_marked() -> None:
    before, now = '{"area":"office","brightness":100}', '{"area":"office","brightness":9}'
    assert word_changes(before, now) == [
        ("same", '{"area":"office","brightness":'),
        ("gone", "100"),
        ("new", "9"),
        ("same", "}"),
    ]


def test_marks_that_two_different_texts_share_do_not_tear_them_apart() -> None:
    changes = word_changes("Yes, I can, now.", '{"name":"pause", "at":1}')
    assert [kind for kind, _ in changes] == ["gone", "new"]


def test_a_word_that_two_different_texts_happen_to_share_does_not_mix_them() -> None:
    before, now = (
        "To light the first floor, use this code, which is long.",
        '{"floor":"first floor"}',
    )
    assert word_changes(before, now) == [("gone", before), ("new", now)]


words = st.lists(st.sampled_from(["a", "b", "c", "<b>", "", "\n"]), min_size=1, max_size=12)


@given(words, words)
def test_both_texts_stand_in_the_changes(before: list[str], now: list[str]) -> None:
    old, new = " ".join(before), " ".join(now)
    changes = word_changes(old, new)
    assert "".join(text for kind, text in changes if kind != "new") == old
    assert "".join(text for kind, text in changes if kind != "gone") == new
