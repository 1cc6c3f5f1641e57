"""Decides for each family of a file whether it is trained or on an exam; all its rows follow.

A side is decided once, when the first row of a family is accepted in any job, and never changes.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from daemon.core.rows import holdout
from daemon.core.rows.refusal import Bad
from daemon.dedup.family_keys import components
from daemon.dedup.family_segments import NOWHERE, FamilyIndex, FamilySegment, Place, Standing
from daemon.dedup.numbers import hash64
from daemon.folders.queue.family_files import NO_ROW, Families, FamilySide
from daemon.intake.gathering import GatheredRows
from daemon.intake.looking import Rows
from daemon.intake.reasons import Reason

I64 = npt.NDArray[np.int64]
U64 = npt.NDArray[np.uint64]
Bools = npt.NDArray[np.bool_]
Explain = Callable[[Place], Reason]

OWN = np.iinfo(np.int64).max
"""Stands for a row of an earlier reading of the same job."""

WITHHELD_HINT = (
    "variants of what is measured with are never trained; a row that is no variant needs another "
    "'group', 'variant_of' or first question"
)
TRAINED_HINT = (
    "what variants of were trained cannot measure what was learned; hold rows out whose 'group' "
    "and first question no file has"
)


@dataclass
class Split:
    """What becomes of the rows that were kept; arrays by their place among the gathered rows."""

    train: Bools
    exam: Bools
    names: U64
    """By what the family of each row is drawn and halved."""
    by_row: Bools
    """Rows of a question too frequent to be a family: only an equal row is bound to them."""
    refused: dict[int, Reason] = field(default_factory=dict)
    """Rows that are neither, by their place."""
    counts: Counter[str] = field(default_factory=Counter)
    """Families by what became of them."""


class FamilySides:
    """The families of one file's rows, and what is known of them elsewhere."""

    def __init__(self, rows: Rows, index: FamilyIndex, job: str, fresh: bool = False) -> None:
        """`fresh` looks at them as a new lineage, for which nothing was trained."""
        families = rows.families.families()
        families["line"] = rows.numbers
        self.families = families
        self._index = index
        self._job = job
        self._draws = np.array(rows.families.draws, np.uint64)
        self._seed = rows.families.seed
        self._component = components(families)
        standing = index.standing(families, job)
        if fresh:
            standing.trained[:] = NOWHERE
        self._trained, self._exam, self._withheld = (
            self._whole(side) for side in (standing.trained, standing.exam, standing.withheld)
        )

    def _whole(self, found: I64) -> I64:
        """Return for each family what was found for any row of it."""
        whole = np.full(len(self.families), NOWHERE, np.int64)
        np.maximum.at(whole, self._component, found)
        return whole

    def segment(self, name: str) -> FamilySegment:
        """Return the families for another file to look its own up in."""
        return FamilySegment.build([f"{name}@"], [self.families])

    def remember(self, former: Families | None) -> None:
        """Keep the sides that an earlier reading of the same job has given."""
        if former is None:
            return
        own = FamilyIndex([FamilySegment.build([f"{self._job}@"], [former])])
        standing = own.standing(self.families, "")
        self._remember_by_row(former, standing)
        trained, exam = self._whole(standing.trained), self._whole(standing.exam)
        undecided = (self._trained == NOWHERE) & (self._exam == NOWHERE)
        self._trained[undecided & (trained != NOWHERE) & (exam == NOWHERE)] = OWN
        self._withheld[undecided & (exam != NOWHERE)] = OWN

    def _remember_by_row(self, former: Families, standing: Standing) -> None:
        """Find rows again that no family binds: only the equal row knows their side."""
        order = np.argsort(former["exact"], kind="stable")
        before = former[order]
        mine = np.flatnonzero(self.families["by_row"])
        at = np.searchsorted(before["exact"], self.families["exact"][mine])
        at = np.minimum(at, max(0, len(before) - 1))
        known = (
            mine[before["exact"][at] == self.families["exact"][mine]] if len(before) else mine[:0]
        )
        side = before["side"][at][np.isin(mine, known)]
        standing.trained[known[side == FamilySide.TRAINED]] = OWN
        standing.exam[known[side == FamilySide.EXAM]] = OWN

    def split(
        self, gathered: GatheredRows, kept: Bools, share: float, most: int, corrected: Bools
    ) -> Split:
        """Divide the kept rows; `share` of the undecided families, at most `most`, are held out.

        A family whose exam row is gone is held out again. Rows that correct an exam are `corrected`
        ones: they are on the exam too.
        """
        result, family, places = self._begun(gathered, kept)
        result.exam |= kept & corrected
        kept = kept & ~corrected
        free = self._free(result, kept, family)
        again = free & (self._withheld[family] != NOWHERE)
        held = again | free & self._drawn(free & ~again, family, result.names, share, most)
        self._draw(result, held, family, places, gathered.lines)
        result.train |= free & ~held
        return self._settled(result, family, places, held)

    def split_beside(self, gathered: GatheredRows, kept: Bools) -> Split:
        """Divide the kept rows of a file with a hold-out file beside it: none is held out."""
        result, family, places = self._begun(gathered, kept)
        free = self._free(result, kept, family)
        again = free & (self._withheld[family] != NOWHERE)
        self._refuse(result, again, family, self._withheld, _on_exam)
        result.train |= free & ~again
        return self._settled(result, family, places, again & False)

    def split_exam(self, gathered: GatheredRows) -> Split:
        """Divide the rows of a hold-out file: no family that was given to training is an exam's."""
        kept = np.ones(len(gathered), np.bool_)
        result, family, places = self._begun(gathered, kept)
        held = self._free(result, kept, family)
        self._refuse(result, result.train, family, self._trained, _is_trained)
        result.train[:] = False
        self._draw(result, held, family, places, gathered.lines)
        return self._settled(result, family, places, held)

    def _begun(self, gathered: GatheredRows, kept: Bools) -> tuple[Split, I64, I64]:
        """Return the division with nothing in it, and the family and the place of each row."""
        places = np.array(gathered.places, np.int64)
        nothing = np.zeros(len(places), np.bool_)
        by_row = self.families["by_row"][places] != 0
        result = Split(nothing, nothing.copy(), self._names(places), by_row)
        return result, self._component[places], places

    def _free(self, result: Split, kept: Bools, family: I64) -> Bools:
        """Settle the rows of families that have a side; return the others."""
        on_exam = kept & (self._exam[family] != NOWHERE)
        trained = kept & ~on_exam & (self._trained[family] != NOWHERE)
        self._refuse(result, on_exam, family, self._exam, _on_exam)
        result.train = trained
        for name, rows in (("trained", trained), ("exam", on_exam)):
            result.counts[name] = len(np.unique(family[rows]))
        free: Bools = kept & ~on_exam & ~trained
        return free

    def _settled(self, result: Split, family: I64, places: I64, held: Bools) -> Split:
        result.counts["held_out"] = len(np.unique(family[held]))
        self._settle(result, family, places)
        return result

    def _names(self, places: I64) -> U64:
        """Return by what the family of each row is drawn."""
        names = self._draws[places]
        for number in np.flatnonzero(self.families["by_row"][places]).tolist():
            # Bound to nothing, such a row is drawn by itself.
            names[number] = hash64(f"{self._seed}\n{self.families['exact'][places[number]]}")
        return names

    def _drawn(self, free: Bools, family: I64, names: U64, share: float, most: int) -> Bools:
        """Return the rows of the families that are drawn from those without a side."""
        left = np.flatnonzero(free)
        heads, first, rows = np.unique(family[left], return_index=True, return_counts=True)
        drawn_by = names[left[first]].tolist()
        chosen = holdout.choose(dict(zip(drawn_by, rows.tolist(), strict=True)), share, most)
        drawn = np.array([name in chosen for name in drawn_by], np.bool_)
        return np.isin(family, heads[drawn]) if len(heads) else np.zeros(len(family), np.bool_)

    def _draw(
        self, result: Split, held: Bools, family: I64, places: I64, lines: Sequence[int]
    ) -> None:
        """Put the original of each held-out family on the exam, or else its first row.

        With it go the rows that only ask something alike, or give another answer on purpose: they
        are nobody's variants, so a run's exam chooses among them. Declared variants are withheld.
        """
        variant = self.families["variant"][places] != 0
        declared = variant | (self.families["group_v1"][places] != 0)
        rows = np.flatnonzero(held)
        order = rows[np.lexsort((rows, variant[rows], family[rows]))]
        heads, first = np.unique(family[order], return_index=True)
        chosen = dict(zip(heads.tolist(), order[first].tolist(), strict=True))
        for row in rows.tolist():
            original = chosen[int(family[row])]
            # The parts of one long row are one row.
            result.exam[row] = places[row] == places[original] or not (
                declared[row] or declared[original]
            )
            if not result.exam[row]:
                result.refused[row] = _on_exam(Place(self._job, 0, lines[original]))

    def _refuse(self, result: Split, rows: Bools, family: I64, found: I64, reason: Explain) -> None:
        for row in np.flatnonzero(rows).tolist():
            result.refused[row] = reason(self._place(int(found[family[row]])))

    def _place(self, number: int) -> Place:
        return Place(self._job, 0, 0) if number == OWN else self._index.place(number)

    def _settle(self, result: Split, family: I64, places: I64) -> None:
        """Note the side of every row of the file, of those too that another reason has left out."""
        families, component = self.families, self._component
        side = np.zeros(len(families), np.uint8)
        for rows, its in ((result.train, FamilySide.TRAINED), (result.exam, FamilySide.WITHHELD)):
            side[np.unique(family[rows])] = its
        side[self._trained != NOWHERE] = FamilySide.TRAINED
        side[self._exam != NOWHERE] = FamilySide.WITHHELD
        families["side"] = side[component]
        families["row"] = NO_ROW
        for rows, its in ((result.train, FamilySide.TRAINED), (result.exam, FamilySide.EXAM)):
            # Of a row in parts the first one stands for all.
            numbers = np.flatnonzero(rows)[::-1]
            families["row"][places[numbers]] = numbers
            families["side"][places[numbers]] = its


def _on_exam(of: Place) -> Reason:
    message = f"a variant of {of.job}, line {of.line}, which is on the exam"
    return Reason(Bad("withheld", message, WITHHELD_HINT), _named(of), "family")


def _is_trained(of: Place) -> Reason:
    message = f"a variant of {of.job}, line {of.line}, which was given to training before"
    return Reason(Bad("trained_family", message, TRAINED_HINT), _named(of), "family")


def _named(of: Place) -> dict[str, object]:
    return {"job": of.job, "line": of.line}
