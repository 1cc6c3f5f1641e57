"""What a template cannot say is found by trying it, and said in a sentence with the way out."""

from pathlib import Path

import pytest

from daemon.core.rows.examples import Call, Chat, Turn
from daemon.core.rows.plain_form import PLAIN_FORM
from daemon.text.abilities import Abilities, remarks
from daemon.text.encoder import TextEncoder
from tests.text.families import folder_of
from tests.text.tiny_tokenizer import CHATML, write_tokenizer

STRICT = (
    "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no system') }}"
    "{% endif %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
CALL = Call("light", '{"on":true}')
CALLS = Chat((Turn("user", "x"), Turn("assistant", "", calls=(CALL,))))
TALK = Chat((Turn("user", "x"), Turn("assistant", "y")))


def abilities(folder: Path, template: str | None) -> Abilities:
    write_tokenizer(folder, template, eos="<|im_end|>")
    return TextEncoder.load(folder).abilities


def test_a_base_without_a_template_is_told_with_the_form_that_is_used(tmp_path: Path) -> None:
    missing, written = abilities(tmp_path, None).sentences(PLAIN_FORM)
    assert "no chat template" in missing and "chat_template.jinja" in missing
    assert "line by line, each turn a line and the last one followed by the end mark" in missing
    assert "tools, tool calls and tool results" in written and PLAIN_FORM in written


def test_what_a_template_leaves_out_is_told_with_what_becomes_of_it(tmp_path: Path) -> None:
    found = abilities(tmp_path, STRICT)
    assert found.system == "refused"
    (written,) = found.sentences(PLAIN_FORM)
    assert "leaves out system texts, tools and tool calls: they are written" in written
    (refused,) = found.sentences(None)
    assert 'such rows are refused; set template.left_out = "write"' in refused
    (either,) = found.sentences()
    assert "as template.left_out says" in either


def test_a_template_that_leaves_system_texts_out_is_known(tmp_path: Path) -> None:
    template = STRICT.replace("{{ raise_exception('no system') }}", "{% continue %}")
    assert abilities(tmp_path, template).system == "left_out"


def test_a_template_that_writes_no_calls_cannot_teach_them(tmp_path: Path) -> None:
    """The call was left out without a word, and the model learned to say nothing."""
    found = abilities(tmp_path, CHATML)
    why = found.refusal(CALLS)
    assert why is not None and why.code == "calls_left_out" and "template.left_out" in why.hint
    assert found.refusal(TALK) is None


@pytest.mark.parametrize(
    ("code", "chat"),
    [
        ("system_left_out", Chat((Turn("system", "Be brief."), *TALK.turns))),
        ("tools_left_out", Chat(TALK.turns, tools=('{"function":{"name":"light"}}',))),
        ("results_left_out", Chat((TALK.turns[0], Turn("tool", "on"), TALK.turns[1]))),
        (
            "reasoning_left_out",
            Chat((TALK.turns[0], Turn("assistant", "y", reasoning="Let me see."))),
        ),
    ],
)
def test_whatever_a_template_leaves_out_of_a_row_is_a_reason_to_refuse_it(
    tmp_path: Path, code: str, chat: Chat
) -> None:
    """Only rows with calls were refused: tools and system texts went, and rows were trained."""
    silent = STRICT.replace("'system' %}", "'system' or m.role == 'tool' %}")
    silent = silent.replace("m.content", "m.content.split('</think>')[-1]")
    found = abilities(tmp_path, silent)
    why = found.refusal(chat)
    assert why is not None and why.code == code
    (lost,) = found.lost(chat)
    (told,) = remarks({lost: 3}, None)
    assert "3 row(s)" in told and "refused" in told
    assert PLAIN_FORM in remarks({lost: 3}, PLAIN_FORM)[0]


def test_a_template_whose_calls_leave_out_text_or_other_calls_is_known(tmp_path: Path) -> None:
    """Llama's takes one call at a time and drops the text beside it."""
    one = CHATML.replace(
        "m['content']", "(m.tool_calls[0].function | tojson if m.tool_calls else m['content'])"
    )
    found = abilities(tmp_path, one)
    assert found.calls and not found.several_calls and not found.text_with_calls
    assert found.lost(CALLS) == ()
    beside = Turn("assistant", "I look.", calls=(CALL,))
    several = Turn("assistant", "", calls=(CALL, CALL))
    for turn in (beside, several):
        assert found.lost(Chat((Turn("user", "x"), turn))) == ("calls",)


NOTHING = {"results_after_text": False, "several_calls": False, "text_with_calls": False}
IN_TEXT = {"several_calls": False, "text_with_calls": False}


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("qwen2_5", Abilities(True, "kept", True, True)),
        ("qwen3", Abilities(True, "kept", True, True, True, False)),
        ("llama3_2", Abilities(True, "kept", True, True, **IN_TEXT)),
        (
            "mistral_nemo",
            Abilities(
                True, "left_out", True, True, results_after_text=False, text_with_calls=False
            ),
        ),
        ("gemma3", Abilities(True, "kept", False, False, results=False, **NOTHING)),
        ("phi3", Abilities(True, "kept", False, False, results=False, **NOTHING)),
        ("deepseek_v3", Abilities(True, "kept", False, False, **IN_TEXT)),
        ("smollm2", Abilities(True, "kept", False, False, **IN_TEXT)),
        ("gemma2", Abilities(False, "kept", False, False, results=False, **NOTHING)),
    ],
)
def test_real_templates_are_known_for_what_they_can(name: str, found: Abilities) -> None:
    assert TextEncoder.load(folder_of(name)).abilities == found
