"""What the service logs, as lines of JSON for a collector of logs. Texts of requests are never logged."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime

_log = logging.getLogger("finkd")
_requests = logging.getLogger("finkd.requests")
_requests.setLevel(logging.WARNING)  # no line for each request, unless they are wanted as JSON


class JsonLines(logging.Formatter):
    """Writes a message as a JSON object: ``time``, ``level``, ``message``, its fields, and ``error`` with a traceback.

    Example:
        >>> record = logging.LogRecord("finkd", logging.ERROR, "", 0, "it ended with %s", (9,), None)
        >>> json.loads(JsonLines().format(record))["message"]
        'it ended with 9'
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def log_as_json() -> None:
    """Write all messages of this process to standard error as lines of JSON, one for each request among them."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    _log.handlers.clear()
    _requests.setLevel(logging.INFO)


def log_request(model: str, path: str, status: int, seconds: float) -> None:
    """Log a request that was answered; nothing is written unless ``log_as_json`` was called."""
    fields = {"model": model, "path": path, "status": status, "ms": round(1000 * seconds, 3)}
    _requests.info("request", extra={"fields": fields})
