"""The dashboard: how soon a page is painted, and what one open page costs the server.

    python -m benchmarks.dashboard_speed [--seconds 30] [--opens 5]

`finetuned serve` over a workspace in training; a real browser, started without anything kept, opens
the page. Then it stays open while the status changes and a step is written each second.
"""

import argparse
import shutil
import statistics
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter

import psutil
from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks import machine
from benchmarks.serve_sides import free_port, running
from daemon.folders.disk import locks
from daemon.layout import Layout
from tests.serving.dashboard.furnished import append, furnished, step, tell

STEPS = 2000
"""Steps of the run before the page is opened."""

PAINT_S = 1.0
SHARE = 2.0
"""Of one core, in percent."""

NAMES = ("chromium", "chromium-browser", "google-chrome")
PAINTED = """() => {
    const found = performance.getEntriesByName("first-contentful-paint");
    return found.length ? found[0].startTime : null;
}"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--opens", type=int, default=5)
    asked = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="finetuned-bench-") as folder,
        sync_playwright() as play,
    ):
        names = (*NAMES, play.chromium.executable_path)
        browser_path = next(filter(None, map(shutil.which, names)), None)
        if browser_path is None:
            print("No Chromium here, so the dashboard is not measured: apt install chromium")
            return
        load = machine.load()
        layout = busy_workspace(Path(folder) / "workspace")
        lock = locks.acquire(layout.workspace_lock)
        assert lock is not None, "nobody else knows this folder"
        port = free_port()
        layout.settings_file.write_text(f"[server]\nport = {port}\n", encoding="utf-8")
        with running(["-m", "daemon", "serve", "--root", str(layout.root)], port) as process:
            browser = play.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
            url = f"http://127.0.0.1:{port}"
            paints = [first_paint_s(browser, url) for _ in range(asked.opens)]
            with opened(browser, url):
                share = watched_share(layout, process.pid, asked.seconds)
            browser.close()
        lock.release()
    report(statistics.median(paints), max(paints), share, load)


def report(paint_s: float, longest_s: float, share: float, load: str) -> None:
    """Print the table."""
    print(f"A run of {STEPS} steps, load {load} before and {machine.load()} after\n")
    print("| what | measured | wanted |")
    print("| --- | --- | --- |")
    missed = "" if longest_s < PAINT_S else " (missed)"
    print(
        f"| first paint, nothing kept | {paint_s:.2f} s, at most {longest_s:.2f} s "
        f"| < {PAINT_S:g} s{missed} |"
    )
    missed = "" if share < SHARE else " (missed)"
    print(
        f"| one page open, news each second | {share:.2f} % of one core | < {SHARE:g} %{missed} |"
    )


def busy_workspace(root: Path) -> Layout:
    """Return a workspace in the middle of a long run."""
    layout = furnished(root)
    append(layout.metrics_file, (step(number) for number in range(31, STEPS + 1)))
    return layout


def first_paint_s(browser: Browser, url: str) -> float:
    """Open the page as for the first time; return when something of it was seen, in seconds."""
    with opened(browser, url) as page:
        page.wait_for_function(PAINTED)
        return float(page.evaluate(PAINTED)) / 1e3


@contextmanager
def opened(browser: Browser, url: str) -> Iterator[Page]:
    """Give the page in a profile of its own, with its drawings."""
    context = browser.new_context(viewport={"width": 1200, "height": 800})
    page = context.new_page()
    page.goto(url)
    page.wait_for_selector(".js-plotly-plot .main-svg", state="attached")
    yield page
    context.close()


def watched_share(layout: Layout, pid: int, seconds: int) -> float:
    """Return the server's time on a core while the workspace changes, in percent of one core."""
    server = psutil.Process(pid)
    before, began_s = server.cpu_times(), perf_counter()
    for number in range(seconds):
        at = STEPS + 1 + number
        append(layout.metrics_file, [step(at)])
        tell(layout, current_step=at, loss=1.0 / at)
        threading.Event().wait(1.0)
    after, took_s = server.cpu_times(), perf_counter() - began_s
    return 100 * float(after.user + after.system - before.user - before.system) / took_s


if __name__ == "__main__":
    main()
