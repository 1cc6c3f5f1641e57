"""Renders a report from its template; whatever a template prints is escaped for its format.

Jinja is imported with the first report: it takes longer than most commands.
"""

import json
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

from daemon.core.workspace.jobs import escape
from daemon.reports import assets
from daemon.reports.markdown import LONGEST, code, code_cell, fenced, plain

if TYPE_CHECKING:
    from jinja2 import Environment


def render(template: str, **values: Any) -> str:
    """Return the text of a report; the template's ending is its format.

    Raises:
        jinja2.UndefinedError: the template needs a value that is not given.
    """
    environment = _html() if template.endswith(".html") else _markdown()
    return environment.get_template(template).render(values)


@cache
def _html() -> "Environment":
    found = _environment(lambda text: escape(text, LONGEST))
    found.globals["assets"] = assets
    return found


@cache
def _markdown() -> "Environment":
    from markupsafe import Markup

    # Marked as safe, it is not escaped a second time for HTML.
    found = _environment(lambda text: Markup(plain(text)))
    for made in (code, code_cell, fenced):
        found.filters[made.__name__] = lambda *given, made=made: Markup(made(*given))
    return found


def _environment(printed: Callable[[str], str]) -> "Environment":
    """Return what reads the templates; `printed` is applied to each text that is not markup yet."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    found = Environment(
        loader=PackageLoader("daemon.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=lambda value: printed(value) if type(value) is str else value,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    found.filters |= {"json": json.dumps, "limit": escape, "thousands": "{:,}".format}
    found.policies["json.dumps_kwargs"] = {"allow_nan": False}
    return found
