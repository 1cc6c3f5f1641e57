"""Take the README's picture: the dashboard while the demo's file is trained, in a real browser.

    python -m docs.make_picture [--step 60] [--root WORKSPACE]

Takes as long as `make demo`, needs Chromium, and writes docs/dashboard.png; no part of `make docs`.
"""

import argparse
import json
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from playwright.sync_api import sync_playwright

from benchmarks.dashboard_speed import NAMES, opened
from benchmarks.serve_sides import free_port, running
from daemon.layout import Layout

PICTURE = Path(__file__).resolve().parent / "dashboard.png"
WIDTH, HEIGHT = 1180, 900
DRAWN_MS = 1500
"""Until the charts have come to rest."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--step", type=int, default=60, help="take it at this step of the run")
    parser.add_argument("--root", type=Path, help="a run in progress, in place of the demo")
    chosen = parser.parse_args()
    if chosen.root is not None:
        photograph(Layout(chosen.root), chosen.step)
        return
    with tempfile.TemporaryDirectory(prefix="finetuned-picture-") as folder:
        root = Path(folder) / "tuning"
        with subprocess.Popen([sys.executable, "-m", "daemon", "demo", "--root", root]) as demo:
            photograph(Layout(root), chosen.step)
            demo.send_signal(signal.SIGINT)


def photograph(layout: Layout, step: int) -> None:
    """Wait for a step of the run in training, then write the picture."""
    wait_for(layout, step)
    port = free_port()
    settings = layout.settings_file.read_text(encoding="utf-8")
    own = re.sub(r"(?m)^port = \d+$", f"port = {port}", settings)
    layout.settings_file.write_text(own, encoding="utf-8")
    with (
        running(["-m", "daemon", "serve", "--root", str(layout.root)], port),
        sync_playwright() as play,
    ):
        names = (*NAMES, play.chromium.executable_path)
        found = next(filter(None, map(shutil.which, names)), None)
        browser = play.chromium.launch(executable_path=found, args=["--no-sandbox"])
        with opened(browser, f"http://127.0.0.1:{port}") as page:
            page.set_viewport_size({"width": WIDTH, "height": HEIGHT})
            page.wait_for_timeout(DRAWN_MS)
            page.screenshot(path=PICTURE)
        browser.close()


def wait_for(layout: Layout, step: int) -> None:
    """Return when the run in training has come to a step."""
    while not layout.status_file.exists() or at_step(layout) < step:
        threading.Event().wait(0.5)


def at_step(layout: Layout) -> int:
    status = json.loads(layout.status_file.read_bytes())
    return status["batch_step"] or 0 if status["status"] == "training" else 0


if __name__ == "__main__":
    main()
