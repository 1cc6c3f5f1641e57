"""`logs/`: the structured log of the daemon, rotated, and the same lines on a console."""

import logging
import logging.handlers
import sys

import structlog
from structlog.typing import Processor

from daemon.layout import Layout
from daemon.settings import LogSettings


class _Quiet(logging.handlers.RotatingFileHandler):
    """A log file whose errors neither stop the daemon nor are logged themselves."""

    def handleError(self, record: logging.LogRecord) -> None:
        """Drop the line: a full disk is reported in the status."""


def open_log(
    layout: Layout, settings: LogSettings, console: bool
) -> "structlog.stdlib.BoundLogger":
    """Set up the log and return it; the console writes to stderr."""
    layout.logs.mkdir(parents=True, exist_ok=True)
    shared: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    file = _Quiet(
        layout.log_file,
        maxBytes=settings.max_bytes,
        backupCount=settings.keep,
        encoding="utf-8",
        errors="backslashreplace",
    )
    file.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processor=structlog.processors.JSONRenderer(ensure_ascii=True)
        )
    )
    handlers: list[logging.Handler] = [file]
    if console:
        handlers.append(_console())
    logger = logging.getLogger("finetuned")
    for old in list(logger.handlers):
        logger.removeHandler(old)
        old.close()
    for handler in handlers:
        logger.addHandler(handler)
    logger.setLevel(settings.level.upper())
    logger.propagate = False
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
    )
    log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger("finetuned")
    return log


def _console() -> logging.Handler:
    console = logging.StreamHandler(sys.stderr)
    console.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), pad_event_to=0),
            ]
        )
    )
    return console
