"""Checks that texts which share a row do not see each other, against the arithmetic's own noise."""

from daemon.model.anatomy import Anatomy
from daemon.model.backend import Module
from daemon.model.packing_check import PackingCheck, check_packing
from daemon.self_check.finding import CheckContext, CheckResult, together
from daemon.self_check.tiny import KINDS, make_model


def tiny_rows(_place: CheckContext) -> CheckResult:
    """Look at a tiny model in each kind of number."""
    return together({kind: packs(make_model(kind)) for kind in KINDS})


def packs(model: Module) -> CheckResult:
    """Return whether a model keeps the texts of a row apart, as training finds it does."""
    return judged(check_packing(Anatomy(model)))


def judged(found: PackingCheck) -> CheckResult:
    """Return what a measurement says of a model."""
    figures = found.as_record()
    if found.refused is not None:
        return CheckResult("wrong", f"each text has a row of its own: {found.refused}", figures)
    measured = (
        f"another text in the row moves a text by {found.neighbours:.1e}, its place by "
        f"{found.place:.1e}, the row's length by {found.length:.1e} of at most {found.limit:.1e}; "
        f"unmasked it would be {found.unmasked:.1e}"
    )
    if found.problem is not None:
        words = f"each text has a row of its own, since {found.problem}"
        return CheckResult("wrong", f"{words} ({measured})", figures)
    # Where the mask changes nothing, nothing was measured either.
    told = found.unmasked > found.limit
    return CheckResult("ok" if told else "wrong", f"texts share rows: {measured}", figures)
