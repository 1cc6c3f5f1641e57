"""Reads a GGUF file of the Llama family into an mlx-lm model directory; converts nothing else."""

import json
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers

from daemon.errors import ModelFault
from daemon.model.backend import mx

GROUP = 32
NAMES = {
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
    "attn_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
}
TOP = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head"}
CONTROL, USER_DEFINED = 3, 4

Arrays = dict[str, mx.array]


def read(path: Path) -> tuple[Arrays, dict[str, Any]]:
    """Return the tensors and the metadata.

    Raises:
        ModelFault: not a GGUF file, cut off, or not of the Llama family.
    """
    with path.open("rb") as file:
        if file.read(4) != b"GGUF":
            raise ModelFault("model_damaged", f"{path} is no GGUF file")
    try:
        tensors, metadata = mx.load(str(path), return_metadata=True)
        mx.eval(list(tensors.values()))
    except (RuntimeError, ValueError) as error:
        raise ModelFault("model_damaged", f"{path} cannot be read: {error}") from error
    family = metadata.get("general.architecture")
    if family != "llama":
        raise ModelFault(
            "model_unsupported", f"{path} is of the family {family!r}; only 'llama' GGUFs are read"
        )
    return tensors, metadata


def weights(tensors: Arrays, metadata: dict[str, Any], dequantise: bool) -> Arrays:
    """Return the tensors under mlx-lm's names, dense in fp32 or as they are quantised."""
    heads = {"attn_q": _whole(metadata, "attention.head_count"),
             "attn_k": _whole(metadata, "attention.head_count_kv")}  # fmt: skip
    found: Arrays = {}
    for name, tensor in tensors.items():
        stem, leaf = name.rsplit(".", 1)
        if leaf in ("scales", "biases") or stem == "rope_freqs":
            continue
        parts = {"weight": tensor}
        if f"{stem}.scales" in tensors:
            parts |= {kind: tensors[f"{stem}.{kind}"] for kind in ("scales", "biases")}
        short = stem.rsplit(".", 1)[-1]
        if short in heads:
            parts = {kind: _unpermute(part, heads[short]) for kind, part in parts.items()}
        if dequantise:
            parts = {"weight": _dense(parts)}
        for kind, part in parts.items():
            found[f"{_translated(stem)}.{kind}"] = part
    return found


def _unpermute(tensor: mx.array, heads: int) -> mx.array:
    """Undo llama.cpp's order of rotary rows: (heads, half, 2) back to (heads, 2, half)."""
    rows = tensor.shape[0]
    split = tensor.reshape(heads, rows // heads // 2, 2, *tensor.shape[1:])
    return split.swapaxes(1, 2).reshape(tensor.shape)


def _dense(parts: Arrays) -> mx.array:
    if "scales" not in parts:
        return parts["weight"].astype(mx.float32)
    return mx.dequantize(
        parts["weight"],
        parts["scales"].astype(mx.float32),
        parts["biases"].astype(mx.float32),
        group_size=GROUP,
        bits=bits_of(parts["weight"], parts["scales"]),
    )


def bits_of(weight: mx.array, scales: mx.array) -> int:
    """Return the bits of a packed tensor from its own shape and that of its scales."""
    return weight.shape[-1] * 32 // (scales.shape[-1] * GROUP)


def _translated(stem: str) -> str:
    if stem in TOP:
        return TOP[stem]
    parts = stem.split(".")
    if len(parts) == 3 and parts[0] == "blk" and parts[2] in NAMES:
        return f"model.layers.{parts[1]}.{NAMES[parts[2]]}"
    raise ModelFault("model_unsupported", f"the GGUF holds an unknown tensor {stem!r}")


def config(found: Arrays, metadata: dict[str, Any], dequantised: bool) -> dict[str, Any]:
    """Return mlx-lm's `config.json`."""
    values: dict[str, Any] = {
        "model_type": "llama",
        "architectures": ["LlamaForCausalLM"],
        "hidden_size": _whole(metadata, "embedding_length"),
        "num_hidden_layers": _whole(metadata, "block_count"),
        "intermediate_size": _whole(metadata, "feed_forward_length"),
        "num_attention_heads": _whole(metadata, "attention.head_count"),
        "num_key_value_heads": _whole(metadata, "attention.head_count_kv"),
        "rms_norm_eps": _real(metadata, "attention.layer_norm_rms_epsilon"),
        "rope_theta": _real(metadata, "rope.freq_base", 10000.0),
        "max_position_embeddings": _whole(metadata, "context_length"),
        "vocab_size": len(metadata["tokenizer.ggml.tokens"]),
        "tie_word_embeddings": "lm_head.weight" not in found,
        "bos_token_id": _token(metadata, "bos"),
        "eos_token_id": _token(metadata, "eos"),
        "pad_token_id": _token(metadata, "padding"),
        "torch_dtype": "float32" if dequantised else "float16",
    }
    if not dequantised:
        values["quantization"] = _quantization(found)
    return values


def _quantization(found: Arrays) -> dict[str, Any]:
    """Return the bits of each module; those of most modules are the default."""
    bits = {
        name.removesuffix(".scales"): bits_of(found[name.replace(".scales", ".weight")], scales)
        for name, scales in found.items()
        if name.endswith(".scales")
    }
    usual = max(set(bits.values()), key=list(bits.values()).count)
    special = {
        name: {"group_size": GROUP, "bits": own} for name, own in bits.items() if own != usual
    }
    return {"group_size": GROUP, "bits": usual, **special}


def _whole(metadata: dict[str, Any], key: str) -> int:
    return int(_value(metadata, key).item())


def _real(metadata: dict[str, Any], key: str, default: float | None = None) -> float:
    if default is not None and f"llama.{key}" not in metadata:
        return default
    return float(_value(metadata, key).item())


def _value(metadata: dict[str, Any], key: str) -> mx.array:
    try:
        value: mx.array = metadata[f"llama.{key}"]
    except KeyError:
        raise ModelFault("model_damaged", f"the GGUF lacks 'llama.{key}'") from None
    return value


def _token(metadata: dict[str, Any], kind: str) -> int | None:
    value = metadata.get(f"tokenizer.ggml.{kind}_token_id")
    return None if value is None else int(value.item())


def write_tokenizer(metadata: dict[str, Any], folder: Path) -> None:
    """Write `tokenizer.json`, `tokenizer_config.json` and the chat template.

    Raises:
        ModelFault: not a byte-level BPE vocabulary.
    """
    if metadata.get("tokenizer.ggml.model") != "gpt2":
        kind = metadata.get("tokenizer.ggml.model")
        raise ModelFault("model_unsupported", f"the GGUF's tokenizer is {kind!r}, not 'gpt2' (BPE)")
    tokens: list[str] = metadata["tokenizer.ggml.tokens"]
    _tokenizer(metadata, tokens).save(str(folder / "tokenizer.json"))
    eos, bos = _token(metadata, "eos"), _token(metadata, "bos")
    pad = _token(metadata, "padding")
    settings: dict[str, Any] = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "clean_up_tokenization_spaces": False,
        "model_max_length": _whole(metadata, "context_length"),
        "eos_token": tokens[eos] if eos is not None else None,
        "bos_token": tokens[bos] if bos is not None else None,
        "pad_token": tokens[pad] if pad is not None else None,
    }
    template = metadata.get("tokenizer.chat_template")
    if isinstance(template, str):
        settings["chat_template"] = template
    (folder / "tokenizer_config.json").write_text(json.dumps(settings, indent=1) + "\n")


def _tokenizer(metadata: dict[str, Any], tokens: list[str]) -> Tokenizer:
    merges = [tuple(pair.split(" ", 1)) for pair in metadata["tokenizer.ggml.merges"]]
    vocabulary = {token: place for place, token in enumerate(tokens)}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
    tokenizer.pre_tokenizer = _pre_tokenizer(str(metadata.get("tokenizer.ggml.pre", "default")))
    tokenizer.decoder = decoders.ByteLevel()
    kinds = metadata["tokenizer.ggml.token_type"].tolist()
    special = [
        AddedToken(token, special=kind == CONTROL, normalized=False)
        for token, kind in zip(tokens, kinds, strict=True)
        if kind in (CONTROL, USER_DEFINED)
    ]
    tokenizer.add_special_tokens([token for token in special if token.special])
    tokenizer.add_tokens([token for token in special if not token.special])
    return tokenizer


def _pre_tokenizer(kind: str) -> Any:
    whole = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    if kind in ("default", "gpt-2"):
        return whole
    if kind == "smollm":
        digits = pre_tokenizers.Digits(individual_digits=True)
        return pre_tokenizers.Sequence([digits, whole])
    if kind == "llama-bpe":
        pattern = (
            r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|"
            r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
        )
        split = pre_tokenizers.Split(Regex(pattern), behavior="isolated")
        plain = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
        return pre_tokenizers.Sequence([split, plain])
    raise ModelFault("model_unsupported", f"the GGUF's pre-tokenizer {kind!r} is not known")
