"""`chat` with several versions: who answers, what each knows, and what is no command."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from daemon.cli.chat.speaking import LoadTarget, Speaker
from daemon.core.evaluation.sampling import Sampling
from daemon.core.records import to_json_value
from daemon.core.rows.prefix import Prefix
from daemon.core.workspace.versions import AdapterSpec
from daemon.errors import ModelFault
from daemon.folders.models import current_model
from daemon.folders.models.models import MANIFEST, SUM, Models
from daemon.layout import Layout
from daemon.settings import Settings
from daemon.text.encoder import TextEncoder
from tests.manifests import BASE
from tests.text.tiny_tokenizer import CHATML, write_tokenizer

Command = Callable[..., Result]
SPEC = AdapterSpec("lora", 1, 1.0, 0.0, 1, ())


class Model:
    """Stands for the model: notes what was done to it, and answers with the adapter it wears."""

    def __init__(self, base: Path) -> None:
        self._text = TextEncoder.load(base)
        self.done: list[str] = []
        self.asked: list[str] = []
        self.worn = "bare"

    def load(self, base: Path) -> tuple[None, None]:
        self.done.append(f"load {base.name}")
        return None, None

    def attach(self, _m: None, _spec: AdapterSpec, _seed: int) -> None:
        assert self.worn == "bare", "two adapters at once"
        self.worn = "fresh"

    def detach(self, _m: None) -> None:
        assert self.worn != "bare"
        self.worn = "bare"

    def load_adapter(self, _m: None, path: Path) -> None:
        if path.parent.name == "v000003":
            raise ModelFault("adapter_damaged", "v000003 is damaged")
        self.worn = path.parent.name
        self.done.append(f"wear {self.worn}")

    def stream(self, _m: None, _t: None, prompt: list[int], _: Sampling) -> Iterator[str]:
        self.asked.append(self._text.decode(prompt))
        return iter([self.worn])

    def eval(self) -> None:
        """Be what a model is."""


@pytest.fixture
def versions(layout: Layout) -> Layout:
    """The base as v000000, and v000001 to v000003 with adapters, each with its own prefix."""
    folder = layout.base("tiny")
    folder.mkdir(parents=True)
    write_tokenizer(folder, CHATML, eos="<|im_end|>")
    for number in range(4):
        name = Models(layout).seal_base(
            "2030-01-01T00:00:00+00:00", BASE, Settings().model_dump(mode="json")
        )
        path = layout.version(name) / MANIFEST
        (layout.version(name) / SUM).unlink()
        own = {"adapter": to_json_value(SPEC), "prefix": {"name": "p", "text": f"Be {number}."}}
        path.write_text(json.dumps({**json.loads(path.read_bytes()), **(own if number else {})}))
    current_model.point_at(layout, "v000001")
    return layout


@pytest.fixture
def model(versions: Layout, monkeypatch: pytest.MonkeyPatch) -> Model:
    made = Model(versions.base("tiny"))
    for place, stand_in in (
        ("loading.load_model", lambda base: (made, made.load(base)[1])),
        ("adapters.attach", made.attach),
        ("adapters.detach", made.detach),
        ("adapters.load_adapter", made.load_adapter),
        ("generation.stream", made.stream),
    ):
        monkeypatch.setattr(f"daemon.model.{place}", stand_in)
    return made


def talk(finetuned: Command, layout: Layout, *lines: str) -> Result:
    typed = "".join(f"{line}\n" for line in lines)
    done = finetuned("chat", "--root", layout.root, typed=typed)
    assert done.exit_code == 0, done.stderr
    return done


def test_another_version_goes_on_with_the_conversation_on_the_same_base(
    finetuned: Command, versions: Layout, model: Model
) -> None:
    done = talk(finetuned, versions, "one", "/version v2", "two", "/version 0", "three")
    assert model.done == ["load tiny", "wear v000001", "wear v000002"]
    assert "v000002: answers from now on" in done.stdout
    assert model.asked[1] == (
        "system\nBe 2.\nuser\none\nassistant\nv000001\nuser\ntwo\nassistant\n"
    )
    assert model.asked[2].endswith("user\nthree\nassistant\n") and model.worn == "bare"


def test_two_versions_answer_side_by_side_and_each_knows_its_own_words(
    finetuned: Command, versions: Layout, model: Model
) -> None:
    done = talk(finetuned, versions, "one", "/compare 1 v2", "two", "three", "/version 2", "four")
    assert "v000001:\nv000001\nv000002:\nv000002" in done.stdout.replace("> ", "")
    asked = model.asked
    assert len(asked) == 6
    assert "assistant\nv000001\nuser\ntwo\nassistant\nv000001\nuser\nthree" in asked[3]
    assert "assistant\nv000001\nuser\ntwo\nassistant\nv000002\nuser\nthree" in asked[4]


def test_a_version_that_is_not_there_or_damaged_leaves_the_one_before(
    finetuned: Command, versions: Layout, model: Model
) -> None:
    done = talk(finetuned, versions, "/version v9", "/version 3", "/compare 3 1", "one")
    assert "there is no version v9" in done.stderr
    assert "v000003 is damaged" in done.stderr
    assert model.worn == "v000001" and model.asked == ["system\nBe 1.\nuser\none\nassistant\n"]


@pytest.mark.parametrize("line", ["/versoin v2", "/version", "/compare v1", "/new now"])
def test_what_is_no_command_is_not_asked_but_explained(
    finetuned: Command, versions: Layout, model: Model, line: str
) -> None:
    done = talk(finetuned, versions, line, "/etc/hosts is what?")
    assert "is not a command" in done.stderr and "/compare A B" in done.stdout
    assert len(model.asked) == 1 and "/etc/hosts" in model.asked[0]


def test_a_new_conversation_is_new_for_both(
    finetuned: Command, versions: Layout, model: Model
) -> None:
    talk(finetuned, versions, "/compare 1 2", "one", "/new", "two")
    assert [asked.count("user") for asked in model.asked] == [1, 1, 1, 1]


def test_turning_to_what_it_is_does_nothing(versions: Layout, model: Model) -> None:
    target = LoadTarget(versions.base("tiny"), versions.version("v000001"), Prefix("p", "Be 1."))
    speaking: Any = Speaker(target)
    done = list(model.done)
    speaking.switch_to(target)
    assert model.done == done
