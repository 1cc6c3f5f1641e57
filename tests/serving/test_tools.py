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
from daemon.core.rows.prefix import Prefix
from daemon.layout import Layout
from daemon.serving.mlx_engine import MlxEngine
from daemon.serving.prompts import Prompts
from daemon.serving.registry import Registry
from daemon.serving.rehearsal import RehearsalEngine
from daemon.training.engine.stub_base import TEMPLATE
from tests.serving.house import make_models, serving

LAMP: Any = {"type": "function", "function": {"name": "lamp", "parameters": {"type": "object"}}}
ASKED: Any = [{"role": "user", "content": "light"}]
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
            assert served.ask("POST", "/v1/chat/completions", body).status == 422, arguments


@pytest.mark.parametrize(
    ("said", "text", "calls"),
    [
        (CALLED, "", (Call("lamp", '{"on":true}'),)),
        (f"Well. {CALLED}{CALLED} ", "Well.", (Call("lamp", '{"on":true}'),) * 2),
        ("<tool_call>\nno json\n</tool_call>", "<tool_call>\nno json\n</tool_call>", ()),
        ('<tool_call>{"name": "lamp"}</tool_call>', '<tool_call>{"name": "lamp"}</tool_call>', ()),
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
