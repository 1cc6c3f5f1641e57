"""Rows whose keys say that they are no text to learn: pictures, preference data, bad examples."""

from typing import Any

import pytest

from daemon.core.rows.examples import Text
from daemon.core.rows.formats import Fields
from tests.core.rows.forms.readers import bad, good, turns

PAIR = [("user", "q"), ("assistant", "r")]


@pytest.mark.parametrize("key", ["images", "image", "videos", "audio", "image_url"])
def test_rows_with_pictures_sounds_or_films_are_refused(key: str) -> None:
    row = {"prompt": "q", "completion": "r"}
    assert bad(row | {key: ["x.png"]}).code == "content_not_text"
    assert turns(row | {key: []}) == PAIR


@pytest.mark.parametrize(
    "row",
    [
        {"prompt": "q", "chosen": "r", "rejected": "s"},
        {"question": "q", "chosen": "r", "rejected": "s"},
        {
            "prompt": [{"role": "user", "content": "q"}],
            "chosen": [{"role": "assistant", "content": "r"}],
            "rejected": [{"role": "assistant", "content": "s"}],
        },
        {
            "chosen": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "r"}],
            "rejected": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "s"}],
        },
        {
            "conversations": [{"from": "human", "value": "q"}],
            "chosen": {"from": "gpt", "value": "r"},
            "rejected": {"from": "gpt", "value": "s"},
        },
        {
            "input": {"messages": [{"role": "user", "content": "q"}], "tools": []},
            "preferred_output": [{"role": "assistant", "content": "r"}],
            "non_preferred_output": [{"role": "assistant", "content": "s"}],
        },
        {"prompt": "q", "completion": "r", "rejected": "s"},
    ],
)
def test_preference_data_is_refused_by_name_and_a_setting_trains_the_chosen_side(row: Any) -> None:
    found = bad(row)
    assert found.code == "preference_data" and "intake.preferences=chosen" in found.hint
    assert turns(row, Fields(train_chosen=True)) == PAIR
    assert good(row, Fields(train_chosen=True)).reading.notes == ("chosen_side",)


@pytest.mark.parametrize("key", ["label", "kto_tag", "is_correct", "desirable"])
def test_a_row_marked_as_a_bad_example_is_never_trained(key: str) -> None:
    rows: list[dict[str, Any]] = [
        {"prompt": "q", "completion": "r"},
        {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "r"}]},
    ]
    for row in rows:
        assert bad(row | {key: False}).code == "bad_example"
        assert bad(row | {key: "False"}).code == "bad_example"
        assert turns(row | {key: True}) == PAIR
        assert bad(row | {"weight": 0}).code == "not_to_be_trained"


@pytest.mark.parametrize(
    "row",
    [
        {"role": "user", "content": "q"},
        {"from": "human", "value": "q"},
        {"message_id": "m", "parent_id": None, "role": "prompter", "text": "q"},
    ],
)
def test_a_message_alone_is_no_row(row: dict[str, Any]) -> None:
    """The messages of a tree were trained as texts, a question as if it was to be said."""
    found = bad(row)
    assert found.code == "message_alone" and "of each conversation into one row" in found.hint


def test_a_text_with_a_role_that_is_none_is_a_text() -> None:
    assert good({"text": "t", "role": "nurse"}).example == Text("t")
    assert bad({"prompt": "q", "completion": "r", "label": "bad"}).code == "bad_example"


def test_a_label_of_a_text_is_no_verdict_on_it() -> None:
    assert good({"text": "t", "label": False}).reading.unread == ("label",)
    assert good({"prompt": "q", "completion": "r", "label": "sport"}).reading.unread == ("label",)
