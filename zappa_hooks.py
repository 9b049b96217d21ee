"""The callbacks of zappa_settings.json: zappa loads this file by its path, and anew for each of them."""

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))  # zappa does not put the project folder there

from pipeline_site.deploy import hooks


def settings(zappa: Any) -> None:
    """Prepare a command before zappa executes it, or execute it in zappa's place."""
    hooks.settings(zappa)


def post(zappa: Any) -> None:
    """Complete a deployment after zappa's part of it."""
    hooks.post(zappa)
