"""What a model is asked by `generate` and `chat`: the prefix, and the choice of words."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from daemon.core.evaluation.sampling import Sampling
from daemon.folders.models import current_model
from daemon.folders.models.models import MANIFEST, SUM, Models
from daemon.layout import Layout
from daemon.settings import Settings
from daemon.text.encoder import TextEncoder
from tests.manifests import BASE
from tests.text.tiny_tokenizer import CHATML, write_tokenizer

Command = Callable[..., Result]
LEARNED = {"name": "brief", "text": "Answer briefly, as learned."}
TABLE = '[prefixes]\nbrief = "Answer briefly, as edited."\ncurt = "Be curt."\n'


class Model:
    """Stands for the model: notes what it is asked, and answers with a word."""

    def __init__(self, base: Path) -> None:
        self._text = TextEncoder.load(base)
        self.asked: list[str] = []
        self.sampling: list[Sampling] = []

    def stream(self, _m: Any, _t: Any, prompt: list[int], sampling: Sampling) -> Iterator[str]:
        self.asked.append(self._text.decode(prompt))
        self.sampling.append(sampling)
        return iter(["yes", " indeed"])


@pytest.fixture
def trained(layout: Layout) -> Layout:
    """A current version whose manifest holds a prefix, and settings that have changed since."""
    folder = layout.base("tiny")
    folder.mkdir(parents=True)
    write_tokenizer(folder, CHATML, eos="<|im_end|>")
    models = Models(layout)
    name = models.seal_base("2030-01-01T00:00:00+00:00", BASE, Settings().model_dump(mode="json"))
    path = layout.version(name) / MANIFEST
    # What is written by hand has no checksum, like versions of before there was one.
    (layout.version(name) / SUM).unlink()
    path.write_text(json.dumps({**json.loads(path.read_bytes()), "prefix": LEARNED}))
    current_model.point_at(layout, name)
    layout.settings_file.write_text(TABLE)
    return layout


@pytest.fixture
def model(trained: Layout, monkeypatch: pytest.MonkeyPatch) -> Model:
    made = Model(trained.base("tiny"))
    monkeypatch.setattr("daemon.model.loading.load_model", lambda base: (None, None))
    monkeypatch.setattr("daemon.model.generation.stream", made.stream)
    return made


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ([], "Answer briefly, as learned."),
        (["--prefix", "brief"], "Answer briefly, as edited."),
        (["--prefix", "curt"], "Be curt."),
        (["--prefix", "none"], None),
    ],
)
def test_a_version_is_asked_with_what_it_was_trained_with_or_what_is_named(
    finetuned: Command, trained: Layout, model: Model, words: list[str], text: str | None
) -> None:
    done = finetuned("generate", "hello", "--json", *words, "--root", trained.root)
    assert done.exit_code == 0, done.stderr
    named = None if text is None else (words or ["", "brief"])[1]
    assert json.loads(done.stdout)["prefix"] == named
    before = "" if text is None else f"system\n{text}\n"
    assert model.asked == [f"{before}user\nhello\nassistant\n"]


def test_it_stands_before_a_system_text_and_stays_in_a_conversation(
    finetuned: Command, trained: Layout, model: Model
) -> None:
    talk = "one\ntwo\n/quit\n"
    done = finetuned("chat", "--system", "Be kind.", "--root", trained.root, typed=talk)
    assert done.exit_code == 0 and "prefix brief" in done.stdout
    head = "system\nAnswer briefly, as learned.\n\nBe kind.\nuser\none\nassistant\n"
    assert model.asked == [head, f"{head}yes indeed\nuser\ntwo\nassistant\n"]


def test_an_unknown_prefix_is_refused_by_name(
    finetuned: Command, trained: Layout, model: Model
) -> None:
    done = finetuned("generate", "hello", "--prefix", "brisk", "--root", trained.root)
    assert done.exit_code == 1 and not model.asked
    assert "brisk" in done.stderr and "brief, curt" in done.stderr


def test_versions_are_listed_with_theirs(finetuned: Command, trained: Layout) -> None:
    assert "brief" in finetuned("versions", "--root", trained.root).stdout


@pytest.mark.parametrize(
    ("words", "sampling"),
    [
        ([], Sampling(256)),
        (["--max-tokens", "7", "--stop", "\n", "--stop", "END"], Sampling(7, stops=("\n", "END"))),
        (
            [
                "--temperature",
                "0.7",
                "--top-p",
                "0.9",
                "--top-k",
                "40",
                "--min-p",
                "0.05",
                "--seed",
                "0",
            ],
            Sampling(256, 0.7, 0.9, 40, 0.05, 0),
        ),
    ],
)
def test_the_choice_of_words_reaches_the_model(
    finetuned: Command, trained: Layout, model: Model, words: list[str], sampling: Sampling
) -> None:
    assert finetuned("generate", "hello", *words, "--root", trained.root).exit_code == 0
    assert finetuned("chat", *words, "--root", trained.root, typed="hello\n").exit_code == 0
    assert model.sampling[0] == sampling
    assert model.sampling[1].stops == sampling.stops and model.sampling[1].seed == sampling.seed


@pytest.mark.parametrize(
    "words",
    [
        ["--top-p", "0.9"],
        ["--top-k", "5"],
        ["--min-p", "0.1"],
        ["--seed", "1"],
        ["--temperature", "-1"],
        ["--temperature", "1", "--top-p", "1.5"],
        ["--temperature", "1", "--top-k", "0"],
        ["--temperature", "1", "--min-p", "2"],
        ["--stop", ""],
        ["--max-tokens", "0"],
    ],
)
@pytest.mark.parametrize("command", [("generate", "hello"), ("chat",)])
def test_a_choice_without_an_effect_or_a_meaning_is_refused(
    finetuned: Command, trained: Layout, model: Model, command: tuple[str, ...], words: list[str]
) -> None:
    assert finetuned(*command, *words, "--root", trained.root).exit_code == 2
    assert not model.asked
