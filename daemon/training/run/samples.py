"""The sample prompts of a run: its first evaluation finds out for how many there is time.

All others ask the same ones, or their shares of right answers could not be compared.
"""

from collections.abc import Sequence

from daemon.errors import is_disk_full
from daemon.evaluation.questions import Question
from daemon.folders.runs import runs
from daemon.layout_jobs import RunLayout


class Samples:
    """Which of the chosen prompts the evaluations of one run ask."""

    def __init__(self, place: RunLayout, chosen: Sequence[Question]) -> None:
        self._place = place
        self._chosen = chosen
        self._count = runs.read_sample_count(place)

    @property
    def chosen(self) -> Sequence[Question]:
        """All that the run was frozen with."""
        return self._chosen

    @property
    def asked(self) -> Sequence[Question]:
        """What an evaluation asks: before the first, all of them if there is time."""
        return self._chosen[: self._count]

    @property
    def known(self) -> bool:
        """Whether an evaluation has found out how many are asked."""
        return self._count is not None

    def keep_count(self, count: int) -> int:
        """Keep how many were answered, for whoever goes on; return how many were left out."""
        self._count = count
        if runs.read_sample_count(self._place) != count:
            try:
                runs.write_sample_count(self._place, count)
            except OSError as error:
                # The next evaluation tries it again.
                if not is_disk_full(error):
                    raise
        return len(self._chosen) - count
