"""What AWS Lambda calls in place of zappa's own handler, which it builds at import, so that no request waits for it.

Events of files and the clock go to ``ingest.handlers``; pages and ``manage`` go to zappa. zappa alone would run any
text that ``raw_command`` holds and any function that ``command`` names, call a function again that raised a TypeError,
look at the first record of a batch only, and drop what it doesn't know as if it had succeeded.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from django.db import close_old_connections
from zappa.handler import LambdaHandler

_zappa = LambdaHandler()  # reads zappa_settings, puts its variables into the environment and sets Django up

from ingest import handlers  # noqa: E402 - needs Django
from ingest.operations.doctor import examine, probe  # noqa: E402
from pipeline_site import (  # noqa: E402
    first_admin,
    lost_password,
    remote_commands,
    urls,  # noqa: F401 - brings all pages, here and not with the first request
)

_LOG = logging.getLogger("pipeline_site.lambda_handler")

COMMANDS: Mapping[str, Callable[[dict[str, Any]], Any]] = {
    "ingest.handlers.on_schedule": handlers.on_schedule,
    "ingest.runs.examine": lambda event: [asdict(finding) for finding in examine()],
    "ingest.runs.probe": lambda event: asdict(probe(120)),
    "pipeline_site.first_admin.make": first_admin.make,
    "pipeline_site.lost_password.reset": lost_password.reset,
}
"""What ``zappa invoke`` and the deploy command may call by name; each takes the event."""


class Refused(Exception):
    """This invocation isn't answered: whoever sent it hears why, and it is logged."""


def lambda_handler(event: Any, context: object) -> Any:
    """Answer one invocation; what it answers with depends on who calls (see ``ingest.handlers`` and zappa).

    Raises Refused for what may not be run here, UnknownEvent for what nobody knows, and what ``ingest.handlers`` does.
    """
    close_old_connections()  # one that broke while this was frozen; Django looks before requests only
    try:
        return _route(event, context)
    except Refused as refused:
        _LOG.warning("Refused: %s", refused)
        raise
    finally:
        close_old_connections()


def _route(event: Any, context: object) -> Any:
    if not isinstance(event, dict):
        return handlers.on_event(event, context)
    if "raw_command" in event:
        raise Refused("raw_command would run any text, so it is off: use `zappa manage STAGE COMMAND`.")
    if "command" in event:
        return _command(event)
    if "manage" in event:
        return _manage(event["manage"], context)
    if _is_page_request(event):
        return _zappa.handler({name: value for name, value in event.items() if name != "stageVariables"}, context)
    if event.get("detail-type") == "Scheduled Event":
        return handlers.on_schedule(event, context)
    return handlers.on_event(event, context)


def _is_page_request(event: dict[str, Any]) -> bool:
    """Return whether zappa, too, takes ``event`` for a request for a page.

    With an empty method it would go on to its other kinds of events, and call a function that the event names.
    """
    method = event.get("httpMethod")
    return event.get("version") == "2.0" or (isinstance(method, str) and method != "")


def _command(event: dict[str, Any]) -> Any:
    known = COMMANDS.get(event["command"]) if isinstance(event["command"], str) else None
    if known is None:
        raise Refused(f"{event['command']!r:.100} is no command that may be called: there is {', '.join(COMMANDS)}.")
    return known(event)


def _manage(line: object, context: object) -> Any:
    """One command of manage.py; its exit status, which would end the runtime, becomes an error."""
    try:
        words = remote_commands.parse(line)
    except remote_commands.NotAllowed as refused:
        raise Refused(str(refused)) from None
    try:
        return _zappa.handler({"manage": " ".join(words)}, context)
    except SystemExit as ended:
        if ended.code:
            raise RuntimeError(f"manage.py {words[0]} ended with status {ended.code}.") from None
        return {}
