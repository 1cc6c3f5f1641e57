"""Shows how the answers to probe prompts changed over a run; asks no model."""

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

from daemon.analysis.curves.charts import LineChart, Series
from daemon.analysis.frame import figure
from daemon.analysis.markup import Html, element, text
from daemon.core.curves import Probe
from daemon.core.jobs import escape

LONGEST = 1000
"""Characters shown of a prompt or an answer."""
SHOWN_STEPS = 40
"""Milestones listed of one probe: the first and the last ones."""


def similarities(probes: Sequence[Probe]) -> list[LineChart]:
    """Return one chart for each probe: similarity to the golden answer over the steps."""
    return [
        LineChart(
            f"probe-{number}",
            f"Probe {number}",
            _summary(probe),
            "similarity",
            (
                Series("similarity", [(a.step, a.similarity) for a in probe.answers], "line", 0),
                Series("milestone", [(a.step, a.similarity) for a in probe.answers], "markers", 0),
            ),
        )
        for number, probe in enumerate(probes, 1)
        if probe.answers
    ]


def section(probes: Sequence[Probe]) -> Html:
    """Return the timeline of all probes; nothing where there is none."""
    cards = [_card(number, probe) for number, probe in enumerate(probes, 1) if probe.answers]
    return element("section", element("h2", "How the answers changed"), *cards) if cards else ""


def _summary(probe: Probe) -> str:
    first, last = probe.answers[0], probe.answers[-1]
    return (
        f"Likeness to the golden answer: {first.similarity:.2f} at step {first.step:,}, "
        f"{last.similarity:.2f} at step {last.step:,}."
    )


def _card(number: int, probe: Probe) -> Html:
    rows = [(f"{a.step:,}", f"{a.similarity:.2f}") for a in probe.answers]
    shown = figure(
        f"probe-{number}", f"Probe {number}", _summary(probe), ("step", "similarity"), rows, (0, 1)
    )
    return element(
        "article",
        element("p", element("b", "Asked: "), text(escape(probe.prompt, LONGEST))),
        element("p", element("b", "Golden: "), text(escape(probe.golden, LONGEST))),
        shown,
        element("ol", *_timeline(probe), kind="timeline"),
        kind="probe",
    )


def _timeline(probe: Probe) -> Iterator[Html]:
    answers = probe.answers
    half = SHOWN_STEPS // 2
    hidden = range(half, len(answers) - half) if len(answers) > SHOWN_STEPS else range(0)
    before = ""
    for place, answer in enumerate(answers):
        now = escape(answer.answer, LONGEST)
        if place not in hidden:
            head = element("b", f"step {answer.step:,}, {answer.similarity:.2f}: ")
            same = element("span", "unchanged", kind="soft")
            changed = _changes(before, now) if place else text(now)
            yield element("li", head, same if place and now == before else changed)
        elif place == hidden[0]:
            yield element("li", element("span", f"{len(hidden)} more milestones", kind="soft"))
        before = now


def _changes(before: str, now: str) -> Html:
    """Return a text with the words marked that were put in or taken out."""
    old, new = before.split(" "), now.split(" ")
    found = []
    for what, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if what == "equal":
            found.append(text(" ".join(new[c:d])))
            continue
        if b > a:
            found.append(element("del", text(" ".join(old[a:b]))))
        if d > c:
            found.append(element("ins", text(" ".join(new[c:d]))))
    return " ".join(found)
