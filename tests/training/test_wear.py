"""When a trainer leaves because its memory has grown: by what the system counts."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from daemon.clock import SystemClock
from daemon.core import messages as say
from daemon.training.engine.stub import RehearsalEngine
from tests.training.workspace import SETTINGS, Workspace, chats, make_workspace

JOB, GIB = "000001-sums", 2**30


class Growing(RehearsalEngine):
    """Tells of memory what a Mac would, growing or not with each run that is loaded."""

    def __init__(self, footprint: int, peak: int) -> None:
        super().__init__(SystemClock(), 0.0)
        self._grows = {"footprint": footprint, "peak": peak}
        self._runs = 0

    def load(self, *words: object) -> bool:
        self._runs += 1
        return super().load(*words)  # type: ignore[arg-type]

    def memory(self) -> dict[str, int]:
        grown = {kind: GIB * grows**self._runs for kind, grows in self._grows.items()}
        return {"active": GIB, "process": GIB, **grown}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = make_workspace(tmp_path / "w", RehearsalEngine(SystemClock(), 0.0))
    made.add_job(JOB, chats(8))
    for run in ("r000001", "r000002"):
        made.ask_run(run, [JOB], settings={**SETTINGS, "trainer": {"max_growth": 2.0}})
    return made


@pytest.mark.parametrize(("footprint", "peak", "loaded"), [(3, 1, True), (1, 3, False)])
def test_growth_is_told_by_the_footprint(
    workspace: Workspace, footprint: int, peak: int, loaded: bool
) -> None:
    """A Mac's resident size lacks what the GPU holds; a peak that has passed is no growth."""
    engine = Growing(footprint, peak)

    def react(report: say.Report) -> Sequence[say.Order]:
        return [say.Train("r000002")] if report == say.CandidateReady("r000001") else ()

    pipe = workspace.serve(engine, say.Train("r000001"), react=react)
    assert pipe.kinds().count("CandidateReady") == 2
    noted = [r.code for r in pipe.sent if isinstance(r, say.Noted)]
    assert ("trainer_worn" in noted) is loaded
