"""Stop `zappa package`, `deploy` and `update` in the project folder: the "settings" callback of zappa_settings.json.

zappa packages every file in the folder. After `make demo` that includes the demo's password, keys and files.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

_INSTEAD = {"package": "make package", "deploy": "make deploy", "update": "make deploy"}


class Zappa(Protocol):
    """The attributes that zappa's command passes to callbacks."""

    command: str
    api_stage: str
    vargs: Mapping[str, Any]


def refusal(command: str, stage: str) -> str:
    """Return why zappa must not run ``command`` here and what to run instead; empty if it may."""
    if command not in _INSTEAD:
        return ""
    return (
        f"`zappa {command} {stage}` would package every file in this folder, including the demo's passwords and keys: "
        f"run `{_INSTEAD[command]} STAGE={stage}` instead."
    )


def refuse(zappa: Zappa) -> None:
    """Exit with one sentence if zappa would package this folder, or if the zip it was given contains a secret."""
    made, image = zappa.vargs.get("zip"), zappa.vargs.get("docker_image_uri")
    if not made and not image and (sentence := refusal(zappa.command, zappa.api_stage)):
        sys.exit(sentence)
    if made and "://" not in made:
        _look_into(Path(made))


def _look_into(made: Path) -> None:
    # zappa loads this file on its own, without the project on sys.path.
    sys.path.append(str(Path(__file__).resolve().parents[2]))
    from pipeline_site.deploy import DeployError
    from pipeline_site.deploy.checks import refuse_secrets

    try:
        refuse_secrets(made)
    except DeployError as error:
        sys.exit(str(error))
