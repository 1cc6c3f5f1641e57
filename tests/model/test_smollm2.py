"""The embedded default model, converted from its GGUF file."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import regex  # type: ignore[import-untyped]
from transformers import AutoTokenizer

from daemon.core.evaluation.answers import AnswerLimits
from daemon.core.rows.examples import Chat, Turn
from daemon.core.workspace.bases import BaseFacts
from daemon.layout import Layout
from daemon.model.backend import mx
from daemon.model.generation import answer_batch
from daemon.model.gguf import convert
from daemon.model.interruption import unattended
from daemon.model.loading import load_model
from daemon.model.sources import EMBEDDED, find
from daemon.text.encoder import Encoded, TextEncoder
from tests.text.tiny_tokenizer import letters

pytestmark = pytest.mark.model

Prepared = tuple[Layout, BaseFacts]

# The splitting that llama.cpp documents for this vocabulary: each digit alone, then GPT-2's.
WORDS = regex.compile(r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+")
TEXTS = (
    "Turn on the light in the kitchen, don't wait!",
    '{"name": "HassLightSet", "arguments": {"brightness": 1234567}}',
    "  leading\n\n\nand\t\ttabs ",
    "naïve café, 你好, 🎉🎊, ² ½ Ⅷ",
)


def by_the_vocabulary(facts: dict[str, Any], text: str) -> list[int]:
    """Return the ids by a direct reading of the file's vocabulary and merges."""
    numbers = {token: number for number, token in enumerate(facts["tokenizer.ggml.tokens"])}
    merges = facts["tokenizer.ggml.merges"]
    ranks = {tuple(merge.split(" ")): rank for rank, merge in enumerate(merges)}
    spelled = letters()
    found: list[int] = []
    for part in regex.findall(r"\p{N}|[^\p{N}]+", text):
        for word in WORDS.findall(part):
            pieces = [spelled[byte] for byte in word.encode()]
            while len(pieces) > 1:
                pairs = list(pairwise(pieces))
                rank, place = min((ranks.get(pair, 10**9), at) for at, pair in enumerate(pairs))
                if rank == 10**9:
                    break
                pieces[place : place + 2] = ["".join(pairs[place])]
            found += [numbers[piece] for piece in pieces]
    return found


def test_tokens_and_template_are_those_of_the_gguf_file(smollm2: Prepared) -> None:
    layout, base = smollm2
    loaded: Any = mx.load(str(find(layout, EMBEDDED, unattended).path), return_metadata=True)
    tokenizer = AutoTokenizer.from_pretrained(layout.base(base.name))
    for text in TEXTS:
        assert tokenizer.encode(text) == by_the_vocabulary(loaded[1], text)
    assert tokenizer.encode("<|im_start|>a<|im_end|>")[::2] == [1, 2]
    assert tokenizer.chat_template == loaded[1]["tokenizer.chat_template"]
    assert (tokenizer.bos_token_id, tokenizer.eos_token_id) == (1, 2)


def test_simple_questions_are_answered_sensibly(smollm2: Prepared) -> None:
    layout, base = smollm2
    model, tokenizer = load_model(layout.base(base.name))
    text = TextEncoder.load(layout.base(base.name))
    questions = ("What is the capital of France?", "What is 2+2?")
    prompts = [text.encode_prompt([Turn("user", question)]) for question in questions]
    said = answer_batch(model, tokenizer, prompts, AnswerLimits(24), lambda: False)
    assert said is not None
    assert "Paris" in said[0].text
    assert "4" in said[1].text


def test_tokens_and_masks_equal_an_independent_reading(smollm2: Prepared) -> None:
    layout, base = smollm2
    tokenizer = AutoTokenizer.from_pretrained(layout.base(base.name))
    turns = (
        Turn("system", "Answer with the function call as JSON."),
        Turn("user", "lights off 12"),
        Turn("assistant", '{"name": "HassTurnOff"}'),
        Turn("user", "\n\nthanks "),
        Turn("assistant", " any time\n"),
    )
    (found,) = TextEncoder.load(layout.base(base.name)).encode([Chat(turns)], 1000)
    assert isinstance(found, Encoded)
    messages = [{"role": turn.role, "content": turn.content} for turn in turns]
    stock = tokenizer.apply_chat_template(messages, return_dict=False)
    assert found.tokens.tolist() == stock
    assert found.supervised.tolist() == _mask(tokenizer, stock)


def _mask(tokenizer: Any, tokens: list[int]) -> list[bool]:
    """Walk over the tokens: what stands between an assistant header and its end counts."""
    header = tokenizer.encode("<|im_start|>assistant\n")
    mask, counting = [], False
    for place in range(len(tokens)):
        counting = counting or tokens[max(0, place - len(header)) : place] == header
        mask.append(counting)
        counting = counting and tokens[place] != 2
    return mask


def test_its_packed_tensors_compute_the_same_as_the_unpacked_ones(
    smollm2: Prepared, tmp_path: Path
) -> None:
    layout, base = smollm2
    convert(find(layout, EMBEDDED, unattended).path, tmp_path, quantised=True)
    packed, unpacked = load_model(tmp_path)[0], load_model(layout.base(base.name))[0]
    tokens = mx.array([[1, 4093, 198, 6004, 2]])
    assert mx.allclose(packed(tokens), unpacked(tokens), atol=1e-3)
    settings = json.loads((tmp_path / "config.json").read_text())["quantization"]
    assert settings["model.layers.0.mlp.up_proj"]["bits"] == 4
    assert settings["model.embed_tokens"]["bits"] == 8
