"""Downloads a model from the Hugging Face hub: resumable, with retries and checksums.

`huggingface_hub` restarts a file after a kill, verifies no checksum, and gives up on a connection
that is reset in the middle: too little for gigabytes over a home connection.
"""

import hashlib
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from daemon.errors import ModelFault
from daemon.folders.disk import atomic
from daemon.folders.disk.record_files import write_record
from daemon.model.hub_listing import (
    ANSWER_S,
    LISTING,
    HubFile,
    Listing,
    explained,
    fetch_listing,
    read_listing,
)
from daemon.model.interruption import Attend, Interrupted

CHECKED_BYTES = 2**23
"""Chunk size for checksums."""
FRUITLESS_MOST = 5
"""Consecutive attempts without a byte before giving up."""
REST_S = 1.0
"""Wait before the next attempt; doubled with each fruitless one."""
SPARE_BYTES = 2**28
"""Disk space that stays free."""


@dataclass(frozen=True)
class Downloaded:
    """A completely downloaded model."""

    folder: Path
    revision: str


def download(
    folder: Path, model: str, attend: Attend, inspect: Callable[[Path], object]
) -> Downloaded:
    """Download a model and return it once every file has the checksum that the hub states.

    `inspect` gets the directory before any weights are fetched, and raises if they are not wanted.

    Raises:
        ModelFault: the download failed; what was received stays for the next attempt.
        Interrupted: `attend` returned true; likewise.
    """
    known = read_listing(folder, model)
    if known is not None and all(_is_here(folder, file, attend) for file in known.files):
        return Downloaded(folder, known.revision)
    listing = fetch_listing(model)
    atomic.make_directory(folder)
    if known != listing:
        _forget_others(folder, listing, attend)
        write_record(folder / LISTING, listing)
    _Download(folder, listing, attend).fetch(inspect)
    return Downloaded(folder, listing.revision)


def _is_here(folder: Path, file: HubFile, attend: Attend) -> bool:
    """Return whether a file is complete and correct; a wrong one is removed."""
    path = folder / file.name
    try:
        same = path.stat().st_size == file.size and _matches(path, file, attend)
    except FileNotFoundError:
        return False
    if not same:
        atomic.remove_file(path)
    return same


def _forget_others(folder: Path, listing: Listing, attend: Attend) -> None:
    """Remove the files of another revision; files that are equal in both stay."""
    files = {file.name: file for file in listing.files}
    parts = {_part(folder, file).name for file in listing.files}
    for path in sorted(folder.iterdir()):
        if path.name in files:
            _is_here(folder, files[path.name], attend)
        elif path.name not in parts:
            atomic.remove_file(path)


def _part(folder: Path, file: HubFile) -> Path:
    """Return the path of a partial file, named so that other content is never appended to it."""
    mark = re.sub(r"\W", "", file.sha256 or file.git_sha1 or str(file.size))[:16]
    return folder / f"{file.name}.{mark}.part"


class _NoMore(Exception):
    """The hub has no more bytes, whatever size it states."""


class _Download:
    """The download of one listing."""

    def __init__(self, folder: Path, listing: Listing, attend: Attend) -> None:
        self._folder = folder
        self._listing = listing
        self._attend = attend
        self._total = sum(file.size for file in listing.files)
        self._got = sum(map(self._bytes_of, listing.files))

    def fetch(self, inspect: Callable[[Path], object]) -> None:
        self._check_room()
        inspected = False
        for file in self._listing.files:
            if file.is_weights and not inspected:
                inspect(self._folder)
                inspected = True
            if not (self._folder / file.name).exists():
                self._fetch(file)

    def _bytes_of(self, file: HubFile) -> int:
        whole = self._folder / file.name
        return file.size if whole.exists() else _size(_part(self._folder, file))

    def _check_room(self) -> None:
        needed = self._total - self._got
        free = shutil.disk_usage(self._folder).free
        if needed + SPARE_BYTES > free:
            message = (
                f"{self._listing.model!r} takes {needed / 1e9:.1f} GB more and the disk has "
                f"{free / 1e9:.1f} GB free: make room, or choose a smaller or 4-bit model"
            )
            raise ModelFault("model_download_failed", message, passing=True)

    def _fetch(self, file: HubFile) -> None:
        """Receive a file, once more if it is wrong, and rename it when it is correct."""
        part = _part(self._folder, file)
        for _ in range(2):
            self._receive_all(file, part)
            if _size(part) == file.size and _matches(part, file, self._attend):
                atomic.sync_file(part)
                atomic.move(part, self._folder / file.name)
                return
            self._got -= _size(part)
            atomic.remove_file(part)
        message = (
            f"{file.name} of {self._listing.model!r} came twice with another size or checksum than "
            "the hub states: check for a proxy on the way to the hub; it is retried automatically"
        )
        raise ModelFault("model_download_failed", message, passing=True)

    def _receive_all(self, file: HubFile, part: Path) -> None:
        """Receive until the file has the stated size; retry when the connection breaks."""
        import httpx2

        part.touch()
        fruitless = 0
        while (before := _size(part)) < file.size:
            error: Exception | None = None
            try:
                self._receive(file, part, before)
            except _NoMore:
                return
            except httpx2.HTTPError as broken:
                if not _may_pass(broken):
                    raise explained(self._listing.model, broken) from broken
                error = broken
            fruitless = 0 if _size(part) > before else fruitless + 1
            if fruitless >= FRUITLESS_MOST:
                raise explained(self._listing.model, error or ConnectionError("no data arrived"))
            if _size(part) < file.size:
                self._report(f"the connection broke; {file.name}", REST_S * 2**fruitless)

    def _receive(self, file: HubFile, part: Path, have: int) -> None:
        from huggingface_hub import constants, get_session, get_token, hf_raise_for_status

        place = f"{self._listing.model}/resolve/{self._listing.revision}/{quote(file.name)}"
        url = f"{constants.ENDPOINT}/{place}"
        # A compressed response could not be resumed at a byte offset.
        headers = {"Accept-Encoding": "identity"}
        if token := get_token():
            headers["Authorization"] = f"Bearer {token}"
        if have:
            headers["Range"] = f"bytes={have}-"
        with get_session().stream(
            "GET", url, headers=headers, follow_redirects=True, timeout=ANSWER_S
        ) as response:
            if response.status_code == 416:
                raise _NoMore
            hf_raise_for_status(response)
            # A server without range support sends the whole file.
            resumes = have and _begin_of(response) == have
            self._got -= 0 if resumes else have
            with part.open("ab" if resumes else "wb") as out:
                self._write(file, response, out, file.size - (have if resumes else 0))

    def _write(self, file: HubFile, response: Any, out: Any, most: int) -> None:
        # Unbuffered: buffered bytes would be lost with the connection.
        for chunk in response.iter_bytes():
            out.write(chunk)
            self._got += len(chunk)
            most -= len(chunk)
            if most < 0:
                # More than the file has: its checksum will not agree.
                return
            self._report(file.name)

    def _report(self, what: str, wait_s: float = 0.0) -> None:
        if self._attend(f"{what}, {_amount(self._got, self._total)} downloaded", wait_s):
            raise Interrupted


def _begin_of(response: Any) -> int:
    """Return the offset in the file at which a response begins."""
    found = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
    return int(found[1]) if response.status_code == 206 and found else 0


def _may_pass(error: Exception) -> bool:
    """Return whether a retry may succeed."""
    import httpx2
    from huggingface_hub.errors import HfHubHTTPError

    if isinstance(error, HfHubHTTPError):
        return error.response.status_code in (408, 429) or error.response.status_code >= 500
    return isinstance(error, httpx2.TransportError)


def _matches(path: Path, file: HubFile, attend: Attend) -> bool:
    """Return whether a file has the checksum that the hub states."""
    digest = hashlib.sha256() if file.sha256 else hashlib.sha1(usedforsecurity=False)
    if not file.sha256:
        digest.update(b"blob %d\0" % file.size)
    stated = file.sha256 or file.git_sha1
    if stated is None:
        return True
    with path.open("rb") as content:
        while chunk := content.read(CHECKED_BYTES):
            digest.update(chunk)
            if attend(f"checking {file.name}"):
                raise Interrupted
    return digest.hexdigest() == stated


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _amount(got: int, total: int) -> str:
    if total < 10**9:
        return f"{got / 1e6:.1f} of {total / 1e6:.1f} MB"
    return f"{got / 1e9:.2f} of {total / 1e9:.2f} GB"
