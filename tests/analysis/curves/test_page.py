"""The page and the pictures of learning curves: hostile text stays text, nothing is fetched."""

import io
import json
import re
from dataclasses import replace

import numpy as np
import pytest

from daemon.analysis.curves.charts import FEW_POINTS, MOST_CURVES, MOST_POINTS, charts, compared
from daemon.analysis.curves.judge import diagnose
from daemon.analysis.curves.page import render, render_all
from daemon.analysis.curves.pictures import draw
from daemon.core.curves.curves import Curve, Diagnosis, Point, Probe, ProbeAnswer
from tests.analysis.curves import made
from tests.analysis.reports import EVIL
from tests.analysis.test_page import Elements
from tests.analysis.test_pictures import size_of

PROBES = (
    Probe(
        EVIL,
        "a cold drink",
        (
            ProbeAnswer(10, EVIL, 0.0),
            ProbeAnswer(20, "a warm drink", 0.6),
            ProbeAnswer(30, "a cold drink", 1.0),
            ProbeAnswer(40, "a cold drink", 1.0),
        ),
    ),
)


@pytest.fixture(scope="module")
def ill() -> Diagnosis:
    """A curve with a finding, every quantity, and hostile text wherever there is text."""
    curve = made.overfitted(3).curve
    points = tuple(
        replace(
            point,
            learning_rate=1e-4,
            gradient_norm=1.0 + point.step % 3,
            tokens_per_s=90.0,
            memory_bytes=2 * 10**9,
        )
        for point in curve.points
    )
    return diagnose(
        replace(
            curve,
            name=EVIL,
            run=EVIL + "r",
            version=EVIL,
            files=(EVIL,),
            points=points,
            damaged=2,
            notes=(EVIL,),
        )
    )


def test_hostile_text_makes_no_element(ill: Diagnosis) -> None:
    for page in (render(ill, PROBES), render_all([ill, ill], EVIL)):
        tags = Elements(page).tags
        assert sum(tag == "script" for tag, _ in tags) == 3
        assert not [tag for tag, _ in tags if tag == "img"]
        assert "&lt;img src=x onerror=alert(1)&gt;" in page


def test_nothing_is_fetched_from_anywhere(ill: Diagnosis) -> None:
    for _, attributes in Elements(render(ill, PROBES)).tags:
        assert not {"src", "href", "action", "style", "onclick"} & set(attributes)


def test_the_finding_its_step_and_the_advice_stand_before_the_curves(ill: Diagnosis) -> None:
    page = render(ill)
    step = ill.findings[0].begins_at_step
    texts = ("Overfitting", f"from step {step}", "What to do", "<figure")
    places = [page.index(text) for text in texts]
    assert places == sorted(places)
    assert "2 damaged lines" in page


def test_every_quantity_that_was_recorded_has_a_chart(ill: Diagnosis) -> None:
    assert [chart.id for chart in charts(ill)] == [
        "loss",
        "gap",
        "slope",
        "gradient-norm",
        "learning-rate",
        "throughput",
        "memory",
    ]


def test_what_was_not_recorded_has_no_chart() -> None:
    plain = diagnose(made.curve(np.linspace(3.0, 1.0, 50)))
    assert [chart.id for chart in charts(plain)] == ["loss", "slope"]


def test_the_script_is_given_every_chart_that_has_a_place(ill: Diagnosis) -> None:
    page = render(ill, PROBES)
    data = re.search(r'id="charts">([^<]*)<', page)
    assert data is not None
    ids = [chart["id"] for chart in json.loads(data[1])]
    assert ids == re.findall(r'id="figure-([^"]*)"', page)
    assert ids[-1] == "probe-1"


def test_a_timeline_shows_what_changed_of_an_answer(ill: Diagnosis) -> None:
    page = render(ill, PROBES)
    assert "a <del>warm</del><ins>cold</ins> drink" in page
    assert "0.60" in page


def test_a_record_without_a_step_is_a_page_without_scripts() -> None:
    page = render(diagnose(Curve("empty", ())))
    assert "<script" not in page and "no training step" in page


def test_a_long_course_is_drawn_with_a_bounded_number_of_points() -> None:
    points = tuple(Point(n, 1.0 + 1.0 / n) for n in range(1, 20_001))
    page = charts(diagnose(Curve("long", points)))
    assert max(len(one.points) for chart in page for one in chart.series) <= MOST_POINTS


def test_a_comparison_draws_the_newest_and_says_how_many_are_left_out() -> None:
    found = [diagnose(replace(made.healthy(n).curve, name=f"v{n}")) for n in range(14)]
    loss = compared(found)[0]
    assert len(loss.series) == MOST_CURVES and loss.series[-1].name == "v13"
    assert "2 older ones are left out" in loss.summary


def test_a_run_with_one_validation_is_a_point_in_a_comparison() -> None:
    curve = made.healthy(1).curve
    one = replace(curve, name="one", validation=curve.validation[:1])
    (_, validations) = compared([diagnose(curve), diagnose(one)])
    assert [series.style for series in validations.series] == ["line", "markers"]


def test_every_chart_is_drawn_in_one_size_whatever_its_names_hold(ill: Diagnosis) -> None:
    for chart in (charts(ill)[0], *compared([ill, ill])[:1]):
        chart = replace(chart, title="$\\frac{$" + EVIL)
        picture = io.BytesIO()
        draw(chart, "$\\frac{$" + EVIL, picture)
        assert size_of(picture.getvalue()) == (900, 500)


@pytest.mark.parametrize(("steps", "style"), [(1, "markers"), (8, "line"), (50, "trace")])
def test_the_losses_of_a_short_run_are_a_line_one_can_see(steps: int, style: str) -> None:
    """They were faint dots of two pixels."""
    training = charts(diagnose(made.curve(np.linspace(3.0, 1.0, steps))))[0].series[0]
    assert (training.name, training.style) == ("training", style)


def test_a_long_run_keeps_its_noise_faint_behind_the_smoothed_line() -> None:
    of = diagnose(made.curve(np.linspace(3.0, 1.0, FEW_POINTS + 1)))
    assert [one.style for one in charts(of)[0].series] == ["dots", "line"]


def test_a_single_number_is_a_sentence_and_not_a_chart() -> None:
    page = render(diagnose(made.curve(np.array([2.5]))))
    assert "Training loss at the end 2.500" in page and "<figure" not in page


def test_the_few_milestones_of_a_probe_are_a_list_and_not_a_chart(ill: Diagnosis) -> None:
    few = Probe(PROBES[0].prompt, PROBES[0].golden, PROBES[0].answers[:3])
    page = render(ill, [few])
    assert "figure-probe-1" not in page and "step 30, 1.00" in page
