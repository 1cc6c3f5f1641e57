"""What a template cannot say is found by trying it, and said in a sentence with the way out."""

from pathlib import Path

import pytest

from daemon.core.rows.examples import Call, Chat, Turn
from daemon.text.abilities import Abilities
from daemon.text.encoder import TextEncoder
from tests.text.families import folder_of
from tests.text.tiny_tokenizer import CHATML, write_tokenizer

STRICT = (
    "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no system') }}"
    "{% endif %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
CALLS = Chat((Turn("user", "x"), Turn("assistant", "", calls=(Call("light", "{}"),))))


def abilities(folder: Path, template: str | None) -> Abilities:
    write_tokenizer(folder, template, eos="<|im_end|>")
    return TextEncoder.load(folder).abilities


def test_a_base_without_a_template_is_told_of_in_one_sentence(tmp_path: Path) -> None:
    (sentence,) = abilities(tmp_path, None).sentences()
    assert "no chat template" in sentence and "chat_template.jinja" in sentence


def test_a_template_that_refuses_system_texts_says_where_they_go(tmp_path: Path) -> None:
    found = abilities(tmp_path, STRICT)
    assert found.system == "refused"
    assert "refuses system texts: put instructions into the first user turn" in " ".join(
        found.sentences()
    )


def test_a_template_that_leaves_system_texts_out_is_known(tmp_path: Path) -> None:
    template = STRICT.replace("{{ raise_exception('no system') }}", "{% continue %}")
    assert abilities(tmp_path, template).system == "left_out"


def test_a_template_that_writes_no_calls_cannot_teach_them(tmp_path: Path) -> None:
    """The call was left out without a word, and the model learned to say nothing."""
    found = abilities(tmp_path, CHATML)
    why = found.unsayable(CALLS)
    assert why is not None and why.code == "calls_left_out"
    assert found.unsayable(Chat((Turn("user", "x"), Turn("assistant", "y")))) is None


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("qwen2_5", Abilities(True, "kept", True, True)),
        ("gemma3", Abilities(True, "kept", False, False)),
        ("phi3", Abilities(True, "kept", False, False)),
    ],
)
def test_real_templates_are_known_for_what_they_can(name: str, found: Abilities) -> None:
    assert TextEncoder.load(folder_of(name)).abilities == found
