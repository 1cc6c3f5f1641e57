"""The sample prompts of a run: as many as fit into the budget of its evaluations.

Later evaluations use the same prompts or the first of them, so that answers over steps compare.
"""

from collections.abc import Sequence

from daemon.errors import is_disk_full
from daemon.evaluation.questions import Question
from daemon.folders.runs import runs
from daemon.layout_jobs import RunLayout


class Samples:
    """Which of the chosen prompts the evaluations of one run use."""

    def __init__(self, place: RunLayout, chosen: Sequence[Question]) -> None:
        self._place = place
        self._chosen = chosen
        self._count = runs.read_sample_count(place)

    @property
    def chosen(self) -> Sequence[Question]:
        """All prompts that the run was frozen with."""
        return self._chosen

    @property
    def selected(self) -> Sequence[Question]:
        """The prompts that an evaluation uses; before the first one, all."""
        return self._chosen[: self._count]

    @property
    def known(self) -> bool:
        """Whether an evaluation has measured how many there is time for."""
        return self._count is not None

    def keep_count(self, count: int) -> None:
        """Save how many the next evaluations use, in later attempts too."""
        self._count = count
        if runs.read_sample_count(self._place) != count:
            try:
                runs.write_sample_count(self._place, count)
            except OSError as error:
                # The next evaluation tries to save it again.
                if not is_disk_full(error):
                    raise
