"""Recommends what to do next, by how many of its targets a model has reached."""

from collections.abc import Sequence

from daemon.core.evaluation.targets import ANY, CHARACTERS, Checked, outcome_of

WRITING = ("length", "formatting", "bold", "list", "paragraphs", "style")
"""Metrics of how an answer is written, whatever it says."""


def next_actions(version: str | None, checked: Sequence[Checked]) -> tuple[str, ...]:
    """Return what to do about a subject's targets; `version` is its name where it has one."""
    unmeasured = [_not_measured(one) for one in checked if one.reached is None]
    missed = [one for one in checked if one.reached is False]
    gaps = [_missed(one) for one in missed]
    match outcome_of(checked):
        case "success":
            return (*_after_success(version), *unmeasured)
        case "partial":
            return (*gaps, *_after_partial(missed), *unmeasured)
        case "failure":
            return (*gaps, *_after_failure(missed), *unmeasured)
        case "not measured":
            return tuple(unmeasured)


def _missed(one: Checked) -> str:
    assert one.value is not None and one.gap is not None
    unit = " characters" if one.target.figure == CHARACTERS else ""
    digits = ".0f" if unit or one.target.metric == "grade" else ".3f"
    return (
        f"{one.suite}.{one.target.metric} is {one.value:{digits}}{unit}, {one.gap:{digits}} away "
        f"from {one.target}"
    )


def _not_measured(one: Checked) -> str:
    suite = "a suite with this metric" if one.suite == ANY else f"the suite {one.suite}"
    return f"{one.target} was not measured: evaluate {suite} (--suite)"


def _after_success(version: str | None) -> list[str]:
    found = ["every target is reached" if version is None else _promote(version)]
    found.append(
        "a smaller base model may reach them too, and answers faster: name it as 'model' in the "
        "settings of a workspace of its own, drop the same files there, and compare its version"
    )
    return found


def _promote(version: str) -> str:
    return (
        f"every target is reached: 'finetuned promote {version}' makes it current, if it is not yet"
    )


def _after_partial(missed: Sequence[Checked]) -> list[str]:
    failing = _suites(missed)
    return [
        f"more rows for what is missing: add training rows similar to the questions of {failing} "
        "that are still wrong (details.jsonl) and those under 'From right to wrong', drop them "
        "into inbox/, and evaluate again",
        f"a refined prefix for {failing}: say in [prefixes] of the settings how its answers must "
        "look, and try it without any training first, as an inference-only prefix (finetuned "
        "evaluate --prefix NAME --suite …); where it helps, train with it (training.prefix)",
        *_epochs(),
        *_writing(missed),
    ]


def _after_failure(missed: Sequence[Checked]) -> list[str]:
    return [
        "look at the answers in details.jsonl first: if none has the wanted form, "
        "the training data does not teach the task (see 'finetuned data stats'); more rows of the "
        "wanted form, and cleaner ones, come before anything else",
        "an inference-only prefix shows whether the model can do it when instructed: put it "
        "into [prefixes] and run finetuned evaluate --prefix NAME --suite …",
        *_epochs(),
        "another base: one that is larger, or was tuned to follow instructions; name it as 'model' "
        "in the settings of a workspace of its own, drop the same files there, and compare",
        *_writing(missed),
    ]


def _epochs() -> list[str]:
    return [
        "more epochs, if 'finetuned analyze' shows a validation loss that still falls at the end: "
        "raise training.epochs, or try several with 'finetuned sweep'"
    ]


def _writing(missed: Sequence[Checked]) -> list[str]:
    """Return what helps if only the way of writing misses its targets."""
    if not missed or not all(one.target.metric in WRITING for one in missed):
        return []
    return [
        "only the writing differs: compare the answers with the habit of the training data; a data "
        "file whose own answers are written differently teaches the wrong habit"
    ]


def _suites(missed: Sequence[Checked]) -> str:
    return ", ".join(dict.fromkeys(one.suite for one in missed))
