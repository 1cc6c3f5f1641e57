"""`generate --schema`: an answer that follows a schema, by the server or a model loaded here."""

import json
from pathlib import Path

import pytest
import typer

from daemon.cli.chat.options import GenerateOptions
from daemon.cli.chat.running_server import Server, ServerSpeaker
from daemon.cli.chat.speaking import Speaker, choose
from daemon.core.evaluation.sampling import Sampling
from daemon.core.rows.examples import Turn
from daemon.errors import UserFault
from daemon.layout import Layout
from daemon.serving.mlx_engine import MlxEngine
from tests.serving.house import serving
from tests.serving.two_versions import two_versions

SCHEMA = {
    "type": "object",
    "properties": {"kind": {"enum": ["zebra", "quagga"]}, "seen": {"type": "boolean"}},
    "required": ["kind", "seen"],
}
HI = [Turn("user", "hi")]


def test_the_file_must_hold_a_schema(tmp_path: Path) -> None:
    path = tmp_path / "schema.json"
    for text in ("[]", "{", ""):
        path.write_text(text)
        with pytest.raises(typer.BadParameter, match="no JSON schema"):
            GenerateOptions(schema=path).sampling()
    path.write_text(json.dumps(SCHEMA))
    assert GenerateOptions(schema=path).sampling().schema == json.dumps(SCHEMA)
    assert GenerateOptions().sampling().schema is None


def test_here_and_by_the_server_the_answer_follows_the_schema(tmp_path: Path) -> None:
    layout = two_versions(Layout(tmp_path))
    target = choose(layout, "v000001", False)
    sampling = Sampling(200, schema=json.dumps(SCHEMA))
    here = Speaker(target)
    answer = "".join(here.stream(HI, sampling))
    found = json.loads(answer)
    assert found["kind"] in ("zebra", "quagga") and isinstance(found["seen"], bool)
    bad = Sampling(200, schema='{"properties": {"a": {"not": {}}}}')
    with pytest.raises(UserFault, match=r"properties\.a cannot be followed"):
        here.stream(HI, bad)
    with serving(layout, MlxEngine(versions=2)) as served:
        speaker = ServerSpeaker(Server(f"http://{served.host}", None), target)
        assert "".join(speaker.stream(HI, sampling)) == answer
        with pytest.raises(UserFault, match=r"schema\.properties\.a"):
            list(speaker.stream(HI, bad))
