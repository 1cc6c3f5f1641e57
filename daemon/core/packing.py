"""How tightly rows of different lengths fit into rows of one length; knows lengths alone."""

from collections.abc import Sequence


def packed(lengths: Sequence[int], budget: int) -> int:
    """Return how many rows of `budget` tokens hold all rows, by first-fit decreasing.

    A row longer than the budget has one of its own. Takes n log n (a tree over the free room).
    """
    ordered = sorted((length for length in lengths if 0 < length <= budget), reverse=True)
    longer = sum(length > budget for length in lengths)
    if not ordered:
        return longer
    leaves = 1 << (len(ordered) - 1).bit_length()
    room = [budget] * (2 * leaves)
    used = 0
    for length in ordered:
        place = 1
        while place < leaves:
            place = 2 * place if room[2 * place] >= length else 2 * place + 1
        used = max(used, place - leaves + 1)
        room[place] -= length
        while place > 1:
            place //= 2
            room[place] = max(room[2 * place], room[2 * place + 1])
    return longer + used
