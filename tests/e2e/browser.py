"""Which Chromium the tests drive: the environment's, this machine's, or one that is installed for them."""

import os
import shutil
import subprocess
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    *("--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
)
"""Without them a Chromium calls home, which no test may."""


class NoChromium(Exception):
    """There is none, and none could be installed."""


def chromium() -> str:
    """The path of a Chromium: CHROMIUM in the environment, else one on the path, else Debian's, installed if we may.

    Raises NoChromium with one sentence that says what to do.
    """
    named = os.environ.get("CHROMIUM")
    if named:
        if not os.access(named, os.X_OK):
            raise NoChromium(f"CHROMIUM is {named!r}, which isn't a program: name one, or leave it unset.")
        return named
    return _found() or _installed()


def flags() -> list[str]:
    """The flags to start it with; its sandbox doesn't work as root."""
    return [*FLAGS, *(["--no-sandbox"] if os.geteuid() == 0 else [])]


def _found() -> str | None:
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def _installed() -> str:
    if os.geteuid() == 0 and shutil.which("apt-get"):
        print("Installing Chromium for the tests in the browser (once)...", file=sys.stderr)
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for line in (["update"], ["install", "--yes", "--no-install-recommends", "chromium"]):
            subprocess.run(["apt-get", "--quiet", *line], env=environment, stdout=subprocess.DEVNULL, check=False)
    path = _found()
    if path is None:
        raise NoChromium(
            "The tests in the browser need Chromium, and none is found: install it (on Debian and Ubuntu, "
            "apt install chromium), name it with CHROMIUM=/path/to/chromium, or leave these tests out with E2E=0."
        )
    return path


if __name__ == "__main__":
    try:
        print(chromium())
    except NoChromium as missing:
        sys.exit(str(missing))
