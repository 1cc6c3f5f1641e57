"""Writes a job's report as a page for browsers and as a picture."""

from daemon.analysis import page, pictures
from daemon.analysis.charts import count_of, part
from daemon.core.records import JsonObject
from daemon.folders.disk import atomic
from daemon.layout_jobs import JobLayout


def draw(report: JsonObject, place: JobLayout) -> None:
    """Write `report.html` and `report.png`; a file that holds nothing has no picture."""
    atomic.write_bytes(place.report_page, page.render(report).encode())
    if count_of(part(report, "rows").get("read")):
        with atomic.replacing(place.report_picture) as temporary:
            pictures.draw(report, temporary)
