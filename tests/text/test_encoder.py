"""What a model is trained to say, by templates of several families."""

from pathlib import Path

import pytest

from daemon.core.rows.examples import Chat, Text, Turn
from daemon.errors import ModelFault
from daemon.text.encoder import Encoded, TextEncoder, Unfit
from daemon.text.template import Unrenderable
from tests.footprint import gained_mib
from tests.text import tiny_tokenizer as tiny

ANY = 10_000


def chat(*contents: str, system: str | None = None) -> Chat:
    """Return a conversation in which user and assistant take turns."""
    roles = ("user", "assistant") * len(contents)
    turns = [Turn(role, text) for role, text in zip(roles, contents, strict=False)]  # type: ignore[arg-type]
    return Chat((Turn("system", system), *turns) if system is not None else tuple(turns))


def encoder(folder: Path, template: str | None, eos: str = "</s>") -> TextEncoder:
    tiny.write_tokenizer(folder, template, eos)
    return TextEncoder.load(folder)


def said(text: TextEncoder, example: Chat | Text) -> list[str]:
    """Return the runs of supervised tokens, control tokens included."""
    (found,) = text.encode([example], ANY)
    assert isinstance(found, Encoded), found
    runs: list[list[int]] = [[]]
    for token, counts in zip(found.tokens, found.supervised, strict=True):
        if counts:
            runs[-1].append(int(token))
        elif runs[-1]:
            runs.append([])
    return [spell(run) for run in runs if run]


def spell(tokens: list[int]) -> str:
    parts = []
    for token in tokens:
        control = token >= 256
        parts.append(tiny.CONTROLS[token - 256].encode() if control else bytes([token]))
    return b"".join(parts).decode()


def test_every_assistant_turn_counts_with_its_end_of_turn_token(tmp_path: Path) -> None:
    text = encoder(tmp_path, tiny.CHATML)
    assert said(text, chat("hi", "hello", "more", "yes\nindeed", system="be kind")) == [
        "hello<|im_end|>",
        "yes\nindeed<|im_end|>",
    ]


def test_headers_and_trimmed_contents_of_llama_3_are_told_apart(tmp_path: Path) -> None:
    text = encoder(tmp_path, tiny.LLAMA3)
    assert said(text, chat(" hi \n", " hello\n", "x", "y")) == ["hello<|eot_id|>", "y<|eot_id|>"]


def test_a_template_that_renames_the_assistant_is_followed(tmp_path: Path) -> None:
    text = encoder(tmp_path, tiny.GEMMA)
    assert said(text, chat("hi", "hello", "x", "y")) == ["hello<end_of_turn>", "y<end_of_turn>"]


def test_a_template_that_refuses_a_role_makes_the_row_unfit(tmp_path: Path) -> None:
    """Fault P18."""
    text = encoder(tmp_path, tiny.GEMMA)
    bad, good = text.encode([chat("hi", "ho", system="be kind"), chat("hi", "ho")], ANY)
    assert isinstance(bad, Unfit) and bad.code == "template_error"
    assert "System role not supported" in bad.message
    assert isinstance(good, Encoded)


def test_what_a_template_puts_before_an_answer_is_said_by_the_model(tmp_path: Path) -> None:
    text = encoder(tmp_path, tiny.THINKING)
    assert said(text, chat("hi", "<think>hm</think>\n\nhello", "x", "y")) == [
        "hello<|im_end|>",
        "<think>\n\n</think>\n\ny<|im_end|>",
    ]


def test_control_tokens_spelled_in_a_content_stay_text(tmp_path: Path) -> None:
    """Fault P19."""
    text = encoder(tmp_path, tiny.CHATML)
    (found,) = text.encode([chat("a<|im_end|>b", "c<|im_start|>d")], ANY)
    assert isinstance(found, Encoded)
    starts, ends = (256 + tiny.CONTROLS.index(t) for t in ("<|im_start|>", "<|im_end|>"))
    tokens = found.tokens.tolist()
    assert (tokens.count(starts), tokens.count(ends)) == (2, 2)
    assert said(text, chat("a<|im_end|>b", "c<|im_start|>d")) == ["c<|im_start|>d<|im_end|>"]


def test_an_answer_that_repeats_the_question_counts_once(tmp_path: Path) -> None:
    text = encoder(tmp_path, tiny.CHATML)
    (found,) = text.encode([chat("echo", "echo")], ANY)
    assert isinstance(found, Encoded)
    assert int(found.supervised.sum()) == len("echo") + 1
    assert said(text, chat("echo", "echo")) == ["echo<|im_end|>"]


def test_without_a_template_turns_are_lines_and_the_text_ends(tmp_path: Path) -> None:
    text = encoder(tmp_path, None)
    (found,) = text.encode([chat("hi", "hello")], ANY)
    assert isinstance(found, Encoded)
    assert spell(found.tokens.tolist()) == "hi\nhello</s>"
    assert said(text, chat("hi", "hello")) == ["hello</s>"]
    assert text.template_fingerprint == "none"


def test_plain_text_counts_whole_and_ends(tmp_path: Path) -> None:
    assert said(encoder(tmp_path, tiny.CHATML), Text("Größe 🎉")) == ["Größe 🎉</s>"]


def test_a_prompt_ends_where_the_answer_of_the_same_row_begins(tmp_path: Path) -> None:
    text = encoder(tmp_path, tiny.LLAMA3)
    example = chat("what?", "that")
    (found,) = text.encode([example], ANY)
    assert isinstance(found, Encoded)
    prompt = text.encode_prompt(example.turns[:-1])
    first = int(found.supervised.argmax())
    assert found.tokens[:first].tolist() == prompt


def test_a_prompt_the_template_refuses_is_told(tmp_path: Path) -> None:
    with pytest.raises(Unrenderable, match="System role"):
        encoder(tmp_path, tiny.GEMMA).encode_prompt([Turn("system", "x"), Turn("user", "y")])


def test_a_row_longer_than_the_limit_is_unfit_with_its_length(tmp_path: Path) -> None:
    """Fault P17."""
    text = encoder(tmp_path, None)
    (fits,) = text.encode([chat("hi", "hello")], 9)
    (long,) = text.encode([chat("hi", "hello")], 8)
    assert isinstance(fits, Encoded)
    assert isinstance(long, Unfit) and (long.code, "9" in long.message) == ("too_long", True)


def test_a_conversation_without_an_answer_has_nothing_to_learn(tmp_path: Path) -> None:
    """Fault P17."""
    (found,) = encoder(tmp_path, tiny.CHATML).encode([chat("hi")], ANY)
    assert isinstance(found, Unfit) and found.code == "no_supervised_tokens"


def test_a_template_that_rewrites_answers_is_followed_step_by_step(tmp_path: Path) -> None:
    template = "{% for m in messages %}{{ m['content'] | upper }}|{% endfor %}"
    assert said(encoder(tmp_path, template), chat("hi", "hello")) == ["HELLO|"]


def test_a_template_that_rewrites_the_past_beyond_recognition_makes_the_row_unfit(
    tmp_path: Path,
) -> None:
    template = "{% for m in messages %}{{ loop.length }}{{ m['content'] | upper }}|{% endfor %}"
    (found,) = encoder(tmp_path, template).encode([chat("hi", "hello")], ANY)
    assert isinstance(found, Unfit) and found.code == "template_error"


def test_a_template_cannot_reach_out_of_its_sandbox(tmp_path: Path) -> None:
    template = "{{ messages.__class__.__mro__[1].__subclasses__() }}"
    (found,) = encoder(tmp_path, template).encode([chat("hi", "hello")], ANY)
    assert isinstance(found, Unfit)


def test_a_template_that_does_not_compile_is_a_fault_of_the_model(tmp_path: Path) -> None:
    with pytest.raises(ModelFault, match="cannot be compiled"):
        encoder(tmp_path, "{% if %}")


def test_a_directory_without_a_tokenizer_is_told_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ModelFault, match="there is no tokenizer"):
        TextEncoder.load(tmp_path)


def test_tokenizer_and_template_have_fingerprints_of_their_own(tmp_path: Path) -> None:
    one, other = encoder(tmp_path, tiny.CHATML), encoder(tmp_path, tiny.LLAMA3)
    assert one.fingerprint == other.fingerprint
    assert one.template_fingerprint != other.template_fingerprint


WORDS = """
import os
import random
from pathlib import Path

os.environ["TOKENIZERS_PARALLELISM"] = "false"
from daemon.core.rows.examples import Text
from daemon.layout import Layout
from daemon.text.encoder import TextEncoder
from daemon.training.engine.stub_base import make_base

layout = Layout(Path({folder!r}))
encoder = TextEncoder.load(layout.base(make_base(layout, "tiny").name))
draw = random.Random(1)

def repeat(number):
    words = ("".join(draw.choices("abcdefghijklmnopqrstuvwxyz", k=180)) for _ in range(10))
    encoder.encode([Text(word) for word in words], 1000)
"""


def test_words_that_never_come_again_are_not_remembered(tmp_path: Path) -> None:
    # A tokenizer remembers ten thousand words in each thread if it is let.
    assert gained_mib(WORDS.format(folder=str(tmp_path)), 300, 900) < 12
