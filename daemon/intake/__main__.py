"""The intake worker: takes jobs in one by one; a hostile file can only kill this process."""

import argparse
import json
import os
import sys
from pathlib import Path

import setproctitle

from daemon.clock import SystemClock
from daemon.core.messages import IntakeProgress, Ready, Stop, TakeIn, TakenIn
from daemon.intake.taking import Taking
from daemon.layout import Layout
from daemon.pipes import Pipe
from daemon.text.encoder import TextEncoder


class Worker:
    """The worker's state between jobs: the tokenizer it has loaded."""

    def __init__(self, layout: Layout, pipe: Pipe) -> None:
        self._layout = layout
        self._pipe = pipe
        self._encoder: tuple[Path, TextEncoder] | None = None

    def take_in(self, job: str) -> None:
        """Do one job; its report is durable when this returns."""
        place = self._layout.job("incoming", job)
        base = json.loads((place.folder / "context.json").read_bytes())["base"]["name"]
        taking = Taking(
            self._layout,
            place,
            self._tokenizer(self._layout.base(base)),
            SystemClock(),
            lambda rows: self._pipe.send(IntakeProgress(job, rows)),
        )
        taking.take_in()
        self._pipe.send(TakenIn(job))

    def _tokenizer(self, folder: Path) -> TextEncoder:
        if self._encoder is None or self._encoder[0] != folder:
            self._encoder = (folder, TextEncoder.load(folder))
        return self._encoder[1]


def main() -> int:
    """Serve until the supervisor is gone or says stop."""
    pipe = Pipe.take_over()
    parser = argparse.ArgumentParser(prog="python -m daemon.intake")
    parser.add_argument("--root", type=Path, required=True)
    layout = Layout(parser.parse_args().root)
    setproctitle.setproctitle(f"finetuned intake {layout.root}")
    pipe.send(Ready(pid=os.getpid(), device="cpu", libraries={}))
    worker = Worker(layout, pipe)
    for order in pipe.orders():
        if isinstance(order, Stop):
            break
        if isinstance(order, TakeIn):
            worker.take_in(order.job)
    return 0


if __name__ == "__main__":
    sys.exit(main())
