"""What is to be written before anything is decided, and found no room; knows no job."""

from collections.abc import Callable

from daemon.errors import is_disk_full


class Owed:
    """Writes in their order; one that found no room is owed still."""

    def __init__(self) -> None:
        self._writes: list[Callable[[], None]] = []

    def add(self, write: Callable[[], None]) -> None:
        """Owe one more."""
        self._writes.append(write)

    def pay(self, leaving: bool) -> None:
        """Do all of them; `leaving` does not wait for room: an attempt more is counted then.

        Raises:
            OSError: there is no room, or worse.
        """
        try:
            while self._writes:
                self._writes[0]()
                self._writes.pop(0)
        except OSError as error:
            if not (leaving and is_disk_full(error)):
                raise
