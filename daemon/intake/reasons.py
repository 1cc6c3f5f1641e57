"""The reasons for which a row is left out, each with what to do if that is not wanted."""

from dataclasses import dataclass

from daemon.core.records import JsonObject
from daemon.core.rows.refusal import Bad
from daemon.core.workspace.jobs import escape
from daemon.dedup.matching import Match

REPEATED_HINT = (
    "equal rows are trained once; to train more answers to one question give the rows one 'group'"
)
REWORDED_HINT = (
    "if both rows are wanted give them one 'group', raise dedup.threshold, or set dedup.near = "
    "false"
)
SEEN_HINT = (
    "'finetuned retrain' trains a file again; a changed answer to the same question is a "
    "correction (dedup.corrections)"
)
EXAM_HINT = (
    "what is measured with is never trained; to train it take it out of the exam: remove the item "
    "from evals/, or drop a file with holdout.share = 0"
)


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a row is not trained."""

    bad: Bad
    of: JsonObject | None
    how: str = ""


def duplicate_reason(how: str, job: str, line: int) -> Reason:
    """Return why a row of a file that repeats another one is dropped."""
    words = {"exact": "equal to", "wording": "asks the same as", "spelling": "asks the same as"}
    hint = REPEATED_HINT if how == "exact" else REWORDED_HINT
    bad = Bad("duplicate_in_file", f"{words[how]} line {line}", hint)
    return Reason(bad, {"job": job, "line": line}, how)


def seen_reason(match: Match) -> Reason:
    """Return why a row that was trained in an earlier file is dropped."""
    where = f"{match.job}, line {match.line}"
    words = f"trained in {where}" if match.how == "exact" else f"asks the same as {where}"
    hint = SEEN_HINT if match.how == "exact" else f"{REWORDED_HINT}; {SEEN_HINT}"
    bad = Bad("duplicate_seen", words, hint)
    return Reason(bad, {"job": match.job, "line": match.line}, match.how)


def exam_reason(how: str, job: str, line: int) -> Reason:
    """Return why a row that an exam asks is dropped."""
    suite = job.startswith("evals/")
    words = "an item of" if suite else "held out of"
    nearly = "" if how == "exact" else "nearly "
    bad = Bad("exam_row", f"{nearly}{words} {job}, line {line}", EXAM_HINT)
    return Reason(bad, {"job": job, "line": line}, how)


def conflict_reason(job: str, line: int, other: str, setting: str) -> Reason:
    """Return why a row that contradicts another one is dropped; `setting` says it is to be."""
    message = f"asks what {job}, line {line} asks, and answers otherwise ({escape(other, 60)})"
    hint = f"decide which answer is right ({setting})"
    return Reason(Bad("conflict", message, hint), {"job": job, "line": line}, "wording")
