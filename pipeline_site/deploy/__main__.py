"""``python -m pipeline_site.deploy package STAGE``: what is done on the way to AWS."""

import argparse
import sys

from pipeline_site.deploy import DeployError, package, zappa


def main(words: list[str]) -> int:
    """Carry out one step; the exit status, 1 with one sentence where it can't go on."""
    asked = argparse.ArgumentParser(prog="python -m pipeline_site.deploy", description=__doc__)
    verbs = asked.add_subparsers(dest="verb", required=True)
    packing = verbs.add_parser("package", help="make the zip for Lambda and check it")
    packing.add_argument("stage", help="as in zappa_settings.json")
    packing.add_argument("--runtime", default="", help="another than that of zappa_settings.json")
    told = asked.parse_args(words)
    try:
        made = package.build(told.stage, zappa.stage_settings(told.stage, runtime=told.runtime))
    except DeployError as error:
        print(f"{told.verb}: {error}", file=sys.stderr)
        return 1
    size = made.path.stat().st_size
    print(f"{made.path} ({size / (1 << 20):.1f} MiB, unpacked {made.unpacked / (1 << 20):.1f} MiB)")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
