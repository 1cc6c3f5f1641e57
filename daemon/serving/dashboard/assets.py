"""The dashboard's page, styles and scripts as they are sent."""

import gzip
from base64 import b64decode
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files

from daemon.reports import assets as report_assets

TYPES = {"html": "text/html", "css": "text/css", "js": "text/javascript"}
EMPTY = "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='"
"""An empty style element, which keeps the charting library from adding its own."""
POLICY = (
    f"default-src 'none'; script-src 'self'; connect-src 'self'; style-src-elem 'self' {EMPTY}; "
    # The charting library sets inline styles on its drawings.
    "style-src-attr 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src data: blob:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",
}


@dataclass(frozen=True)
class Asset:
    """One file as it is sent."""

    kind: str
    """Its media type."""
    data: bytes
    packed: bytes
    """The same as gzip."""
    tag: str
    """An entity tag."""


@cache
def asset(name: str) -> Asset:
    """Return one of this folder's files, or `plotly.js`; the latter takes half a second once."""
    if name == "plotly.js":
        packed = b64decode(report_assets.plotly().packed)
        return _asset(name, gzip.decompress(packed), packed)
    data = files(__package__).joinpath(name).read_bytes()
    if name == "page.html":
        data = data.replace(b"<!-- own styles -->", _empty_styles())
    return _asset(name, data, gzip.compress(data, 9, mtime=0))


def _asset(name: str, data: bytes, packed: bytes) -> Asset:
    kind = f"{TYPES[name.rsplit('.', 1)[1]]}; charset=utf-8"
    return Asset(kind, data, packed, f'"{sha256(data).hexdigest()[:32]}"')


def _empty_styles() -> bytes:
    return report_assets.own_styles().encode()
