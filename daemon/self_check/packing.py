"""Checks that texts packed into one row do not influence each other beyond rounding noise."""

from daemon.model.anatomy import Anatomy
from daemon.model.backend import Module
from daemon.model.packing_check import PackingCheck, check_packing
from daemon.self_check.finding import CheckContext, CheckResult, together
from daemon.self_check.tiny import KINDS, make_model


def tiny_rows(_place: CheckContext) -> CheckResult:
    """Check a tiny model in each number format."""
    return together({kind: packs(make_model(kind)) for kind in KINDS})


def packs(model: Module) -> CheckResult:
    """Return whether packed rows are exact with a model, by the measurement that training uses."""
    return judged(check_packing(Anatomy(model)))


def judged(found: PackingCheck) -> CheckResult:
    """Return the finding for a measurement."""
    figures = found.as_record()
    if found.refused is not None:
        return CheckResult("wrong", f"rows cannot be packed: {found.refused}", figures)
    measured = (
        f"another text in the row changes a text by {found.neighbours:.1e}, its place by "
        f"{found.place:.1e}, the row's length by {found.length:.1e}, limit {found.limit:.1e}; "
        f"without the mask it would be {found.unmasked:.1e}"
    )
    if found.problem is not None:
        words = f"rows cannot be packed: {found.problem}"
        return CheckResult("wrong", f"{words} ({measured})", figures)
    # Where removing the mask changes nothing, the measurement proves nothing.
    conclusive = found.unmasked > found.limit
    return CheckResult("ok" if conclusive else "wrong", f"rows are packed: {measured}", figures)
