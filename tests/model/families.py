"""Tiny random models of the families that people train; what each needs to be told, no more."""

from importlib import import_module
from typing import Any

from daemon.model.backend import Module, mx

COMMON: dict[str, Any] = {
    "hidden_size": 32,
    "num_hidden_layers": 4,
    "intermediate_size": 64,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "rms_norm_eps": 1e-5,
    "vocab_size": 300,
    "rope_theta": 10000.0,
    "max_position_embeddings": 512,
    "tie_word_embeddings": True,
}

WINDOWED = ["sliding_attention", "full_attention"] * 2

PACKABLE: dict[str, dict[str, Any]] = {
    "llama": {},
    "llama untied": {"tie_word_embeddings": False},
    "llama windowed": {"layer_types": WINDOWED, "sliding_window": 6},
    "qwen2": {},
    "qwen3": {},
    "gemma2": {
        "query_pre_attn_scalar": 8,
        "attn_logit_softcapping": 50.0,
        "final_logit_softcapping": 3.0,
        "sliding_window": 6,
    },
    "gemma3_text": {
        "sliding_window": 6,
        "sliding_window_pattern": 2,
        "query_pre_attn_scalar": 8,
        "rope_local_base_freq": 10000.0,
    },
    "phi3": {"rope_scaling": None, "original_max_position_embeddings": 512},
    "olmo2": {},
    "granite": {
        "logits_scaling": 4.0,
        "attention_multiplier": 0.35,
        "embedding_multiplier": 3.0,
        "residual_multiplier": 0.5,
        "attention_bias": False,
        "mlp_bias": False,
    },
    "cohere2": {
        "sliding_window": 6,
        "sliding_window_pattern": 2,
        "logit_scale": 0.25,
        "layer_norm_eps": 1e-5,
        "attention_bias": False,
        "layer_norm_bias": False,
    },
    "smollm3": {"no_rope_layer_interval": 2},
}

UNPACKABLE: dict[str, dict[str, Any]] = {
    "mamba": {
        "conv_kernel": 4,
        "use_bias": False,
        "use_conv_bias": True,
        "state_size": 8,
        "time_step_rank": 4,
        "intermediate_size": 64,
    },
    "gpt2": {
        "n_ctx": 512,
        "n_embd": 32,
        "n_head": 4,
        "n_layer": 4,
        "n_positions": 512,
        "layer_norm_epsilon": 1e-5,
    },
    "llama dynamic": {"rope_scaling": {"type": "dynamic", "factor": 2.0}},
}


def make(name: str, seed: int = 3) -> Module:
    """Return a random model of a family."""
    kind = name.split()[0]
    module: Any = import_module(f"mlx_lm.models.{kind}")
    config = COMMON | {"model_type": kind} | {**PACKABLE, **UNPACKABLE}[name]
    mx.random.seed(seed)
    model: Module = module.Model(module.ModelArgs.from_dict(config))
    model.eval()
    parameters: Any = model.parameters()  # type: ignore[no-untyped-call]
    mx.eval(parameters)
    return model
