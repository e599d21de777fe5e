"""Logs: one line an event to standard error, text for people, JSON for machines.

Payload text never goes into a log line; what attackers control (names, ids) is rendered with
control characters escaped.
"""

from __future__ import annotations

import logging
import sys

import structlog
from structlog.typing import EventDict, WrappedLogger

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}
MAX_VALUE_CHARS = 2_000


def configure_logs(*, level: str, form: str) -> None:
    """Set up logging for this process; ``form`` is text, json, or auto (text on a terminal)."""
    as_text = form == "text" or (form == "auto" and sys.stderr.isatty())
    renderer: structlog.typing.Processor
    if as_text:
        # Plain tracebacks: rich ones would print local variables, and with them payloads.
        renderer = structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    else:
        renderer = structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _safe_values,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(message)s", force=True)
    # APScheduler warns when a group's evaluation is still running at its next slot; ours catch up.
    logging.getLogger("apscheduler").setLevel(logging.ERROR)


def _safe_values(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Cut long values and escape control characters, so that no log line can be forged."""
    for key, value in event.items():
        if isinstance(value, str) and key not in {"exception", "timestamp"}:
            cut = value[:MAX_VALUE_CHARS]
            event[key] = "".join(c if c.isprintable() else repr(c)[1:-1] for c in cut)
    return event
