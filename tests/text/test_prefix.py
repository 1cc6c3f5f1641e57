"""Where a prefix goes, and that nothing else of a row changes with it."""

from pathlib import Path

import pytest

from daemon.core.rows.examples import Call, Chat, Example, Text, Turn
from daemon.core.rows.prefix import Prefix, fingerprint_of
from daemon.text.encoder import Encoded, TextEncoder, Unfit
from daemon.text.fitting import fit
from daemon.text.prefix import put_before
from daemon.text.template import Unrenderable
from tests.text import tiny_tokenizer as tiny
from tests.text.families import FAMILIES, folder_of
from tests.text.test_encoder import ANY, chat, encoder, said, spell
from tests.text.test_fitting import LIGHT, TOOLS

BRIEF = Prefix("brief", "Answer briefly.")
SILENT = (
    "{% for m in messages %}{% if m['role'] != 'system' %}"
    "{{ '<|im_start|>' + m['role'] + '\\n' + m['content'] + '<|im_end|>\\n' }}{% endif %}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
"""A template that takes a system turn and leaves it out."""

LAST = (
    "{% set told = messages[0]['content'] if messages[0]['role'] == 'system' else '' %}"
    "{% for m in messages %}{% if m['role'] != 'system' %}{{ '<|im_start|>' + m['role'] + '\\n' }}"
    "{{ told + '\\n' if told and loop.last and m['role'] == 'user' else '' }}"
    "{{ m['content'] + '<|im_end|>\\n' }}{% endif %}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
"""A template like Mistral's: the system text stands in the last turn, where that is a question."""


def spelled(text: TextEncoder, example: Example) -> str:
    (found,) = text.encode([example], ANY)
    assert isinstance(found, Encoded), found
    return spell(found.tokens.tolist())


def test_it_is_the_system_turn_where_a_row_has_none(tmp_path: Path) -> None:
    text = encoder(tmp_path, tiny.CHATML).prefixed(BRIEF)
    assert text.prefix_place == "system"
    assert spelled(text, chat("hi", "ho")) == (
        "<|im_start|>system\nAnswer briefly.<|im_end|>\n"
        "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\nho<|im_end|>\n"
    )


def test_it_stands_before_a_rows_own_system_text(tmp_path: Path) -> None:
    text = encoder(tmp_path, tiny.CHATML).prefixed(BRIEF)
    assert spelled(text, chat("hi", "ho", system="Be kind.")).startswith(
        "<|im_start|>system\nAnswer briefly.\n\nBe kind.<|im_end|>\n<|im_start|>user\nhi"
    )


@pytest.mark.parametrize("template", [tiny.GEMMA, SILENT, LAST])
def test_without_a_system_turn_it_stands_in_the_first_question_only(
    tmp_path: Path, template: str
) -> None:
    text = encoder(tmp_path, template).prefixed(BRIEF)
    assert text.prefix_place == "first_user"
    found = spelled(text, chat("hi", "ho", "more", "yes"))
    assert "user\nAnswer briefly.\n\nhi<" in found and "user\nmore<" in found
    assert found.count("Answer briefly.") == 1


def test_a_conversation_without_a_question_is_refused_not_changed() -> None:
    with pytest.raises(Unrenderable, match="no user turn"):
        put_before((Turn("assistant", "ho"),), "Answer briefly.", "first_user")


@pytest.mark.parametrize("template", [tiny.CHATML, tiny.LLAMA3, tiny.GEMMA, tiny.THINKING, None])
def test_what_the_model_has_to_say_is_the_same(tmp_path: Path, template: str | None) -> None:
    text, talk = encoder(tmp_path, template), chat("hi", "hello", "more", "yes")
    assert said(text.prefixed(BRIEF), talk) == said(text, talk)
    assert "Answer briefly." in spelled(text.prefixed(BRIEF), talk)


def test_conversations_with_tools_have_it_too(tmp_path: Path) -> None:
    turns = (Turn("user", "dark"), Turn("assistant", "", calls=(Call("light", "{}"),)))
    talk = Chat(turns, tools=(LIGHT,))
    text = encoder(tmp_path, TOOLS)
    assert "Answer briefly." in spelled(text.prefixed(BRIEF), talk)
    assert said(text.prefixed(BRIEF), talk) == said(text, talk)


def test_plain_text_has_none(tmp_path: Path) -> None:
    text = encoder(tmp_path, tiny.CHATML)
    assert spelled(text.prefixed(BRIEF), Text("once")) == spelled(text, Text("once"))


def test_a_question_has_it_where_the_trained_row_has_it(tmp_path: Path) -> None:
    for template in (tiny.CHATML, tiny.GEMMA, LAST):
        text = encoder(tmp_path, template).prefixed(BRIEF)
        talk = chat("hi", "ho")
        asked = spell(text.encode_prompt(talk.turns[:-1]))
        assert "Answer briefly." in asked and spelled(text, talk).startswith(asked)


def test_what_people_are_shown_has_it_as_read_only(tmp_path: Path) -> None:
    pieces = encoder(tmp_path, tiny.CHATML).prefixed(BRIEF).pieces(chat("hi", "ho"), ANY)
    read = "".join(piece.text for piece in pieces if piece.kind == "ignored")
    assert "Answer briefly." in read


def test_an_encoder_stays_as_it_is(tmp_path: Path) -> None:
    text = encoder(tmp_path, tiny.CHATML)
    before = spelled(text, chat("hi", "ho"))
    prefixed = text.prefixed(BRIEF)
    assert spelled(text, chat("hi", "ho")) == before
    assert spelled(prefixed.prefixed(None), chat("hi", "ho")) == before


def test_control_tokens_in_it_stay_plain_text(tmp_path: Path) -> None:
    forged = Prefix("forged", "Say <|im_end|> at the end.")
    (found,) = encoder(tmp_path, tiny.CHATML).prefixed(forged).encode([chat("hi", "ho")], ANY)
    assert isinstance(found, Encoded) and found.forged == 1
    end = 256 + tiny.CONTROLS.index("<|im_end|>")
    assert found.tokens.tolist().count(end) == 3


def test_its_tokens_count_towards_the_limit(tmp_path: Path) -> None:
    text, talk = encoder(tmp_path, tiny.CHATML), chat("hi", "ho")
    (free,) = text.encode([talk], ANY)
    assert isinstance(free, Encoded)
    (tight,) = text.prefixed(BRIEF).encode([talk], len(free.tokens))
    assert isinstance(tight, Unfit) and tight.code == "too_long"


def test_every_part_of_a_split_row_has_it_and_is_kept_without(tmp_path: Path) -> None:
    text = encoder(tmp_path, tiny.CHATML).prefixed(BRIEF)
    one = chat("hi", "hello")
    (alone,) = text.encode([one], ANY)
    assert isinstance(alone, Encoded)
    whole = chat("hi", "hello", "ho", "howdy")
    (found,) = fit(text, [whole], len(alone.tokens), "split")
    assert [example for example, _ in found.parts] == [one, chat("ho", "howdy")]
    assert all("Answer briefly." in spell(part.tokens.tolist()) for _, part in found.parts)


@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_real_templates_take_it_and_say_the_same(name: str) -> None:
    plain = TextEncoder.load(folder_of(name))
    text, talk = plain.prefixed(BRIEF), chat("What is it?", "It is that.", "And?", "More.")
    (with_it,), (without,) = text.encode([talk], ANY), plain.encode([talk], ANY)
    assert isinstance(with_it, Encoded) and isinstance(without, Encoded)
    assert text.decode(with_it.tokens).count("Answer briefly.") == 1
    learned = with_it.tokens[with_it.supervised].tolist()
    assert learned == without.tokens[without.supervised].tolist()


def test_another_name_or_another_text_is_another_prefix() -> None:
    others = (None, BRIEF, Prefix("short", BRIEF.text), Prefix("brief", "Be short."))
    assert len({fingerprint_of(prefix) for prefix in others}) == 4
