"""Converts a Llama-family GGUF file into a model directory for mlx-lm."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from daemon.core.records import JsonObject
from daemon.errors import ModelFault
from daemon.folders.disk import atomic
from daemon.model.backend import mx
from daemon.model.gguf_facts import GgufFacts, facts_of
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
    arrays, metadata = loaded
    try:
        facts = facts_of(metadata)
        config = _config(facts, arrays)
        tensors = _tensors(arrays, facts)
        files = tokenizer_files(facts)
        packing = _packing(tensors)
    except KeyError as error:
        message = f"{path} cannot be converted: it lacks {error.args[0]}, or should not hold it"
        raise ModelFault("model_unsupported", message) from error
    except (ArithmeticError, TypeError, ValueError) as error:
        message = f"{path} cannot be converted: {error.args[0] if error.args else error}"
        raise ModelFault("model_unsupported", message) from error
    if quantised and packing:
        config["quantization"] = {"group_size": GROUP, "bits": 4, "mode": "affine", **packing}
    else:
        tensors = _unpacked(tensors, packing)
    mx.save_safetensors(str(folder / WEIGHTS), tensors, metadata={"format": "mlx"})
    for name, value in {"config.json": config, **files}.items():
        atomic.write_json(folder / name, value)


def _config(facts: GgufFacts, arrays: Arrays) -> JsonObject:
    if facts.experts or "rope_freqs.weight" in arrays:
        raise ValueError("mixtures of experts and scaled rotary positions cannot be converted")
    layers = {match[1] for name in arrays if (match := _LAYER.fullmatch(name))}
    if len(layers) != facts.layers:
        raise ValueError(f"it claims {facts.layers} layers and contains {len(layers)}")
    if arrays["output_norm.weight"].shape != (facts.hidden,):
        raise ValueError(f"its norm is not {facts.hidden} wide, as it claims")
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_act": "silu",
        "hidden_size": facts.hidden,
        "num_hidden_layers": facts.layers,
        "intermediate_size": facts.feed_forward,
        "num_attention_heads": facts.heads,
        "num_key_value_heads": facts.heads_kv or facts.heads,
        "head_dim": facts.head_dim or facts.hidden // facts.heads,
        "rms_norm_eps": facts.norm_epsilon,
        "rope_theta": facts.rope_base,
        "max_position_embeddings": facts.context,
        "vocab_size": arrays["token_embd.weight"].shape[0],
        "tie_word_embeddings": "output.weight" not in arrays,
        "torch_dtype": "float32",
        **({} if facts.bos is None else {"bos_token_id": facts.bos}),
        **({} if facts.eos is None else {"eos_token_id": facts.eos}),
    }


def _tensors(arrays: Arrays, facts: GgufFacts) -> Arrays:
    heads = {"attn_q": facts.heads, "attn_k": facts.heads_kv or facts.heads}
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
    if shape[0] % (2 * heads):
        raise ValueError(f"its {heads} attention heads do not fit a tensor of {shape[0]} rows")
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
