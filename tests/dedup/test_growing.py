"""Conversations that repeat the history."""

from daemon.core.rows.examples import Chat, Turn
from daemon.core.rows.fingerprint import key_of
from daemon.dedup.growing import beginnings, longest, numbers_of, whole_key, with_answers_of


def talk(*texts: str, untrained: tuple[int, ...] = (), system: str = "Be kind.") -> Chat:
    roles = ("user", "assistant")
    turns = tuple(
        Turn(roles[n % 2], text, trained=n not in untrained)  # type: ignore[arg-type]
        for n, text in enumerate(texts)
    )
    return Chat((Turn("system", system), *turns))


def found(rows: list[Chat]) -> list[int]:
    wholes = b"".join(whole_key(row, key_of(row)) for row in rows)
    begins = [(n, key) for n, row in enumerate(rows) for key in beginnings(row)]
    return [int(place) for place in longest(numbers_of(wholes), begins)]


def test_shorter_forms_find_their_longest_form_wherever_it_stands() -> None:
    rows = [
        talk("a", "b"),
        talk("a", "b", "c", "d", "e", "f"),
        talk("a", "b", "c", "d"),
        talk("a", "b", "c", "x"),
        talk("z", "b"),
    ]
    assert found(rows) == [1, -1, 1, -1, -1]


def test_another_system_text_is_another_conversation() -> None:
    assert found([talk("a", "b", system="Be rude."), talk("a", "b", "c", "d")]) == [-1, -1]


def test_weights_make_no_difference_to_what_is_a_beginning() -> None:
    rows = [talk("a", "b"), talk("a", "b", "c", "d", untrained=(1,))]
    assert found(rows) == [1, -1]
    grown = with_answers_of(rows[1], [rows[0]])
    assert all(turn.trained for turn in grown.turns)


def test_an_answer_that_no_row_trains_stays_untrained() -> None:
    whole = talk("a", "b", "c", "d", "e", "f", untrained=(1, 3))
    grown = with_answers_of(whole, [talk("a", "b", "c", "d", untrained=(1,))])
    assert [turn.trained for turn in grown.turns if turn.role == "assistant"] == [False, True, True]
