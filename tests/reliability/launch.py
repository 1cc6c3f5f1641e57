"""Starts the daemon with another program in the place of Python for its workers.

python -m tests.reliability.launch PROGRAM run --root …
"""

import sys

from daemon.cli import main

if __name__ == "__main__":
    sys.executable = sys.argv.pop(1)
    main()
