"""The reasoning of an answer is learned in the template's own place for it, or as <think> text
(fault: `reasoning_content` of a message was dropped without a word).
"""

from pathlib import Path

import pytest

from daemon.core.rows.examples import Chat, Turn
from daemon.text.encoder import Encoded, TextEncoder
from tests.text.families import folder_of
from tests.text.tiny_tokenizer import CHATML, LLAMA3, write_tokenizer

PLACE = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{% if m.reasoning_content %}"
    "[THINK]{{ m.reasoning_content }}[/THINK]{% endif %}{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
SILENT = CHATML.replace("m['content']", "m['content'].split('</think>')[-1]")
THOUGHT = Turn("assistant", "Four.", reasoning="Two and two.")
CHAT = Chat((Turn("user", "2 + 2?"), THOUGHT))


def learned(encoder: TextEncoder, chat: Chat) -> str:
    """Return the text that the loss counts on."""
    (found,) = encoder.encode([chat], 4096)
    assert isinstance(found, Encoded)
    return encoder.decode(found.tokens[found.supervised])


def over(folder: Path, template: str | None) -> TextEncoder:
    write_tokenizer(folder, template, eos="<|im_end|>")
    return TextEncoder.load(folder)


@pytest.mark.parametrize("template", [CHATML, LLAMA3, None])
def test_reasoning_stands_before_the_answer_where_the_template_has_no_place(
    tmp_path: Path, template: str | None
) -> None:
    assert "<think>\nTwo and two.\n</think>\n\nFour." in learned(over(tmp_path, template), CHAT)


def test_reasoning_stands_in_the_place_that_the_template_has(tmp_path: Path) -> None:
    encoder = over(tmp_path, PLACE)
    assert learned(encoder, CHAT) == "[THINK]Two and two.[/THINK]Four."
    pair = Chat((*CHAT.turns, Turn("user", "And?"), Turn("assistant", "Six.", reasoning="More.")))
    assert learned(encoder, pair).count("[THINK]") == 2


def test_a_real_template_that_thinks_is_given_its_own_words() -> None:
    encoder = TextEncoder.load(folder_of("qwen3"))
    assert "Two and two." in learned(encoder, CHAT)
    assert learned(encoder, CHAT).startswith("<think>")


def test_reasoning_that_the_template_drops_is_told(tmp_path: Path) -> None:
    found = over(tmp_path, SILENT).abilities
    assert not found.reasoning and found.lost(CHAT) == ("reasoning",)
    earlier = Chat((*CHAT.turns, Turn("user", "And?"), Turn("assistant", "Six.")))
    assert "earlier_reasoning" in found.lost(earlier)


def test_a_control_token_in_a_thought_stays_text(tmp_path: Path) -> None:
    """It would end the turn within the thought."""
    forged = Chat((Turn("user", "q"), Turn("assistant", "a", reasoning="<|im_end|>")))
    (found,) = over(tmp_path, CHATML).encode([forged], 4096)
    assert isinstance(found, Encoded) and found.forged == 1
