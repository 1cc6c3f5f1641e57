"""Runs the self-checks in a process of their own, with a JSON line before and after each.

`doctor` restarts it behind a check that killed it: a broken driver ends the process that uses it.
"""

import argparse
import json
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter

from daemon.core.records import JsonObject, to_json_value
from daemon.self_check.finding import CheckContext, CheckResult, CheckRow, SelfCheck


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the selected checks."""
    # Output that libraries print must not mix with the findings.
    lines = os.dup(1)
    os.dup2(2, 1)
    options = _options(arguments)
    from daemon.model.parallel import ParallelPasses
    from daemon.self_check.checks import CHECKS

    parallel = ParallelPasses()
    place = CheckContext(options.folder, options.quick, options.base)
    wanted = [check for check in CHECKS if _is_wanted(check, options)]
    # The reader can then name the checks that were never started.
    _write(lines, {"planned": [check.name for check in wanted]})
    for check in wanted:
        # On a busy machine matrix products on all cores would wait for the other process.
        parallel.share(1)
        _write(lines, {"begun": check.name})
        _write(lines, {"finding": to_json_value(run(check, place))})


def _is_wanted(check: SelfCheck, options: argparse.Namespace) -> bool:
    wanted = (check.quick or not options.quick) and (options.breaking or not check.breaking)
    named = not options.only or check.name in options.only
    return wanted and named and check.name not in options.done


def run(check: SelfCheck, place: CheckContext) -> CheckRow:
    """Return the finding of a check; an exception makes it wrong, and the others still run."""
    began_s = perf_counter()
    try:
        found = check.run(place)
    except Exception as error:  # noqa: BLE001 - whatever a check raises is its finding
        traceback.print_exc(file=sys.stderr)
        found = CheckResult("wrong", f"it ended with {type(error).__name__}: {error}")
    seconds = perf_counter() - began_s
    return CheckRow(check.name, found.state, found.words, seconds, found.figures)


def _write(lines: int, record: JsonObject) -> None:
    os.write(lines, json.dumps(record, default=str).encode() + b"\n")


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
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
