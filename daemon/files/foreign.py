"""Recognises files dropped by mistake by their first bytes: spreadsheets, archives, pointers."""

from pathlib import Path
from typing import NamedTuple

from daemon.core.rows.refusal import Bad

EXPORT = "export its rows as CSV or JSON lines and drop that"
UNPACK = "unpack it and drop the files in it"


class Foreign(NamedTuple):
    """A kind of file that holds no rows to read."""

    start: bytes
    code: str
    name: str
    hint: str


TABLE = (
    Foreign(b"%PDF", "pdf", "a PDF document", "write its text as rows: one JSON object a line"),
    Foreign(b"\xd0\xcf\x11\xe0", "office", "an old Office file (.xls, .doc)", EXPORT),
    Foreign(b"{\\rtf", "office", "an RTF document", EXPORT),
    Foreign(b"7z\xbc\xaf\x27\x1c", "archive", "a 7z archive", UNPACK),
    Foreign(b"Rar!", "archive", "a RAR archive", UNPACK),
    Foreign(b"BZh", "archive", "packed with bzip2", UNPACK),
    Foreign(b"\xfd7zXZ", "archive", "packed with xz", UNPACK),
    Foreign(b"\x04\x22\x4d\x18", "archive", "packed with lz4", UNPACK),
    Foreign(b"SQLite format 3\0", "database", "an SQLite database", EXPORT),
    Foreign(b"ARROW1", "table_file", "an Arrow (Feather) file", "save it as Parquet and drop that"),
    Foreign(b"FEA1", "table_file", "a Feather file", "save it as Parquet and drop that"),
    Foreign(b"Obj\x01", "table_file", "an Avro file", "save it as Parquet and drop that"),
    Foreign(b"ORC", "table_file", "an ORC file", "save it as Parquet and drop that"),
    Foreign(b"\x89HDF", "table_file", "an HDF5 file", "save it as Parquet and drop that"),
    Foreign(b"\x93NUMPY", "table_file", "a NumPy array", EXPORT),
    Foreign(b"GGUF", "model_file", "a GGUF model", "models are named in model.base, not dropped"),
    Foreign(b"\x89PNG", "picture", "a PNG picture", "drop rows of text"),
    Foreign(b"\xff\xd8\xff", "picture", "a JPEG picture", "drop rows of text"),
    Foreign(b"GIF8", "picture", "a GIF picture", "drop rows of text"),
    Foreign(b"\x7fELF", "program", "a program", "drop rows of text"),
    Foreign(b"bplist00", "table_file", "a property list", EXPORT),
)
MARKUP = (
    (b"<!doctype html", "web_page"),
    (b"<html", "web_page"),
    (b"<head", "web_page"),
    (b"<?xml", "xml"),
)
OFFICE = (
    (b"xl/", "a spreadsheet (.xlsx)"),
    (b"word/", "a Word document (.docx)"),
    (b"ppt/", "a presentation (.pptx)"),
    (b"opendocument", "an OpenDocument file (.ods, .odt)"),
)

TAIL_BYTES = 65536
"""Of the end of an archive, where the names in it stand."""


def foreign(head: bytes, path: Path) -> Bad | None:
    """Return what a file is that holds no rows, and what to do; None for any other.

    `head` is its beginning, unpacked.
    """
    if head.startswith(b"PK"):
        return _zip(head, path)
    return _pointer(head) or _known(head) or _text(head) or _pickle(head)


def _known(head: bytes) -> Bad | None:
    if head[257:262] == b"ustar":
        return Bad("archive", "the file is a tar archive", UNPACK)
    if head[8:10] == b'{"' and int.from_bytes(head[:8], "little") < 2**27:
        hint = "models are named in model.base, not dropped"
        return Bad("model_file", "the file holds tensors (safetensors)", hint)
    found = next((kind for kind in TABLE if head.startswith(kind.start)), None)
    if found is None:
        return None
    return Bad(found.code, f"the file is {found.name}", found.hint)


def _pointer(head: bytes) -> Bad | None:
    if head.startswith(b"version https://git-lfs"):
        return Bad(
            "lfs_pointer",
            "the file is a Git LFS pointer, not the file itself",
            "run 'git lfs pull' where it comes from and drop the file that this brings",
        )
    if b"/annex/objects/" in head[:512] and len(head) < 512:
        hint = "run 'git annex get' where it comes from and drop the file that this brings"
        return Bad("lfs_pointer", "the file is a git-annex pointer, not the file itself", hint)
    return None


def _text(head: bytes) -> Bad | None:
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:64].lower()
    kind = next((kind for begin, kind in MARKUP if start.startswith(begin)), None)
    if kind == "xml" and b"<html" in head[:2048].lower():
        kind = "web_page"
    if kind == "web_page":
        return Bad(
            "web_page",
            "the file is a web page (HTML), not data",
            "a download link often leads to a page: download the file itself (its raw form)",
        )
    return (kind and Bad("xml", "the file is XML", EXPORT)) or None


def _pickle(head: bytes) -> Bad | None:
    if head[:1] != b"\x80" or head[1:2] not in (b"\x02", b"\x03", b"\x04", b"\x05"):
        return None
    message = "the file is a Python pickle, which is never opened: it could run any program"
    return Bad("pickle", message, "save the rows as JSON lines or Parquet and drop that")


def _zip(head: bytes, path: Path) -> Bad | None:
    """Name what a zip archive holds, by the names at its beginning and its end."""
    if head[2:4] == b"\x05\x06":
        return Bad("archive", "the file is a zip archive with nothing in it", "pack it again")
    if head[2:4] not in (b"\x03\x04", b"\x07\x08"):
        return None
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - TAIL_BYTES))
        names = head + file.read(TAIL_BYTES)
    kind = next((name for part, name in OFFICE if part in names), None)
    if kind is not None:
        return Bad("office", f"the file is {kind}", EXPORT)
    if b"/data.pkl" in names:
        return Bad("model_file", "the file is a PyTorch checkpoint", "drop rows of text")
    if b".npy" in names:
        return Bad("table_file", "the file is an archive of NumPy arrays (.npz)", EXPORT)
    return Bad("archive", "the file is a zip archive", UNPACK)
