"""Calls that schemathesis makes up from the server's own OpenAPI document.

`make fuzz-api CALLS=1000 SEED=1` asks a `finetuned serve` with the embedded model; with `--url` a
server that runs already is asked.
"""

import argparse
import json
import socket
import subprocess
import sys
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import response_schema_conformance, status_code_conformance

from tests.serving.house import free_port, wait_for

MOST_TOKENS = 6
SHORT = {"type": "integer", "minimum": 1, "maximum": MOST_TOKENS}
CHECKS = [not_a_server_error, status_code_conformance, response_schema_conformance]


@dataclass
class Outcome:
    """How many calls ended with which status, by route."""

    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)

    @property
    def calls(self) -> int:
        """How many calls were made."""
        return self.statuses.total()

    @property
    def good(self) -> int:
        """How many got an answer."""
        return sum(n for (_, status), n in self.statuses.items() if 200 <= status < 300)


def described(url: str) -> dict[str, Any]:
    """Return the server's document, with names that exist and answers that are short."""
    with urllib.request.urlopen(f"{url}/openapi.json") as reply:
        document: dict[str, Any] = json.load(reply)
    for schema in document["components"]["schemas"].values():
        fields = schema.get("properties", {})
        if "arguments" in fields:
            # As text they must be JSON too, which no schema says.
            fields["arguments"] = {"type": "object"}
        if "max_tokens" not in fields:
            continue
        fields["model"] = {"enum": ["current", "base", "latest", None]}
        for name in ("max_tokens", "max_completion_tokens", "max_output_tokens"):
            if name in fields:
                fields[name] = SHORT
        schema["required"] = [*schema.get("required", ()), "max_tokens"]
        if "prefix" in fields:
            fields["prefix"] = {"enum": ["none", None]}
        if "n" in fields:
            fields["n"] = fields["best_of"] = {"enum": [1, None]}
    path = document["paths"]["/v1/models/{model}"]["get"]
    path["parameters"][0]["schema"] = {"enum": ["current", "base", "v0", "nobody"]}
    return document


def call(url: str, calls: int, number: int) -> Outcome:
    """Make so many calls, drawn by a seed; none may fail or break the document.

    Raises:
        BaseException: one did.
    """
    schema: Any = schemathesis.openapi.from_dict(described(url))
    operations = [found.ok() for found in schema.get_all_operations()]
    bodies = [one for one in operations if one.method == "post"]
    outcome = Outcome()
    for operation in operations:
        share = calls // (2 * len(bodies)) * 2 if operation in bodies else 3
        _ask(operation, url, share, number, outcome)
    return outcome


def _ask(operation: Any, url: str, examples: int, number: int, outcome: Outcome) -> None:
    strategy = operation.as_strategy(generation_mode=GenerationMode.POSITIVE)

    @seed(number)
    @settings(
        max_examples=max(1, examples),
        deadline=None,
        database=None,
        derandomize=False,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=strategy)
    def every(case: Any) -> None:
        reply = case.call(base_url=url, timeout=120)
        outcome.statuses[operation.path, reply.status_code] += 1
        case.validate_response(reply, checks=CHECKS)

    every()


@contextmanager
def embedded() -> Iterator[str]:
    """Give the address of a server over a fresh workspace with the embedded model."""
    command = str(Path(sys.executable).with_name("finetuned"))
    with TemporaryDirectory() as folder:
        root, port = Path(folder) / "w", free_port()
        quiet: Any = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        subprocess.run([command, "init", str(root)], check=True, **quiet)
        settings_file = root / "finetuned.toml"
        text = settings_file.read_text(encoding="utf-8")
        settings_file.write_text(text.replace("port = 9000", f"port = {port}"), encoding="utf-8")
        daemon = subprocess.Popen([command, "run", "--root", str(root)], **quiet)
        wait_for(lambda: (root / "current_model").exists(), "there is no base model", 300)
        subprocess.run([command, "stop", "--root", str(root)], check=True, **quiet)
        daemon.wait(60)
        server = subprocess.Popen([command, "serve", "--root", str(root)])
        try:
            wait_for(lambda: _answers(port), "the server did not start", 60)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()
            server.wait(30)


def _answers(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def main() -> int:
    """Ask a server and print what came of it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", help="a running server; without it one is started")
    parser.add_argument("--calls", type=int, default=400)
    parser.add_argument("--seed", type=int, default=1)
    wanted = parser.parse_args()
    with embedded() if wanted.url is None else nullcontext(wanted.url) as url:
        outcome = call(url, wanted.calls, wanted.seed)
    for (path, status), count in sorted(outcome.statuses.items()):
        sys.stdout.write(f"{path} {status}: {count}\n")
    sys.stdout.write(f"{outcome.calls} calls, {outcome.good} answered\n")
    return 0 if 2 * outcome.good >= outcome.calls else 1


if __name__ == "__main__":
    sys.exit(main())
