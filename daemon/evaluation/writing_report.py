"""Reports how answers are written compared with the habit of their file.

Averages per suite, and answers side by side: length, bold, lists, paragraphs, likeness of style,
and a warning for each weak answer.
"""

from collections.abc import Mapping, Sequence

from daemon.core.evaluation.answers import Answer
from daemon.core.evaluation.reports import ComparisonReport
from daemon.core.evaluation.writing_figures import (
    AnswerFigures,
    HabitFigures,
    ShownSuite,
    SuiteWriting,
    WritingAverages,
    WrittenQuestion,
)
from daemon.core.records import to_json_value
from daemon.core.workspace.jobs import one_line
from daemon.evaluation.scored_answers import ScoredAnswers, present
from daemon.evaluation.scores.formatting import THREE, Habit, of_three
from daemon.evaluation.scores.score import Score, summarise
from daemon.evaluation.weak_answers import warnings_of

Report = ComparisonReport
Rows = list[tuple[str, ...]]

OPEN_SHOWN, SHOWN = 100, 10
"""Questions of a suite that are shown with all answers: without golden answers, and with them."""
WRITING = (
    "suite",
    "whose",
    "answers",
    "characters",
    *("bold", "lists", "paragraphs"),
    "of 3",
    "weak",
)


def writing_of(answers: ScoredAnswers) -> list[SuiteWriting]:
    """Return for each suite the habits, the averages of each subject, and the answers shown."""
    return [_suite(answers, place) for place in range(len(answers.questions))]


def _suite(answers: ScoredAnswers, place: int) -> SuiteWriting:
    suite = answers.questions[place].suite
    rows = list(answers.rows(place))
    is_open = not any(item.answers for item in suite.items)
    shown: list[WrittenQuestion] = [
        {
            "id": item.id,
            "question": item.messages[-1].content,
            "golden": item.answers[0] if item.answers else None,
            "answers": {
                answers.names[who]: {**writing_of_answer(score, answer), "text": answer.text}
                for who, (score, answer) in by_subject.items()
            },
        }
        for item, by_subject in rows[: OPEN_SHOWN if is_open else SHOWN]
    ]
    subjects = {
        answers.names[who]: _averages([found[who] for _, found in rows if who in found])
        for who, scores in answers.of_suite(place)
        if present(scores)
    }
    return {
        "suite": suite.name,
        "open": is_open,
        "habits": _habits(answers, place),
        "subjects": subjects,
        "questions": shown,
        "of": len(rows),
    }


def _habits(answers: ScoredAnswers, place: int) -> list[HabitFigures]:
    found: dict[str, Habit] = {}
    for _, scores in answers.of_suite(place):
        for score in present(scores):
            if score.habit is not None:
                found.setdefault(score.habit.name, score.habit)
    return [to_json_value(habit) | {"of_three": habit.of_three} for habit in found.values()]


def _averages(found: Sequence[tuple[Score, Answer]]) -> WritingAverages:
    scores = [score for score, _ in found]
    summary = summarise(scores)
    length, style = summary.metrics.get("length"), summary.metrics.get("style")
    return {
        "items": len(scores),
        "characters": sum(score.characters for score in scores) / len(scores),
        "shares": dict(summary.traits),
        "of_three": sum(summary.traits.get(trait, 0.0) for trait in THREE),
        "formatting": summary.formatting,
        "length": None if length is None else length.mean,
        "style": None if style is None else style.mean,
        "weak": sum(bool(warnings_of(score, answer)) for score, answer in found),
    }


def writing_of_answer(score: Score, answer: Answer) -> AnswerFigures:
    """Return how one answer is written."""
    return {
        "characters": score.characters,
        "traits": sorted(score.traits),
        "of_three": of_three(score.traits),
        "length": score.metrics.get("length"),
        "style": score.metrics.get("style"),
        "right": None if score.main is None else score.main == 1.0,
        "warnings": warnings_of(score, answer),
    }


# --- for people -----------------------------------------------------------------------------------


def writing_rows(report: Report) -> Rows:
    """Return the table of averages: of each suite what is expected, then each subject."""
    rows: Rows = []
    for one in report.get("writing", ()):
        for habit in one["habits"]:
            shares = _shares(habit["shares"])
            characters = f"{habit['characters']:,.0f}"
            whose = f"expected: {habit['name']}"
            three = f"{habit['of_three']:.1f}"
            known = (str(habit["answers"]), characters, *shares, three)
            rows.append((one["suite"], whose, *known, ""))
        for name, found in one["subjects"].items():
            rows.append(
                (
                    one["suite"],
                    name,
                    str(found["items"]),
                    f"{found['characters']:,.0f}",
                    *_shares(found["shares"]),
                    f"{found['of_three']:.1f}",
                    str(found["weak"]),
                )
            )
    return rows


def _shares(shares: Mapping[str, float]) -> tuple[str, ...]:
    return tuple(f"{shares.get(trait, 0.0):.0%}" for trait in THREE)


def writing_sentences(report: Report) -> list[str]:
    """Return one sentence for each subject: its averages against the habit of the file."""
    found = []
    for one in report.get("writing", ()):
        for habit in one["habits"] if len(one["habits"]) == 1 else ():
            for name, mine in one["subjects"].items():
                found.append(
                    f"{one['suite']}, {name}: {mine['characters']:,.0f} characters and "
                    f"{mine['of_three']:.1f} of 3 on average (expected about "
                    f"{habit['characters']:,.0f} and {habit['of_three']:.1f}, as in "
                    f"{habit['name']})"
                )
    return found


def about_answer(found: AnswerFigures) -> str:
    """Return how an answer is written, in words."""
    traits = ", ".join(trait for trait in THREE if trait in found["traits"]) or "none"
    style = "" if found["style"] is None else f", likeness {found['style']:.2f}"
    right = {True: ", right", False: ", not right", None: ""}[found["right"]]
    return f"{found['characters']:,} characters, {found['of_three']} of 3 ({traits}){style}{right}"


def shown_questions(report: Report, longest: int) -> list[ShownSuite]:
    """Return the questions of each suite with every subject's answer, in one line each."""
    return [
        {
            "suite": one["suite"],
            "open": one["open"],
            "of": one["of"],
            "questions": [
                {
                    "id": question["id"],
                    "question": one_line(question["question"], longest),
                    "golden": None
                    if question["golden"] is None
                    else one_line(question["golden"], longest),
                    "answers": [
                        {
                            "subject": name,
                            "text": one_line(found["text"], longest),
                            "about": about_answer(found),
                            "warnings": found["warnings"],
                        }
                        for name, found in question["answers"].items()
                    ],
                }
                for question in one["questions"]
            ],
        }
        for one in report.get("writing", ())
        if one["questions"]
    ]
