"""The callback of zappa_settings.json: `zappa package`, `deploy` and `update`, typed plainly, end before they begin.

zappa packs all that it finds in the project's folder: after `make demo` that is the demo's password, keys and files.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

_INSTEAD = {"package": "make package", "deploy": "make deploy", "update": "make deploy"}


class Zappa(Protocol):
    """What zappa's command tells its callbacks."""

    command: str
    api_stage: str
    vargs: Mapping[str, Any]


def refusal(command: str, stage: str) -> str:
    """Why zappa must not pack the project itself, and the command that does it; empty for any other command."""
    if command not in _INSTEAD:
        return ""
    return (
        f"`zappa {command} {stage}` would pack every file in this folder, with the passwords and keys of the demo: "
        f"run `{_INSTEAD[command]} STAGE={stage}`, which packs the product alone."
    )


def refuse(zappa: Zappa) -> None:
    """End zappa with one sentence, unless it packs nothing: another command, a container, or a zip without secrets."""
    made, image = zappa.vargs.get("zip"), zappa.vargs.get("docker_image_uri")
    if not made and not image and (sentence := refusal(zappa.command, zappa.api_stage)):
        sys.exit(sentence)
    if made and "://" not in made:
        _look_into(Path(made))


def _look_into(made: Path) -> None:
    # zappa loads this file by itself, and has the project on its path only while it packs.
    sys.path.append(str(Path(__file__).resolve().parents[2]))
    from pipeline_site.deploy import DeployError
    from pipeline_site.deploy.checks import refuse_secrets

    try:
        refuse_secrets(made)
    except DeployError as error:
        sys.exit(str(error))
