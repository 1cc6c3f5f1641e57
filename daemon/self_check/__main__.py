"""The process that checks: runs one check after the other and writes a JSON line before and after.

`doctor` starts it again after the check it died of: a broken driver ends the process that asks.
"""

import argparse
import json
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

from daemon.core.records import to_json_value
from daemon.self_check.finding import CheckContext, CheckResult, CheckRow, SelfCheck


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the checks that are wanted."""
    # What a library prints is not for whoever reads the findings.
    lines = os.dup(1)
    os.dup2(2, 1)
    asked = _asked(arguments)
    from daemon.model.parallel import ParallelPasses
    from daemon.self_check.checks import CHECKS

    parallel = ParallelPasses()
    place = CheckContext(asked.folder, asked.quick, asked.base)
    wanted = [check for check in CHECKS if _is_wanted(check, asked)]
    # Whoever reads can then name what was never begun.
    _write(lines, {"planned": [check.name for check in wanted]})
    for check in wanted:
        # Beside a busy process products that take all cores wait for it.
        parallel.share(1)
        _write(lines, {"begun": check.name})
        _write(lines, {"finding": to_json_value(run(check, place))})


def _is_wanted(check: SelfCheck, asked: argparse.Namespace) -> bool:
    wanted = (check.quick or not asked.quick) and (asked.breaking or not check.breaking)
    named = not asked.only or check.name in asked.only
    return wanted and named and check.name not in asked.done


def run(check: SelfCheck, place: CheckContext) -> CheckRow:
    """Return what a check found; one that fails in any way is wrong, and the others go on."""
    began_s = perf_counter()
    try:
        found = check.look(place)
    except Exception as error:  # noqa: BLE001 - a border: whatever a check raises is its finding
        traceback.print_exc(file=sys.stderr)
        found = CheckResult("wrong", f"it ended with {type(error).__name__}: {error}")
    seconds = perf_counter() - began_s
    return CheckRow(check.name, found.state, found.words, seconds, found.figures)


def _write(lines: int, record: dict[str, Any]) -> None:
    os.write(lines, json.dumps(record, default=str).encode() + b"\n")


def _asked(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="daemon.self_check")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--break", dest="breaking", action="store_true")
    parser.add_argument("--base")
    parser.add_argument("--done", nargs="*", default=())
    parser.add_argument("--only", nargs="*", default=())
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
