"""What a trainer died of, by what it left behind (faults of memory and device)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.decisions.deaths import Ending, classify, speaks_of_device, speaks_of_memory

METAL_TERMINATE = (
    "libc++abi: terminating due to uncaught exception of type std::runtime_error: "
    "[METAL] Command buffer execution failed: "
)
MEMORY = [
    (
        -6,
        METAL_TERMINATE + "Insufficient Memory (00000008:"
        "kIOGPUCommandBufferCallbackErrorOutOfMemory)",
    ),
    (-6, "libc++abi: terminating due to uncaught exception of type std::bad_alloc: std::bad_alloc"),
    (-6, "terminate called after throwing an instance of 'std::bad_alloc'\n  what():  bad_alloc"),
    (
        1,
        "RuntimeError: [metal::malloc] Attempting to allocate 134217728000 bytes which is greater "
        "than the maximum allowed buffer size of 28991029248 bytes.",
    ),
    (1, "RuntimeError: [malloc] Unable to allocate 8589934592 bytes."),
    (1, "RuntimeError: cudaMallocAsync(&data, size, stream) failed: out of memory"),
    (1, "Traceback (most recent call last):\n  File x\nMemoryError"),
    (1, "numpy: OSError: [Errno 12] Cannot allocate memory"),
]
DEVICE = [
    (
        -6,
        METAL_TERMINATE + "Caused GPU Timeout Error (00000002:"
        "kIOGPUCommandBufferCallbackErrorTimeout)",
    ),
    (
        -6,
        METAL_TERMINATE + "Impacting Interactivity (0000000e:"
        "kIOGPUCommandBufferCallbackErrorImpactingInteractivity)",
    ),
    (
        -6,
        METAL_TERMINATE + "Ignored (for causing prior/excessive GPU errors) (00000004:"
        "kIOGPUCommandBufferCallbackErrorSubmissionsIgnored)",
    ),
    (1, "RuntimeError: cudaStreamSynchronize(s) failed: an illegal memory access was encountered"),
    (1, "RuntimeError: cudaGraphLaunch failed: unspecified launch failure"),
    (1, "RuntimeError: CUDA error 719"),
    (1, "CUDA error: 46"),
    (1, "cuCtxSynchronize: CUDA_ERROR_LAUNCH_TIMEOUT"),
    (-6, "Unable to determine the device handle for GPU0000:01:00.0: GPU is lost."),
    (-6, "the device was lost"),
    (1, "no CUDA-capable device is detected"),
]
OTHER = [
    (1, "ValueError: rows"),
    (1, "RuntimeError: [metal::malloc] Resource limit (499000) exceeded."),
    (1, "loss 700, step 719, no error"),
    (-11, "Segmentation fault"),
    (-6, ""),
    (-15, "std::bad_alloc"),
    (137, ""),
]


@pytest.mark.parametrize(("status", "stderr"), MEMORY)
def test_a_death_of_memory_is_known_by_its_last_words(status: int, stderr: str) -> None:
    """Faults T14, D4."""
    cause = classify(Ending(status, stderr))
    assert cause.kind == cause.after == "memory" and cause.sign in stderr
    assert speaks_of_memory(stderr)


@pytest.mark.parametrize(("status", "stderr"), DEVICE)
def test_a_death_of_the_device_is_known_by_its_last_words(status: int, stderr: str) -> None:
    cause = classify(Ending(status, stderr))
    assert cause.kind == cause.after == "device" and cause.sign in stderr
    assert speaks_of_device(stderr) and not speaks_of_memory(stderr)


@pytest.mark.parametrize(("status", "stderr"), OTHER)
def test_any_other_death_is_neither(status: int, stderr: str) -> None:
    """Fault T14."""
    cause = classify(Ending(status, stderr))
    assert (cause.kind, cause.after) == ("other", None)


@given(st.text())
def test_a_kill_without_a_sign_is_not_of_memory_whatever_was_said_before(stderr: str) -> None:
    for words in (stderr, f"{stderr}\n[metal::malloc] Unable to allocate\nGPU is lost"):
        assert classify(Ending(-9, words, address_limit=True)).kind == "other"


def test_a_kill_is_of_memory_when_the_kernel_has_counted_one_or_none_was_left() -> None:
    """Faults Q7, T14."""
    assert classify(Ending(-9, oom_kills=1)).kind == "memory"
    assert classify(Ending(-9, least_available=0.01)).kind == "memory"
    assert classify(Ending(-9, least_available=0.2)).kind == "other"


def test_a_count_of_the_kernel_says_nothing_of_a_process_that_was_not_killed() -> None:
    assert classify(Ending(1, "ValueError: x", oom_kills=3)).kind == "other"
    assert classify(Ending(-11, oom_kills=3, least_available=0.0)).kind == "other"


def test_a_bad_access_is_of_memory_under_a_limit_on_address_space_only() -> None:
    """Faults T14, D4."""
    assert classify(Ending(-11, address_limit=True)).kind == "memory"
    assert classify(Ending(-11)).kind == "other"


def test_what_was_told_to_end_has_stopped_unless_memory_ended_it_first() -> None:
    assert classify(Ending(0, "[malloc] Unable to allocate")).kind == "stopped"
    assert classify(Ending(-9, wanted=True, least_available=0.0)).kind == "stopped"
    assert classify(Ending(1, wanted=True)).kind == "stopped"
    assert classify(Ending(-9, wanted=True, oom_kills=1)).kind == "memory"


def test_what_was_survived_long_ago_is_no_cause() -> None:
    old = "out of memory\n" + "a line\n" * 50
    assert classify(Ending(1, old + "ValueError")).kind == "other"
