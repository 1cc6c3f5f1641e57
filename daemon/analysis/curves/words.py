"""Describes a diagnosis in sentences, for the page and the terminal."""

from daemon.core.curves.curves import CurveFinding, Diagnosis


def headline(diagnosis: Diagnosis) -> str:
    """Return the verdict as a heading."""
    verdict = diagnosis.verdict
    return verdict[:1].upper() + verdict[1:]


def sentence(diagnosis: Diagnosis) -> str:
    """Return the number of steps and the course of the losses, in one sentence."""
    curve, facts = diagnosis.curve, diagnosis.facts
    if not curve.points:
        return "The record has no training step."
    course = f"{len(curve.points):,} steps, {curve.points[0].step:,} to {curve.points[-1].step:,}"
    first, final = facts.get("first_loss"), facts.get("final_loss")
    if first is not None and final is not None:
        course += f"; the training loss went from {first:.3f} to {final:.3f}"
    lowest, last = facts.get("lowest_validation_loss"), facts.get("final_validation_loss")
    if lowest is not None and last is not None:
        course += f", the validation loss ended at {last:.3f} (lowest {lowest:.3f})"
    return course + "."


def message(finding: CurveFinding) -> str:
    """Return the message of a finding, as a sentence."""
    return finding.message[:1].upper() + finding.message[1:] + "."


def advice(finding: CurveFinding) -> str:
    """Return the advice of a finding, as a sentence."""
    return finding.advice[:1].upper() + finding.advice[1:] + "."


def stop(diagnosis: Diagnosis) -> str:
    """Return the recommended stop; empty without one."""
    found = diagnosis.stop
    return "" if found is None else f"Recommended stop: {found.message}."


def remarks(diagnosis: Diagnosis) -> list[str]:
    """Return what could not be judged and what is wrong with the record, one sentence each."""
    curve = diagnosis.curve
    kinds: dict[str, list[str]] = {}
    for kind, why in diagnosis.not_judged.items():
        kinds.setdefault(why, []).append(kind.replace("_", " "))
    found = [f"Not judged: {', '.join(names)} ({why})." for why, names in kinds.items()]
    if not curve.points:
        # The sentence before this one says it.
        found = []
    if curve.damaged:
        lines = "line" if curve.damaged == 1 else "lines"
        found.append(f"{curve.damaged:,} damaged {lines} of the record left out.")
    return [*found, *(f"{note[:1].upper()}{note[1:]}." for note in curve.notes)]
