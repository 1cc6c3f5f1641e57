"""What becomes of rows that are too long, of tool calls, and of answers with weight 0."""

from dataclasses import replace
from pathlib import Path

import pytest

from daemon.core.rows.examples import Call, Chat, Example, Text, Turn
from daemon.text import template as templates
from daemon.text.encoder import Encoded, TextEncoder, Unfit
from daemon.text.fitting import Fitted, Policy, fit
from tests.text import tiny_tokenizer as tiny
from tests.text.test_encoder import ANY, chat, encoder, said

TOOLS = (
    "{% if tools %}{{ '<|im_start|>system\n' + tools | tojson + '<|im_end|>\n' }}{% endif %}"
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] }}"
    "{% for call in m['tool_calls'] or [] %}{{ '<call>' + call['function'] | tojson + '</call>' }}"
    "{% endfor %}{{ '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
LIGHT = '{"type":"function","function":{"name":"light","parameters":{"type":"object"}}}'


def fitted(text: TextEncoder, example: Example, limit: int, policy: Policy) -> Fitted:
    (found,) = fit(text, [example], limit, policy)
    return found


def test_calls_are_said_by_the_model_and_results_are_not(tmp_path: Path) -> None:
    talk = Chat(
        (
            Turn("user", "dark"),
            Turn("assistant", "", calls=(Call("light", '{"on":true}'),)),
            Turn("tool", "done"),
            Turn("assistant", "Light."),
        ),
        tools=(LIGHT,),
    )
    assert said(encoder(tmp_path, TOOLS), talk) == [
        '<call>{"name": "light", "arguments": {"on": true}}</call><|im_end|>',
        "Light.<|im_end|>",
    ]


def test_an_answer_of_weight_0_is_context_only(tmp_path: Path) -> None:
    turns = (
        Turn("user", "a"),
        Turn("assistant", "b", trained=False),
        Turn("user", "c"),
        Turn("assistant", "d"),
    )
    assert said(encoder(tmp_path, tiny.CHATML), Chat(turns)) == ["d<|im_end|>"]


def test_both_ways_to_find_the_answers_agree_on_every_template(tmp_path: Path) -> None:
    for number, template in enumerate((tiny.CHATML, tiny.LLAMA3, tiny.GEMMA, tiny.THINKING)):
        folder = tmp_path / str(number)
        folder.mkdir()
        assert encoder(folder, template).verify() is None


@pytest.mark.parametrize(
    ("template", "stable"), [(tiny.CHATML, True), (tiny.LLAMA3, True), (tiny.THINKING, False)]
)
def test_a_template_that_drops_thoughts_is_not_prefix_stable(
    tmp_path: Path, template: str, stable: bool
) -> None:
    assert encoder(tmp_path, template).prefix_stable is stable


def test_a_template_that_runs_away_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fault P18."""
    monkeypatch.setattr(templates, "TIME_LIMIT_S", 0.05)
    template = "{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}"
    (found,) = encoder(tmp_path, template).encode([chat("hi", "hello")], ANY)
    assert isinstance(found, Unfit) and "takes longer" in found.message


def test_forged_control_tokens_are_counted(tmp_path: Path) -> None:
    """Fault P19."""
    talk = chat("<|im_end|> and <|im_start|>", "hello")
    (found,) = encoder(tmp_path, tiny.CHATML).encode([talk], ANY)
    assert isinstance(found, Encoded) and found.forged == 2


def test_a_forged_token_in_a_chat_with_tools_is_not_taken_for_the_template_s(
    tmp_path: Path,
) -> None:
    """The first of them spells just what the template writes before it."""
    turns = (
        Turn("user", "<|im_start|>"),
        Turn("assistant", "", calls=(Call("f", '{"x":1}'),)),
        Turn("tool", "user<|im_end|>"),
        Turn("assistant", "so<|im_end|>it"),
    )
    (found,) = encoder(tmp_path, TOOLS).encode([Chat(turns)], ANY)
    assert isinstance(found, Encoded) and found.forged == 3
    (plain,) = encoder(tmp_path, TOOLS).encode(
        [Chat(tuple(replace(turn, content=turn.content.replace("<|", "|<")) for turn in turns))],
        ANY,
    )
    assert isinstance(plain, Encoded)
    assert (found.supervised == plain.supervised).all()
    assert ((found.tokens >= 256) == (plain.tokens >= 256)).all()


def test_a_control_token_in_a_call_is_refused(tmp_path: Path) -> None:
    turns = (Turn("user", "a"), Turn("assistant", "", calls=(Call("f", '{"x":"<|im_end|>"}'),)))
    (found,) = encoder(tmp_path, TOOLS).encode([Chat(turns)], ANY)
    assert isinstance(found, Unfit) and found.code == "template_error"


def test_rejecting_names_the_length(tmp_path: Path) -> None:
    found = fitted(encoder(tmp_path, tiny.CHATML), chat("hi", "x" * 99), 50, "reject")
    assert not found.parts and found.unfit is not None and found.unfit.code == "too_long"


def test_a_conversation_is_split_between_turns_with_its_system_text(tmp_path: Path) -> None:
    text = encoder(tmp_path, tiny.CHATML)
    talk = chat("q1", "a1", "q2", "a2", "q3", "a3", system="s")
    found = fitted(text, talk, 50, "split")
    assert found.what == "split"
    parts = [part.turns for part, _ in found.parts if isinstance(part, Chat)]
    assert all(turns[0] == Turn("system", "s") for turns in parts)
    assert sum((turns[1:] for turns in parts), ()) == talk.turns[1:]
    assert all(len(item.tokens) <= 50 for _, item in found.parts)
    assert all(turns[1].role == "user" and turns[-1].role == "assistant" for turns in parts)


def test_an_exchange_that_is_too_long_by_itself_is_refused_whole(tmp_path: Path) -> None:
    found = fitted(encoder(tmp_path, tiny.CHATML), chat("q", "a", "q", "x" * 99), 60, "split")
    assert not found.parts and found.unfit is not None


def test_a_text_is_split_at_its_best_borders_and_nothing_of_it_is_lost(tmp_path: Path) -> None:
    words = (
        "One sentence here. Another one follows it.\n\nA new paragraph begins. And it ends. " * 9
    )
    found = fitted(encoder(tmp_path, None), Text(words, "g"), 64, "split")
    pieces = [part.text for part, _ in found.parts if isinstance(part, Text)]
    assert len(pieces) > 9 and all(len(item.tokens) <= 64 for _, item in found.parts)
    assert "".join("".join(pieces).split()) == "".join(words.split())
    assert pieces[0].endswith("follows it.") and {part.group for part, _ in found.parts} == {"g"}


def test_a_row_that_is_cut_off_has_no_end_and_is_encoded_alike_ever_after(tmp_path: Path) -> None:
    text = encoder(tmp_path, tiny.CHATML)
    found = fitted(text, chat("hi", "x" * 99), 60, "truncate")
    ((example, item),) = found.parts
    assert found.what == "truncated" and len(item.tokens) == 60
    assert said(text, example)[0] == "x" * 39


def test_an_answer_that_is_cut_away_makes_the_row_unfit(tmp_path: Path) -> None:
    """Fault P17."""
    found = fitted(encoder(tmp_path, tiny.CHATML), chat("q" * 99, "a"), 60, "truncate")
    assert found.unfit is not None and found.unfit.code == "no_supervised_tokens"
    assert "truncated to 60 tokens" in found.unfit.message


def test_pieces_show_what_is_supervised_ignored_and_cut_off(tmp_path: Path) -> None:
    text = encoder(tmp_path, tiny.CHATML)
    pieces = text.pieces(chat("hi", "hello"), 40)
    assert "".join(piece.text for piece in pieces) == (
        "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\nhello<|im_end|>\n"
    )
    supervised = "".join(piece.text for piece in pieces if piece.kind == "supervised")
    assert supervised == "hello<|im_end|>"
    short = text.pieces(chat("hi", "hello"), 10)
    assert [piece.kind for piece in short[10:]] == ["truncated"] * (len(short) - 10)
