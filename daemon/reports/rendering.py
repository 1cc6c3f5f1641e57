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
    environment = _environment(lambda text: escape(text, LONGEST))
    environment.globals["assets"] = assets
    return environment


@cache
def _markdown() -> "Environment":
    from markupsafe import Markup

    # Marked as safe, it is not escaped a second time for HTML.
    environment = _environment(lambda text: Markup(plain(text)))
    for markup in (code, code_cell, fenced):
        environment.filters[markup.__name__] = lambda *given, markup=markup: Markup(markup(*given))
    return environment


def _environment(escaped: Callable[[str], str]) -> "Environment":
    """Return the environment of the templates; `escaped` is applied to text that is not markup."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("daemon.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=lambda value: escaped(value) if type(value) is str else value,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"json": json.dumps, "limit": escape, "thousands": "{:,}".format}
    environment.policies["json.dumps_kwargs"] = {"allow_nan": False}
    return environment
