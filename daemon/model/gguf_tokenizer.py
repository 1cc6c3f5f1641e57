"""Builds tokenizer files from the vocabulary in a GGUF file."""

from collections.abc import Mapping
from typing import Any

_CONTROL, _USER_DEFINED = 3, 4
_LETTERS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|"
_REST = r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
_DIGITS = {"type": "Digits", "individual_digits": True}
_BYTES = {
    "type": "ByteLevel",
    "add_prefix_space": False,
    "trim_offsets": True,
    "use_regex": True,
}
_SPLITTERS: dict[str, list[dict[str, Any]]] = {
    "default": [_BYTES],
    "gpt-2": [_BYTES],
    "smollm": [_DIGITS, _BYTES],
    "llama-bpe": [
        {
            "type": "Split",
            "pattern": {"Regex": _LETTERS + r"\p{N}{1,3}" + _REST},
            "behavior": "Isolated",
            "invert": False,
        },
        {**_BYTES, "use_regex": False},
    ],
}
"""How llama.cpp splits text before merging, by `tokenizer.ggml.pre`."""


def tokenizer_files(facts: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the content of `tokenizer.json` and `tokenizer_config.json`.

    Raises:
        KeyError, ValueError: the vocabulary is of an unsupported kind.
    """
    kind = facts["tokenizer.ggml.model"]
    splitter = facts.get("tokenizer.ggml.pre", "default")
    if kind != "gpt2" or splitter not in _SPLITTERS:
        raise ValueError(f"its tokenizer is {kind}/{splitter}, which is not known here")
    tokens = list(facts["tokenizer.ggml.tokens"])
    return {
        "tokenizer.json": _tokenizer(facts, tokens, _SPLITTERS[splitter], splitter == "llama-bpe"),
        "tokenizer_config.json": _settings(facts, tokens),
    }


def _tokenizer(
    facts: Mapping[str, Any], tokens: list[str], splitters: list[dict[str, Any]], whole_words: bool
) -> dict[str, Any]:
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": _added(facts, tokens),
        "normalizer": None,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": splitters},
        "post_processor": _post_processor(facts, tokens),
        "decoder": _BYTES,
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": whole_words,
            "vocab": {token: number for number, token in enumerate(tokens)},
            "merges": [merge.split(" ", 1) for merge in facts["tokenizer.ggml.merges"]],
        },
    }


def _added(facts: Mapping[str, Any], tokens: list[str]) -> list[dict[str, Any]]:
    kinds = facts["tokenizer.ggml.token_type"].tolist()
    return [
        {
            "id": number,
            "content": tokens[number],
            "single_word": False,
            "lstrip": False,
            "rstrip": False,
            "normalized": False,
            "special": kind == _CONTROL,
        }
        for number, kind in enumerate(kinds)
        if kind in (_CONTROL, _USER_DEFINED)
    ]


def _post_processor(facts: Mapping[str, Any], tokens: list[str]) -> dict[str, Any]:
    begin = _token(facts, tokens, "bos")
    wanted = facts.get("tokenizer.ggml.add_bos_token")
    if begin is None or wanted is None or not bool(wanted.item()):
        return dict(_BYTES)
    head: dict[str, Any] = {"SpecialToken": {"id": begin, "type_id": 0}}
    text: dict[str, Any] = {"Sequence": {"id": "A", "type_id": 0}}
    return {
        "type": "TemplateProcessing",
        "single": [head, text],
        "pair": [head, text, {"Sequence": {"id": "B", "type_id": 1}}],
        "special_tokens": {
            begin: {"id": begin, "ids": [tokens.index(begin)], "tokens": [begin]},
        },
    }


def _settings(facts: Mapping[str, Any], tokens: list[str]) -> dict[str, Any]:
    named = {
        f"{name}_token": _token(facts, tokens, key)
        for name, key in (("bos", "bos"), ("eos", "eos"), ("unk", "unknown"), ("pad", "padding"))
    }
    template = facts.get("tokenizer.chat_template")
    return {
        # The general class uses tokenizer.json unchanged; others rebuild parts of it.
        "tokenizer_class": "PreTrainedTokenizerFast",
        "clean_up_tokenization_spaces": False,
        "model_max_length": int(facts["llama.context_length"].item()),
        **{name: token for name, token in named.items() if token is not None},
        **({"chat_template": template} if template else {}),
    }


def _token(facts: Mapping[str, Any], tokens: list[str], name: str) -> str | None:
    number = facts.get(f"tokenizer.ggml.{name}_token_id")
    return None if number is None else tokens[int(number.item())]
