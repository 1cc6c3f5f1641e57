"""What can be asked, and by which names: as on the command line."""

from collections.abc import Iterator

import pytest

from daemon.clock import SystemClock
from daemon.core.workspace.versions import AdapterSpec
from daemon.folders.models import current_model
from daemon.layout import Layout
from daemon.serving.rehearsal import RehearsalEngine
from tests.serving.house import Served, add_version, make_models, serving

SPEC = AdapterSpec("lora", 2, 2.0, 0.0, 1, ())
HI = [{"role": "user", "content": "hi"}]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Three versions; the middle one is current."""
    layout = Layout(tmp_path_factory.mktemp("w"))
    facts = make_models(layout)
    for name in ("v000001", "v000012"):
        add_version(layout, facts, name, b"x", SPEC)
    current_model.point_at(layout, "v000001")
    with serving(layout, RehearsalEngine(SystemClock(), 0.0)) as found:
        yield found


def test_current_is_listed_first_then_the_newest_version_down_to_the_base(served: Served) -> None:
    """The first that a client saw was the untouched base; `current` was not there."""
    listed = served.ask("GET", "/v1/models").json()["data"]
    assert [model["id"] for model in listed] == [
        "current",
        "rehearsal-tiny@v000012",
        "rehearsal-tiny@v000001",
        "rehearsal-tiny@v000000",
        "rehearsal-tiny@base",
    ]
    assert listed[0]["root"] == "rehearsal-tiny@v000001"


@pytest.mark.parametrize(
    ("name", "version"),
    [
        (None, "v000001"),
        ("current", "v000001"),
        ("current_model", "v000001"),
        ("latest", "v000012"),
        ("v12", "v000012"),
        ("12", "v000012"),
        ("v000012", "v000012"),
        ("v0", "v000000"),
        ("base", "base"),
        ("rehearsal-tiny@v000001", "v000001"),
    ],
)
def test_a_version_has_the_names_that_it_has_on_the_command_line(
    served: Served, name: str | None, version: str
) -> None:
    for path, body in (
        ("/v1/chat/completions", {"messages": HI}),
        ("/v1/completions", {"prompt": "hi"}),
        ("/generate", {"prompt": "hi"}),
    ):
        reply = served.ask("POST", path, body | {"model": name})
        assert reply.status == 200, reply.body
        assert reply.json()["model"] == f"rehearsal-tiny@{version}"
    if name is None:
        assert served.ask("POST", "/v1/chat/completions", {"messages": HI}).status == 200


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("curent", "current"),
        ("rehearsal-tiny", "rehearsal-tiny@"),
        ("v13", "v12"),
        ("gpt-4o", "current"),
        ("", "current"),
        ("../etc", "current"),
    ],
)
def test_an_unknown_name_is_repeated_with_the_nearest_known_one(
    served: Served, name: str, near: str
) -> None:
    """It said that there was no such model, and not which."""
    reply = served.ask("POST", "/v1/chat/completions", {"model": name, "messages": HI})
    told = reply.json()["error"]
    assert reply.status == 404 and told["code"] == "model_not_found" and told["param"] == "model"
    assert f'"{name}"' in told["message"]
    assert near in told["message"] or near.replace("v", "v0000") in told["message"]
