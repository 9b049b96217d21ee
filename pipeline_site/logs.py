"""Log lines for machines: each record one line of JSON, as CloudWatch searches them best."""

import json
import logging
import time


class JsonLines(logging.Formatter):
    """A record as one JSON object; a record that tells an event (``line``) brings its own fields."""

    def format(self, record: logging.LogRecord) -> str:
        """One line, whatever the message holds."""
        when = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        told = getattr(record, "line", None) or {"message": record.getMessage()}
        line = {"time": f"{when}.{int(record.msecs):03}Z", "level": record.levelname, "logger": record.name, **told}
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


class BriefRefusals(logging.Filter):
    """Logs a refused request in one line: whoever sends nonsense would fill the log with tracebacks of Django's own."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Keep the record, without its traceback if it is about a request that was refused and not about a fault."""
        refused = record.name == "django.request" and getattr(record, "status_code", 500) < 500
        if refused or record.name.startswith("django.security."):
            record.exc_info = record.exc_text = None
        return True
