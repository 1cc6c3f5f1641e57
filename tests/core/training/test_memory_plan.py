"""The plan of a model's memory as a value."""

from dataclasses import asdict, replace

from daemon.core.records import from_json_value
from daemon.core.training.footprint import Estimate
from daemon.core.training.memory_plan import MemoryPlan

PASS = Estimate(100, 10, 20, 10, 40, 20, 0)


def test_as_many_passes_are_planned_as_fit_side_by_side() -> None:
    assert MemoryPlan.fit(PASS, usable=10**6, most=4).passes == 4
    two = MemoryPlan.fit(PASS, usable=270, most=4)
    assert two.passes == 2 and two.need == replace(PASS, activations=80, logits=40)
    assert MemoryPlan.fit(PASS, usable=1, most=4).passes == 1


def test_a_smaller_machine_computes_fewer_passes_and_a_larger_one_no_more() -> None:
    plan = MemoryPlan(PASS, 3)
    assert plan.within(usable=270, most=4) == MemoryPlan(PASS, 2)
    assert plan.within(usable=10**6, most=4) == plan
    assert plan.within(usable=10**6, most=1) == MemoryPlan(PASS, 1)


def test_a_plan_comes_back_from_its_record() -> None:
    plan = MemoryPlan(PASS, 3)
    assert from_json_value(asdict(plan), MemoryPlan) == plan
