"""The style sheet, script and charting library of a report page, each with its digest for the CSP.

The library is embedded compressed: 1.5 MB of gzip, 2 MB as text, instead of 4.8 MB a report.
"""

import gzip
import re
from base64 import b64encode
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files

OWN_STYLE = re.compile(r'getElementById\("([0-9a-f]{64})"\)')


@dataclass(frozen=True)
class Library:
    """plotly.js as it is embedded in a page."""

    packed: str
    """gzip, then base64."""
    digest: str
    """Digest of the uncompressed text, as a content security policy has it."""
    own_styles: tuple[str, ...]
    """Ids of the style elements it would add itself (for maps, which are not used here)."""


@cache
def css() -> str:
    """Return the style sheet."""
    return _own("page.css")


@cache
def javascript() -> str:
    """Return the script that draws the charts."""
    return _own("page.js")


@cache
def plotly() -> Library:
    """Return the library of the installed `plotly`, compressed once a process (half a second)."""
    # Read as a file: importing the package takes longer than all the rest of a report.
    data = files("plotly").joinpath("package_data", "plotly.min.js").read_bytes()
    packed = b64encode(gzip.compress(data, 9, mtime=0)).decode()
    return Library(packed, _digest(data), tuple(OWN_STYLE.findall(data.decode())))


def own_styles() -> str:
    """Return empty style elements, which keep the library from adding its own."""
    own = "".join(f'<style id="{name}"></style>\n' for name in plotly().own_styles)
    return f'<style id="plotly.js-style-global" class="no-inline-styles"></style>\n{own}'


def policy(scripts: bool) -> str:
    """Return the page's content security policy: only the embedded scripts and styles may run."""
    allowed = f"{_digest(javascript().encode())} {plotly().digest}" if scripts else "'none'"
    styles = f"{_digest(css().encode())} {_digest(b'')}"
    return (
        f"default-src 'none'; script-src {allowed}; style-src-elem {styles}; "
        "style-src-attr 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:; "
        "base-uri 'none'; form-action 'none'"
    )


def _own(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def _digest(data: bytes) -> str:
    return f"'sha256-{b64encode(sha256(data).digest()).decode()}'"
