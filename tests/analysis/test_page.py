"""The page stays text, stands alone and says its numbers without a script."""

import gzip
import re
from base64 import b64decode, b64encode
from hashlib import sha256
from html.parser import HTMLParser

import pytest

from daemon.analysis.page import render
from daemon.reports import assets
from tests.analysis.reports import EVIL, accepted


class Elements(HTMLParser):
    """The elements of a page as a browser sees them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def test_hostile_text_makes_no_element() -> None:
    tags = Elements(render(accepted())).tags
    assert not [tag for tag, _ in tags if tag == "img"]
    assert sum(tag == "script" for tag, _ in tags) == 3


def test_hostile_text_is_shown_as_it_is() -> None:
    assert "&lt;img src=x onerror=alert(1)&gt;" in render(accepted())


def test_nothing_is_fetched_from_anywhere() -> None:
    for _, attributes in Elements(render(accepted())).tags:
        assert not {"src", "href", "action", "style", "onclick"} & set(attributes)


def test_the_policy_names_exactly_what_the_page_holds() -> None:
    page = render(accepted())
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy is not None
    packed = re.search(r'id="plotly">([^<]*)<', page)
    own = re.search(r"<script>(.*?)</script>", page, re.DOTALL)
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)
    assert packed is not None and own is not None and style is not None
    texts = (gzip.decompress(b64decode(packed[1])), own[1].encode(), style[1].encode())
    for text in texts:
        assert b64encode(sha256(text).digest()).decode() in policy[1]
    assert "default-src 'none'" in policy[1]
    assert "unsafe-inline" not in policy[1].split("script-src")[1].split(";")[0]


def test_the_verdict_and_what_to_mend_stand_before_the_pictures() -> None:
    page = render(accepted())
    places = [page.index(text) for text in ("757 of 800 rows", "not_json", "<figure")]
    assert places == sorted(places)


def test_every_chart_has_its_sentence_and_its_table() -> None:
    page = render(accepted())
    figures = re.findall(r"<figure.*?</figure>", page, re.DOTALL)
    assert len(figures) >= 6
    for figure in figures:
        assert 'role="img" aria-label="' in figure
        assert "<details open>" in figure and "<table>" in figure.replace(' class=""', "")


@pytest.mark.parametrize("verdict", ["accepted", "refused", "nothing_new", "changed", EVIL])
def test_a_report_of_which_everything_is_missing_is_a_page_without_scripts(verdict: str) -> None:
    page = render({"verdict": verdict})
    assert "<script" not in page
    assert "script-src 'none'" in page


def test_the_library_is_packed_once_a_process() -> None:
    assert assets.plotly() is assets.plotly()


def test_a_single_bar_is_a_sentence() -> None:
    """It was a chart that compares nothing, and left a hole in the grid."""
    report = accepted() | {"rows": {"read": 757, "train": 757}}
    page = render(report)
    assert "<b>What becomes of the rows: </b>Of all rows: 757 trained." in page
    assert 'id="figure-fates"' not in page and 'id="figure-tokens"' in page
