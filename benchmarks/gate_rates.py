"""How often the gate and its paired tests are wrong, and how often they see an effect: simulated.

Models are drawn alike, so that every difference is luck: sparse, tied, shared within families, and
another one against each reference. The tests are those that judge a run.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from time import monotonic

import numpy as np
from numpy.typing import NDArray

from daemon.core.decisions.promotion import Gate, Verdict, decide_verdict
from daemon.core.training.judgement import LOSS, Forgetting, Judgement, PairedComparison
from daemon.evaluation.paired import Paired, compare, compare_right

SEEDS = (20261121, 20261122, 20261123)
"""Chosen before the first run; none was tried and dropped."""
TRIES, POWER_TRIES = 10_000, 1_000
LEVEL, MOST, LEAST_POWER = 0.05, 0.055, 0.8
GATE = Gate(LEVEL, 0.01, 0.02, "promote", floor=0.05, tries=2)
TOLERATED = 0.05
"""Rise of an earlier file's loss that does not count, in nats per token."""
FILES = 2
"""Earlier files, among which the families of their hold-out are shared out."""
VERSIONS = 10
"""Of a lineage, one after another, each held against the best of those before it."""
SPREAD = 0.3
"""Standard deviation of what training does to the loss of an item it touches, in nats per token."""
RIGHT_FROM = 0.25
SETS = ("own_holdout", "earlier_holdout")
REFERENCES = ("v000004", "v000002")

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class World:
    """How the losses of models that are alike come to differ."""

    name: str
    families: int
    variants: tuple[int, ...]
    """How many items a family has, in turn."""
    touched: float
    """Share of the families whose losses a model's training has changed at all."""
    shared: float
    """Share of the variance that is common to a family."""
    step: float
    """Losses come in multiples of this: ties. 0 for none."""
    gain: float
    """The effect at which the power of a test of losses is given, in nats per token of items that
    are touched."""
    gain_of_right: float
    """The same for right answers."""

    @property
    def labels(self) -> list[int]:
        """The family of each item."""
        sizes = [self.variants[number % len(self.variants)] for number in range(self.families)]
        return [family for family, size in enumerate(sizes) for _ in range(size)]


FOUR_VARIANTS = World("50 families of 4", 50, (4,), 1.0, 1.0, 0.0, 0.2, 0.2)
WORLDS = (
    World("dense: 32 items, all change", 32, (1,), 1.0, 0.0, 0.0, 0.25, 0.4),
    World("tied: 40 items, half change, by tenths", 40, (1,), 0.5, 0.0, 0.1, 0.3, 0.6),
    World("sparse: 256 items, a tenth changes, by tenths", 256, (1,), 0.1, 0.0, 0.1, 0.3, 0.6),
    World("families: 50 of 1 to 4 items", 50, (1, 2, 3, 4), 1.0, 0.7, 0.0, 0.2, 0.3),
    World(
        "hard: 80 families of 1 to 4, a quarter changes, by twentieths",
        80,
        (1, 2, 3, 4),
        0.25,
        0.8,
        0.05,
        0.35,
        0.6,
    ),
)


@dataclass(frozen=True)
class Drawn:
    """Models on the same items: arrays of tries, models and items."""

    labels: list[int]
    losses: Floats
    right: NDArray[np.bool_]


def draw(
    random: np.random.Generator,
    world: World,
    tries: int,
    models: int = 3,
    gain: float = 0.0,
    better: int = 1,
) -> Drawn:
    """Draw models that are alike, but for the gain of the first ones where there is one."""
    labels = np.array(world.labels)
    shape = tries, models, world.families
    touched = random.random(shape) < world.touched
    common = random.normal(0.0, SPREAD * np.sqrt(world.shared), shape)
    common[:, :better] -= gain
    alone = random.normal(0.0, SPREAD * np.sqrt(1.0 - world.shared), (*shape[:2], len(labels)))
    moved = np.where(touched[..., labels], common[..., labels] + alone, 0.0)
    if world.step:
        moved = np.round(moved / world.step) * world.step
    # How hard a question is is the family's, and the same for all models.
    hard = random.normal(0.0, 1.0, (tries, 1, world.families))[..., labels]
    return Drawn(labels.tolist(), 2.0 + moved, hard - moved / SPREAD > RIGHT_FROM)


def tested(
    drawn: Drawn, place: int, metric: str, against: int, families: bool = True, mine: int = 0
) -> Paired:
    """Test one model of a try, the first one by default, against another one."""
    labels = drawn.labels if families else None
    if metric == LOSS:
        losses = drawn.losses[place]
        return compare(losses[mine].tolist(), losses[against].tolist(), labels)
    right = drawn.right[place]
    return compare_right(right[mine].tolist(), right[against].tolist(), labels)


def verdict_of(sets: Sequence[Drawn], place: int, mine: int = 0) -> Verdict:
    """Judge a model of a try: two hold-outs, two references, losses, right answers, forgetting."""
    tests = [
        PairedComparison(
            name,
            reference,
            metric=metric,
            **asdict(tested(drawn, place, metric, against, mine=mine)),
        )
        for name, drawn in zip(SETS, sets, strict=True)
        for against, reference in enumerate(REFERENCES, 1)
        for metric in (LOSS, "exact_match")
    ]
    forgetting = tuple(forgotten(sets[-1], place, mine))
    return decide_verdict(Judgement(True, True, tuple(tests), (), forgetting), GATE)


def forgotten(earlier: Drawn, place: int, mine: int, best_one: int = 1) -> Iterator[Forgetting]:
    """Test what is forgotten of all earlier files together and of each, against the best version
    of them: the first reference, by default."""
    now, best = earlier.losses[place, mine], earlier.losses[place, best_one]
    labels = np.array(earlier.labels)
    everything = np.ones(len(labels), np.bool_)
    files = [labels % FILES == number for number in range(FILES)]
    for name, which in ((SETS[-1], everything), *((f"{n:06}", w) for n, w in enumerate(files))):
        test = compare(now[which].tolist(), best[which].tolist(), labels[which].tolist())
        yield Forgetting(
            name,
            REFERENCES[0],
            test.items,
            test.mean_change,
            None,
            TOLERATED,
            test.p_worse,
            test.families,
        )


def verdict_of_series(sets: Sequence[Drawn], place: int) -> Verdict:
    """Judge the first model of a try, and the last one in its place where the first forgot."""
    verdict = verdict_of(sets, place)
    return verdict_of(sets, place, mine=-1) if verdict.forgot else verdict


def rate_of_test(
    seed: int, world: World, metric: str, tries: int, gain: float = 0.0, families: bool = True
) -> float:
    """Return how often a single test calls the first model better at the level."""
    drawn = draw(np.random.default_rng(seed), world, tries, 2, gain)
    found = (tested(drawn, place, metric, 1, families).p_better for place in range(tries))
    return sum(p < LEVEL for p in found) / tries


def candidates(random: np.random.Generator, world: World, tries: int, gain: float) -> Drawn:
    """Draw a candidate, its references and the candidate of a second try, last."""
    drawn = draw(random, world, tries, 2 + len(REFERENCES), gain, better=2)
    order = [0, *range(2, 2 + len(REFERENCES)), 1]
    return Drawn(drawn.labels, drawn.losses[:, order], drawn.right[:, order])


def gate_rates(seed: int, world: World, tries: int, gain: float = 0.0) -> tuple[float, float]:
    """Return how often a candidate is promoted as proven, and how often it is refused."""
    random = np.random.default_rng(seed)
    sets = [candidates(random, world, tries, gain) for _ in SETS]
    kinds = [verdict_of_series(sets, place).kind for place in range(tries)]
    return kinds.count("promote") / tries, kinds.count("refuse") / tries


def lineage_rate(seed: int, world: World, lineages: int, gain: float = 0.0) -> float:
    """Return how often a version is refused, second tries included, that is as good as those before
    it; with a gain below 0, how often the last of them is, which is worse by so much."""
    random = np.random.default_rng(seed)
    drawn = draw(random, world, lineages, 2 * VERSIONS + 1)
    last, again = VERSIONS, 2 * VERSIONS
    worse = draw(random, world, lineages, 2, gain, better=2)
    drawn.losses[:, [last, again]] = worse.losses
    drawn.right[:, [last, again]] = worse.right
    found = [refusals(drawn, place) for place in range(lineages)]
    if gain:
        return sum(one[-1] for one in found) / lineages
    return sum(map(sum, found)) / (lineages * VERSIONS)


def refusals(drawn: Drawn, place: int) -> list[bool]:
    """Return which of the versions after the first are refused, in order: each is held against the
    best of those that were promoted, and the second half of the models are their second tries."""
    best_loss = best_right = 0
    found = []
    for number in range(1, VERSIONS + 1):
        mine = number
        verdict, right = _against_best(drawn, place, mine, best_loss, best_right)
        if verdict.forgot:
            mine = VERSIONS + number
            verdict, right = _against_best(drawn, place, mine, best_loss, best_right)
        found.append(verdict.kind == "refuse")
        if not found[-1]:
            means = drawn.losses[place, [mine, best_loss]].mean(axis=1)
            best_loss = mine if means[0] < means[1] else best_loss
            best_right = mine if right.p_better < LEVEL else best_right
    return found


def _against_best(
    drawn: Drawn, place: int, mine: int, best_loss: int, best_right: int
) -> tuple[Verdict, Paired]:
    right = tested(drawn, place, "exact_match", best_right, mine=mine)
    floor = PairedComparison("suite", "best", metric="exact_match", **asdict(right))
    forgetting = tuple(forgotten(drawn, place, mine, best_loss))
    return decide_verdict(Judgement(True, True, (), (), forgetting, (floor,)), GATE), right


# --- the tables -----------------------------------------------------------------------------------


def percent(share: float) -> str:
    return f"{share:.1%}"


def rows(tries: int, power_tries: int) -> Iterator[tuple[str, list[float], float, float]]:
    """Give what is measured, the rate of each seed without an effect, an effect and its power."""
    for world in WORLDS:
        for metric, words in ((LOSS, "loss"), ("exact_match", "right answers")):
            rates = [rate_of_test(seed, world, metric, tries) for seed in SEEDS]
            gain = world.gain if metric == LOSS else world.gain_of_right
            power = rate_of_test(SEEDS[0], world, metric, power_tries, gain)
            yield f"{world.name}; {words}", rates, gain, power
    world = WORLDS[-1]
    found = [gate_rates(seed, world, tries) for seed in SEEDS]
    power = gate_rates(SEEDS[0], world, power_tries, world.gain)[0]
    yield "the gate in the hard world: promoted", [one for one, _ in found], world.gain, power
    power = gate_rates(SEEDS[0], world, power_tries, -world.gain)[1]
    yield "the gate in the hard world: refused", [other for _, other in found], -world.gain, power
    rates = [lineage_rate(seed, world, tries // VERSIONS) for seed in SEEDS]
    power = lineage_rate(SEEDS[0], world, power_tries, -world.gain)
    yield f"{VERSIONS} versions against the best: refused", rates, -world.gain, power


def main(say: Callable[[str], object], tries: int, power_tries: int) -> bool:
    """Print the tables; return whether every rate and every power is as wanted."""
    began_s, fine = monotonic(), True
    names = [f"{tries:,} tries each at {LEVEL:.0%}", *map(str, SEEDS), "effect, nats", "power"]
    say("| " + " | ".join(names) + " |")
    say("| --- |" + " --- |" * (len(names) - 1))
    for name, rates, gain, power in rows(tries, power_tries):
        good = max(rates) <= MOST and power >= LEAST_POWER
        fine &= good
        cells = [name, *map(percent, rates), f"{gain:g}", percent(power)]
        say("| " + " | ".join(cells) + (" |" if good else " | FAIL"))
    for families, words in ((False, "items as if independent"), (True, "by families")):
        rates = [
            rate_of_test(seed, FOUR_VARIANTS, LOSS, tries, families=families) for seed in SEEDS
        ]
        say(
            f"| for contrast, {FOUR_VARIANTS.name}: {words} | "
            + " | ".join(map(percent, rates))
            + " | - | - |"
        )
    say(f"\nin {monotonic() - began_s:.0f} s; wanted: at most {MOST:.1%}, power {LEAST_POWER:.0%}")
    return fine


if __name__ == "__main__":
    quick = "--quick" in sys.argv
    sys.exit(0 if main(print, TRIES // (20 if quick else 1), POWER_TRIES) else 1)
