"""Selects the charts of an intake report, as labels and numbers."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from daemon.core.workspace.jobs import escape

Report = Mapping[str, object]
MOST_BARS = 15

FATES = {
    "train": "trained",
    "holdout": "held out",
    "rejected": "refused",
    "collapsed": "part of a longer chat",
    "duplicate_in_file": "twice in the file",
    "duplicate_seen": "seen in an earlier job",
    "exam_row": "on an exam",
    "withheld": "variant of what is on an exam",
    "conflict": "in conflict",
    "low_quality": "of low quality",
    "private": "with private data",
}
WAYS = {"exact": "equal", "wording": "same words", "spelling": "nearly equal"}
PLACES = {"in_file": "within the file", "seen": "earlier jobs", "exam": "exam rows"}
TRAITS = {
    "bold": "bold",
    "lists": "lists",
    "headings": "headings",
    "code": "code",
    "tables": "tables",
    "paragraphs": "several paragraphs",
    "json": "valid JSON",
}


@dataclass(frozen=True)
class Chart:
    """A bar chart; its picture, table and sentence are rendered from the same numbers."""

    id: str
    title: str
    summary: str
    """The chart in a sentence, for those who cannot see it."""
    kind: Literal["bars", "spread", "stack"]
    """Horizontal bars of categories; vertical bars of a distribution; stacked horizontal bars."""
    labels: tuple[str, ...]
    series: tuple[tuple[str, tuple[int, ...]], ...]
    """Names and counts, each as long as `labels`."""
    unit: str = "rows"
    limit: int | None = None
    """A bound to draw into a distribution."""
    edges: tuple[int, ...] = ()
    """Where each bin of a distribution ends."""

    @property
    def is_drawn(self) -> bool:
        """Whether there is anything to compare: a single bar says less than the summary."""
        return sum(count > 0 for _, counts in self.series for count in counts) > 1

    @property
    def limit_at(self) -> float | None:
        """The limit's position in bins; None if it is beyond them."""
        if self.limit is None or not self.edges or self.limit > self.edges[-1]:
            return None
        return next(place for place, edge in enumerate(self.edges) if edge >= self.limit) + 0.5


def charts(report: Report) -> list[Chart]:
    """Return the charts a report has numbers for, the most useful first."""
    builders: tuple[Callable[[Report], Iterator[Chart]], ...] = (
        _fates,
        _reasons,
        _tokens,
        _lengths,
        _turns,
        _labels,
        _duplicates,
        _formatting,
        _shapes,
        _quality,
    )
    return [chart for build in builders for chart in build(report)]


def part(report: Report, *keys: str) -> Mapping[str, object]:
    """Return a mapping inside a report; empty if it is missing."""
    found: object = report
    for key in keys:
        found = found.get(key) if isinstance(found, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def count_of(value: object) -> int:
    """Return a count of a report; 0 for what is none."""
    return int(value) if isinstance(value, int | float | str) else 0


def listed(value: object) -> list[Mapping[str, object]]:
    """Return the objects of a list in a report; none if it is missing."""
    if not isinstance(value, list | tuple):
        return []
    return [one for one in value if isinstance(one, Mapping)]


def texts_of(value: object) -> list[str]:
    """Return the texts of a list in a report; none if it is missing."""
    return [str(one) for one in value] if isinstance(value, list | tuple) else []


def _bars(id: str, title: str, counts: Mapping[str, int], summary: str) -> Iterator[Chart]:
    shown = list(counts.items())[:MOST_BARS]
    if shown:
        labels, values = zip(*shown, strict=True)
        yield Chart(id, title, summary, "bars", labels, (("rows", values),))


def _fates(report: Report) -> Iterator[Chart]:
    rows = part(report, "rows")
    counts = {words: count_of(rows[key]) for key, words in FATES.items() if rows.get(key)}
    summary = ", ".join(f"{count:,} {words}" for words, count in counts.items())
    yield from _bars("fates", "What becomes of the rows", counts, f"Of all rows: {summary}.")


def _reasons(report: Report) -> Iterator[Chart]:
    reasons = sorted(listed(report.get("reasons")), key=lambda reason: -count_of(reason["count"]))
    counts = {escape(str(reason["code"]), 60): count_of(reason["count"]) for reason in reasons}
    if len(counts) > 1:
        most = next(iter(counts))
        summary = f"{len(counts)} reasons; the most frequent is {most}, {counts[most]:,} times."
        yield from _bars("reasons", "Why rows are not trained", counts, summary)


def _tokens(report: Report) -> Iterator[Chart]:
    limit = count_of(part(report, "tokens").get("limit")) or None
    statistics = part(report, "statistics")
    yield from _spread("tokens", "Length in tokens", part(statistics, "tokens"), "tokens", limit)
    supervised = part(statistics, "supervised_tokens")
    yield from _spread("supervised", "Supervised tokens (the answers)", supervised, "tokens")


def _lengths(report: Report) -> Iterator[Chart]:
    for key, title in (("prompt", "Length of prompts"), ("answer", "Length of answers")):
        found = part(report, "statistics", f"{key}_characters")
        yield from _spread(key, title, found, "characters")


def _spread(
    id: str, title: str, record: Mapping[str, object], unit: str, limit: int | None = None
) -> Iterator[Chart]:
    bins = listed(record.get("bins"))
    if not bins:
        return
    summary = (
        f"Half of the rows have at most {record['p50']:,} {unit}, 95 of 100 at most "
        f"{record['p95']:,}; the longest has {record['max']:,}."
    )
    if limit is not None:
        summary += f" The limit is {limit:,}."
    labels = tuple(_range(count_of(item["from"]), count_of(item["to"])) for item in bins)
    counts = tuple(count_of(item["count"]) for item in bins)
    edges = tuple(count_of(item["to"]) for item in bins)
    yield Chart(id, title, summary, "spread", labels, (("rows", counts),), unit, limit, edges)


def _range(first: int, last: int) -> str:
    return f"{first:,}" if first == last else f"{first:,}-{last:,}"


def _turns(report: Report) -> Iterator[Chart]:
    counted = part(report, "statistics", "turns")
    turns = {count_of(key): count_of(count) for key, count in counted.items()}
    if len(turns) > 1:
        most = max(turns, key=lambda key: turns[key])
        summary = f"Most conversations have {most} turns; the longest has {max(turns)}."
        labels, counts = tuple(map(str, sorted(turns))), tuple(turns[key] for key in sorted(turns))
        yield Chart(
            "turns",
            "Turns of a conversation",
            summary,
            "spread",
            labels,
            (("rows", counts),),
            "turns",
        )


def _labels(report: Report) -> Iterator[Chart]:
    found = listed(part(report, "statistics", "labels").get("counts"))
    counts = {str(item["text"]) or "(empty)": count_of(item["count"]) for item in found}
    if counts:
        most, least = max(counts.values()), min(counts.values())
        summary = f"{len(counts)} different answers; from {least:,} to {most:,} rows each."
        yield from _bars("labels", "Balance of the answers", counts, summary)


def _duplicates(report: Report) -> Iterator[Chart]:
    found = {words: part(report, "duplicates", key) for key, words in PLACES.items()}
    used = {words: ways for words, ways in found.items() if any(ways.values())}
    if not used:
        return
    total = sum(count_of(count) for ways in used.values() for count in ways.values())
    summary = f"{total:,} rows are known already: " + ", ".join(
        f"{sum(map(count_of, ways.values())):,} from {words}" for words, ways in used.items()
    )
    series = tuple(
        (name, tuple(count_of(ways.get(way) or 0) for ways in used.values()))
        for way, name in WAYS.items()
    )
    yield Chart("duplicates", "Known already", summary + ".", "stack", tuple(used), series)


def _formatting(report: Report) -> Iterator[Chart]:
    found = part(report, "statistics", "formatting")
    counts = {words: count_of(part(found, key).get("rows") or 0) for key, words in TRAITS.items()}
    if any(counts.values()):
        rows = count_of(part(report, "statistics").get("rows")) or 1
        used = [f"{words} in {n / rows:.0%}" for words, n in counts.items() if n]
        summary = "Of the answers: " + ", ".join(used) + "."
        counts = {words: n for words, n in counts.items() if n}
        yield from _bars("formatting", "Formatting of the answers", counts, summary)


def _shapes(report: Report) -> Iterator[Chart]:
    for key, title in (
        ("patterns", "Most frequent prompts (numbers and quotations left out)"),
        ("first_words", "Most frequent beginnings of prompts"),
    ):
        found = listed(part(report, "statistics", "shapes", key).get("top"))
        counts = {str(item["text"]) or "(empty)": count_of(item["count"]) for item in found}
        if counts:
            first = next(iter(counts))
            summary = f"The most frequent is “{first}”, {counts[first]:,} times."
            yield from _bars(key.replace("_", "-"), title, counts, summary)


def _quality(report: Report) -> Iterator[Chart]:
    found = part(report, "quality")
    bins = found.get("histogram")
    histogram = list(map(count_of, bins)) if isinstance(bins, list | tuple) else []
    if not any(histogram):
        return
    width = 1 / len(histogram)
    labels = tuple(f"{n * width:.2f}" for n in range(len(histogram)))
    mean = found.get("mean")
    summary = "Scores from 0 to 1" + ("." if mean is None else f"; the mean is {mean:.2f}.")
    counts = tuple(histogram)
    yield Chart(
        "quality", "Quality of the rows", summary, "spread", labels, (("rows", counts),), "score"
    )
