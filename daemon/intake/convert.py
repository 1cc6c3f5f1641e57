"""Turns a file of any kind into JSON lines, for `finetuned data convert`; a row at a time."""

from collections.abc import Collection, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from daemon.errors import UserFault
from daemon.files.file_notes import FileNotes
from daemon.files.limits import Unreadable
from daemon.files.unpacking import lines as lines_of


def lines(source: Path, known: Collection[str], notes: FileNotes) -> Iterator[bytes]:
    """Return the rows of a file as JSON lines, read as they are asked for.

    `known` are the user's own names of keys; `notes` are complete when all was read.

    Raises:
        UserFault: a kind of file that cannot be read, or one that is broken.
    """
    try:
        with TemporaryDirectory(prefix="finetuned-") as scratch:
            yield from lines_of(source, Path(scratch), known, notes)
    except Unreadable as error:
        message = f"{source} cannot be read: {error}"
        raise UserFault("unreadable_file", f"{message}; {error.bad.hint}") from error
    except OSError as error:
        raise UserFault("unreadable_file", f"{source} cannot be read: {error}") from error
