"""Entry point of the trainer process, `python -m daemon.training`: builds it and runs it."""

import argparse
import os
import sys
from pathlib import Path

from setproctitle import setproctitle

from daemon.clock import SystemClock
from daemon.errors import BusyFault, ExitCode, is_disk_full
from daemon.folders.disk import locks
from daemon.layout import Layout
from daemon.pipes import Pipe
from daemon.training.context import TrainerContext
from daemon.training.engine.protocol import Engine
from daemon.training.engine.stub import RehearsalEngine
from daemon.training.machine.display import limit_metal_ops, note_watchdog
from daemon.training.worker import Trainer


def main() -> int:
    """Run the worker until its orders end; return its exit code."""
    arguments = _arguments()
    parent = os.getppid()
    pipe = Pipe.take_over()
    setproctitle(f"finetuned trainer ({'rehearsal' if arguments.rehearse else 'mlx'})")
    layout = Layout(arguments.root.resolve())
    clock = SystemClock()
    limit_metal_ops(layout, os.environ)
    try:
        # Held until the process ends, from before anything is loaded: one model a workspace.
        lock = locks.acquire_or_explain(layout.trainer_lock, "the model")
        engine = (
            RehearsalEngine(clock, arguments.pace) if arguments.rehearse else _mlx(arguments.wire)
        )
        context = TrainerContext(layout, engine, pipe, clock, lambda: os.getppid() == parent)
        Trainer(context, os.getpid()).serve()
    except BusyFault as fault:
        sys.stderr.write(f"{fault.message}\n")
        return fault.exit_code
    except Exception as error:
        note_watchdog(layout, os.environ, error, pipe)
        if not is_disk_full(error):
            raise
        # Not a crash of the run: it resumes from its last commit once there is room.
        sys.stderr.write(f"{error}\n")
        return ExitCode.DISK_FULL
    lock.release()
    return ExitCode.OK


def _mlx(wire: bool) -> Engine:
    # Imported here: a rehearsal must not need MLX.
    from daemon.training.engine.mlx import MlxEngine

    return MlxEngine(wire)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m daemon.training")
    parser.add_argument("--root", type=Path, required=True, help="the workspace")
    parser.add_argument("--rehearse", action="store_true", help="use a stand-in for MLX")
    parser.add_argument("--pace", type=float, default=0.02, help="seconds a rehearsed step takes")
    parser.add_argument("--wire", action="store_true", help='memory.wired is "auto"')
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
