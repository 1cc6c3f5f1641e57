"""A GGUF file whose header lies ends in one sentence, without memory or time for what it claims."""

import struct
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from daemon.errors import ModelFault
from daemon.model.backend import mx
from daemon.model.gguf import convert
from daemon.model.gguf_header import check_whole
from daemon.model.loading import load_model
from tests.model.test_gguf import write_gguf

UINT32, STRING, LIST = 4, 8, 9
ZEROS = bytes(4096)


def head(tensors: int, pairs: int) -> bytes:
    return b"GGUF" + struct.pack("<IQQ", 3, tensors, pairs)


def text(value: bytes) -> bytes:
    return struct.pack("<Q", len(value)) + value


def entry(value: bytes, key: bytes = b"a") -> bytes:
    """Return a file with one entry, its kind included, and no tensor."""
    return head(0, 1) + text(key) + value + ZEROS


def listed(inner: int, count: int) -> bytes:
    return struct.pack("<IIQ", LIST, inner, count)


def tensor(shape: tuple[int, ...], kind: int = 0, offset: int = 0) -> bytes:
    """Return a file with one tensor and no entry."""
    axes = struct.pack(f"<I{len(shape)}Q", len(shape), *shape)
    return head(1, 0) + text(b"t") + axes + struct.pack("<IQ", kind, offset) + ZEROS


LIES = {
    "2^60 entries": head(0, 2**60) + ZEROS,
    "2^60 tensors": head(2**60, 0) + ZEROS,
    "a list of 2^60 numbers": entry(listed(UINT32, 2**60)),
    "a list of 2^31 numbers": entry(listed(UINT32, 2**31)),
    "a list of 2^60 strings": entry(listed(STRING, 2**60)),
    "a list of 2^31 strings": entry(listed(STRING, 2**31)),
    "a string of 2^60 bytes": entry(struct.pack("<IQ", STRING, 2**60)),
    "a string of 2^32 bytes": entry(struct.pack("<IQ", STRING, 2**32)),
    "a key of 2^32 bytes": head(0, 1) + struct.pack("<Q", 2**32) + ZEROS,
    "a key that is no text": entry(struct.pack("<II", UINT32, 1), b"\xff\xfe"),
    "an unknown kind": entry(struct.pack("<I", 99)),
    "lists in lists, 5000 deep": entry(struct.pack("<I", LIST) + 5000 * struct.pack("<IQ", 9, 1)),
    "an alignment of 0": entry(struct.pack("<II", UINT32, 0), b"general.alignment"),
    "an alignment of 3": entry(struct.pack("<II", UINT32, 3), b"general.alignment"),
    "an alignment of 2^31": entry(struct.pack("<II", UINT32, 2**31), b"general.alignment"),
    "an alignment that is a text": entry(struct.pack("<I", STRING), b"general.alignment"),
    "a tensor beyond the end": tensor((4,), offset=2**40),
    "a tensor beyond all files": tensor((4,), offset=2**64 - 8),
    "a tensor of 2^60 numbers": tensor((2**60,)),
    "a shape whose product wraps": tensor((2**32, 2**32)),
    "a tensor of 17 axes": tensor((4,) * 17),
    "half a block": tensor((33,), kind=2),
    "an unknown kind of tensor": tensor((4,), kind=77),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_header_that_lies_is_refused_within_a_megabyte(lie: str, tmp_path: Path) -> None:
    """Fault: an alignment of 0 and lists in lists ended in a traceback."""
    path = tmp_path / "lie.gguf"
    path.write_bytes(LIES[lie])
    tracemalloc.start()
    with pytest.raises(ModelFault, match=r"lie\.gguf") as caught:
        check_whole(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert caught.value.code in ("model_damaged", "model_unsupported") and peak < 2**20


def test_a_huge_file_of_nothing_is_not_read_to_its_end(tmp_path: Path) -> None:
    """Fault: 2^31 empty strings would be passed one by one where the file is long enough."""
    path = tmp_path / "hole.gguf"
    path.write_bytes(entry(listed(STRING, 2**31)))
    with path.open("r+b") as file:
        file.truncate(2**35)
    with pytest.raises(ModelFault, match="makes no sense"):
        check_whole(path)


WORDS, NUMBERS, HUGE = ["a", "b"], mx.array([1, 2], mx.int32), mx.array(2**32 - 1, mx.uint32)
WRONG: dict[str, list[Any]] = {
    "llama.embedding_length": ["text", WORDS, NUMBERS, HUGE, mx.array(float("nan"))],
    "llama.block_count": ["text", HUGE, mx.array(0, mx.uint32), mx.array(-5, mx.int32)],
    "llama.attention.head_count": ["text", HUGE, mx.array(0, mx.uint32)],
    "llama.attention.layer_norm_rms_epsilon": ["text", mx.array(float("nan"))],
    "llama.context_length": ["text", WORDS],
    "tokenizer.ggml.tokens": ["text", WORDS, NUMBERS],
    "tokenizer.ggml.merges": ["text", NUMBERS, ["one"], [" x"]],
    "tokenizer.ggml.token_type": ["text", WORDS, NUMBERS, mx.array([3] * 9999, mx.int32)],
    "tokenizer.ggml.bos_token_id": ["text", HUGE, mx.array(-1, mx.int32)],
    "tokenizer.ggml.add_bos_token": ["text", NUMBERS],
    "tokenizer.chat_template": [NUMBERS, mx.array(1, mx.uint32)],
}
CASES = [(key, value) for key, values in WRONG.items() for value in values]


@pytest.mark.parametrize(("key", "value"), CASES, ids=lambda value: str(value)[:30])
def test_an_entry_of_another_kind_is_refused_by_its_name_or_its_meaning(
    exact_base: Path, tmp_path: Path, key: str, value: Any
) -> None:
    """Fault: a text instead of a number, or an id beyond the vocabulary, ended in a traceback."""
    original, _ = load_model(exact_base)
    path = write_gguf(tmp_path / "odd.gguf", original, **{key: value})
    with pytest.raises(
        ModelFault, match=r"odd\.gguf cannot be converted: (its|it|\w+\.)"
    ) as caught:
        convert(path, tmp_path, quantised=False)
    assert caught.value.code == "model_unsupported"
    assert not (tmp_path / "config.json").exists()
