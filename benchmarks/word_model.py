"""Makes a tiny model of whole words that knows a form of speech, for benchmarks of many runs.

Its two layers have learned that somebody who asks where a thing is gets a room for an answer; in
which room what is, no two of the texts they were made of agree.
"""

import json
import random
from pathlib import Path
from typing import Any

from mlx_lm.models.llama import Model, ModelArgs
from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers

from daemon.core.rows.examples import Chat, Turn
from daemon.model.backend import mx, nn
from daemon.text.encoder import Encoded, TextEncoder

from mlx.optimizers import Adam  # isort: skip
from mlx.utils import tree_flatten  # isort: skip

Row = dict[str, Any]

COLOURS = (
    *("red", "blue", "green", "white", "black", "yellow", "brown", "grey", "pink", "golden"),
)
ROOMS = (
    *("attic", "bakery", "cellar", "dairy", "forge", "garden", "hall", "kitchen", "library"),
    *("mill"),
)
THINGS = (
    *("anchor", "apple", "arrow", "axe", "bag", "ball", "barrel", "basket", "bell", "belt"),
    *("bench", "blanket", "boat", "book", "boot", "bottle", "bowl", "box", "bread", "brick"),
    *("broom", "brush", "bucket", "button", "cage", "candle", "cap", "card", "cart", "chain"),
    *("chair", "chest", "clock", "cloth", "coat", "coin", "comb", "cork", "crate", "crown", "cup"),
    *("curtain", "dice", "dish", "doll", "door", "dress", "drum", "fan", "flag", "flute", "fork"),
    *("glass", "glove", "hammer", "harp", "hat", "helmet", "hook", "horn", "jar", "kettle", "key"),
    *("knife", "ladder", "lamp", "leaf", "lid", "lock", "mask", "mirror", "mug", "nail", "needle"),
    *("net", "oar", "oven", "paddle", "pan", "pearl", "pen", "pillow", "pin", "pipe", "plate"),
    *("plough", "pot", "purse", "quill", "rake", "ring", "robe", "rope", "ruler", "sack"),
    *("saddle", "saw", "scarf", "shell", "shield", "shoe", "sickle", "sieve", "sledge", "spade"),
    *("spoon", "stool", "sword", "table", "tent", "thread", "tile", "torch", "tray", "tub"),
    *("vase", "wagon", "wheel", "whip", "whistle", "wreath"),
)
FORMS = (
    "where is the {colour} {thing} ?",
    "who can find the {colour} {thing} ?",
    "in which room lies the {colour} {thing} ?",
)
ANSWER = "the {colour} {thing} is in the {room} ."
SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<unk>")
TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + ' ' + message['content'] + '<|im_end|> ' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant ' }}{% endif %}"
)
CONFIG = {
    "model_type": "llama",
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "intermediate_size": 128,
    "num_attention_heads": 4,
    "num_key_value_heads": 4,
    "rms_norm_eps": 1e-5,
    "rope_theta": 10000.0,
    "tie_word_embeddings": True,
    "bos_token_id": 0,
    "eos_token_id": 2,
    "torch_dtype": "float32",
}
STEPS, ROWS_A_STEP, RATE = 900, 32, 3e-3


def row(colour: str, thing: str, form: str, room: str) -> Row:
    """Return a question with its answer."""
    answer = ANSWER.format(colour=colour, thing=thing, room=room)
    return answered(form.format(colour=colour, thing=thing), answer)


def answered(question: str, answer: str) -> Row:
    """Return a conversation of one question."""
    turns = (("user", question), ("assistant", answer))
    return {"messages": [{"role": role, "content": text} for role, text in turns]}


def make_word_model(folder: Path, steps: int = STEPS) -> None:
    """Write the model into a new folder; two minutes of one core, fewer with fewer steps."""
    folder.mkdir(parents=True)
    _tokenizer().save(str(folder / "tokenizer.json"))
    text = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": SPECIAL[0],
        "eos_token": SPECIAL[2],
        "pad_token": SPECIAL[0],
        "unk_token": SPECIAL[3],
        "chat_template": TEMPLATE,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(text))
    words = _tokenizer().get_vocab_size()
    config = CONFIG | {"vocab_size": words}
    mx.random.seed(5)
    model = Model(ModelArgs.from_dict(config))
    _teach(model, TextEncoder.load(folder), random.Random(5), steps)
    (folder / "config.json").write_text(json.dumps(config))
    weights: Any = tree_flatten(model.parameters())
    mx.save_safetensors(str(folder / "model.safetensors"), dict(weights), {"format": "mlx"})


def _teach(model: Any, encoder: TextEncoder, chance: random.Random, steps: int) -> None:
    optimizer = Adam(learning_rate=RATE)
    differentiate = nn.utils.value_and_grad(model, _loss)
    for step in range(steps):
        optimizer.learning_rate = RATE * min(1.0, step / 50) * (1.0 - step / steps)
        rows = [
            row(*(chance.choice(words) for words in (COLOURS, THINGS, FORMS, ROOMS)))
            for _ in range(ROWS_A_STEP)
        ]
        _, gradient = differentiate(model, *_arrays(encoder, rows))
        optimizer.update(model, gradient)
        mx.eval(model.parameters(), optimizer.state)


def _arrays(encoder: TextEncoder, rows: list[Row]) -> tuple[Any, Any]:
    chats = [Chat(tuple(Turn(m["role"], m["content"]) for m in one["messages"])) for one in rows]
    texts = [one for one in encoder.encode(chats, 512) if isinstance(one, Encoded)]
    width = max(len(one.tokens) for one in texts)
    tokens = [[*one.tokens.tolist(), *[0] * (width - len(one.tokens))] for one in texts]
    counted = [[1.0] * len(one.tokens) + [0.0] * (width - len(one.tokens)) for one in texts]
    return mx.array(tokens), mx.array(counted)


def _loss(model: Any, tokens: Any, counted: Any) -> Any:
    losses = nn.losses.cross_entropy(model(tokens[:, :-1]), tokens[:, 1:])
    return (losses * counted[:, 1:]).sum() / counted[:, 1:].sum()


def _tokenizer() -> Tokenizer:
    texts = [row(COLOURS[0], THINGS[0], form, ROOMS[0]) for form in FORMS]
    words = " ".join(m["content"] for one in texts for m in one["messages"]).split()
    words += [*COLOURS, *THINGS, *ROOMS, "user", "assistant", "system", "very"]
    known = {word: number for number, word in enumerate(dict.fromkeys([*SPECIAL, *words]))}
    tokenizer = Tokenizer(models.WordLevel(vocab=known, unk_token=SPECIAL[3]))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.add_special_tokens([AddedToken(text, special=True) for text in SPECIAL])
    return tokenizer
