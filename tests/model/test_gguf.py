"""GGUF files become model directories that compute the same."""

import json
from pathlib import Path
from typing import Any

import pytest
from mlx.utils import tree_flatten
from tokenizers import Tokenizer

from daemon.errors import ModelFault
from daemon.layout import Layout
from daemon.model.backend import mx
from daemon.model.bases import prepare
from daemon.model.gguf import convert
from daemon.model.gguf_header import check_whole
from daemon.model.loading import load_model
from tests.model.tiny import CONFIG
from tests.text.tiny_tokenizer import CONTROLS, VOCABULARY, letters

NAMES = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
    "model.embed_tokens": "token_embd",
    "model.norm": "output_norm",
    "model.layers": "blk",
}


def as_llama_cpp(name: str, array: mx.array) -> tuple[str, mx.array]:
    """Return a tensor under llama.cpp's name, with its order of the rows of q and k."""
    heads = {"q": 4, "k": 2}.get(name.split("_proj")[0][-1]) if "_proj" in name else None
    if heads is not None and "self_attn" in name:
        halves = array.reshape(heads, 2, array.shape[0] // heads // 2, array.shape[1])
        array = mx.contiguous(halves.swapaxes(1, 2).reshape(array.shape))
    for mine, its in NAMES.items():
        name = name.replace(mine, its)
    return name, array


def metadata(**changes: Any) -> dict[str, Any]:
    tokens = [*letters(), "12", *CONTROLS[1:]]
    kinds = [1] * 257 + [3] * (len(CONTROLS) - 1)
    return {
        "general.architecture": "llama",
        "llama.embedding_length": mx.array(32, mx.uint32),
        "llama.block_count": mx.array(2, mx.uint32),
        "llama.feed_forward_length": mx.array(64, mx.uint32),
        "llama.attention.head_count": mx.array(4, mx.uint32),
        "llama.attention.head_count_kv": mx.array(2, mx.uint32),
        "llama.attention.layer_norm_rms_epsilon": mx.array(1e-5, mx.float32),
        "llama.context_length": mx.array(512, mx.uint32),
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "smollm",
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.merges": ["1 2"],
        "tokenizer.ggml.token_type": mx.array(kinds, mx.int32),
        "tokenizer.ggml.bos_token_id": mx.array(258, mx.uint32),
        "tokenizer.ggml.eos_token_id": mx.array(257, mx.uint32),
        **changes,
    }


def write_gguf(path: Path, model: Any, **changes: Any) -> Path:
    leaves: Any = tree_flatten(model.parameters())
    tensors = dict(as_llama_cpp(name, array) for name, array in leaves)
    mx.save_gguf(str(path), tensors, metadata(**changes))
    return path


def test_a_converted_model_computes_what_its_original_computes(
    exact_base: Path, tmp_path: Path
) -> None:
    original, _ = load_model(exact_base)
    facts = prepare(Layout(tmp_path), str(write_gguf(tmp_path / "Tiny.gguf", original)))
    converted, tokenizer = load_model(Layout(tmp_path).base("tiny"))
    tokens = mx.array([[1, 2, 3, 200, 40]])
    assert mx.allclose(converted(tokens), original(tokens), atol=1e-5)
    assert (facts.name, facts.num_layers, facts.context_tokens) == ("tiny", 2, 512)
    assert tokenizer.eos_token_ids == {257}
    config = json.loads((tmp_path / "models/base/tiny/config.json").read_text())
    assert config["vocab_size"] == VOCABULARY == CONFIG["vocab_size"]


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        ("general.architecture", "mamba", "only llama can be converted"),
        ("tokenizer.ggml.model", "t5", "its tokenizer is t5/smollm"),
        ("tokenizer.ggml.pre", "unheard-of", "its tokenizer is gpt2/unheard-of"),
        ("llama.expert_count", mx.array(8, mx.uint32), "mixtures of experts"),
    ],
)
def test_what_cannot_be_converted_is_refused_in_one_sentence(
    exact_base: Path, tmp_path: Path, key: str, value: Any, sentence: str
) -> None:
    original, _ = load_model(exact_base)
    path = write_gguf(tmp_path / "odd.gguf", original, **{key: value})
    with pytest.raises(ModelFault) as caught:
        prepare(Layout(tmp_path), str(path))
    assert caught.value.code == "model_unsupported" and sentence in caught.value.message
    assert not list((tmp_path / "models" / "base").iterdir())


def test_a_gguf_file_cut_short_anywhere_is_refused_before_it_is_mapped(
    exact_base: Path, tmp_path: Path
) -> None:
    original, _ = load_model(exact_base)
    path = write_gguf(tmp_path / "whole.gguf", original)
    check_whole(path)
    whole = path.read_bytes()
    for length in (0, 3, 10, 50, 3_000, len(whole) // 2, len(whole) - 40):
        path.write_bytes(whole[:length])
        with pytest.raises(ModelFault) as caught:
            convert(path, tmp_path, quantised=False)
        assert caught.value.code == "model_damaged", length


def test_a_file_that_only_claims_to_be_gguf_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.gguf").write_bytes(b"PK\3\4" + bytes(100))
    with pytest.raises(ModelFault, match="not a GGUF file"):
        check_whole(tmp_path / "x.gguf")


@pytest.mark.parametrize(
    ("splitter", "pieces"),
    [
        ("default", ["a", "12", "3"]),
        ("gpt-2", ["a", "12", "3"]),
        ("smollm", ["a", "1", "2", "3"]),
        ("llama-bpe", ["a", "12", "3"]),
    ],
)
def test_text_is_split_as_the_file_says_and_comes_back(
    exact_base: Path, tmp_path: Path, splitter: str, pieces: list[str]
) -> None:
    original, _ = load_model(exact_base)
    path = write_gguf(tmp_path / "t.gguf", original, **{"tokenizer.ggml.pre": splitter})
    convert(path, tmp_path, quantised=False)
    tokenizer = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    text = "It's 12 Größen,\n\n  tabs\t🎉"
    assert tokenizer.decode(tokenizer.encode(text).ids) == text
    assert tokenizer.encode("a123").tokens == pieces
