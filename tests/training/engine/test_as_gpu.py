"""The whole procedure as a GPU has it: compiled steps in few shapes, bases that stay as they are.

The CPU computes. What only a device can show, its kernels and its memory, is not in here.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from daemon.core import messages as say
from daemon.core.evaluation.evaluations import Subject
from daemon.core.workspace.versions import AdapterSpec
from daemon.folders.models import current_model
from daemon.folders.models.models import MANIFEST
from daemon.folders.orders import evaluations
from daemon.model.loading import load_model
from daemon.serving.mlx_engine import MlxEngine
from daemon.training.engine.protocol import ADAPTER, MOMENTS
from daemon.training.records.state import EVOLUTION
from tests.serving.house import serving
from tests.tiny_bases import Kind
from tests.training.orders.test_evaluation import again, ask
from tests.training.tiny_llama import TinyEngine
from tests.training.workspace import SETTINGS, Workspace, after_steps, chats, make_workspace

from mlx.utils import tree_flatten  # isort: skip
from daemon.core.records import from_json_value

# On a CPU each new kind of kernel is compiled with g++, once a machine.
pytestmark = pytest.mark.timeout(300)

JOB = "000001-sums"
NUMBERS = {"fp32": {"float32"}, "bf16": {"bfloat16"}, "4bit": {"bfloat16", "uint32"}}
"""What the arrays of a base are, once it is loaded."""


def train(root: Path) -> Workspace:
    """Train a run with a hold-out, probes and commits; be sure that it was judged."""
    made = make_workspace(root, TinyEngine())
    made.add_job(JOB, chats(12), chats(6, "held"))
    ask_run(made, "r000001")
    assert made.serve(TinyEngine(), say.Train("r000001")).kinds()[-1] == "CandidateReady"
    return made


def ask_run(made: Workspace, run: str) -> None:
    training = {**SETTINGS["training"], "dropout": 0.1, "row_tokens": 128, "pass_tokens": 256}
    settings = {**SETTINGS, "training": training, "checkpoint": {"steps": 2}}
    made.ask_run(run, [JOB], settings=settings)


def test_a_base_stays_in_the_numbers_it_has(as_gpu: Kind, tmp_path: Path) -> None:
    made = make_workspace(tmp_path / "w", TinyEngine())
    model: Any = load_model(made.layout.base(made.facts.name))[0]
    leaves: Any = tree_flatten(model.parameters())
    kinds = {f"{array.dtype}".rpartition(".")[2] for _, array in leaves}
    assert kinds == NUMBERS[as_gpu]


def test_a_base_of_each_kind_is_trained_probed_judged_evaluated_and_served(
    as_gpu: Kind, tmp_path: Path
) -> None:
    """No run on a bfloat16 base came past its first probes: numpy cannot read such numbers."""
    made = train(tmp_path / "w")
    candidate = made.layout.run("r000001").candidate
    probes = [json.loads(line) for line in (candidate / EVOLUTION).read_bytes().splitlines()]
    assert {probe["step_in_run"] for probe in probes} >= {0, 6}
    made.seal("r000001", "v000001")
    manifest = made.read(made.layout.version("v000001") / MANIFEST)
    spec = from_json_value(manifest["adapter"], AdapterSpec)
    weights = manifest["files"][ADAPTER]["sha256"]
    order = ask(made, Subject("v000001", "version", "v000001", weights, spec))
    assert made.serve(TinyEngine(), say.CarryOut(order), react=again).kinds()[-1] == "OrderEnded"
    paper = evaluations.read_results(made.layout.evaluation(order), 0, 0)
    assert paper is not None and paper.failed is None and None not in paper.answers
    current_model.point_at(made.layout, "v000001")
    with serving(made.layout, MlxEngine(versions=2)) as served:
        reply = served.ask("POST", "/generate", {"prompt": "sum 3", "max_tokens": 8})
        assert reply.status == 200 and reply.json()["version"] == "v000001"


def test_a_run_that_was_killed_ends_in_the_same_bytes(as_gpu: Kind, tmp_path: Path) -> None:
    made = train(tmp_path / "w")
    ask_run(made, "r000002")
    made.serve(TinyEngine(), say.Train("r000002"), react=after_steps(3, say.Abandon()))
    made.serve(TinyEngine(), say.Train("r000002"))
    for name in (ADAPTER, MOMENTS):
        whole, parts = (made.layout.run(r).candidate / name for r in ("r000001", "r000002"))
        assert whole.read_bytes() == parts.read_bytes()
