"""What is to be written before anything is decided, and was refused by the disk; knows no job."""

from collections.abc import Callable


class RetryQueue:
    """Writes in their order; one that the disk refused is owed still."""

    def __init__(self) -> None:
        self._writes: list[Callable[[], None]] = []

    def add(self, write: Callable[[], None]) -> None:
        """Owe one more."""
        self._writes.append(write)

    def pay(self, leaving: bool) -> None:
        """Do all of them; `leaving` does not wait for the disk: an attempt more is counted then.

        Raises:
            OSError: the disk refused; what is left is owed still.
        """
        try:
            while self._writes:
                self._writes[0]()
                self._writes.pop(0)
        except OSError:
            if not leaving:
                raise
