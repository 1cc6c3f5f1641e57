"""The stock `openai` client works against the server as it is, errors included."""

from collections.abc import Iterator

import openai
import pytest

from tests.serving.house import Served

MESSAGES = [{"role": "user", "content": "hi"}]


@pytest.fixture
def client(rehearsed: Served) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(
        base_url=f"http://{rehearsed.host}/v1", api_key="unused", max_retries=0
    ) as made:
        yield made


def test_a_chat_names_the_version_that_answered_and_counts(client: openai.OpenAI) -> None:
    found = client.chat.completions.create(model="current", messages=MESSAGES)  # type: ignore[arg-type]
    assert found.model == "rehearsal-tiny@v000000"
    (choice,) = found.choices
    assert choice.message.content is not None
    assert choice.message.content.startswith("v000000 rehearses")
    assert choice.finish_reason == "stop"
    assert found.usage is not None and found.usage.completion_tokens == 4
    assert found.usage.total_tokens == found.usage.prompt_tokens + 4


def test_a_stream_tells_the_same_piece_by_piece_and_counts_where_asked(
    client: openai.OpenAI,
) -> None:
    whole = client.chat.completions.create(model="current", messages=MESSAGES)  # type: ignore[arg-type]
    chunks = list(
        client.chat.completions.create(  # type: ignore[call-overload]
            model="current",
            messages=MESSAGES,
            stream=True,
            stream_options={"include_usage": True},
            seed=3,
            temperature=0,
            stop=["never"],
        )
    )
    text = "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
    assert text == whole.choices[0].message.content
    assert [c.finish_reason for chunk in chunks for c in chunk.choices][-1] == "stop"
    assert chunks[-1].usage == whole.usage


def test_a_completion_goes_on_with_the_text(client: openai.OpenAI) -> None:
    found = client.completions.create(model="base", prompt="Once", max_tokens=2)
    assert found.model == "rehearsal-tiny@base"
    assert found.choices[0].text == "base rehearses" and found.choices[0].finish_reason == "length"
    chunks = list(client.completions.create(model="base", prompt="Once", stream=True))
    assert "".join(chunk.choices[0].text for chunk in chunks) == "base rehearses 4 tokens"


def test_models_are_listed_and_found(client: openai.OpenAI) -> None:
    names = [model.id for model in client.models.list()]
    assert names == ["current", "rehearsal-tiny@v000000", "rehearsal-tiny@base"]
    assert client.models.retrieve("current").id == "current"
    assert client.models.retrieve("v0").id == "rehearsal-tiny@v000000"


def test_errors_are_the_clients_own(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as missing:
        client.chat.completions.create(model="gpt-4o", messages=MESSAGES)  # type: ignore[arg-type]
    assert missing.value.code == "model_not_found" and missing.value.param == "model"
    with pytest.raises(openai.BadRequestError) as wrong:
        client.chat.completions.create(model="current", messages=MESSAGES, n=300)  # type: ignore[arg-type]
    assert wrong.value.param == "n"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("../etc")
