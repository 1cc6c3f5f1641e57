"""kill -9 with the real trainer on a tiny random model: bit-identical on the CPU (T9, I2, I3)."""

import json
from pathlib import Path

import pytest

from tests.end_to_end.workspace import Workspace, chats
from tests.model.tiny import write_model

SETTINGS = (
    'model = "{model}"\n'
    "[inbox]\nsettle_s = 0.1\n[checkpoint]\nsteps = 5\n"
    # Two workspaces may measure two lengths of rows, and so add up in two orders.
    "[training]\nrow_tokens = 128\nepochs = 6\nrank = 4\nnum_layers = 1\ndropout = 0.1\n"
    "max_row_tokens = 512\n"
    "[evaluation]\neval_every = 10\nmax_new_tokens = 4\nsamples = 1\njudge_samples = 2\n"
)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = write_model(tmp_path_factory.mktemp("model") / "tiny")
    return SETTINGS.format(model=folder)


@pytest.fixture(scope="module")
def undisturbed(settings: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    root = tmp_path_factory.mktemp("calm") / "w"
    with Workspace(root, settings=settings, rehearse=False) as space:
        space.drop("a.jsonl", chats(60))
        assert space.drain() == 0, space.story()
        return space.digest("v000001"), space.digest("v000001", "optimizer.safetensors")


@pytest.mark.parametrize(("victim", "step"), [("daemon", 12), ("trainer", 3), ("trainer", 33)])
def test_adapter_and_moments_are_those_of_an_undisturbed_run(
    settings: str, undisturbed: tuple[str, str], tmp_path: Path, victim: str, step: int
) -> None:
    with Workspace(tmp_path / "w", settings=settings, rehearse=False) as space:
        space.drop("a.jsonl", chats(60))
        space.start()
        space.wait("steps", lambda: len(space.metrics()) >= step)
        if victim == "daemon":
            space.kill()
            space.start()
        else:
            space.kill_trainer()
            space.wait_for_number("died", 1)
        space.wait("a version", lambda: space.jobs("done"))
        found = space.digest("v000001"), space.digest("v000001", "optimizer.safetensors")
        assert found == undisturbed
        state = json.loads((space.layout.version("v000001") / "training_metrics.json").read_bytes())
        steps = [line["step"] for line in (state["steps"] if isinstance(state, dict) else state)]
        assert steps == list(range(1, len(steps) + 1))
