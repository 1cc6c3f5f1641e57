"""Shows how the answers to probe prompts changed during a run."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from daemon.analysis.curves.charts import LineChart, Series
from daemon.analysis.frame import figure
from daemon.analysis.markup import Html, element, text
from daemon.core.curves.curves import Probe
from daemon.core.evaluation.differences import word_changes
from daemon.core.workspace.jobs import escape, one_line

LONGEST = 1000
"""Characters shown of a prompt or an answer."""
SHORT = 60
"""Characters of a prompt in a sentence."""
SHOWN_STEPS = 40
"""Milestones listed of one probe: the first and the last."""


def similarities(probes: Sequence[Probe]) -> list[LineChart]:
    """Return one chart for each probe: similarity to the golden answer over the steps."""
    return [
        LineChart(
            f"probe-{number}",
            f"Probe {number}",
            _summary(probe),
            "similarity",
            (
                Series("similarity", known, "line", 0),
                Series("milestone", known, "markers", 0),
            ),
        )
        for number, probe in enumerate(probes, 1)
        if (known := _known(probe))
    ]


def _known(probe: Probe) -> list[tuple[int, float]]:
    """Return (step, similarity); empty without a golden answer."""
    return [(a.step, a.similarity) for a in probe.answers if a.similarity is not None]


def sentences(probes: Sequence[Probe]) -> list[str]:
    """Return one sentence for each probe: its prompt, and how its answer changed."""
    return [
        f"Probe {number} ({escape(' '.join(probe.prompt.split()), SHORT)}): {_changed(probe)}"
        for number, probe in enumerate(probes, 1)
        if probe.answers
    ]


def _changed(probe: Probe) -> str:
    """Return how often an answer changed, and its similarity where there is one."""
    texts = [answer.answer for answer in probe.answers]
    changes = sum(before != after for before, after in pairwise(texts))
    changes_text = f"{len(texts)} milestone(s), the answer changed {changes} time(s)."
    return f"{changes_text} {_summary(probe)}" if _known(probe) else changes_text


def section(probes: Sequence[Probe]) -> Html:
    """Return the timeline of all probes; empty without probes."""
    cards = [_card(number, probe) for number, probe in enumerate(probes, 1) if probe.answers]
    return element("section", element("h2", "How the answers changed"), *cards) if cards else ""


def _summary(probe: Probe) -> str:
    (first, before), (last, after) = _known(probe)[0], _known(probe)[-1]
    return (
        f"Similarity to the golden answer: {before:.2f} at step {first:,}, "
        f"{after:.2f} at step {last:,}."
    )


def _card(number: int, probe: Probe) -> Html:
    golden = one_line(probe.golden, LONGEST) if probe.golden else "none"
    return element(
        "article",
        element("p", element("b", "Prompt: "), text(one_line(probe.prompt, LONGEST))),
        element("p", element("b", "Golden: "), text(golden)),
        _shown(number, probe),
        element("ol", *_timeline(probe), kind="timeline"),
        kind="probe",
    )


def _shown(number: int, probe: Probe) -> Html:
    rows = [(f"{step:,}", f"{similarity:.2f}") for step, similarity in _known(probe)]
    if not rows:
        return ""
    return figure(
        f"probe-{number}", f"Probe {number}", _summary(probe), ("step", "similarity"), rows, (0, 1)
    )


def _timeline(probe: Probe) -> Iterator[Html]:
    answers = probe.answers
    half = SHOWN_STEPS // 2
    hidden = range(half, len(answers) - half) if len(answers) > SHOWN_STEPS else range(0)
    before = ""
    for place, answer in enumerate(answers):
        now = one_line(answer.answer, LONGEST)
        if place not in hidden:
            similarity = "" if answer.similarity is None else f", {answer.similarity:.2f}"
            head = element("b", f"step {answer.step:,}{similarity}: ")
            same = element("span", "unchanged", kind="soft")
            changed = _changes(before, now) if place else text(now)
            yield element("li", head, same if place and now == before else changed)
        elif place == hidden[0]:
            yield element("li", element("span", f"{len(hidden)} more milestones", kind="soft"))
        before = now


def _changes(before: str, now: str) -> Html:
    """Return a text with inserted and deleted words marked."""
    kinds = {"gone": "del", "new": "ins"}
    return "".join(
        element(kinds[kind], text(words)) if kind in kinds else text(words)
        for kind, words in word_changes(before, now)
    )
