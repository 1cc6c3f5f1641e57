"""`evals/`: finds and reads the quality suites of a workspace and those that ship."""

import codecs
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

import daemon
from daemon.core.evaluation.suites import Mistake, SuiteFile, suite_of


def paths(folder: Path) -> list[Path]:
    """Return the files of all suites, by name.

    The workspace's own `evals/` comes first; a shipped suite counts unless the workspace has a file
    of the same name.
    """
    own = {path.name: path for path in folder.glob("*.jsonl")} if folder.is_dir() else {}
    there = {path.name: path for path in _shipped().glob("*.jsonl")}
    return [path for _, path in sorted({**there, **own}.items())]


def _shipped() -> Path:
    """Return the folder of the suites that ship, in an installed package or a checkout."""
    package = Path(daemon.__file__).parent
    installed = package / "_shipped" / "evals"
    return installed if installed.is_dir() else package.parent / "evals"


def read(path: Path) -> SuiteFile:
    """Return the suite of a file, or its mistakes."""
    try:
        data = path.read_bytes()
    except OSError as error:
        mistake = Mistake(0, f"it cannot be read ({error.strerror}): make it a readable file")
        return SuiteFile(path.stem, None, (), (mistake,))
    return suite_of(path.stem, _rows(data), hashlib.sha256(data).hexdigest())


def find(folder: Path, name: str) -> SuiteFile | None:
    """Return the suite with a name; None if there is none."""
    return next((read(path) for path in paths(folder) if path.stem == name), None)


def discover(folder: Path) -> tuple[SuiteFile, ...]:
    """Return every suite of a workspace, and the mistakes of those that cannot be used."""
    return tuple(read(path) for path in paths(folder))


def _rows(data: bytes) -> Iterator[tuple[int, Any]]:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        yield 0, Mistake(0, "it is UTF-16: save it as UTF-8")
        return
    for number, line in enumerate(data.removeprefix(codecs.BOM_UTF8).split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            yield number, orjson.loads(line.decode())
        except UnicodeDecodeError as error:
            problem = f"its byte {error.start + 1} is not UTF-8: save the file as UTF-8"
            yield number, Mistake(number, problem)
        except orjson.JSONDecodeError as error:
            yield number, Mistake(number, f"it is not JSON ({error.msg}): write one object a line")
