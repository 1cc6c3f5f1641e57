"""Write docs/code-map.md: the files git would keep, each with its module's first sentence."""

import ast
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = "docs/code-map.md"
TITLE = "Code map"
WIDTH = 30

REMARKS = {
    ".ci/": "what CI runs, and which Python the Makefile uses",
    ".github/": "CI jobs: the same command on Linux and macOS",
    "benchmarks/": "speed and quality, compared with mlx-lm",
    "constraints/": "exact versions and hashes for Linux and macOS, and the script that finds them",
    "control/": "touch pause, resume, skip, stop here",
    "daemon/": "the Python package",
    "docs/": "guides, the rules of the folders, decisions",
    "evals/": "quality suites",
    "examples/": "files to drop",
    "inbox/": "drop files of rows here",
    "logs/": "the structured log",
    "models/": "base models, versions, backups, runs, sweeps, evaluations",
    "queue/": "one directory per job; the folder that contains it is its state",
    "status/": "what the daemon is doing, for people and scripts",
    "tests/": "mirrors the tree; every name is a sentence",
    ".gitignore": "files that the daemon writes",
    ".dockerignore": "what the image does not need",
    ".pre-commit-config.yaml": "ruff before a commit, the rest of `make lint` before a push",
    "CHANGELOG.md": "what changed, from the user's side",
    "CONTRIBUTING.md": "where a change belongs, and its proof of value",
    "Dockerfile": "an image of the daemon for Linux; nobody has built it yet",
    "LICENSE": "Apache-2.0",
    "Makefile": "demo, test, bench and the rest",
    "NOTICE": "licences of the shipped data",
    "README.md": "what it is, how to try it, what it guarantees",
    "SECURITY.md": "what is protected, and how to report a vulnerability",
    "pyproject.toml": "dependencies, lint, types, import contract, tests",
}

FOLDERS = {
    "daemon/py.typed": "marks the package as typed",
    "daemon/reports/page.css": "the look of a report, light and dark",
    "daemon/reports/page.js": "draws the charts of a report",
    "daemon/reports/templates/": "one template per report and format",
    "daemon/serving/dashboard/answers.js": "the newest answers beside the right ones",
    "daemon/serving/dashboard/ask.js": "examples for API clients, and a prompt box",
    "daemon/serving/dashboard/compare.html": "the skeleton of the comparison of two versions",
    "daemon/serving/dashboard/compare.js": "two versions side by side",
    "daemon/serving/dashboard/dom.js": "builds elements and formats values, as text",
    "daemon/serving/dashboard/login.html": "where a browser enters the token",
    "daemon/serving/dashboard/login.js": "exchanges the token for a session",
    "daemon/serving/dashboard/machine.js": "memory, disk, GPU and events",
    "daemon/serving/dashboard/overview.js": "the first screen",
    "daemon/serving/dashboard/versions.js": "files and versions, each with its report",
    "daemon/serving/dashboard/charts.js": "draws the learning charts, with sentences and tables",
    "daemon/serving/dashboard/page.css": "the look of the dashboard, light and dark",
    "daemon/serving/dashboard/page.html": "the dashboard's skeleton",
    "daemon/serving/dashboard/page.js": "follows the server and fills the sections",
    "tests/analysis/": "quality, secrets, statistics, learning curves, pages and pictures",
    "tests/dedup/": "which questions count as the same",
    "docs/decisions/": "why things are as they are, one page per decision",
    "docs/architecture.svg": "the picture on that page",
    "docs/dashboard.png": "the README's picture, made by make_picture.py",
    "tests/cli/": "commands as users type them",
    "tests/compatibility/": "files of earlier releases load for ever",
    "tests/clients/": "ordinary clients against a real server, by `make clients`",
    "tests/core/": "tables and properties of pure functions",
    "tests/docs/": "the docs match the code",
    "tests/end_to_end/": "real processes, kill -9",
    "tests/reliability/": "kills and errors at every change of the disk, random kills, full disks",
    "tests/evaluation/": "the tests behind a verdict",
    "tests/files/": "files of every kind, broken and hostile ones too",
    "tests/folders/": "real folders, a crash before every disk change",
    "tests/house/": "rules that no linter checks",
    "tests/intake/": "bad rows and good ones",
    "tests/model/": "base models, adapters, generation",
    "tests/reports/": "templates: hostile text stays text in HTML and in Markdown",
    "tests/self_check/": "what `doctor --gpu` reports, including reintroduced defects",
    "tests/serving/": "a real server, hostile requests, the dashboard in a real browser",
    "tests/system/": "readings of the system, with stand-ins for the libraries of macOS",
    "tests/supervisor/": "fake clock, stand-in trainer",
    "tests/text/": "templates, tokens, masks",
    "tests/training/": "a tiny random model on the CPU",
}


def main() -> None:
    (ROOT / PAGE).write_text(code_map(), encoding="utf-8")


def code_map() -> str:
    """Return the page."""
    return (
        f"# {TITLE}\n\nEvery folder and module with its purpose, generated by `make docs` from the "
        "modules' first sentences. The purpose of each package, and which may import which, is in "
        f"[architecture](architecture.md).\n\n```\n{tree()}```\n"
    )


def tree() -> str:
    """Return the tree: the top level, and every module of the package with its remark."""
    files = _files()
    lines: list[str] = []
    tops = {name.split("/")[0] + ("/" if "/" in name else "") for name in files}
    for top in sorted(tops, key=lambda name: (not name.endswith("/"), name.lower())):
        lines.append(_line(0, top, REMARKS.get(top, "")))
        if top == "daemon/":
            lines.extend(_package("daemon/", files, 1))
        elif top in ("docs/", "tests/"):
            lines.extend(_inside(top, files))
    return "".join(lines)


def _files() -> list[str]:
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return sorted({PAGE, *(name for name in listed.splitlines() if (ROOT / name).is_file())})


def _package(folder: str, files: list[str], depth: int) -> Iterator[str]:
    """Yield a package's rooms, then its modules."""
    below = [name.removeprefix(folder) for name in files if name.startswith(folder)]
    for room in sorted({name.split("/")[0] for name in below if "/" in name}):
        remark = _first_sentence(f"{folder}{room}/__init__.py")
        yield _line(depth, f"{room}/", remark or FOLDERS[f"{folder}{room}/"])
        yield from _package(f"{folder}{room}/", files, depth + 1)
    for name in below:
        if "/" not in name and name != "__init__.py":
            yield _line(depth, name, _first_sentence(folder + name))


def _inside(folder: str, files: list[str]) -> Iterator[str]:
    """Yield what lies directly in a folder; tests are named by their rooms only."""
    names = {name.removeprefix(folder) for name in files if name.startswith(folder)}
    for name in sorted({n.split("/")[0] + ("/" if "/" in n else "") for n in names}):
        if folder == "docs/" or name.endswith("/"):
            yield _line(1, name, _first_sentence(folder + name))


def _first_sentence(name: str) -> str:
    path = ROOT / name
    if name == PAGE:
        return TITLE
    if path.parent.name == "templates" and path.is_file():
        return path.read_text(encoding="utf-8").splitlines()[0].strip("{# }.")
    if path.suffix == ".md":
        return path.read_text(encoding="utf-8").splitlines()[0].lstrip("# ")
    if path.suffix != ".py" or not path.is_file():
        return FOLDERS.get(name, "")
    text = ast.get_docstring(ast.parse(path.read_bytes())) or ""
    return _shortened(text.split("\n\n")[0].replace("\n", " ").split("; ")[0].rstrip("."))


def _shortened(text: str, most: int = 96) -> str:
    if len(text) <= most:
        return text
    cut = max(text.rfind(mark, 20, most) for mark in (": ", ", ", " and "))
    return text[:cut] if cut > 0 else text[:most].rsplit(" ", 1)[0]


def _line(depth: int, name: str, remark: str) -> str:
    label = "  " * depth + name
    return f"{label:<{WIDTH}}  {remark}".rstrip() + "\n"


if __name__ == "__main__":
    main()
