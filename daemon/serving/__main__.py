"""`python -m daemon.serving`: runs the HTTP server as the supervisor's child process."""

import argparse
import sys
from pathlib import Path

from setproctitle import setproctitle

from daemon.errors import Fault
from daemon.folders.disk import access
from daemon.layout import Layout
from daemon.serving.launch import serve
from daemon.settings_file import read_settings


def main() -> int:
    """Serve until stdin ends; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m daemon.serving")
    parser.add_argument("--root", type=Path, required=True, help="the workspace")
    parser.add_argument("--rehearse", action="store_true", help="use a stand-in for MLX")
    arguments = parser.parse_args()
    layout = Layout(arguments.root.resolve())
    setproctitle(f"finetuned server {layout.root}")
    try:
        settings = read_settings(layout.settings_file)
        access.restrict(settings.access)
        serve(layout, settings.server, rehearse=arguments.rehearse, child=True)
    except Fault as fault:
        sys.stderr.write(f"{fault.message}\n")
        return fault.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
