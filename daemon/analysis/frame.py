"""The frame of every HTML report: head, content security policy, charts with tables, scripts."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from daemon.analysis import assets
from daemon.analysis.markup import Html, element, join, table, text


def document(title: str, body: Html, drawn: Sequence[Mapping[str, Any]]) -> str:
    """Return a whole page; `drawn` is the script's data for each chart, empty without charts."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{assets.policy(bool(drawn))}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{text(title)}</title>\n"
        f"<style>{assets.css()}</style>\n"
        f"{assets.own_styles() if drawn else ''}"
        f"</head>\n<body>\n{join(body, _data(drawn))}\n</body>\n</html>\n"
    )


def figure(
    id: str,
    title: str,
    summary: str,
    names: Sequence[str],
    rows: Sequence[Sequence[str]],
    numbers: Sequence[int],
) -> Html:
    """Return the figure of a chart: title, sentence, placeholder, and its numbers as a table."""
    return (
        f'<figure class="card" id="figure-{id}"><figcaption><h3>{text(title)}</h3>'
        f"<p>{text(summary)}</p></figcaption>"
        f'<div class="plot" id="plot-{id}" role="img" aria-label="{text(summary)}">'
        f"</div><details open><summary>Numbers</summary>{table(names, rows, numbers)}</details>"
        "</figure>"
    )


def pictures(title: str, figures: Sequence[Html]) -> Html:
    """Return the section of the charts; empty without charts."""
    if not figures:
        return ""
    shown = element("div", *figures, kind="charts")
    return element("section", element("h2", text(title)), shown)


def _data(drawn: Sequence[Mapping[str, Any]]) -> Html:
    if not drawn:
        return ""
    data = json.dumps(drawn, allow_nan=False).replace("<", "\\u003c")
    return (
        f'<script type="application/json" id="charts">{data}</script>\n'
        f'<script type="text/plain" id="plotly">{assets.plotly().packed}</script>\n'
        f"<script>{assets.javascript()}</script>"
    )
