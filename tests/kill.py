"""A kill at a chosen step of the disk's one door, in this process."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import current_thread, main_thread

import pytest

from daemon.folders.disk import atomic


class Killed(BaseException):
    """What no code catches, as it would not outlive a SIGKILL."""


@contextmanager
def killed_at(step: int, after: str = "") -> Iterator[list[str]]:
    """Raise `Killed` at a step of the disk, counted from 0; gives the steps that were passed.

    With `after`, counting begins at the first step of that name. Other threads go on.
    """
    passed: list[str] = []

    def step_on_disk(point: str) -> None:
        if current_thread() is not main_thread() or not (passed or point == after or not after):
            return
        passed.append(point)
        if len(passed) == step + 1:
            raise Killed(point)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(atomic, "failpoint", step_on_disk)
        yield passed
