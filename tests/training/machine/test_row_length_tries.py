"""How often a machine is asked which length of rows is best."""

from pathlib import Path

from daemon.clock import SystemClock
from daemon.core import messages as say
from daemon.training.engine.stub import RehearsalEngine
from tests.training.workspace import chats, make_workspace

JOB = "000001-sums"


class Slow(RehearsalEngine):
    """Never comes to an end of its measuring."""

    def __init__(self) -> None:
        super().__init__(SystemClock(), 0.0)
        self.asked = 0

    def best_row_tokens(self, base: Path) -> int | None:
        """Take long for nothing."""
        self.asked += 1
        return None


def test_a_machine_that_cannot_tell_is_asked_three_times_and_no_more(tmp_path: Path) -> None:
    """It was measured again at each run: on a slow machine in vain for ever."""
    engine = Slow()
    made = make_workspace(tmp_path / "w", engine)
    made.add_job(JOB, chats(12), chats(6, "held"))
    for number in range(1, 6):
        made.ask_run(f"r{number:06}", [JOB])
        assert made.serve(engine, say.Train(f"r{number:06}")).kinds()[-1] == "CandidateReady"
    assert engine.asked == 3
