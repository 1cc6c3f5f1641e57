"""Describes an intake report in sentences."""

from collections.abc import Mapping

from daemon.analysis.charts import FATES, Report, count_of, listed, part, texts_of
from daemon.core.workspace.jobs import escape

HEADLINES = {
    "accepted": "Accepted",
    "refused": "Refused",
    "nothing_new": "Nothing new",
    "changed": "Changed while it was read",
}
NOT_TRAINED = {key: words for key, words in FATES.items() if key not in ("train", "holdout")}


def headline(report: Report) -> str:
    """Return the verdict in a few words."""
    return HEADLINES.get(str(report.get("verdict")), "No verdict")


def sentence(report: Report) -> str:
    """Return what became of the rows, in one sentence."""
    rows = part(report, "rows")
    read, train, held = (count_of(rows.get(key)) for key in ("read", "train", "holdout"))
    if not read:
        return "The file has no readable row."
    counts_text = (
        f"{train:,} of {read:,} {_rows(read)} {_are(train)} trained, {held:,} {_are(held)} held out"
    )
    others = {words: count_of(rows.get(key)) for key, words in NOT_TRAINED.items()}
    named = ", ".join(f"{count:,} {words}" for words, count in others.items() if count)
    if not named:
        return counts_text + "."
    left = sum(others.values())
    return f"{counts_text}, {left:,} {_are(left)} not: {named}."


def why(report: Report) -> str:
    """Return the verdict's own message and hint; empty if there is none."""
    message, hint = str(report.get("message") or ""), str(report.get("hint") or "")
    said = (message,) if hint in message else (message, hint)
    return " ".join(_as_sentence(escape(text, 700)) for text in said if text)


def remarks(report: Report) -> list[str]:
    """Return further remarks, one sentence each."""
    tokens, secrets = part(report, "tokens"), part(report, "secrets")
    conflicts = part(report, "duplicates", "conflicts")
    return [
        *_reading_remarks(part(report, "reading")),
        *_token_remarks(tokens),
        *_prefix_remark(part(report, "prefix")),
        *_conflict_remark(conflicts),
        *_answer_remarks(part(report, "duplicates")),
        *_correction_remark(part(report, "corrections")),
        *_secret_remark(secrets),
        *_unchecked(part(report, "duplicates")),
        *(_as_sentence(escape(str(text), 500)) for text in texts_of(report.get("warnings"))),
    ]


def _reading_remarks(reading: Mapping[str, object]) -> list[str]:
    """Return which keys the rows were read by, and which are metadata."""
    found = []
    taken = part(reading, "taken")
    if taken:
        counts = {escape(str(keys), 200): count_of(n) for keys, n in taken.items()}
        named = "; ".join(f"{keys} ({n:,} {_rows(n)})" for keys, n in counts.items())
        found.append(f"Read as {named}.")
    metadata = part(reading, "metadata") or texts_of(reading.get("metadata"))
    if metadata:
        names = ", ".join(escape(str(key), 60) for key in metadata)
        found.append(f"Metadata, which is not trained: {names}.")
    return found


def _token_remarks(tokens: Mapping[str, object]) -> list[str]:
    found = []
    if tokens.get("train"):
        found.append(
            f"{tokens['train']:,} tokens are trained, {tokens.get('supervised') or 0:,} of them "
            f"are supervised (the answers); the longest row has {tokens.get('longest') or 0:,}."
        )
    if count := count_of(tokens.get("split")):
        found.append(f"{count:,} {_rows(count)} longer than the limit {_were(count)} split.")
    if count := count_of(tokens.get("truncated")):
        found.append(f"{count:,} {_rows(count)} longer than the limit {_were(count)} cut off.")
    if count := count_of(tokens.get("forged")):
        found.append(f"Control tokens spelled out in texts stay plain text ({count:,} found).")
    return found


def _prefix_remark(prefix: Mapping[str, object]) -> list[str]:
    if not prefix:
        return []
    name, place = (escape(str(prefix.get(key)), 200) for key in ("name", "place"))
    return [f"Every conversation is trained with the prefix {name} before it, {place}."]


def _conflict_remark(conflicts: Mapping[str, object]) -> list[str]:
    count = count_of(conflicts.get("count"))
    if not count:
        return []
    policy = escape(str(conflicts.get("policy") or "keep"), 40)
    return [
        f"{count:,} {'pair' if count == 1 else 'pairs'} of rows ask one thing and contradict each "
        f"other (dedup.conflicts: {policy})."
    ]


def _answer_remarks(duplicates: Mapping[str, object]) -> list[str]:
    meant, repeated = part(duplicates, "on_purpose"), listed(duplicates.get("repeated"))
    found = []
    if rows := count_of(meant.get("rows")):
        found.append(
            f"{rows:,} {_rows(rows)} give several answers to "
            f"{count_of(meant.get('questions')):,} equal questions: taken as meant, all of them "
            "stay."
        )
    if repeated:
        places = [(count_of(one["line"]), count_of(one["times"])) for one in repeated]
        often = ", ".join(f"line {line:,} {times:,} times" for line, times in places)
        found.append(f"Equal rows are trained once; most often: {often}.")
    return found


def _correction_remark(corrections: Mapping[str, object]) -> list[str]:
    count = count_of(corrections.get("trained")) + count_of(corrections.get("held_out"))
    if not count:
        return []
    jobs = ", ".join(escape(str(job), 60) for job in part(corrections, "by_job"))
    alert = str(corrections.get("alert") or "")
    return [
        f"{count:,} {_rows(count)} correct answers of {jobs}, which no longer count.",
        *([_as_sentence(escape(alert, 2000))] if alert else []),
    ]


def _secret_remark(secrets: Mapping[str, object]) -> list[str]:
    count = count_of(secrets.get("rows"))
    if not count:
        return []
    kinds = ", ".join(f"{escape(str(k), 40)}: {n:,}" for k, n in part(secrets, "kinds").items())
    return [f"{count:,} {_rows(count)} may hold secrets or personal data ({kinds})."]


def _unchecked(duplicates: Mapping[str, object]) -> list[str]:
    count = count_of(duplicates.get("unchecked"))
    return [f"{count:,} {_rows(count)} could not be compared with all others."] if count else []


def _as_sentence(text: str) -> str:
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?", "…")) else text + "."


def _rows(count: int) -> str:
    return "row" if count == 1 else "rows"


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def _were(count: int) -> str:
    return "was" if count == 1 else "were"
