"""The file in which a demo keeps where its parts are, for every other process on this machine."""

import os
import shlex
from pathlib import Path

FOREIGN = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN")
"""What would mix the user's own AWS account with the local keys."""


def adopt(file: Path) -> None:
    """Put the ``NAME=value`` lines of ``file`` into the environment, and take out what is foreign to them."""
    for name in FOREIGN:
        os.environ.pop(name, None)
    os.environ.update(dict(line.split("=", 1) for line in shlex.split(file.read_text(), comments=True)))
