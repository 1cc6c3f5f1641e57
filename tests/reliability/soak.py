"""The long share of the reliability suite: every fault at every place, and many random kills.

    python -m tests.reliability.soak [--kills 10000] [--faults N] [--seed N] [--at-once 2]

Prints what is broken as it is found, with the seed or the fault that shows it again, and a table
at the end. Ends with 1 where an invariant was broken.
"""

import argparse
import random
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from time import time_ns

from tests.reliability.faults import Fault, every_fault, passed_places, suffer
from tests.reliability.kills import be_killed
from tests.reliability.scenario import End, calm_end
from tests.reliability.small_disk import fill_up, possible

KILLS_A_HISTORY = 10
MOST_FREE = 4 * 2**20


@dataclass(frozen=True)
class Trial:
    """One history: with a fault, or with kills drawn by a seed."""

    calm: End
    fault: Fault | None = None
    seed: int = 0
    free_bytes: int | None = None
    """Bytes left on a disk of its own."""

    def __str__(self) -> str:
        if self.free_bytes is not None:
            return f"a disk with {self.free_bytes} bytes left"
        return f"kills drawn by seed {self.seed}" if self.fault is None else f"fault {self.fault}"

    def run(self) -> list[str]:
        """Return what is broken afterwards."""
        with tempfile.TemporaryDirectory(prefix="finetuned-soak-") as folder:
            try:
                if self.free_bytes is not None:
                    return fill_up(Path(folder), self.free_bytes, self.calm)
                if self.fault is not None:
                    return suffer(Path(folder), self.fault, self.calm)
                return be_killed(Path(folder), self.seed, KILLS_A_HISTORY, self.calm)
            except AssertionError as error:
                return [f"I8: {error}"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=10_000, help="kills at random moments")
    parser.add_argument("--faults", type=int, help="so many drawn from all faults; else all")
    parser.add_argument("--disks", type=int, default=50, help="sizes of a disk that is full")
    parser.add_argument("--seed", type=int, default=time_ns() % 10**9)
    parser.add_argument("--at-once", type=int, default=2, help="histories side by side")
    asked = parser.parse_args()
    print(f"seed {asked.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="finetuned-soak-") as folder:
        calm = calm_end(Path(folder) / "calm")
        faults = every_fault(passed_places(Path(folder)))
    if asked.faults is not None:
        faults = random.Random(asked.seed).sample(faults, min(asked.faults, len(faults)))
    disks = asked.disks if possible() else 0
    if asked.disks and not disks:
        print("no file system of one's own can be mounted here: no full disk is tried")
    histories = -(-asked.kills // KILLS_A_HISTORY)
    trials = [
        *(Trial(calm, fault) for fault in faults),
        *(Trial(calm, free_bytes=n * MOST_FREE // max(1, disks)) for n in range(disks)),
        *(Trial(calm, seed=asked.seed + number) for number in range(histories)),
    ]
    broken = sum(told(trials, asked.at_once))
    print("\n| what | tried | invariants broken |", "| --- | --- | --- |", sep="\n")
    print(f"| faults at named places | {len(faults)} | {broken} in all |")
    print(f"| full disks | {disks} | |")
    print(f"| kills at random moments | {histories * KILLS_A_HISTORY} | |")
    sys.exit(1 if broken else 0)


def told(trials: list[Trial], at_once: int) -> Iterator[int]:
    """Run all trials, print what each one breaks, and give the number of such trials."""
    with ProcessPoolExecutor(at_once) as pool:
        for number, (trial, found) in enumerate(
            zip(trials, pool.map(Trial.run, trials), strict=True), 1
        ):
            if found:
                print(f"BROKEN, {trial}:", *found, sep="\n", flush=True)
            elif number % 50 == 0:
                print(f"{number} of {len(trials)} histories", flush=True)
            yield 1 if found else 0


if __name__ == "__main__":
    main()
