"""The commands and examples in the pages work."""

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from daemon.cli.entry import build
from daemon.core.rows.examples import Call, Chat, Turn
from daemon.core.rows.formats import Good, recognise
from daemon.core.rows.plain_form import PLAIN_FORM
from daemon.core.status.schema import FIELDS
from daemon.text.encoder import Encoded, TextEncoder
from tests.docs.pages import ROOT, page, pages
from tests.text.families import folder_of

COMMAND = re.compile(r"(?:^|[`'\s/])finetuned ([a-z][^`'#\n]*)", re.MULTILINE)


def shown_commands() -> list[str]:
    """Return every `finetuned …` in code of the pages."""
    found: set[str] = set()
    for path in pages():
        text = path.read_text(encoding="utf-8")
        code = re.findall(r"```sh\n(.*?)```", text, re.DOTALL) + re.findall(r"`([^`\n]+)`", text)
        for piece in code:
            found.update(line.strip(" &") for line in COMMAND.findall(piece))
    return sorted(found)


@pytest.mark.parametrize("shown", shown_commands())
def test_every_command_in_the_pages_exists_with_its_options(shown: str) -> None:
    words = shlex.split(shown)
    command: Any = typer.main.get_command(build())
    while hasattr(command, "commands"):
        assert words, f"finetuned {shown} lacks a command"
        assert words[0] in command.commands, f"finetuned has no command {words[0]}"
        command = command.commands[words.pop(0)]
    known = {option for parameter in command.params for option in parameter.opts}
    used = {word.strip("[]") for word in words if word.strip("[").startswith("--")}
    assert used <= known


def test_every_command_that_a_message_names_exists() -> None:
    """A damaged file of a run was answered with 'finetuned retry', which is no command."""
    command: Any = typer.main.get_command(build())
    known = set[str]()
    for path in sorted((ROOT / "daemon").rglob("*.py")):
        known.update(re.findall(r"'finetuned ([a-z][a-z-]*)", path.read_text(encoding="utf-8")))
    assert len(known) > 10 and known <= set(command.commands)


def test_every_make_target_in_the_pages_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", page("Makefile"), re.MULTILINE))
    shown = {
        word
        for path in pages()
        for word in re.findall(r"(?:^|`)make ([a-z-]+)", path.read_text(encoding="utf-8"), re.M)
    }
    assert shown - {"sure"} <= targets


def test_every_field_that_jq_is_asked_for_exists() -> None:
    asked = [line for path in pages() for line in _jq_lines(path)]
    assert asked
    assert {name for line in asked for name in re.findall(r"\.([a-z_]+)\b(?!son)", line)} <= {
        *FIELDS,
        "json",
    }


def _jq_lines(path: Path) -> list[str]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line.startswith("jq ")]


def test_the_quick_use_makes_a_workspace_that_knows_its_files(tmp_path: Path) -> None:
    where = tmp_path / "tuning"
    command = [sys.executable, "-m", "daemon"]
    subprocess.run([*command, "init", str(where)], cwd=tmp_path, check=True, capture_output=True)
    assert (where / "finetuned.toml").is_file()
    assert (where / "inbox" / "high").is_dir()


@pytest.mark.parametrize("name", ["smart_home.jsonl", "syllables.jsonl"])
def test_the_examples_have_the_rows_their_page_says(name: str) -> None:
    rows = [json.loads(line) for line in page(f"examples/{name}").splitlines()]
    said = re.search(rf"`{name}` \| (\d+) \|", page("examples/README.md"))
    assert said is not None
    assert len(rows) == int(said.group(1))
    assert (ROOT / "examples" / name).read_bytes().endswith(b"\n")


def test_every_answer_of_the_smart_home_example_is_a_compact_call() -> None:
    for line in page("examples/smart_home.jsonl").splitlines():
        system, _, answer = json.loads(line)["messages"]
        call = json.loads(answer["content"])
        assert system["content"] == "Answer with the function call as JSON."
        assert sorted(call) == ["arguments", "name"]
        assert json.dumps(call, separators=(",", ":"), ensure_ascii=False) == answer["content"]


@pytest.mark.model
@pytest.mark.parametrize("name", ["smart_home.jsonl", "syllables.jsonl"])
def test_the_default_model_can_be_taught_every_row_of_the_examples(name: str) -> None:
    """Its template leaves nothing out of them: they need no plain form."""
    text = TextEncoder.load(folder_of("smollm2"))
    assert not text.abilities.calls
    for line in page(f"examples/{name}").splitlines():
        found = recognise(json.loads(line))
        assert isinstance(found, Good), found
        assert not text.abilities.lost(found.example)


@pytest.mark.model
def test_the_plain_form_on_its_page_is_the_one_that_the_default_model_is_asked_in() -> None:
    """The page said that the model that comes with the package cannot learn calls."""
    tool = json.dumps({"type": "function", "function": {"name": "light", "parameters": {}}})
    called = Turn("assistant", "", calls=(Call("light", '{"on":true}'),))
    encoder = TextEncoder.load(folder_of("smollm2")).in_form(PLAIN_FORM)
    turns = (Turn("user", "It is dark."), called)
    (found,) = encoder.encode([Chat(turns, tools=(tool,))], 4096)
    assert isinstance(found, Encoded)
    shown = page("docs/data.md").split("looks like this:")[1].split("```")[1]
    for line in shown.strip().splitlines():
        words = line.removeprefix("system").removeprefix("user").removeprefix("assistant").strip()
        for part in words.split("…"):
            assert part in encoder.decode(found.tokens), part


def test_no_help_text_has_a_word_in_brackets() -> None:
    """The terminal reads them as markup and leaves them out, as it did with "[server]"."""

    def texts(command: Any) -> Iterator[str]:
        yield command.help or ""
        yield from (getattr(parameter, "help", None) or "" for parameter in command.params)
        for below in getattr(command, "commands", {}).values():
            yield from texts(below)

    found = list(texts(typer.main.get_command(build())))
    assert len(found) > 100
    assert not [text for text in found if re.search(r"(?<!\\)\[/?[a-z]", text)]
