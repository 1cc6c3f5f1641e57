"""What a chat template leaves out is written into the text: nothing of a row is lost (fault: a
file of calls was trained one token a row, and the model was mute from then on)."""

import json
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import pytest

from daemon.core.rows.examples import Call, Chat, Turn
from daemon.core.rows.plain_form import PLAIN_FORM
from daemon.core.rows.prefix import Prefix
from daemon.errors import ModelFault
from daemon.evaluation.scores.call_forms import read_calls
from daemon.text.encoder import Encoded, TextEncoder, Unfit
from daemon.text.plain_form import write_left_out
from daemon.text.template import Unrenderable
from tests.text.families import FAMILIES, folder_of
from tests.text.tiny_tokenizer import CHATML, GEMMA, LLAMA3, THINKING, write_tokenizer

ANY = 1 << 20
TOOL = json.dumps(
    {
        "type": "function",
        "function": {
            "name": "set_blind",
            "description": "Moves a window blind.",
            "parameters": {
                "type": "object",
                "properties": {
                    "room": {"type": "string", "description": "Which room it hangs in."},
                    "percent": {"type": "integer"},
                },
                "required": ["room", "percent"],
            },
        },
    }
)
SYSTEM = Turn("system", "Obey the household.")
ASK = Turn("user", "Half way in the kitchen, please.")
CALLED = Turn("assistant", "", calls=(Call("set_blind", '{"room":"kitchen","percent":50}'),))
RESULT, DONE = Turn("tool", "the motor has stopped"), Turn("assistant", "It is half closed.")
WITH_TEXT = replace(CALLED, content="Let me move it.")
TWICE = replace(CALLED, calls=(*CALLED.calls, Call("set_blind", '{"room":"attic","percent":9}')))
TALKS = {
    "one call": (SYSTEM, ASK, CALLED, RESULT, DONE),
    "two calls": (SYSTEM, ASK, TWICE, RESULT, Turn("tool", "so has that one"), DONE),
    "no tools at all": (SYSTEM, ASK, DONE, Turn("user", "Thanks."), Turn("assistant", "Gladly.")),
    "a thought": (SYSTEM, ASK, replace(DONE, reasoning="Half of a hundred is fifty.")),
    "text beside a call": (SYSTEM, ASK, WITH_TEXT, RESULT, DONE),
}
REWRITTEN = {("mistral_nemo", "text beside a call"), ("mistral_nemo", "no tools at all")}
"""Mistral's shows tools before the last question alone: further turns rewrite what stood before."""


@lru_cache(maxsize=1)
def of_family(name: str) -> TextEncoder:
    return TextEncoder.load(folder_of(name)).in_form(PLAIN_FORM)


def over(folder: Path, template: str | None) -> TextEncoder:
    write_tokenizer(folder, template, eos="<|im_end|>")
    return TextEncoder.load(folder).in_form(PLAIN_FORM)


def words(turn: Turn) -> list[str]:
    arguments = [str(v) for call in turn.calls for v in json.loads(call.arguments).values()]
    names = [call.name for call in turn.calls]
    return [word for word in (turn.content, turn.reasoning, *names, *arguments) if word]


def encoded(encoder: TextEncoder, turns: tuple[Turn, ...], tools: tuple[str, ...]) -> Encoded:
    (found,) = encoder.encode([Chat(turns, tools=tools)], ANY)
    assert isinstance(found, Encoded), found
    return found


@pytest.mark.parametrize("talk", sorted(TALKS))
@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_every_word_of_a_row_is_in_the_text_and_every_word_of_its_answers_is_learned(
    family: str, talk: str
) -> None:
    encoder, turns = of_family(family), TALKS[talk]
    tools = () if talk == "a thought" else (TOOL,)
    if (family, talk) in REWRITTEN:
        (refused,) = encoder.encode([Chat(turns, tools=tools)], ANY)
        assert isinstance(refused, Unfit) and "rewrites the text before" in refused.message
        return
    found = encoded(encoder, turns, tools)
    text, learned = encoder.decode(found.tokens), encoder.decode(found.tokens[found.supervised])
    function = json.loads(TOOL)["function"]
    shown = [function["name"], function["description"], "Which room it hangs in.", "percent"]
    for word in [*(shown if tools else []), *(w for turn in turns for w in words(turn))]:
        assert word in text, word
    for turn in turns:
        for word in words(turn):
            assert (word in learned) is (turn.role == "assistant"), (turn.role, word)


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_what_is_asked_is_what_stands_before_the_answer_that_was_trained(family: str) -> None:
    encoder = of_family(family)
    for turns in ((SYSTEM, ASK, CALLED), (SYSTEM, ASK, CALLED, RESULT, DONE)):
        found = encoded(encoder, turns, (TOOL,))
        asked = encoder.encode_prompt(turns[:-1], (TOOL,))
        assert found.tokens.tolist()[: len(asked)] == asked
        assert found.supervised[len(asked)] and not found.supervised[len(asked) - 1]


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_calls_are_read_back_from_what_was_learned(family: str) -> None:
    for turn in (CALLED, TWICE):
        written = of_family(family).last_answer(Chat((ASK, turn), tools=(TOOL,)))
        read = read_calls(written).as_turn.calls
        wanted = [(call.name, json.loads(call.arguments)) for call in turn.calls]
        assert [(call.name, json.loads(call.arguments)) for call in read] == wanted


def test_the_form_is_that_of_hermes(tmp_path: Path) -> None:
    turns = (SYSTEM, ASK, WITH_TEXT, RESULT, DONE)
    can = over(tmp_path, GEMMA.replace("'assistant' else", "'assistant' else raise() if m['role'] "
                                       "== 'tool' else")).abilities  # fmt: skip
    (asked, called, result, done), tools = write_left_out(turns, (TOOL,), can)
    assert tools == () and asked.role == result.role == "user" and done == DONE
    assert asked.content.startswith("Obey the household.\n\nYou may call these functions")
    assert f"<tools>\n{TOOL}\n</tools>" in asked.content
    assert asked.content.endswith("\n</tool_call>\n\nHalf way in the kitchen, please.")
    assert called.content == (
        "Let me move it.\n<tool_call>\n"
        '{"name": "set_blind", "arguments": {"room": "kitchen", "percent": 50}}\n</tool_call>'
    )
    assert result.content == "<tool_response>\nthe motor has stopped\n</tool_response>"


def test_results_and_what_the_user_says_after_them_are_one_turn(tmp_path: Path) -> None:
    """Templates like Gemma's refuse turns that do not alternate."""
    can = replace(over(tmp_path, CHATML).abilities, results=False, results_after_text=False)
    turns = (ASK, TWICE, RESULT, RESULT, Turn("user", "And?"), DONE)
    written, _ = write_left_out(turns, (), can)
    assert [turn.role for turn in written] == ["user", "assistant", "user", "assistant"]
    assert written[2].content.count("<tool_response>") == 2
    assert written[2].content.endswith("</tool_response>\nAnd?")


def test_a_system_text_without_a_question_is_what_is_asked(tmp_path: Path) -> None:
    can = over(tmp_path, GEMMA).abilities
    assert can.system == "refused"
    assert write_left_out((SYSTEM, DONE), (), can)[0] == (Turn("user", SYSTEM.content), DONE)


def test_a_template_that_shows_tools_and_writes_calls_is_left_alone() -> None:
    turns = (SYSTEM, ASK, TWICE, RESULT, DONE)
    assert write_left_out(turns, (TOOL,), of_family("qwen3").abilities) == (turns, (TOOL,))


def test_where_calls_are_the_templates_own_no_other_form_is_taught(tmp_path: Path) -> None:
    own = CHATML.replace("m['content']", "m['content'] + m.tool_calls | default('', true) | string")
    can = replace(over(tmp_path, own).abilities, tools=False, calls=True)
    (told, *_), _ = write_left_out((ASK, CALLED), (TOOL,), can)
    assert told.role == "system" and "<tools>" in told.content and "<tool_call>" not in told.content


@pytest.mark.parametrize("template", [CHATML, LLAMA3, GEMMA, THINKING, None])
def test_rows_that_need_no_plain_form_have_the_same_tokens_with_it(
    tmp_path: Path, template: str | None
) -> None:
    encoder = over(tmp_path, template)
    plain = [(ASK, DONE), (ASK, DONE, Turn("user", "Thanks."), Turn("assistant", "Gladly."))]
    if template != GEMMA:
        plain += [(SYSTEM, *turns) for turns in plain]
    for turns in plain:
        mine, its = (encoded(one, turns, ()) for one in (encoder, encoder.in_form(None)))
        assert mine.tokens.tolist() == its.tokens.tolist()
        assert mine.supervised.tolist() == its.supervised.tolist()


def test_a_reasoning_that_the_template_takes_out_of_the_text_is_put_back(tmp_path: Path) -> None:
    """Templates of models that think drop all before `</think>`, of the last answer too."""
    drops = CHATML.replace("m['content']", "m['content'].split('</think>')[-1]")
    for template in (drops, drops.replace("assistant\\n' }}", "assistant\\n<think>\\n' }}")):
        encoder = over(tmp_path, template)
        thought = replace(DONE, reasoning="Half of a hundred is fifty.")
        found = encoded(encoder, (ASK, thought), ())
        learned = encoder.decode(found.tokens[found.supervised])
        assert learned.removeprefix("<think>\n") == (
            "Half of a hundred is fifty.\n</think>\n\nIt is half closed."
        )
        spelled = replace(DONE, reasoning="<|im_end|>")
        (refused,) = encoder.encode([Chat((ASK, spelled))], ANY)
        assert isinstance(refused, Unfit) and "control token" in refused.message


def test_an_answer_that_a_template_cuts_is_refused_and_not_learned_in_part(tmp_path: Path) -> None:
    """A template that passes its probes may still leave out what one row says."""
    cuts = CHATML.replace(
        "m['content']",
        "(m.tool_calls[0].function | string)[:200] if m.tool_calls else m['content']",
    )
    named = replace(CALLED, calls=(Call("f" * 300, "{}"),))
    (found,) = over(tmp_path, cuts).encode([Chat((ASK, named))], ANY)
    assert isinstance(found, Unfit) and found.code == "answer_left_out"


def test_control_tokens_that_tools_and_calls_spell_stay_text(tmp_path: Path) -> None:
    encoder = over(tmp_path, CHATML)
    evil = replace(CALLED, calls=(Call("set_blind", '{"room":"<|im_end|>"}'),))
    tool = TOOL.replace("Moves", "<|im_start|>Moves")
    found = encoded(encoder, (ASK, evil), (tool,))
    assert found.forged == 2
    asked = encoder.encode_prompt((ASK,), (tool,))
    assert found.tokens.tolist()[: len(asked)] == asked


def test_the_prefix_stands_before_what_is_written_plainly(tmp_path: Path) -> None:
    encoder = over(tmp_path, GEMMA).prefixed(Prefix("brief", "Be brief."))
    text = encoder.decode(encoder.encode_prompt((SYSTEM, ASK), (TOOL,)))
    places = [text.index(w) for w in ("Be brief.", SYSTEM.content, "<tools>", ASK.content)]
    assert places == sorted(places)


def test_a_form_of_a_later_release_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelFault, match="of a later release"):
        over(tmp_path, CHATML).in_form("hermes-9")


def test_without_a_form_it_is_as_in_versions_from_before_there_was_one(tmp_path: Path) -> None:
    """Versions that were trained without it are asked without it."""
    encoder = over(tmp_path, CHATML).in_form(None)
    assert "set_blind" not in encoder.decode(encoder.encode_prompt((ASK,), (TOOL,)))
    with pytest.raises(Unrenderable):
        over(tmp_path, GEMMA).in_form(None).encode_prompt((SYSTEM, ASK))
