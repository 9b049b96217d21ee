"""``python -m pipeline_site.local demo [--exit]`` starts everything; ``… worker`` and ``… site`` are its parts."""

import argparse
import os
import sys
from pathlib import Path


def main() -> int:
    """Run one of them; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m pipeline_site.local", description=__doc__)
    parts = parser.add_subparsers(dest="part", required=True)
    demo = parts.add_parser("demo", help="start everything on this machine and load samples/")
    demo.add_argument("--exit", action="store_true", dest="leave", help="stop when the samples are loaded")
    demo.add_argument("--folder", type=Path, default=Path(".local"), help="where all of it is kept (default: .local)")
    parts.add_parser("worker", help="give the queue's events to the handlers, as Lambda would")
    site = parts.add_parser("site", help="serve the site on a socket that listens already")
    site.add_argument("descriptor", type=int, help="the socket's file descriptor")
    chosen = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "pipeline_site.settings")
    if chosen.part == "worker":
        from pipeline_site.local import worker

        worker.main()
        return 0
    if chosen.part == "site":
        from pipeline_site.local.site import serve

        serve(chosen.descriptor)
        return 0
    from pipeline_site.local.demo import main as show

    return show(chosen.folder, leave=chosen.leave)


if __name__ == "__main__":
    sys.exit(main())
