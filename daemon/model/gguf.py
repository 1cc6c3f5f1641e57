"""Converts a Llama-family GGUF file into a model directory for mlx-lm."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from daemon.errors import ModelFault
from daemon.folders.disk import atomic
from daemon.model.backend import mx
from daemon.model.gguf_header import check_whole
from daemon.model.gguf_tokenizer import tokenizer_files

WEIGHTS = "model.safetensors"
GROUP = 32

_IN_LAYER = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
_OUTSIDE = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head"}
_LAYER = re.compile(r"blk\.(\d+)\.(\w+)\.(weight|scales|biases|bias)")

Arrays = dict[str, mx.array]


def convert(path: Path, folder: Path, quantised: bool) -> None:
    """Write weights, configuration and tokenizer of a GGUF file into a directory being built.

    With `quantised` its packed tensors stay packed; without, all become float32.

    Raises:
        ModelFault: the file is damaged, or not of the Llama family.
    """
    check_whole(path)
    try:
        loaded: Any = mx.load(str(path), return_metadata=True)
    except (RuntimeError, ValueError) as error:
        raise ModelFault("model_damaged", f"{path} cannot be read ({error})") from error
    arrays, facts = loaded
    try:
        config = _config(facts, arrays)
        tensors = _tensors(arrays, config)
        files = tokenizer_files(facts)
    except (KeyError, TypeError, ValueError) as error:
        message = f"{path} cannot be converted: {error.args[0] if error.args else error}"
        raise ModelFault("model_unsupported", message) from error
    packing = _packing(tensors)
    if quantised and packing:
        config["quantization"] = {"group_size": GROUP, "bits": 4, "mode": "affine", **packing}
    else:
        tensors = _unpacked(tensors, packing)
    mx.save_safetensors(str(folder / WEIGHTS), tensors, metadata={"format": "mlx"})
    for name, value in {"config.json": config, **files}.items():
        atomic.write_json(folder / name, value)


def _config(facts: Mapping[str, Any], arrays: Arrays) -> dict[str, Any]:
    architecture = facts["general.architecture"]
    if architecture != "llama":
        raise ValueError(f"its architecture is {architecture}, only llama can be converted")

    def number(key: str, default: float | None = None) -> Any:
        value = facts.get(f"llama.{key}", default)
        if value is None:
            raise KeyError(f"llama.{key} is missing in it")
        return value.item() if hasattr(value, "item") else value

    if number("expert_count", 0) or "rope_freqs.weight" in arrays:
        raise ValueError("mixtures of experts and scaled rotary positions cannot be converted")
    heads, hidden = number("attention.head_count"), number("embedding_length")
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_act": "silu",
        "hidden_size": hidden,
        "num_hidden_layers": number("block_count"),
        "intermediate_size": number("feed_forward_length"),
        "num_attention_heads": heads,
        "num_key_value_heads": number("attention.head_count_kv", heads),
        "head_dim": number("attention.key_length", hidden // heads),
        "rms_norm_eps": number("attention.layer_norm_rms_epsilon"),
        "rope_theta": number("rope.freq_base", 10000.0),
        "max_position_embeddings": number("context_length"),
        "vocab_size": arrays["token_embd.weight"].shape[0],
        "tie_word_embeddings": "output.weight" not in arrays,
        "torch_dtype": "float32",
        **{
            f"{name}_token_id": facts[f"tokenizer.ggml.{name}_token_id"].item()
            for name in ("bos", "eos")
            if f"tokenizer.ggml.{name}_token_id" in facts
        },
    }


def _tensors(arrays: Arrays, config: Mapping[str, Any]) -> Arrays:
    heads = {"attn_q": config["num_attention_heads"], "attn_k": config["num_key_value_heads"]}
    found: Arrays = {}
    for name in sorted(arrays):
        array = arrays[name]
        if match := _LAYER.fullmatch(name):
            layer, part, leaf = match.groups()
            if part in heads:
                array = _unpermuted(array, heads[part])
            new = f"model.layers.{layer}.{_IN_LAYER[part]}.{leaf}"
        else:
            part, _, leaf = name.partition(".")
            new = f"{_OUTSIDE[part]}.{leaf}"
        # Scales in half precision would make all arithmetic half precision.
        found[new] = array if array.dtype == mx.uint32 else array.astype(mx.float32)
    return found


def _unpermuted(array: mx.array, heads: int) -> mx.array:
    """Restore the row order of q and k: llama.cpp interleaves the halves that rotate together."""
    shape = array.shape
    paired = array.reshape(heads, shape[0] // heads // 2, 2, *shape[1:])
    return paired.swapaxes(1, 2).reshape(shape)


def _packing(tensors: Arrays) -> dict[str, dict[str, Any]]:
    """Return how each packed module is packed, by its name."""
    found = {}
    for name, scales in tensors.items():
        if name.endswith(".scales"):
            module = name.removesuffix(".scales")
            width = tensors[f"{module}.weight"].shape[-1] * 32
            bits = width // (scales.shape[-1] * GROUP)
            found[module] = {"group_size": GROUP, "bits": bits, "mode": "affine"}
    return found


def _unpacked(tensors: Arrays, packing: Mapping[str, Mapping[str, Any]]) -> Arrays:
    found: Arrays = {}
    for name, array in tensors.items():
        module, _, leaf = name.rpartition(".")
        if module not in packing:
            found[name] = array
        elif leaf == "weight":
            how = packing[module]
            scales, biases = tensors[f"{module}.scales"], tensors[f"{module}.biases"]
            found[name] = mx.dequantize(
                array, scales, biases, group_size=how["group_size"], bits=how["bits"]
            )
    return found
