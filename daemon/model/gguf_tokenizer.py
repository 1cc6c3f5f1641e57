"""Builds tokenizer files from the vocabulary in a GGUF file."""

from daemon.core.records import JsonObject
from daemon.model.gguf_facts import GgufFacts

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
_SPLITTERS: dict[str, list[JsonObject]] = {
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


def tokenizer_files(facts: GgufFacts) -> dict[str, JsonObject]:
    """Return the content of `tokenizer.json` and `tokenizer_config.json`.

    Raises:
        ValueError: the vocabulary is of an unsupported kind.
    """
    if facts.tokenizer != "gpt2" or facts.splitter not in _SPLITTERS:
        kind = f"{facts.tokenizer}/{facts.splitter}"
        raise ValueError(f"its tokenizer is {kind}, which is not known here")
    return {"tokenizer.json": _tokenizer(facts), "tokenizer_config.json": _settings(facts)}


def _tokenizer(facts: GgufFacts) -> JsonObject:
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": _added(facts),
        "normalizer": None,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": _SPLITTERS[facts.splitter]},
        "post_processor": _post_processor(facts),
        "decoder": _BYTES,
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": facts.splitter == "llama-bpe",
            "vocab": {token: number for number, token in enumerate(facts.tokens)},
            "merges": [merge.split(" ", 1) for merge in facts.merges],
        },
    }


def _added(facts: GgufFacts) -> list[JsonObject]:
    return [
        {
            "id": number,
            "content": facts.tokens[number],
            "single_word": False,
            "lstrip": False,
            "rstrip": False,
            "normalized": False,
            "special": kind == _CONTROL,
        }
        for number, kind in enumerate(facts.token_kinds)
        if kind in (_CONTROL, _USER_DEFINED)
    ]


def _post_processor(facts: GgufFacts) -> JsonObject:
    begin = facts.token(facts.bos)
    if begin is None or not facts.adds_bos:
        return dict(_BYTES)
    head: JsonObject = {"SpecialToken": {"id": begin, "type_id": 0}}
    text: JsonObject = {"Sequence": {"id": "A", "type_id": 0}}
    return {
        "type": "TemplateProcessing",
        "single": [head, text],
        "pair": [head, text, {"Sequence": {"id": "B", "type_id": 1}}],
        "special_tokens": {
            begin: {"id": begin, "ids": [facts.tokens.index(begin)], "tokens": [begin]},
        },
    }


def _settings(facts: GgufFacts) -> JsonObject:
    named = {"bos": facts.bos, "eos": facts.eos, "unk": facts.unknown, "pad": facts.padding}
    return {
        # The general class uses tokenizer.json unchanged; others rebuild parts of it.
        "tokenizer_class": "PreTrainedTokenizerFast",
        "clean_up_tokenization_spaces": False,
        "model_max_length": facts.context,
        **{f"{name}_token": facts.token(id) for name, id in named.items() if id is not None},
        **({"chat_template": facts.template} if facts.template else {}),
    }
