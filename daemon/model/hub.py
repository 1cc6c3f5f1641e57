"""Downloads a model from the hub; goes on where an earlier download stopped, and checks each file.

`huggingface_hub` begins a file anew after a kill, checks no checksum, and gives up on a connection
that is reset in the middle: too little for gigabytes on a line at home.
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
from daemon.model.hub_listing import (
    ANSWER_S,
    LISTING,
    HubFile,
    Listing,
    ask_hub,
    explained,
    read_listing,
)
from daemon.model.interruption import Attend, Interrupted

CHECKED_BYTES = 2**23
"""Read at once when a checksum is made."""
FRUITLESS_MOST = 5
"""Tries in a row that bring no byte."""
REST_S = 1.0
"""Before the next try; doubled with each fruitless one."""
SPARE_BYTES = 2**28
"""Room on the disk that is left alone."""


@dataclass(frozen=True)
class Downloaded:
    """A model that lies whole on this disk."""

    folder: Path
    revision: str


def download(
    folder: Path, model: str, attend: Attend, look: Callable[[Path], object]
) -> Downloaded:
    """Return the model, once every file of it is here and has the checksum that the hub states.

    `look` sees the directory before any weights are fetched, and raises where they are not wanted.

    Raises:
        ModelFault: it cannot be had; what has been received is kept for the next try.
        Interrupted: an order said to leave; the same.
    """
    known = read_listing(folder, model)
    if known is not None and all(_is_here(folder, file, attend) for file in known.files):
        return Downloaded(folder, known.revision)
    listing = ask_hub(model)
    atomic.make_directory(folder)
    if known != listing:
        _forget_others(folder, listing, attend)
        atomic.write_json(folder / LISTING, listing.as_record())
    _Download(folder, listing, attend).fetch(look)
    return Downloaded(folder, listing.revision)


def _is_here(folder: Path, file: HubFile, attend: Attend) -> bool:
    """Return whether a file is whole; one that is not what the hub states is removed."""
    path = folder / file.name
    try:
        same = path.stat().st_size == file.size and _matches(path, file, attend)
    except FileNotFoundError:
        return False
    if not same:
        atomic.remove_file(path)
    return same


def _forget_others(folder: Path, listing: Listing, attend: Attend) -> None:
    """Remove what is left of another revision; files that are the same in both are kept."""
    files = {file.name: file for file in listing.files}
    parts = {_part(folder, file).name for file in listing.files}
    for path in sorted(folder.iterdir()):
        if path.name in files:
            _is_here(folder, files[path.name], attend)
        elif path.name not in parts:
            atomic.remove_file(path)


def _part(folder: Path, file: HubFile) -> Path:
    """Return where a file grows: another content of the same name is never appended to it."""
    mark = re.sub(r"\W", "", file.sha256 or file.git_sha1 or str(file.size))[:16]
    return folder / f"{file.name}.{mark}.part"


class _NoMore(Exception):
    """The hub has no bytes beyond those that are here, whatever size it states."""


class _Download:
    """One listing on its way to the disk."""

    def __init__(self, folder: Path, listing: Listing, attend: Attend) -> None:
        self._folder = folder
        self._listing = listing
        self._attend = attend
        self._total = sum(file.size for file in listing.files)
        self._got = sum(map(self._bytes_of, listing.files))

    def fetch(self, look: Callable[[Path], object]) -> None:
        self._check_room()
        looked = False
        for file in self._listing.files:
            if file.is_weights and not looked:
                look(self._folder)
                looked = True
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
                f"{free / 1e9:.1f} GB free: free room, or choose a smaller or 4-bit model"
            )
            raise ModelFault("model_download_failed", message, passing=True)

    def _fetch(self, file: HubFile) -> None:
        """Receive a file, again where it came wrong, and give it its name once it is right."""
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
            "the hub states: look for a proxy between here and the hub; it is tried again by itself"
        )
        raise ModelFault("model_download_failed", message, passing=True)

    def _receive_all(self, file: HubFile, part: Path) -> None:
        """Receive until there is as much as the hub states, again where the line breaks."""
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
                raise explained(self._listing.model, error or ConnectionError("no bytes came"))
            if _size(part) < file.size:
                self._say(f"the line broke; {file.name}", REST_S * 2**fruitless)

    def _receive(self, file: HubFile, part: Path, have: int) -> None:
        from huggingface_hub import constants, get_session, get_token, hf_raise_for_status

        place = f"{self._listing.model}/resolve/{self._listing.revision}/{quote(file.name)}"
        url = f"{constants.ENDPOINT}/{place}"
        # Compressed, its bytes could not be counted and gone on with.
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
            # Whoever does not know ranges sends the whole file.
            goes_on = have and _begin_of(response) == have
            self._got -= 0 if goes_on else have
            with part.open("ab" if goes_on else "wb") as out:
                self._write(file, response, out, file.size - (have if goes_on else 0))

    def _write(self, file: HubFile, response: Any, out: Any, most: int) -> None:
        # As they come: what waited for a larger piece to fill would be lost with the line.
        for chunk in response.iter_bytes():
            out.write(chunk)
            self._got += len(chunk)
            most -= len(chunk)
            if most < 0:
                # More than the file has: its checksum will not agree.
                return
            self._say(file.name)

    def _say(self, what: str, wait_s: float = 0.0) -> None:
        if self._attend(f"{what}, {_amount(self._got, self._total)} downloaded", wait_s):
            raise Interrupted


def _begin_of(response: Any) -> int:
    """Return from which byte of the file an answer begins."""
    found = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
    return int(found[1]) if response.status_code == 206 and found else 0


def _may_pass(error: Exception) -> bool:
    """Return whether the next try may bring what this one did not."""
    import httpx2
    from huggingface_hub.errors import HfHubHTTPError

    if isinstance(error, HfHubHTTPError):
        return error.response.status_code in (408, 429) or error.response.status_code >= 500
    return isinstance(error, httpx2.TransportError)


def _matches(path: Path, file: HubFile, attend: Attend) -> bool:
    """Return whether a file has the checksum that the hub states."""
    made = hashlib.sha256() if file.sha256 else hashlib.sha1(usedforsecurity=False)
    if not file.sha256:
        made.update(b"blob %d\0" % file.size)
    stated = file.sha256 or file.git_sha1
    if stated is None:
        return True
    with path.open("rb") as content:
        while chunk := content.read(CHECKED_BYTES):
            made.update(chunk)
            if attend(f"checking {file.name}"):
                raise Interrupted
    return made.hexdigest() == stated


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _amount(got: int, total: int) -> str:
    if total < 10**9:
        return f"{got / 1e6:.1f} of {total / 1e6:.1f} MB"
    return f"{got / 1e9:.2f} of {total / 1e9:.2f} GB"
