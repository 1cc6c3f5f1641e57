"""The long share of the reliability suite: every fault at every place, and many random kills.

    python -m tests.reliability.soak [--kills 10000] [--only KIND …] [--seed N] [--at-once 2]

Prints what is broken as it is found, with the seed or the fault that shows it again, and a table
at the end, one row a kind of trial: what was tried, where the time was short. SIGTERM lets the
trials in hand end, then comes the table. Ends with 1 where an invariant was broken.
"""

import argparse
import multiprocessing
import random
import signal
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import time_ns
from typing import TypeVar

from tests.reliability import growing, persistence, poison, real_trainer, syscalls, tracing
from tests.reliability.damage import flip_bytes
from tests.reliability.faults import every_fault, passed_places, suffer
from tests.reliability.fuzz import LONGEST_S, survives
from tests.reliability.kills import be_killed, calm_history
from tests.reliability.scenario import End
from tests.reliability.slow_writers import write_slowly
from tests.reliability.small_disk import fill_up, possible
from tests.reliability.strange_files import GIB, flood, huge
from tests.reliability.truth import read_while_it_works
from tests.reliability.volumes import across, some_faults
from tests.reliability.wishes import be_asked
from tests.serving import crowd
from tests.serving.fuzz import survives as answers

KILLS_A_HISTORY, WISHES_A_HISTORY, REQUESTS_A_TRIAL = 10, 16, 1_000
DAMAGES_A_TRIAL, FILES_A_FUZZ, READS_A_TRIAL = 1_000, 1_000, 250_000
VOLUME_OCCURRENCES = 4
MOST_FREE = 4 * 2**20
WARM_UP = 200
"""Files after which a daemon's memory should not grow any more."""
MOMENTS_AT_ONCE = 500
Item = TypeVar("Item")


@dataclass(frozen=True)
class Trial:
    """One thing that is tried in a folder of its own."""

    kind: str
    what: str
    weight: int
    """How much it counts for in the table: a history has several kills."""
    attempt: Callable[[Path], list[str]]

    def run(self) -> list[str]:
        """Return what is broken afterwards."""
        with tempfile.TemporaryDirectory(prefix="finetuned-soak-") as folder:
            try:
                return self.attempt(Path(folder))
            except AssertionError as error:
                return [f"I8: {error}"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=10_000, help="kills at random moments")
    parser.add_argument("--wishes", type=int, default=1_000, help="control files at random moments")
    parser.add_argument("--faults", type=int, help="so many drawn from all faults; else all")
    parser.add_argument("--calls", type=int, help="so many drawn from all system calls; else all")
    parser.add_argument("--cuts", type=int, default=200, help="power cuts a daemon recovers from")
    parser.add_argument("--disks", type=int, default=50, help="sizes of a disk that is full")
    parser.add_argument("--real", type=int, default=100, help="kills of the real trainer")
    parser.add_argument("--files", type=int, default=1000, help="files through one daemon")
    parser.add_argument("--volumes", type=int, default=40, help="kills while files are copied")
    parser.add_argument("--damages", type=int, default=10_000, help="damaged files")
    parser.add_argument("--fuzz", type=int, default=100_000, help="hostile files through intake")
    parser.add_argument("--reads", type=int, default=1_000_000, help="reads of the status")
    parser.add_argument("--names", type=int, default=10_000, help="files of any name at once")
    parser.add_argument("--writers", type=int, default=1_000, help="slow writers at once")
    parser.add_argument("--huge", type=int, default=1, help="times a huge file and line")
    parser.add_argument("--requests", type=int, default=10_000, help="requests to the server")
    parser.add_argument("--clients", type=int, default=1_000, help="bad clients of the server")
    parser.add_argument("--states", type=int, help="so many drawn from all power cuts; else all")
    parser.add_argument(
        "--poison", type=int, default=len(poison.WAYS), help="ways to kill a trainer"
    )
    counts = sorted(vars(parser.parse_args([])))
    parser.add_argument("--only", nargs="+", choices=counts, default=counts, help="no other kinds")
    parser.add_argument("--seed", type=int, default=time_ns() % 10**9)
    parser.add_argument("--at-once", type=int, default=2, help="histories side by side")
    parser.add_argument("--minutes", type=float, help="no trial begins after so long; else all do")
    asked = parser.parse_args()
    for other in set(counts) - set(asked.only):
        setattr(asked, other, 0)
    print(f"seed {asked.seed}", flush=True)
    over = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: over.set())
    with tempfile.TemporaryDirectory(prefix="finetuned-soak-") as folder:
        found = in_turn(trials(asked, Path(folder)))
        if asked.minutes is not None:
            timer = threading.Timer(60 * asked.minutes, over.set)
            timer.daemon = True
            timer.start()
        tried, broken = told(found, asked.at_once, over)
    print("\n| what | tried | of | broken |", "| --- | --- | --- | --- |", sep="\n")
    for kind in sorted({trial.kind for trial in found}):
        whole = sum(trial.weight for trial in found if trial.kind == kind)
        print(f"| {kind} | {tried[kind]} | {whole} | {broken[kind]} |")
    sys.exit(1 if broken.total() else 0)


def in_turn(found: Iterable[Trial]) -> list[Trial]:
    """Return the trials with the kinds mixed evenly, so that each has its share of a short soak."""
    kinds: dict[str, list[Trial]] = {}
    for trial in found:
        kinds.setdefault(trial.kind, []).append(trial)
    placed = [
        ((number + 0.5) / len(alike), trial)
        for alike in kinds.values()
        for number, trial in enumerate(alike)
    ]
    return [trial for _, trial in sorted(placed, key=lambda pair: pair[0])]


def trials(asked: argparse.Namespace, folder: Path) -> Iterator[Trial]:
    """Give all that is asked for; what is compared with is made in `folder`."""
    history = calm_history(folder / "calm")
    calm = history.end
    if asked.faults != 0:
        yield from _faults(asked, folder, calm)
    yield from _disks(asked, calm)
    yield from _volumes(asked, calm)
    yield from _damaged_and_read(asked)
    yield from _dropped(asked)
    yield from _served(asked)
    if tracing.possible():
        if asked.calls != 0:
            yield from _calls(asked, folder / "calls")
        if asked.cuts or asked.states != 0:
            yield from _cuts(asked, folder / "recording")
    else:
        print("strace is missing or may look at nothing: no system call, no power cut is tried")
    for way in poison.WAYS[: asked.poison]:
        yield Trial("poisoned jobs", way, 1, partial(poison.be_poisoned, way=way))
    for seed, count in _shares(asked.kills, KILLS_A_HISTORY, asked.seed):
        killing = partial(be_killed, seed=seed, kills=count, calm=history)
        yield Trial("kills at random moments", f"seed {seed}", count, killing)
    for seed, count in _shares(asked.wishes, WISHES_A_HISTORY, asked.seed):
        wishing = partial(be_asked, seed=seed, wishes=count, calm=history)
        yield Trial("control files at random moments", f"seed {seed}", count, wishing)
    if asked.real:
        yield from _real(asked, real_trainer.undisturbed(folder / "real"))
    if asked.files > WARM_UP:
        attempt = partial(growing.grow, warm_up=WARM_UP, files=asked.files)
        yield Trial("files through one daemon", f"{asked.files} files", asked.files, attempt)


def _faults(asked: argparse.Namespace, folder: Path, calm: End) -> Iterator[Trial]:
    for fault in _drawn(asked, every_fault(passed_places(folder)), asked.faults):
        attempt = partial(suffer, fault=fault, calm=calm)
        yield Trial("faults at named places", str(fault), 1, attempt)


def _disks(asked: argparse.Namespace, calm: End) -> Iterator[Trial]:
    if asked.disks and not possible():
        print("no file system of one's own can be mounted here: no full disk is tried")
        return
    for number in range(asked.disks):
        free = number * MOST_FREE // asked.disks
        attempt = partial(fill_up, free_bytes=free, calm=calm)
        yield Trial("full disks", f"{free} bytes left", 1, attempt)


def _volumes(asked: argparse.Namespace, calm: End) -> Iterator[Trial]:
    faults = some_faults(VOLUME_OCCURRENCES)[: asked.volumes] if possible() else []
    for fault in faults:
        attempt = partial(across, fault=fault, calm=calm)
        yield Trial("kills with the inbox on another volume", str(fault), 1, attempt)


def _damaged_and_read(asked: argparse.Namespace) -> Iterator[Trial]:
    for seed, count in _shares(asked.damages, DAMAGES_A_TRIAL, asked.seed):
        attempt = partial(flip_bytes, seed=seed, count=count)
        yield Trial("damaged checkpoints and versions", f"seed {seed}", count, attempt)
    for seed, count in _shares(asked.reads, READS_A_TRIAL, asked.seed):
        reading = partial(read_while_it_works, reads=count)
        yield Trial("reads of the status", f"share {seed - asked.seed}", count, reading)


def _dropped(asked: argparse.Namespace) -> Iterator[Trial]:
    for seed, count in _shares(asked.fuzz, FILES_A_FUZZ, asked.seed):
        fuzz = partial(survives, number=seed, examples=count, limit_s=LONGEST_S)
        yield Trial("hostile files through intake", f"seed {seed}", count, fuzz)
    shown = f"seed {asked.seed}"
    if asked.names:
        flooding = partial(flood, seed=asked.seed, count=asked.names)
        yield Trial("files of any name at once", shown, asked.names, flooding)
    if asked.writers:
        writing = partial(write_slowly, seed=asked.seed, writers=asked.writers)
        yield Trial("slow writers at once", shown, asked.writers, writing)
    for number in range(asked.huge):
        looming = partial(huge, file_bytes=10 * GIB, line_bytes=2 * GIB)
        yield Trial("huge files and lines", f"time {number + 1}", 1, looming)


def _served(asked: argparse.Namespace) -> Iterator[Trial]:
    for seed, count in _shares(asked.requests, REQUESTS_A_TRIAL, asked.seed):
        asking = partial(answers, number=seed, examples=count)
        yield Trial("requests to the server", f"seed {seed}", count, asking)
    if asked.clients:
        crowding = partial(crowd.come_and_go, clients=asked.clients)
        what = f"{asked.clients} of each kind"
        yield Trial("slow and vanishing clients", what, len(crowd.KINDS) * asked.clients, crowding)


def _shares(whole: int, most: int, seed: int) -> Iterator[tuple[int, int]]:
    for number, begin in enumerate(range(0, whole, most)):
        yield seed + number, min(most, whole - begin)


def _real(asked: argparse.Namespace, calm: real_trainer.Calm) -> Iterator[Trial]:
    for seed, count in _shares(asked.real, KILLS_A_HISTORY, asked.seed):
        attempt = partial(real_trainer.be_killed, seed=seed, kills=count, calm=calm)
        yield Trial("kills of the real trainer", f"seed {seed}", count, attempt)


def _calls(asked: argparse.Namespace, folder: Path) -> Iterator[Trial]:
    positions, calm = syscalls.every_position(folder)
    for position in _drawn(asked, positions, asked.calls):
        attempt = partial(syscalls.killed_at, position=position, calm=calm)
        yield Trial("kills before system calls", str(position), 1, attempt)


def _cuts(asked: argparse.Namespace, folder: Path) -> Iterator[Trial]:
    recording = persistence.record(folder)
    every = recording.every_moment()
    looked = _drawn(asked, every, asked.states)
    for begin in range(0, len(looked), MOMENTS_AT_ONCE):
        part = looked[begin : begin + MOMENTS_AT_ONCE]
        for unsynced in (None, "inbox"):
            attempt = partial(
                persistence.look, recording=recording, moments=part, unsynced=unsynced
            )
            yield Trial("power cuts, looked at", f"from {part[0]}", len(part), attempt)
    for number in range(10, 130, 10) if asked.cuts else ():
        killed_at = f"fsync:when={number}"
        attempt = partial(persistence.look_after_a_kill, killed_at=killed_at)
        yield Trial("histories with a kill, then power cuts", killed_at, 1, attempt)
    for moment in _drawn(asked, every, asked.cuts):
        attempt = partial(persistence.recover, recording=recording, moment=moment)
        yield Trial("power cuts, recovered from", str(moment), 1, attempt)


def _drawn(asked: argparse.Namespace, found: list[Item], count: int | None) -> list[Item]:
    """Return so many of them, drawn by the seed; all where no number is given."""
    if count is None:
        return found
    return random.Random(asked.seed).sample(found, min(count, len(found)))


def told(
    found: list[Trial], at_once: int, over: threading.Event
) -> tuple[Counter[str], Counter[str]]:
    """Run the trials and print what each one breaks; return what was tried and broken, by kind.

    None begins when it is over.
    """
    tried: Counter[str] = Counter()
    broken: Counter[str] = Counter()
    waiting, running = iter(found), dict[Future[list[str]], Trial]()
    # Trials of a real model would wait for ever for threads that a fork leaves behind.
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(at_once, mp_context=spawn) as pool:
        while True:
            while len(running) < at_once and not over.is_set():
                trial = next(waiting, None)
                if trial is None:
                    break
                running[pool.submit(trial.run)] = trial
            if not running:
                return tried, broken
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                trial = running.pop(future)
                tried[trial.kind] += trial.weight
                if problems := future.result():
                    broken[trial.kind] += 1
                    print(f"BROKEN, {trial.kind}, {trial.what}:", *problems, sep="\n", flush=True)


if __name__ == "__main__":
    main()
