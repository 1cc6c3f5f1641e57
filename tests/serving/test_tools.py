"""Tools, where the model's template has them: calls come back as OpenAI's clients know them."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import openai
import pytest
from mlx_lm.tool_parsers import json_tools

from daemon.clock import SystemClock
from daemon.core.rows.examples import Call, Turn
from daemon.core.rows.plain_form import PLAIN_FORM
from daemon.core.rows.prefix import Prefix
from daemon.core.workspace.versions import AdapterSpec
from daemon.layout import Layout
from daemon.serving.generation import AnswerStep, RequestRefused
from daemon.serving.mlx_engine import MlxEngine
from daemon.serving.prompts import Prompts
from daemon.serving.registry import Registry
from daemon.serving.rehearsal import RehearsalEngine
from daemon.serving.tool_calls import calls_in
from daemon.text.encoder import TextEncoder
from daemon.training.engine.stub_base import TEMPLATE, make_base
from tests.serving.house import add_version, make_models, serving

LAMP: Any = {"type": "function", "function": {"name": "lamp", "parameters": {"type": "object"}}}
ASKED: Any = [{"role": "user", "content": "light"}]
THOUGHT = "<think>\nDark.\n</think>"
CALLED = '<tool_call>\n{"name": "lamp", "arguments": {"on": true}}\n</tool_call>'


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """A workspace whose template shows tools and calls."""
    made = Layout(tmp_path)
    facts = make_models(made)
    config = made.base(facts.name) / "tokenizer_config.json"
    texts = json.loads(config.read_text())
    tools = "{% for t in tools or [] %}{{ t | tojson }}{% endfor %}"
    calls = "{% for m in messages %}{% for c in m.tool_calls or [] %}{{ c | tojson }}{% endfor %}"
    texts["chat_template"] = f"{tools}{calls}{{% endfor %}}{TEMPLATE}"
    config.write_text(json.dumps(texts))
    return made


@pytest.fixture
def without(tmp_path: Path) -> Layout:
    """A workspace whose template knows no tools."""
    made = Layout(tmp_path)
    make_models(made)
    return made


class Saying(RehearsalEngine):
    """Says what it is given, and has its calls found as any model without a form of its own."""

    def __init__(self, said: str) -> None:
        super().__init__(SystemClock(), 0.0)
        self.said = said

    def step(self) -> list[AnswerStep]:
        ends = [replace(steps[-1], text=self.said, finish="stop") for steps in self._open.values()]
        self._open.clear()
        return ends

    def calls(self, text: str, tools: Sequence[str]) -> tuple[str, tuple[Call, ...]]:
        return calls_in(text, tools)


class Calling(RehearsalEngine):
    """Calls the lamp whatever it says."""

    def calls(self, text: str, tools: Sequence[str]) -> tuple[str, tuple[Call, ...]]:
        assert json.loads(tools[0]) == LAMP
        return text, (Call("lamp", '{"on":true}'),)


def test_a_call_comes_back_as_one_at_once_and_in_a_stream(layout: Layout) -> None:
    engine = Calling(SystemClock(), 0.0)
    with (
        serving(layout, engine) as served,
        openai.OpenAI(base_url=f"http://{served.host}/v1", api_key="x", max_retries=0) as client,
    ):
        whole = client.chat.completions.create(model="current", messages=ASKED, tools=[LAMP])
        stream = client.chat.completions.create(
            model="current", messages=ASKED, tools=[LAMP], stream=True
        )
        parts = [choice for chunk in stream for choice in chunk.choices]
        found = whole.choices[0]
        assert found.finish_reason == "tool_calls" and found.message.tool_calls
        (call,) = found.message.tool_calls
        assert call.type == "function" and call.function.name == "lamp"
        assert json.loads(call.function.arguments) == {"on": True}
        (told,) = [c for part in parts for c in part.delta.tool_calls or []]
        assert told.function is not None and told.function.arguments == '{"on":true}'
        assert parts[-1].finish_reason == "tool_calls"

        again: Any = [
            *ASKED,
            found.message,
            {
                "role": "tool",
                "tool_call_id": call.id,
                "content": "it is on",
            },
        ]
        assert client.chat.completions.create(model="current", messages=again, tools=[LAMP])
        none = client.chat.completions.create(
            model="current", messages=ASKED, tools=[LAMP], tool_choice="none"
        )
        assert none.choices[0].finish_reason == "stop" and not none.choices[0].message.tool_calls


def test_a_call_whose_arguments_are_no_object_is_refused(layout: Layout) -> None:
    with serving(layout, RehearsalEngine(SystemClock(), 0.0)) as served:
        for arguments in ("", "[1]", "{", "NaN", "[" * 5000, '{"a":NaN}'):
            call = {"name": "lamp", "arguments": arguments}
            message = {
                "role": "assistant",
                "tool_calls": [{"id": "1", "type": "function", "function": call}],
            }
            body = {"model": "current", "messages": [*ASKED, message]}
            assert served.ask("POST", "/v1/chat/completions", body).status == 400, arguments


@pytest.mark.parametrize(
    ("said", "text", "calls"),
    [
        (CALLED, "", (Call("lamp", '{"on":true}'),)),
        (f"Well. {CALLED}{CALLED} ", "Well.", (Call("lamp", '{"on":true}'),) * 2),
        ("<tool_call>\nno json\n</tool_call>", "<tool_call>\nno json\n</tool_call>", ()),
        ('<tool_call>{"name": "lamp"}</tool_call>', "", (Call("lamp", "{}"),)),
        ("<tool_call>[]", "<tool_call>[]", ()),
        ("just words", "just words", ()),
    ],
)
def test_calls_are_read_in_the_models_own_form_and_what_is_none_stays_text(
    said: str, text: str, calls: tuple[Call, ...]
) -> None:
    engine = MlxEngine(versions=1)
    engine._tokenizer = SimpleNamespace(
        has_tool_calling=True,
        tool_parser=json_tools.parse_tool_call,
        tool_call_start=json_tools.tool_call_start,
        tool_call_end=json_tools.tool_call_end,
    )
    assert engine.calls(said, [json.dumps(LAMP)]) == (text, calls)


def test_a_version_is_asked_with_the_prefix_it_was_trained_with(layout: Layout) -> None:
    subject = Registry(layout).find("current")
    prompts = Prompts()
    said = replace(subject, prefix=Prefix("brief", "Be brief."))
    turns = [Turn("user", "hi")]
    told = prompts.of_chat(said, turns, ())
    assert told == prompts.of_chat(subject, [Turn("system", "Be brief."), *turns], ())
    assert prompts.of_text(said, "hi") == prompts.of_text(subject, "hi")


@pytest.mark.parametrize(
    ("said", "text", "calls"),
    [
        (CALLED, "", (Call("lamp", '{"on":true}'),)),
        (f"Well.\n{CALLED}\n{CALLED}", "Well.", (Call("lamp", '{"on":true}'),) * 2),
        (
            f"<think>\nDark.\n</think>\n\n{CALLED}",
            "<think>\nDark.\n</think>",
            (Call("lamp", '{"on":true}'),),
        ),
        ('{"name": "lamp", "arguments": {"on": true}}', "", (Call("lamp", '{"on":true}'),)),
        ('{"name": "Ada", "arguments": {}}', '{"name": "Ada", "arguments": {}}', ()),
        ('{"name": "Ada", "age": 36}', '{"name": "Ada", "age": 36}', ()),
        ("just words", "just words", ()),
        (CALLED[:-30], CALLED[:-30], ()),
    ],
)
def test_calls_of_a_model_without_a_form_of_its_own_are_found(
    said: str, text: str, calls: tuple[Call, ...]
) -> None:
    """A JSON answer is no call unless it names a tool that was offered."""
    engine = MlxEngine(versions=1)
    engine._tokenizer = SimpleNamespace(
        has_tool_calling=False, tool_call_start=None, tool_call_end=None
    )
    for found in (engine.calls(said, [json.dumps(LAMP)]), calls_in(said, [json.dumps(LAMP)])):
        assert found == (text, calls)


def test_a_model_whose_template_knows_no_tools_is_offered_them_and_answers_with_calls(
    without: Layout,
) -> None:
    """Every request with tools was refused."""
    with (
        serving(without, Saying(f"{CALLED}\n{CALLED}")) as served,
        openai.OpenAI(base_url=f"http://{served.host}/v1", api_key="x", max_retries=0) as client,
    ):
        chat = client.chat.completions
        whole = chat.create(model="current", messages=ASKED, tools=[LAMP]).choices[0]
        assert whole.finish_reason == "tool_calls" and whole.message.content is None
        assert [call.type for call in whole.message.tool_calls or []] == ["function"] * 2
        one = chat.create(
            model="current", messages=ASKED, tools=[LAMP], parallel_tool_calls=False
        ).choices[0]
        assert one.finish_reason == "tool_calls" and len(one.message.tool_calls or []) == 1
        stream = chat.create(model="current", messages=ASKED, tools=[LAMP], stream=True)
        parts = [choice for chunk in stream for choice in chunk.choices]
        told = [c for part in parts for c in part.delta.tool_calls or []]
        assert [c.index for c in told] == [0, 1] and parts[-1].finish_reason == "tool_calls"
        none = chat.create(model="current", messages=ASKED, tools=[LAMP], tool_choice="none")
        assert none.choices[0].finish_reason == "stop" and not none.choices[0].message.tool_calls
        results = [{"role": "tool", "tool_call_id": c.id, "content": "on"} for c in told]
        again: Any = [*ASKED, whole.message, *results]
        assert chat.create(model="current", messages=again, tools=[LAMP]).choices


def test_what_the_model_is_asked_is_what_training_writes(without: Layout) -> None:
    subject = Registry(without).find("current")
    turns = [Turn("user", "light"), Turn("assistant", "", calls=(Call("lamp", "{}"),))]
    told = Prompts().of_chat(subject, [*turns, Turn("tool", "on")], [json.dumps(LAMP)])
    text = TextEncoder.load(subject.base).decode(told)
    assert "<tools>" in text and '<tool_call>\n{"name": "lamp", "arguments": {}}' in text
    none = Prompts().of_chat(subject, turns[:1], ())
    assert none == tuple(TextEncoder.load(subject.base).encode_prompt(turns[:1]))


def test_a_version_is_asked_in_the_form_that_its_manifest_names(without: Layout) -> None:
    """One of before there was a form was never shown a tool; the base is asked as is set."""
    facts = make_base(without, "tiny")
    spec = AdapterSpec("lora", 2, 2.0, 0.0, 1, ())
    add_version(without, facts, "v000001", b"old", spec)
    add_version(without, facts, "v000002", b"new", spec, plain_form=PLAIN_FORM)
    registry, prompts = Registry(without), Prompts()
    turns, tools = [Turn("user", "light")], [json.dumps(LAMP)]
    new, base = (registry.find(f"rehearsal-tiny@{one}") for one in ("v000002", "base"))
    assert prompts.of_chat(new, turns, tools) == prompts.of_chat(base, turns, tools)
    old = registry.find("rehearsal-tiny@v000001")
    with pytest.raises(RequestRefused, match="tools_unsupported"):
        prompts.of_chat(old, turns, tools)
    without.settings_file.write_text('[template]\nleft_out = "refuse"\n')
    with pytest.raises(RequestRefused, match="tools_unsupported"):
        prompts.of_chat(registry.find("base"), turns, tools)
    assert prompts.of_chat(registry.find("rehearsal-tiny@v000002"), turns, tools)
