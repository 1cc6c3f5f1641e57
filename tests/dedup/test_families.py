"""What makes two rows variants of one another."""

from dataclasses import replace

import pytest

from daemon.core.rows.examples import Chat, Example, Text, Turn
from daemon.core.rows.fingerprint import key_of
from daemon.dedup.families import family_of, label_of
from daemon.dedup.family_keys import FamilyColumns
from daemon.dedup.numbers import hash64
from daemon.dedup.wording import Words


def chat(question: str, answer: str = "yes", group: str | None = None) -> Chat:
    return Chat((Turn("user", question), Turn("assistant", answer)), group)


def later(question: str) -> Chat:
    more = (Turn("user", "and then?"), Turn("assistant", "no"))
    return Chat((*chat(question).turns, *more))


SAME: list[tuple[Example, Example]] = [
    (chat("Is the kettle on?"), chat("is the kettle on", "no")),
    (chat("Is the kettle on?"), later("Is the kettle on?")),
    (chat("a", group="g"), chat("something else", group="g")),
    (Text("plain"), Text("plain")),
    (chat("?!"), chat(" ?! ")),
]
OTHER: list[tuple[Example, Example]] = [
    (chat("Is the kettle on?"), chat("Is the kettle off?")),
    (chat("a", group="g"), chat("a", group="h")),
    (chat("a", group="g"), chat("a")),
    (Text("plain"), Text("other")),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_rows_of_one_group_or_of_one_first_question_are_a_family(
    one: Example, other: Example
) -> None:
    words = Words()
    assert family_of(one, words) == family_of(other, words)
    assert label_of(one, words) == label_of(other, words)


@pytest.mark.parametrize(("one", "other"), OTHER)
def test_other_groups_and_other_questions_are_other_families(one: Example, other: Example) -> None:
    words = Words()
    assert family_of(one, words) != family_of(other, words)
    assert label_of(one, words) != label_of(other, words)


@pytest.mark.parametrize(
    "row",
    [
        chat("Is the kettle on?"),
        chat("a", group="g"),
        Text("plain"),
        replace(chat("b"), variant_of="Is the kettle on?"),
    ],
)
def test_hold_outs_are_drawn_by_the_family_and_the_seed(row: Example) -> None:
    words, columns = Words(), FamilyColumns(7)
    columns.add(row, key_of(row), words)
    assert list(columns.draws) == [hash64(f"7\n{family_of(row, words)}")]


def test_a_row_of_a_question_too_frequent_to_be_one_is_a_family_by_itself() -> None:
    words = Words()
    rows = [replace(chat("Write a poem.", answer), by_row=True) for answer in ("one", "two")]
    assert len({label_of(row, words) for row in rows}) == 2
