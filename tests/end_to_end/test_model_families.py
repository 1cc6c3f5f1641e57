"""Models that people use, tiny and random but with their real texts, through a whole daemon.

`FINETUNED_FAMILIES=all` tries every family in both kinds; without it a sample.
"""

import json
import os
from pathlib import Path
from typing import Any

import openai
import pytest

from daemon.serving.mlx_engine import MlxEngine
from tests.end_to_end.workspace import Workspace, chats
from tests.model.shaped import Kind, write_shaped
from tests.serving.house import serving
from tests.text.families import FAMILIES, folder_of

pytestmark = pytest.mark.end_to_end

TEXTS = {
    "llama": "llama3_2",
    "qwen2": "qwen2_5",
    "qwen3": "qwen3",
    "gemma2": "gemma2",
    "gemma3_text": "gemma3",
    "mistral": "mistral_nemo",
    "phi3": "phi3",
    "smollm2": "smollm2",
}
"""The package with a family's tokenizer and chat template."""

KINDS: tuple[Kind, ...] = ("bf16", "4bit")
SAMPLE: list[tuple[str, Kind]] = [("qwen2", "4bit"), ("gemma2", "bf16")]
ALL = [(family, kind) for family in TEXTS for kind in KINDS]
TRIED = ALL if os.environ.get("FINETUNED_FAMILIES") == "all" else SAMPLE

SMALL = """
[inbox]
settle_s = 0.1
[training]
epochs = 1
batch_rows = 8
rank = 2
num_layers = 2
[evaluation]
samples = 2
judge_samples = 2
max_new_tokens = 4
"""

LIGHT: Any = {
    "type": "function",
    "function": {
        "name": "light",
        "description": "Turns a light on or off.",
        "parameters": {"type": "object", "properties": {"on": {"type": "boolean"}}},
    },
}


def calls(count: int) -> list[dict[str, Any]]:
    """Rows whose answers are calls of a tool."""
    call = {"type": "function", "function": {"name": "light", "arguments": {"on": True}}}
    return [
        {
            "messages": [
                {"role": "user", "content": f"It is dark in room {number}, help."},
                {"role": "assistant", "content": None, "tool_calls": [call]},
            ],
            "tools": [LIGHT],
        }
        for number in range(count)
    ]


@pytest.mark.timeout(400)
@pytest.mark.parametrize(("family", "kind"), TRIED)
def test_a_file_on_a_model_that_people_use_becomes_a_version_that_answers(
    tmp_path: Path, family: str, kind: Kind
) -> None:
    texts = TEXTS[family]
    base = write_shaped(tmp_path / f"{family}-{kind}", family, folder_of(texts), kind)
    settings = f"model = {json.dumps(str(base))}\n{SMALL}"
    with Workspace(tmp_path / "w", settings=settings, rehearse=False) as space:
        space.drop("talks.jsonl", [*chats(16), *calls(8)])
        space.start("--until-idle")
        space.wait("the end", lambda: not space.lives, more_s=200)
        assert space.wait_for_exit() == 0, space.story()
        assert len(space.jobs("done")) == 1 and space.current() == "v000001", space.story()
        said = " ".join(event["message"] for event in space.told("chat_template"))
        assert ("has no chat template" in said) is not FAMILIES[texts].template
        assert ("tools and tool calls" in said or "tools, tool calls" in said) is not (
            FAMILIES[texts].tools
        )
        ask(space)


def ask(space: Workspace) -> None:
    """Ask the version over HTTP, with a tool too: each template takes them, or the plain form."""
    asked: Any = [{"role": "user", "content": "It is dark."}]
    with (
        serving(space.layout, MlxEngine(versions=1)) as served,
        openai.OpenAI(base_url=f"http://{served.host}/v1", api_key="x", max_retries=0) as client,
    ):
        chat = client.chat.completions
        found = chat.create(model="current", messages=asked, max_tokens=4)
        assert found.usage is not None and found.usage.completion_tokens > 0
        assert found.model.endswith("v000001")
        assert chat.create(model="current", messages=asked, tools=[LIGHT], max_tokens=4)
