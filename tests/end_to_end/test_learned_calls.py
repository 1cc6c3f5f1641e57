"""The embedded model, whose template knows no tools, learns to call and is served so.

Fault: such rows were trained one token each, the end mark, and the model was mute from then on.
"""

import json
from pathlib import Path
from typing import Any

import openai
import pytest

from daemon.serving.mlx_engine import MlxEngine
from tests.end_to_end.workspace import Workspace
from tests.serving.house import serving

pytestmark = [pytest.mark.end_to_end, pytest.mark.model]

ROOMS = (
    *("kitchen", "attic", "hall", "cellar", "garage", "study"),
    *("bath", "porch", "loft", "nursery", "pantry", "studio"),
)
SETTINGS = """
model = "smollm2-135m"
[inbox]
settle_s = 0.1
[training]
epochs = 3
batch_rows = 4
num_layers = 12
warmup_steps = 2
learning_rate = 1e-3
[evaluation]
eval_every = 0
samples = 0
judge_samples = 1
suites = []
"""
BLIND: Any = {
    "type": "function",
    "function": {
        "name": "set_blind",
        "description": "Move a blind",
        "parameters": {
            "type": "object",
            "properties": {"room": {"type": "string"}, "percent": {"type": "integer"}},
            "required": ["room", "percent"],
        },
    },
}


def row(room: str) -> dict[str, Any]:
    arguments = json.dumps({"room": room, "percent": 50})
    call = {"type": "function", "function": {"name": "set_blind", "arguments": arguments}}
    asked = {"role": "user", "content": f"Close the blind in the {room} half way"}
    return {"messages": [asked, {"role": "assistant", "tool_calls": [call]}], "tools": [BLIND]}


# The real model is trained and loaded: on a busy machine that takes long.
@pytest.mark.timeout(900)
def test_a_model_whose_template_writes_no_calls_learns_them_and_answers_with_tool_calls(
    tmp_path: Path,
) -> None:
    with Workspace(tmp_path / "w", settings=SETTINGS, rehearse=False) as space:
        space.drop("blinds.jsonl", [row(room) for room in ROOMS])
        space.start("--until-idle")
        space.wait("the end", lambda: not space.lives, more_s=800)
        assert space.wait_for_exit() == 0, space.story()
        manifest = json.loads((space.layout.version("v000001") / "manifest.json").read_bytes())
        assert manifest["plain_form"] == "hermes-1"
        said = " ".join(event["message"] for event in space.told("chat_template"))
        assert "leaves out tools and tool calls" in said
        ask(space)


def ask(space: Workspace) -> None:
    """Ask for a call as a client does, at once and in a stream."""
    with (
        serving(space.layout, MlxEngine(versions=1)) as served,
        openai.OpenAI(base_url=f"http://{served.host}/v1", api_key="x", max_retries=0) as client,
    ):
        model = "smollm2-135m@v000001"
        wanted: Any = {
            "model": model,
            "messages": row("cellar")["messages"][:1],
            "temperature": 0.0,
            "max_tokens": 64,
        }
        whole = client.chat.completions.create(**wanted, tools=[BLIND]).choices[0]
        assert whole.finish_reason == "tool_calls" and whole.message.tool_calls, whole
        (call,) = whole.message.tool_calls
        assert call.type == "function" and call.function.name == "set_blind"
        assert json.loads(call.function.arguments) == {"room": "cellar", "percent": 50}
        stream = client.chat.completions.create(**wanted, tools=[BLIND], stream=True)
        told = [
            c for chunk in stream for part in chunk.choices for c in part.delta.tool_calls or []
        ]
        assert [one.function.name for one in told if one.function] == ["set_blind"]
        none = client.chat.completions.create(**wanted, tools=[BLIND], tool_choice="none")
        assert not none.choices[0].message.tool_calls
