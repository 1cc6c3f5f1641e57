"""`generate` and `chat` beside a running server: it answers, and in the same way."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from daemon.cli.chat.running_server import _deltas
from daemon.clock import SystemClock
from daemon.core.evaluation.sampling import Sampling
from daemon.core.workspace.versions import AdapterSpec
from daemon.folders.disk import locks
from daemon.layout import Layout
from daemon.serving.generation import AnswerStep, GenerationJob
from daemon.serving.rehearsal import RehearsalEngine
from tests.serving.house import Served, add_version, make_models, serving

Command = Callable[..., Result]
SPEC = AdapterSpec("lora", 1, 1.0, 0.0, 1, ())


class Noting(RehearsalEngine):
    """Notes what it is asked, and fails on request."""

    def __init__(self) -> None:
        super().__init__(SystemClock(), 0.0)
        self.works: list[GenerationJob] = []
        self.fails = False

    def begin(self, work: GenerationJob) -> None:
        self.works.append(work)
        super().begin(work)

    def step(self) -> list[AnswerStep]:
        if self.fails and len(self.works) > 1:
            self.fails = False
            raise RuntimeError
        return super().step()


@pytest.fixture
def versions(layout: Layout) -> Layout:
    """The base as v000000, and v000001 over it with a prefix of its own."""
    facts = make_models(layout)
    own = {"name": "brief", "text": "Answer briefly, as learned."}
    add_version(layout, facts, "v000001", b"weights", SPEC, prefix=own)
    layout.settings_file.write_text(
        '[prefixes]\nbrief = "Be brief."\ncurt = "Be as curt as ever you can be."\n'
    )
    return layout


@pytest.fixture
def asked_here(versions: Layout, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The lengths of the prompts that a model loaded in this process is asked, in tokens."""
    lengths: list[int] = []

    def stream(_m: Any, _t: Any, prompt: list[int], _: Sampling) -> Iterator[str]:
        lengths.append(len(prompt))
        return iter(["made here"])

    class Model:
        def eval(self) -> None:
            """Be what a model is."""

    monkeypatch.setattr("daemon.model.loading.load_model", lambda base: (Model(), None))
    for name in ("attach", "detach", "load_adapter"):
        monkeypatch.setattr(f"daemon.model.adapters.{name}", lambda *_: None)
    monkeypatch.setattr("daemon.model.generation.stream", stream)
    return lengths


@pytest.fixture
def served(versions: Layout, request: pytest.FixtureRequest) -> Iterator[Served]:
    """A running server that is written down as `finetuned serve` does it."""
    with serving(versions, Noting(), **getattr(request, "param", {})) as found:
        record = locks.acquire(versions.server_lock, f"http://{found.host}")
        assert record is not None
        yield found
        record.release()


def test_the_running_server_answers_even_while_the_trainer_has_the_model(
    finetuned: Command, versions: Layout, served: Served, asked_here: list[int]
) -> None:
    trainer = locks.acquire(versions.trainer_lock)
    assert trainer is not None
    done = finetuned("generate", "hello", "--version", "1", "--root", versions.root)
    trainer.release()
    assert done.exit_code == 0 and done.stdout.startswith("v000001 rehearses")
    assert served.host in done.stderr and "--here" in done.stderr
    assert len(done.stderr.splitlines()) == 1 and not asked_here


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--base"],
        ["--version", "1"],
        ["--version", "1", "--prefix", "brief"],
        ["--version", "1", "--prefix", "none"],
        ["--base", "--prefix", "curt"],
        ["--system", "Be kind.", "--prefix", "curt"],
    ],
)
def test_both_ways_ask_the_same_of_the_model(
    finetuned: Command, versions: Layout, served: Served, asked_here: list[int], words: list[str]
) -> None:
    line = ["generate", "hello", *words, "--root", str(versions.root)]
    if "--base" in words:
        text = versions.settings_file.read_text()
        versions.settings_file.write_text(f'model = "tiny"\n{text}')
    by_server, here = finetuned(*line), finetuned(*line, "--here")
    assert by_server.exit_code == here.exit_code == 0, by_server.stderr + here.stderr
    assert here.stdout == "made here\n" and here.stderr == ""
    assert re.findall(r"rehearses (\d+) tokens", by_server.stdout) == [str(asked_here[0])]


def test_the_choice_of_words_reaches_the_server(
    finetuned: Command, versions: Layout, served: Served
) -> None:
    words = [
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
        "--max-tokens",
        "5",
        "--stop",
        "zzz",
    ]
    assert finetuned("generate", "hello", *words, "--root", versions.root).exit_code == 0
    assert finetuned("generate", "hello", "--root", versions.root).exit_code == 0
    engine = served.engine
    assert isinstance(engine, Noting)
    assert [work.sampling for work in engine.works] == [
        Sampling(5, 0.7, 0.9, 40, 0.05, 0, ("zzz",)),
        Sampling(256),
    ]


def test_versions_change_and_are_compared_in_a_conversation_with_the_server(
    finetuned: Command, versions: Layout, served: Served, asked_here: list[int]
) -> None:
    lines = ["one", "/version 1", "two", "/compare 0 v1", "three", "/version v9", "four"]
    typed = "".join(f"{line}\n" for line in lines)
    done = finetuned("chat", "--root", versions.root, typed=typed)
    assert done.exit_code == 0 and not asked_here
    said = re.findall(r"(v00000\d|base) rehearses", done.stdout)
    assert said == ["v000000", "v000001", "v000000", "v000001", "v000000", "v000001"]
    assert "there is no version v9" in done.stderr and "training waits" not in done.stdout
    assert isinstance(served.engine, Noting)
    lengths = [len(work.prompt) for work in served.engine.works]
    assert lengths == sorted(lengths), "each question stands after what was said before"


def test_an_answer_that_fails_is_told_and_the_conversation_goes_on(
    finetuned: Command, versions: Layout, served: Served
) -> None:
    assert isinstance(served.engine, Noting)
    served.engine.fails = True
    done = finetuned("chat", "--root", versions.root, typed="one\ntwo\nthree\n")
    assert done.exit_code == 0
    assert "answers 500" in done.stderr and done.stdout.count("rehearses") == 2


def test_what_the_server_refuses_is_the_commands_failure(
    finetuned: Command, versions: Layout, served: Served
) -> None:
    done = finetuned("generate", "hello " * 9000, "--root", versions.root)
    assert done.exit_code == 1 and "answers 400: This model's maximum context" in done.stderr


def test_comments_of_a_stream_are_skipped() -> None:
    """The server writes one every few seconds while it reads a prompt."""
    lines = [b": still at work\n", b"\n", b'data: {"choices": [{"delta": {"content": "a"}}]}\n']
    assert list(_deltas([*lines, b"data: [DONE]\n"])) == ["a"]


@pytest.mark.parametrize("served", [{"token": True}], indirect=True)
def test_the_token_is_shown_to_a_server_that_asks_for_it(
    finetuned: Command, versions: Layout, served: Served
) -> None:
    done = finetuned("generate", "hello", "--root", versions.root)
    assert done.exit_code == 0 and "rehearses" in done.stdout
    versions.server_token.write_text("x" * 40)
    wrong = finetuned("generate", "hello", "--root", versions.root)
    assert wrong.exit_code == 1 and "answers 401" in wrong.stderr


def test_a_server_that_is_gone_is_not_waited_for(
    finetuned: Command, versions: Layout, asked_here: list[int]
) -> None:
    """Its record may be there with no holder, or with one that has just stopped listening."""
    with serving(versions, Noting()) as found:
        record = locks.acquire(versions.server_lock, f"http://{found.host}")
    line = ("generate", "hello", "--root", versions.root)
    assert finetuned(*line).stdout == "made here\n"
    assert record is not None
    record.release()
    done = finetuned(*line)
    assert done.stdout == "made here\n" and done.stderr == ""


def test_a_version_from_elsewhere_is_loaded_here(
    finetuned: Command, versions: Layout, served: Served, asked_here: list[int], tmp_path: Path
) -> None:
    other = Layout(tmp_path / "other")
    facts = make_models(other)
    elsewhere = add_version(other, facts, "v000001", b"weights", SPEC)
    line = ("generate", "hello", "--version", elsewhere, "--root", versions.root)
    done = finetuned(*line)
    assert done.stdout == "made here\n" and "does not have v000001" in done.stderr
    talk = finetuned("chat", "--root", versions.root, typed=f"/version {elsewhere}\nhello\n")
    assert "use --here" in talk.stderr and "v000000 rehearses" in talk.stdout
