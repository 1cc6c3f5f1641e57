"""Installs ordinary clients for the while and drives them against a real server.

    make clients

It needs PyPI and npm, and prints one line per call. It ends with 1 if a call failed, and names
what could not be tried.
"""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import tomllib
import urllib.request
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from math import isclose
from pathlib import Path

HERE = Path(__file__).parent
LOSSES = "losses.jsonl"
"""What lm-evaluation-harness got, each line with context, continuation and log-probability."""


def main() -> int:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        root = workspace(folder / "workspace")
        with served(root) as address:
            failed = [
                call.__name__
                for call in (python_clients, node_clients, lm_eval)
                if not call(folder, root, address)
            ]
    print(f"failed: {', '.join(failed)}" if failed else "every client was answered")
    return 1 if failed else 0


def workspace(root: Path) -> Path:
    """Return a workspace whose current version is the untouched embedded model."""
    finetuned("init", str(root))
    settings = root / "finetuned.toml"
    written = re.sub(r"(?m)^port = \d+$", f"port = {free_port()}", settings.read_text())
    settings.write_text(written)
    finetuned("run", "--until-idle", "--root", str(root))
    return root


def finetuned(*words: str) -> None:
    """Run a command to its end."""
    subprocess.run([sys.executable, "-m", "daemon", *words], check=True, stdout=sys.stderr)


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as held:
        return int(held.getsockname()[1])


@contextmanager
def served(root: Path) -> Iterator[str]:
    """Give the address of a server that runs as long as the block."""
    server = subprocess.Popen([sys.executable, "-m", "daemon", "serve", "--root", str(root)])
    settings = tomllib.loads((root / "finetuned.toml").read_text())
    address = f"http://127.0.0.1:{settings['server']['port']}"
    try:
        while server.poll() is None and not ready(address):
            threading.Event().wait(0.2)
        yield address
    finally:
        server.terminate()
        server.wait()


def ready(address: str) -> bool:
    """Whether the server has a version to prompt."""
    try:
        with urllib.request.urlopen(f"{address}/readyz") as reply:
            return bool(reply.status == 200)
    except OSError:
        return False


def python_clients(folder: Path, root: Path, address: str) -> bool:
    """OpenAI's client, LiteLLM, LangChain, OpenAI's agents, `llm`."""
    python = installed(folder)
    return run([python, str(HERE / "python_calls.py")], folder, address)


def lm_eval(folder: Path, root: Path, address: str) -> bool:
    """Multiple choice and generation; the figures must be the model's own."""
    base = next(path for path in (root / "models" / "base").iterdir() if path.is_dir())
    python = installed(folder)
    told = run([python, str(HERE / "lm_eval_calls.py"), str(base), LOSSES], folder, address)
    return told and losses_are_the_models_own(base, folder / LOSSES)


def installed(folder: Path) -> str:
    """Return the Python that has the clients; made once."""
    place = folder / "venv"
    python = place / "bin" / "python"
    if not python.exists():
        venv.create(place, with_pip=True)
        pins = HERE / "requirements.txt"
        subprocess.run([python, "-m", "pip", "install", "-q", "-r", pins], check=True)
    return str(python)


def node_clients(folder: Path, root: Path, address: str) -> bool:
    """OpenAI's client for JavaScript and Vercel's AI SDK."""
    if shutil.which("npm") is None:
        print("NOT TRIED: the clients of Node, which is not on this machine")
        return True
    for name in ("package.json", "node_calls.mjs"):
        shutil.copy(HERE / name, folder)
    subprocess.run(["npm", "install", "--silent", "--no-audit"], cwd=folder, check=True)
    return run(["node", "node_calls.mjs"], folder, address)


def run(command: list[str], folder: Path, address: str) -> bool:
    """Return whether a program ends well; it finds the server as its users would tell it."""
    found = {
        "OPENAI_BASE_URL": f"{address}/v1",
        "OPENAI_API_KEY": "none",
        # None of them may wait for the network.
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "HF_HUB_OFFLINE": "1",
        "HF_DATASETS_OFFLINE": "1",
        "LLM_USER_PATH": str(folder / "llm"),
    }
    return subprocess.run(command, cwd=folder, env=os.environ | found, check=False).returncode == 0


def losses_are_the_models_own(base: Path, path: Path) -> bool:
    """Compare log-probabilities that went over the wire with those of a forward pass here."""
    from daemon.model.backend import mx
    from daemon.model.loading import load_model

    model, tokenizer = load_model(base)
    worst = 0.0
    for line in path.read_text().splitlines():
        context, continuation, given = json.loads(line)
        prompt, whole = tokenizer.encode(context), tokenizer.encode(context + continuation)
        logits = model(mx.array([whole[:-1]]))[0].astype(mx.float32)
        scores = logits - mx.logsumexp(logits, axis=-1, keepdims=True)
        own = sum(float(scores[at - 1, whole[at]]) for at in range(len(prompt), len(whole)))
        worst = max(worst, 0.0 if isclose(own, given, abs_tol=1e-6) else abs(own - given))
    same = worst < 1e-3
    print(f"{'ok  ' if same else 'FAIL'} lm-eval's log-probabilities: {worst:.1e} apart at most")
    return same


if __name__ == "__main__":
    sys.exit(main())
