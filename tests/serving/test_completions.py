"""Completions as benchmarks ask them: several prompts, token ids, echo and log-probabilities."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import openai
import pytest

from daemon.core.training.packing import RowShapes
from daemon.layout import Layout
from daemon.model.adapters import attach, load_adapter
from daemon.model.anatomy import Anatomy
from daemon.model.loading import load_model
from daemon.model.parallel import ParallelPasses
from daemon.serving.mlx_engine import MlxEngine
from daemon.settings import TrainingSettings
from daemon.text.encoder import Encoded, TextEncoder
from daemon.training.engine.step import Stepper
from tests.serving.house import Served, events, serving
from tests.serving.two_versions import SPEC, two_versions

PROMPT = [30, 31, 40, 50, 60, 70, 80]
V1 = "v000001"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    layout = two_versions(Layout(tmp_path_factory.mktemp("w")))
    with serving(layout, MlxEngine(versions=3), at_once=8, waiting=8) as found:
        yield found


def complete(served: Served, **body: Any) -> dict[str, Any]:
    reply = served.ask("POST", "/v1/completions", {"model": V1, "max_tokens": 4} | body)
    assert reply.status == 200, reply.body
    found: dict[str, Any] = reply.json()
    return found


def encoder(served: Served) -> TextEncoder:
    return TextEncoder.load(served.layout.base("rehearsal-tiny"))


def own_loss(layout: Layout, version: str, tokens: list[int], begin: int) -> float:
    """Return the loss that a verdict sums up over the tokens from `begin` on."""
    model, _ = load_model(layout.base("rehearsal-tiny"))
    attach(model, SPEC, 0)
    load_adapter(model, layout.version(version) / "adapters.safetensors")
    shapes = RowShapes(64, 1, packed=False)
    made = Stepper(Anatomy(model), TrainingSettings(), shapes, ParallelPasses())
    row = Encoded(np.array(tokens, np.int32), np.arange(len(tokens)) >= begin)
    ((nats, count),) = made.score([row])
    assert count == len(tokens) - begin
    return nats


@pytest.mark.parametrize("version", ["v000001", "v000002"])
def test_log_probabilities_of_an_echo_are_the_losses_of_our_own_evaluation(
    served: Served, version: str
) -> None:
    """As lm-evaluation-harness asks: ids, echo, one token more than it looks at."""
    draw = np.random.default_rng(5)
    prompts = [draw.integers(3, 258, length).tolist() for length in (9, 20, 150)]
    found = complete(
        served, model=version, prompt=prompts, echo=True, logprobs=1, max_tokens=1, temperature=0
    )
    assert [choice["index"] for choice in found["choices"]] == [0, 1, 2]
    for choice, tokens in zip(found["choices"], prompts, strict=True):
        scores, begin = choice["logprobs"], len(tokens) // 3
        assert len(scores["tokens"]) == len(tokens) + 1
        assert scores["token_logprobs"][0] is None and scores["top_logprobs"][0] is None
        nats = -sum(scores["token_logprobs"][begin:-1])
        assert nats == pytest.approx(own_loss(served.layout, version, tokens, begin), rel=1e-5)


def test_the_likeliest_token_is_told_beside_the_one_there_is(served: Served) -> None:
    """A benchmark sees by it whether an answer is what the model would say by itself."""
    said = complete(served, prompt=PROMPT, logprobs=1, max_tokens=5)["choices"][0]["logprobs"]
    assert len(said["tokens"]) == 5
    for token, value, best in zip(
        said["tokens"], said["token_logprobs"], said["top_logprobs"], strict=True
    ):
        assert best == {token: value} and value < 0
    echo = complete(served, prompt=PROMPT, logprobs=3, echo=True, max_tokens=0)["choices"][0]
    scores = echo["logprobs"]
    for token, value, best in list(
        zip(scores["tokens"], scores["token_logprobs"], scores["top_logprobs"], strict=True)
    )[1:]:
        assert 3 <= len(best) <= 4 and best[token] == value
    assert echo["finish_reason"] == "length"


def test_scores_do_not_change_an_answer_and_come_again_from_the_cache(served: Served) -> None:
    plain = complete(served, prompt=PROMPT, max_tokens=12)["choices"][0]["text"]
    scored = complete(served, prompt=PROMPT, max_tokens=12, logprobs=5)["choices"][0]
    echoed = complete(served, prompt=PROMPT, max_tokens=12, logprobs=5, echo=True)["choices"][0]
    assert scored["text"] == plain and echoed["text"].endswith(plain)
    assert echoed["logprobs"]["tokens"][len(PROMPT) :] == scored["logprobs"]["tokens"]
    assert echoed["logprobs"]["token_logprobs"][len(PROMPT) :] == pytest.approx(
        scored["logprobs"]["token_logprobs"], rel=1e-4
    )


def test_several_prompts_are_answered_in_one_reply_as_each_alone(served: Served) -> None:
    texts = ["one", "the second", "3"]
    ids = [encoder(served).encode_text(text) for text in texts]
    alone = [complete(served, prompt=text)["choices"][0]["text"] for text in texts]
    for prompts in (texts, ids):
        found = complete(served, prompt=prompts)
        assert [choice["text"] for choice in found["choices"]] == alone
        assert found["usage"]["prompt_tokens"] == sum(map(len, ids))
    assert complete(served, prompt=ids[0])["choices"][0]["text"] == alone[0]


def test_several_answers_to_one_prompt_differ_and_come_again_by_their_seed(
    served: Served,
) -> None:
    asked = {"prompt": "hi", "n": 3, "temperature": 1.5, "seed": 7, "max_tokens": 8}
    first, again = complete(served, **asked), complete(served, **asked)
    texts = [choice["text"] for choice in first["choices"]]
    assert len(set(texts)) == 3
    assert texts == [choice["text"] for choice in again["choices"]]
    assert texts[0] == complete(served, **asked | {"n": 1})["choices"][0]["text"]
    assert first["usage"]["completion_tokens"] <= 24
    chat = served.ask(
        "POST", "/v1/chat/completions", {"messages": [{"role": "user", "content": "a"}], "n": 2}
    ).json()
    assert [choice["index"] for choice in chat["choices"]] == [0, 1]


def test_a_stream_of_several_answers_says_of_each_part_whose_it_is(served: Served) -> None:
    whole = complete(served, prompt=["one", "two"], n=2, max_tokens=6)
    body = {"model": V1, "prompt": ["one", "two"], "n": 2, "max_tokens": 6, "stream": True}
    told = events(served.ask("POST", "/v1/completions", body).body)
    assert told[-1] == "[DONE]"
    texts = {index: "" for index in range(4)}
    for event in told[:-1]:
        for choice in event["choices"]:
            texts[choice["index"]] += choice["text"]
    assert list(texts.values()) == [choice["text"] for choice in whole["choices"]]


def test_chat_tells_log_probabilities_whole_and_in_a_stream(served: Served) -> None:
    with openai.OpenAI(base_url=f"http://{served.host}/v1", api_key="x", max_retries=0) as client:
        asked: Any = {
            "model": V1,
            "messages": [{"role": "user", "content": "hi"}],
            "max_tokens": 6,
            "logprobs": True,
            "top_logprobs": 2,
        }
        whole = client.chat.completions.create(**asked).choices[0]
        assert whole.logprobs is not None and whole.logprobs.content is not None
        for token in whole.logprobs.content:
            assert len(token.top_logprobs) == 2 and token.bytes is not None
            assert token.top_logprobs[0].token == token.token
            assert token.logprob >= token.top_logprobs[1].logprob
            assert math.exp(token.logprob) <= 1
        parts = [
            token
            for chunk in client.chat.completions.create(**asked, stream=True)
            for choice in chunk.choices
            for token in (choice.logprobs.content if choice.logprobs else None) or []
        ]
        assert [one.token for one in parts] == [one.token for one in whole.logprobs.content]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"prompt": []}, "prompt"),
        ({"prompt": [[]]}, "prompt"),
        ({"prompt": [["a"]]}, "prompt"),
        ({"prompt": ["a", 5]}, "prompt"),
        ({"prompt": [5, True]}, "prompt"),
        ({"prompt": [-1]}, "prompt"),
        ({"prompt": [10**9]}, "prompt"),
        ({"prompt": [1.5]}, "prompt"),
        ({"prompt": {"text": "a"}}, "prompt"),
        ({"prompt": None}, "prompt"),
        ({"prompt": ["a"] * 17}, "n"),
        ({"n": 0}, "n"),
        ({"n": 17}, "n"),
        ({"n": "2"}, "n"),
        ({"best_of": 3}, "best_of"),
        ({"logprobs": 21}, "logprobs"),
        ({"logprobs": True}, "logprobs"),
        ({"echo": "yes"}, "echo"),
        ({"suffix": " end"}, "suffix"),
    ],
)
def test_a_completion_that_cannot_be_made_is_refused_by_its_field(
    served: Served, change: dict[str, Any], field: str
) -> None:
    reply = served.ask("POST", "/v1/completions", {"model": V1, "prompt": "hi"} | change)
    told = reply.json()["error"]
    assert reply.status == 400 and told["param"] == field and field in told["message"]


def test_an_empty_answer_is_given_where_none_is_asked_for(served: Served) -> None:
    found = complete(served, prompt="hi", max_tokens=0)
    assert found["choices"][0]["text"] == "" and found["usage"]["completion_tokens"] == 0
    echoed = complete(served, prompt="hi there", max_tokens=0, echo=True)["choices"][0]
    assert echoed["text"] == "hi there" and echoed["logprobs"] is None
