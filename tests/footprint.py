"""How much a process of its own gains while it repeats something."""

import subprocess
import sys
import textwrap

MEASURED = """
import psutil

{prepare}

def gained(first, last):
    before = psutil.Process().memory_info().rss
    for number in range(first, last):
        repeat(number)
    return psutil.Process().memory_info().rss - before

gained(0, {warm_up})
print(gained({warm_up}, {times}))
"""


def gained_mib(prepare: str, warm_up: int, times: int) -> float:
    """Return what a new process gains in MiB from one repetition to another.

    `prepare` is Python that defines `repeat(number)`.
    """
    code = MEASURED.format(prepare=textwrap.dedent(prepare), warm_up=warm_up, times=times)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return int(done.stdout) / 2**20
