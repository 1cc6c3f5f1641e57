"""Random texts, awkward ones among them, the same for one seed; for tests and their references."""

import random

WORDS = (
    "the",
    "a",
    "an",
    "The",
    "A",
    "Paris",
    "paris,",
    "lake",
    "depth",
    "is",
    "not",
    "1.5",
    "15",
    "-5",
    "o'clock",
    "well-known",
    "cat.",
    "\u201cquoted\u201d",
    "ne\u0301e",
    "n\u00e9e",
    "Stra\u00dfe",
    "STRASSE",
    "\u0130stanbul",
    "istanbul",
    "\u6771\u4eac",
    "\u6771",
    "\u043c\u043e\u0441\u043a\u0432\u0430",
    "\u041c\u041e\u0421\u041a\u0412\u0410",
    "\u0645\u0631\u062d\u0628\u0627",
    "\U0001f600",
    "\U0001f469\u200d\U0001f52c",
    "\ufb01sh",
    "fish",
    "zero\u200bwidth",
    "x_y",
    "f(x)",
    "<b>",
    "&amp;",
    "100%",
    "$5",
    "...",
    "\u2014",
    "\u0e44\u0e17\u0e22",
    "\u0915\u094d\u0937",
    "re\u0301sume\u0301",
    "e-mail",
    "U.S.",
    "anthem",
    "then",
    "\u2460",
    "\u00b2",
)
GAPS = (" ", " ", " ", "  ", "\n", "\t", "\u00a0")


def text(order: random.Random, most: int = 14) -> str:
    """Return a text of none to `most` words."""
    words = [order.choice(WORDS) for _ in range(order.randrange(most))]
    return "".join(word + order.choice(GAPS) for word in words).strip(" ")


def pairs(seed: int, count: int) -> list[tuple[str, str]]:
    """Return pairs of texts, most of them related as an answer and a golden answer are."""
    order = random.Random(seed)
    return [_pair(order) for _ in range(count)]


def _pair(order: random.Random) -> tuple[str, str]:
    golden = text(order)
    way = order.randrange(8)
    words = golden.split(" ")
    if way == 0:
        return golden, text(order)
    if way == 1:
        return golden, golden.upper()
    if way == 2:
        return golden, f"The {golden}."
    if way == 3:
        order.shuffle(words)
    if way == 4:
        words = words[: order.randrange(len(words) + 1)]
    if way == 5:
        words = [*words, *text(order, 4).split(" ")]
    if way == 6:
        words[order.randrange(len(words))] = order.choice(WORDS)
    return golden, " ".join(words)
