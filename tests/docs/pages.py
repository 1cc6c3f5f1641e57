"""The pages as text, and the scripts that write some of them; judges none."""

import re
import runpy
import subprocess
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


def page(name: str) -> str:
    """Return a page's text by its path in the repository."""
    return (ROOT / name).read_text(encoding="utf-8")


def script(name: str) -> dict[str, Any]:
    """Return what a script of `docs/` defines, without running it."""
    return runpy.run_path(str(ROOT / "docs" / name))


def files() -> list[Path]:
    """Return every file that git keeps, or would."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [ROOT / name for name in listed.splitlines() if (ROOT / name).is_file()]


def pages() -> list[Path]:
    """Return every Markdown page."""
    return [p for p in files() if p.suffix == ".md" and p.parent.name != "templates"]


def links(path: Path) -> list[str]:
    """Return the links of a page that stay inside the repository."""
    found = re.findall(r"\]\(([^)\s]+)", without_code(path.read_text(encoding="utf-8")))
    return [link for link in found if "://" not in link]


def target(path: Path, link: str) -> tuple[Path, str]:
    """Return the file that a link of a page leads to, and the anchor in it."""
    name, _, anchor = link.partition("#")
    return (path.parent / name if name else path), anchor


def anchors(path: Path) -> list[str]:
    """Return the anchors of a page's headings, as hosted Markdown makes them."""
    headings = re.findall(
        r"^#{1,6} (.+)$", without_code(path.read_text(encoding="utf-8")), re.MULTILINE
    )
    plain = [re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings]
    return [heading.replace(" ", "-") for heading in plain]


def without_code(text: str) -> str:
    """Return a page's text without its blocks of code, whose comments look like headings."""
    return re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)


def first_column(text: str) -> set[str]:
    """Return every word in backticks of the first column of a page's tables."""
    cells = re.findall(r"^\| (`[^|]*) \|", text, flags=re.MULTILINE)
    return {word for cell in cells for word in re.findall(r"`([^`]+)`", cell)}


def project() -> dict[str, Any]:
    """Return what `pyproject.toml` says of the project."""
    found: dict[str, Any] = tomllib.loads(page("pyproject.toml"))["project"]
    return found
