"""`models/<kind>/`: whole at once, and never gone on with by mistake."""

import json
import shutil
from pathlib import Path

import pytest

from daemon.core.decisions.snapshot import OrderOnDisk
from daemon.core.workspace.orders import EVALUATION, SWEEP, Header, Kind
from daemon.folders.orders import orders
from daemon.layout import Layout
from tests.orders import result_of


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path)


def make(layout: Layout, kind: Kind = SWEEP, at: str = "2030-01-01T00:00:00+00:00") -> str:
    return orders.create(
        layout,
        kind,
        Header("", at, "x", ("v000003",)),
        lambda built, name: built.request.write_text(json.dumps({"named": name})),
    )


def test_an_order_is_whole_with_a_number_of_its_own(layout: Layout) -> None:
    assert [make(layout), make(layout), make(layout, EVALUATION)] == [
        "s000001",
        "s000002",
        "e000001",
    ]
    assert orders.read_request(layout.order("s000002"), dict) == {"named": "s000002"}
    assert json.loads(layout.order("e000001").header.read_bytes()) == {
        "order": "e000001",
        "created_at": "2030-01-01T00:00:00+00:00",
        "about": "x",
        "versions": ["v000003"],
    }
    assert layout.order("e000001").folder == layout.models / "evaluations" / "e000001"


def test_what_is_no_order_is_not_taken_for_one(layout: Layout) -> None:
    make(layout, EVALUATION)
    layout.known_scores.mkdir()
    assert orders.names(layout, EVALUATION) == ["e000001"]
    assert orders.names(layout, SWEEP) == []


def test_a_number_that_another_took_meanwhile_is_left_to_it(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(layout)
    monkeypatch.setattr(orders, "names", lambda *_: [])
    assert make(layout) == "s000002"


def test_an_order_waits_until_it_has_its_result(layout: Layout) -> None:
    first, second = make(layout), make(layout)
    known = orders.Orders(layout)
    assert [item.order for item in known.waiting()] == [first, second]
    orders.end(layout.order(first), {"outcome": "finished", "message": "a"})
    at = "2030-01-01T00:00:00+00:00"
    assert known.waiting() == (OrderOnDisk(second, "x", at, frozenset({"v000003"})),)
    assert result_of(layout.order(first)) == {"outcome": "finished", "message": "a"}


def test_orders_of_all_kinds_wait_by_age(layout: Layout) -> None:
    young = make(layout, SWEEP, "2030-01-01T00:00:02+00:00")
    old = make(layout, EVALUATION, "2030-01-01T00:00:01+00:00")
    assert [item.order for item in orders.Orders(layout).waiting()] == [old, young]


def test_a_skip_is_remembered_on_the_disk(layout: Layout) -> None:
    order = make(layout)
    orders.Orders(layout).skip(order)
    assert orders.Orders(layout).waiting()[0].skip


def test_an_order_that_cannot_be_read_is_parked_and_left_as_it_is(layout: Layout) -> None:
    order = make(layout)
    layout.order(order).header.write_text("{")
    known = orders.Orders(layout)
    assert known.waiting() == () and f"models/sweeps/{order}" in known.parked[order]
    assert layout.order(order).header.read_text() == "{"


def test_an_order_that_kills_its_trainer_again_and_again_is_parked(layout: Layout) -> None:
    order = make(layout)
    known = orders.Orders(layout)
    known.waiting()
    for _ in range(orders.MOST_DEATHS - 1):
        known.count_death(order, "SIGKILL")
    known.reset_deaths(order)
    known.count_death(order, "SIGKILL")
    assert known.waiting()
    for _ in range(orders.MOST_DEATHS - 1):
        known.count_death(order, "SIGKILL")
    assert known.waiting() == () and "SIGKILL" in known.parked[order]
    assert orders.Orders(layout).waiting(), "the next start tries again"


def test_a_piece_that_gets_on_is_not_futile_however_often_it_is_begun(layout: Layout) -> None:
    """An exam longer than an uptime was given up at its third beginning."""
    place = layout.order(make(layout))
    for _ in range(5):
        assert orders.begin_unit(place, 1) == 0
        orders.note_progress(place)
    assert [orders.begin_unit(place, 1) for _ in range(3)] == [0, 1, 2]
    orders.leave_unit(place)
    orders.note_progress(place)
    assert not place.piece.exists()


def test_deaths_count_from_zero_where_the_piece_got_on_between(layout: Layout) -> None:
    """An order was parked at the sixth death, though its exam had got on before each."""
    order = make(layout)
    known, place = orders.Orders(layout), layout.order(order)
    known.waiting()
    for _ in range(2 * orders.MOST_DEATHS):
        orders.begin_unit(place, 1)
        orders.note_progress(place)
        known.count_death(order, "SIGKILL")
    assert known.waiting()
    # That it got on once does not count for ever.
    for _ in range(orders.MOST_DEATHS - 1):
        known.count_death(order, "SIGKILL")
    assert known.waiting() == ()


def test_beginnings_without_an_end_are_counted_for_each_piece(layout: Layout) -> None:
    place = layout.order(make(layout))
    assert [orders.begin_unit(place, 1) for _ in range(3)] == [0, 1, 2]
    orders.leave_unit(place)
    assert orders.begin_unit(place, 1) == 0
    assert orders.begin_unit(place, 2) == 0


def test_an_order_that_was_removed_and_given_again_is_another_one(layout: Layout) -> None:
    """It has the number of the one that was removed, and was over or parked like that one."""
    known = orders.Orders(layout)
    first = make(layout)
    orders.end(layout.order(first), {"outcome": "finished", "message": "a"})
    assert known.waiting() == ()
    shutil.rmtree(layout.order(first).folder)
    assert make(layout) == first
    assert [item.order for item in known.waiting()] == [first]
    for _ in range(orders.MOST_DEATHS):
        known.count_death(first, "SIGKILL")
    assert known.waiting() == () and known.parked
    shutil.rmtree(layout.order(first).folder)
    assert make(layout) == first
    assert [item.order for item in known.waiting()] == [first] and not known.parked


def test_an_order_that_can_be_read_again_waits_again(layout: Layout) -> None:
    """One error of the disk parked it until the next start."""
    order, known = make(layout), orders.Orders(layout)
    whole = layout.order(order).header.read_bytes()
    layout.order(order).header.write_text("{")
    assert known.waiting() == () and known.parked
    layout.order(order).header.write_bytes(whole)
    assert [item.order for item in known.waiting()] == [order] and not known.parked
    layout.order(order).header.write_text("{")
    assert known.waiting() == ()
    shutil.rmtree(layout.order(order).folder)
    assert known.waiting() == () and not known.parked
