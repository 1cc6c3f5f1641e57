"""Masks on the templates and tokenizers that people train, against a check that knows neither.

The check looks for each answer in the text that transformers renders, by words that stand nowhere
else, and for what the family says at the end of an answer; it shares no code with the encoder.
"""

import json
from functools import lru_cache
from typing import Any

import numpy as np
import pytest
from transformers import AutoTokenizer

from daemon.core.rows.examples import Call, Chat, Turn
from daemon.text.encoder import Encoded, TextEncoder
from tests.text.families import FAMILIES, folder_of

ANY = 1 << 20
NAMES = sorted(name for name in FAMILIES if FAMILIES[name].template)
TOOL = {
    "type": "function",
    "function": {
        "name": "light",
        "description": "Turns a light on or off.",
        "parameters": {"type": "object", "properties": {"on": {"type": "boolean"}}},
    },
}


@lru_cache(maxsize=1)
def encoder(name: str) -> TextEncoder:
    return TextEncoder.load(folder_of(name))


@lru_cache(maxsize=1)
def theirs(name: str) -> Any:
    return AutoTokenizer.from_pretrained(folder_of(name), local_files_only=True)


def conversations() -> list[list[dict[str, str]]]:
    """Return conversations of one to three exchanges, with marks that stand nowhere else."""
    found = []
    for exchanges in (1, 2, 3):
        for with_system in (False, True):
            talk = [{"role": "system", "content": "Be brief, and kind."}] if with_system else []
            for number in range(exchanges):
                talk.append({"role": "user", "content": f"Wie geht's, number {number}? 你好"})
                talk.append(
                    {"role": "assistant", "content": f"alpha{number} says “so” omega{number}"}
                )
            found.append(talk)
    return found


def reference(name: str, talk: list[dict[str, str]]) -> tuple[list[int], list[bool]]:
    """Return ids and mask by looking for the marks in the rendered text."""
    tokenizer = theirs(name)
    # Llama writes a date; the encoder's is always that of its own default.
    text = tokenizer.apply_chat_template(talk, tokenize=False, date_string="26 Jul 2024")
    found = tokenizer.backend_tokenizer.encode(text, add_special_tokens=False)
    mask = [False] * len(found.ids)
    for number in range(sum(turn["role"] == "assistant" for turn in talk)):
        start = text.index(f"alpha{number}")
        end = text.index(FAMILIES[name].ends, text.index(f"omega{number}"))
        end += len(FAMILIES[name].ends)
        for token, (first, last) in enumerate(found.offsets):
            mask[token] = mask[token] or (first >= start and first < end and last > first)
    return list(found.ids), mask


def chat(talk: list[dict[str, str]]) -> Chat:
    return Chat(tuple(Turn(turn["role"], turn["content"]) for turn in talk))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", NAMES)
def test_tokens_and_masks_agree_token_by_token(name: str) -> None:
    for talk in conversations():
        (found,) = encoder(name).encode([chat(talk)], ANY)
        assert isinstance(found, Encoded), found
        ids, mask = reference(name, talk)
        assert found.tokens.tolist() == ids
        wrong = np.flatnonzero(found.supervised != np.array(mask)).tolist()
        # An empty thought, which Qwen 3 puts before its last answer, is said by the model as well.
        said = theirs(name).decode([ids[token] for token in wrong]).strip()
        assert said in ("", "<think>\n\n</think>")
        assert all(found.supervised[token] for token in wrong)


@pytest.mark.parametrize("name", NAMES)
def test_both_ways_to_find_the_answers_agree(name: str) -> None:
    """Phi-3's template ends a conversation with a token of its own, which was taken for the end
    of its last turn: rows with further turns were refused as "does not mark the end of turn"."""
    assert encoder(name).verify() is None


@pytest.mark.parametrize("name", NAMES)
def test_it_is_known_whose_text_grows_only_at_its_end(name: str) -> None:
    assert encoder(name).prefix_stable is FAMILIES[name].stable


@pytest.mark.parametrize("name", [name for name in NAMES if FAMILIES[name].tools])
def test_calls_are_learned_and_their_results_are_not(name: str) -> None:
    """The text is the template's own; what is supervised begins and ends where an answer does.

    Mistral's rows of calls were refused: its template asks for ids of nine letters.
    """
    turns = (
        Turn("user", "It is dark."),
        Turn("assistant", "", calls=(Call("light", '{"on":true}'),)),
        Turn("tool", "the light is burning"),
        Turn("assistant", "There is light."),
    )
    (found,) = encoder(name).encode([Chat(turns, tools=(json.dumps(TOOL),))], ANY)
    assert isinstance(found, Encoded), found
    runs = said(theirs(name), found)
    assert len(runs) == 2 and '"light"' in runs[0] and "true" in runs[0]
    assert runs[1].endswith("There is light." + FAMILIES[name].ends)
    assert not any("burning" in run or "dark" in run or "Turns a light" in run for run in runs)


def said(tokenizer: Any, found: Encoded) -> list[str]:
    """Return the texts of the supervised runs."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], found.supervised.astype(np.int8), [0]])))
    return [
        tokenizer.decode(found.tokens[start:end].tolist())
        for start, end in zip(edges[::2], edges[1::2], strict=True)
    ]
