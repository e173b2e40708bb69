"""The log: lines of names and values on stderr, and a line alone for each time that the database
is gone, as loops meet that again and again."""

from __future__ import annotations

import logging
import sys

import structlog
from structlog.typing import EventDict

from bot.store.refusals import is_outage, reason_of


def configure_logs(level: str) -> None:
    """Log lines of names and values to stderr; other libraries' warnings too."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(name)s: %(message)s")
    logging.getLogger("dbos").addFilter(_outage_of_the_library)
    # A handler of logging's: where a line can't be written (a full disk, a closed pipe) the line
    # is lost, and not the work.
    lines = logging.getLogger("threadlab")
    lines.handlers, lines.propagate = [logging.StreamHandler(sys.stderr)], False
    lines.setLevel(logging.DEBUG)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="%Y-%m-%d %H:%M:%S", utc=False),
            _outage,
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(),
                # The default shows local variables: questions, keys, tokens.
                exception_formatter=structlog.dev.plain_traceback,
            ),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        logger_factory=lambda *_: lines,
    )


def _outage(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Of a database that is gone, the reason instead of a traceback."""
    given = event.get("exc_info")
    error = given if isinstance(given, BaseException) else sys.exc_info()[1]
    if given and is_outage(error):
        del event["exc_info"]
        event["error"] = reason_of(error)
    return event


def _outage_of_the_library(record: logging.LogRecord) -> bool:
    """The same of a line of DBOS's, which may tell of the error in its text as well."""
    error = record.exc_info[1] if record.exc_info else sys.exc_info()[1]
    if is_outage(error):
        said = record.getMessage().partition("Traceback")[0].partition(str(error))[0]
        record.msg, record.args = f"{said.strip()} {reason_of(error)}", None
        record.exc_info = None
    return True
