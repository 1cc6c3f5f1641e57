"""The row layout of a run: forced by a setting, or chosen by what was measured on the machine."""

import json
from pathlib import Path
from typing import Any

import pytest

from daemon.core import messages as say
from daemon.core.records import from_json_value
from daemon.core.training.row_layout import RowCosts
from tests.tiny_bases import tolerance
from tests.training.tiny_llama import TinyEngine
from tests.training.workspace import SETTINGS, Workspace, chats, losses_of, make_workspace

JOB = "000001-sums"


class Measured(TinyEngine):
    """Has figures of another machine, on which rows of one text are three times as fast."""

    asked = 0

    def row_costs(self, base: Path, row_tokens: int) -> RowCosts | None:
        """Return them."""
        self.asked += 1
        return RowCosts(row_tokens, 3.0, {row_tokens: 1.0})


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = make_workspace(tmp_path / "w", TinyEngine())
    made.add_job(JOB, chats(12), chats(6, "held"))
    return made


def layout_of(workspace: Workspace, run: str) -> Any:
    return json.loads(workspace.layout.run(run).frozen.read_text())["row_layout"]


def with_training(**changes: Any) -> dict[str, Any]:
    return {**SETTINGS, "training": {**SETTINGS["training"], **changes}}


def test_rows_of_one_text_are_trained_where_they_were_measured_to_be_faster(
    workspace: Workspace,
) -> None:
    """Every model that can pack was packed, though only causal rows have a fused backward pass."""
    engine = Measured()
    for run in ("r000001", "r000002"):
        workspace.ask_run(run, [JOB])
        pipe = workspace.serve(engine, say.Train(run))
        assert pipe.kinds()[-1] == "CandidateReady" and layout_of(workspace, run) == "alone"
        assert not engine.shapes.packed
    notes = [r.message for r in pipe.sent if isinstance(r, say.Noted)]
    assert any("one text a row takes 0." in note for note in notes)
    # Remembered for the machine.
    assert engine.asked == 1
    entries = json.loads(workspace.layout.machine.read_text())["entries"]
    (entry,) = entries.values()
    assert from_json_value(entry["row_costs"], RowCosts).packed_s == 3.0
    assert 1 == 1


def test_a_setting_forces_either_layout_and_nothing_is_measured(workspace: Workspace) -> None:
    engine, losses = Measured(), {}
    for run, layout in (("r000001", "packed"), ("r000002", "alone")):
        workspace.ask_run(run, [JOB], settings=with_training(row_layout=layout, batch_rows=12))
        losses[layout] = losses_of(workspace.serve(engine, say.Train(run)))
        assert layout_of(workspace, run) == layout
    assert engine.asked == 0
    assert losses["alone"][1] == pytest.approx(losses["packed"][1], rel=tolerance(1e-5, 2e-2))
