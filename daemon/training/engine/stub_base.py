"""Creates the base model of a rehearsal: a real tokenizer and chat template without weights."""

import hashlib
import json

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

from daemon.core.workspace.bases import BaseFacts
from daemon.core.workspace.jobs import slug
from daemon.folders.disk import atomic
from daemon.folders.models import bases
from daemon.layout import Layout
from daemon.text.encoder import TextEncoder

SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)


def make_base(layout: Layout, model: str) -> BaseFacts:
    """Create `models/base/rehearsal-…/` for a `model.base` setting, once."""
    known = bases.read_facts(layout, model)
    if known is not None:
        return known
    name = f"rehearsal-{slug(model)}"
    atomic.make_directory(layout.bases)
    config = json.dumps({"model_type": "rehearsal", "num_hidden_layers": 1}, indent=1)
    if not layout.base(name).exists():
        with atomic.building_directory(layout.base(name)) as folder:
            _tokenizer().save(str(folder / "tokenizer.json"))
            (folder / "config.json").write_text(config, encoding="utf-8")
            (folder / "tokenizer_config.json").write_text(_tokenizer_config(), encoding="utf-8")
    encoder = TextEncoder.load(layout.base(name))
    facts = BaseFacts(
        model=model,
        name=name,
        fingerprint=hashlib.sha256(config.encode()).hexdigest(),
        tokenizer=encoder.fingerprint,
        template=encoder.template_fingerprint,
        dtype="float32",
        source="made for a rehearsal",
        architecture="rehearsal",
        bytes=0,
        context_tokens=8192,
        num_layers=1,
    )
    bases.write_facts(layout, facts)
    return facts


def _tokenizer() -> Tokenizer:
    """Return a tokenizer in which every byte is a token."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {text: number for number, text in enumerate((*SPECIAL, *alphabet))}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(text, special=True) for text in SPECIAL])
    return tokenizer


def _tokenizer_config() -> str:
    return json.dumps(
        {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "bos_token": SPECIAL[0],
            "eos_token": SPECIAL[2],
            "pad_token": SPECIAL[0],
            "chat_template": TEMPLATE,
            "clean_up_tokenization_spaces": False,
        },
        indent=1,
    )
