"""Makes the tokenizer of Phi-3 mini out of Llama 2's, whose vocabulary it is, as its card has it.

Its control tokens take the line break behind them along, so a text is not read back as written.
"""

import json
from pathlib import Path
from typing import Any

CONTROL = (
    "<|endoftext|>",
    "<|assistant|>",
    "<|placeholder1|>",
    "<|placeholder2|>",
    "<|placeholder3|>",
    "<|placeholder4|>",
    "<|system|>",
    "<|end|>",
    "<|placeholder5|>",
    "<|placeholder6|>",
    "<|user|>",
)
"""From 32,000 on."""

TEMPLATE = (
    "{% for message in messages %}"
    "{% if message['role'] == 'system' %}{{'<|system|>\n' + message['content'] + '<|end|>\n'}}"
    "{% elif message['role'] == 'user' %}{{'<|user|>\n' + message['content'] + '<|end|>\n'}}"
    "{% elif message['role'] == 'assistant' %}"
    "{{'<|assistant|>\n' + message['content'] + '<|end|>\n'}}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% else %}{{ eos_token }}{% endif %}"
)


def extend(folder: Path) -> None:
    """Turn the files of Llama 2 in a folder into those of Phi-3 mini."""
    tokenizer = json.loads((folder / "tokenizer.json").read_bytes())
    first = len(tokenizer["model"]["vocab"])
    tokenizer["added_tokens"] += [
        {"id": first + place, **_facts(content)} for place, content in enumerate(CONTROL)
    ]
    tokenizer["post_processor"] = None
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    config = json.loads((folder / "tokenizer_config.json").read_bytes())
    config["added_tokens_decoder"] |= {
        str(first + place): _facts(content) for place, content in enumerate(CONTROL)
    }
    config |= {
        "add_bos_token": False,
        "eos_token": "<|endoftext|>",
        "pad_token": "<|endoftext|>",
        "model_max_length": 4096,
        "chat_template": TEMPLATE,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config))


def _facts(content: str) -> dict[str, Any]:
    return {
        "content": content,
        "single_word": False,
        "lstrip": False,
        "normalized": False,
        "rstrip": content != "<|endoftext|>",
        "special": True,
    }
