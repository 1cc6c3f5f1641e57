"""What is found out about a file only while it is read: that it is cut off, what is left out."""

from collections.abc import Iterator
from dataclasses import dataclass, field

AGAIN = "copy or download it again and drop it: rows that were trained are not trained twice"


@dataclass
class FileNotes:
    """What people are to know of a file that was read to its end, beside its rows."""

    cut_off: str = ""
    """Where it ends too early, as in "in the middle of row 7"; empty if it is whole."""
    unread: list[str] = field(default_factory=list)
    """What of it is not read, a sentence each."""

    def sentences(self, whose: str = "the file") -> Iterator[str]:
        """Give what is to be said of a file, the most urgent first."""
        if self.cut_off:
            yield (
                f"{whose} ends {self.cut_off}: perhaps it was cut off. What is whole of it was "
                f"taken; {AGAIN}"
            )
        yield from self.unread

    def end(self, where: str) -> None:
        """Note where the file ends too early; of several places the first one that was found."""
        self.cut_off = self.cut_off or where
