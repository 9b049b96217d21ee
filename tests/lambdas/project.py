"""A copy of the project, as somebody has it who ran the demo in it, and zappa's commands typed there."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from pipeline_site.deploy import zappa
from pipeline_site.deploy.zappa import ROOT

COMMAND = Path(sys.executable).with_name("zappa")
LEFT_BEHIND = (
    *(".local/env", ".local/pgpass", ".local/secrets.json", ".local/aws/objects/demo-bucket/data/people.csv"),
    *(".env", ".env.production", "env", "prod.env", "pgpass", "secrets.json", "admin-password", "id_rsa", "server.pem"),
    *("demo/env", "demo/pgpass", "demo/secrets.json", ".aws/credentials", ".git/config", ".venv-data/x.py"),
    *("cdk.out/tree.json", "ingest-dev-1.zip", "people.csv", "dump.sqlite3", "venv/lib/x.py", "node_modules/a.js"),
)
"""What may be in somebody's folder beside the product, and must not be in a zip."""
_SHARED = ("wheels", "packages", "tests")
"""Of the folder of builds: what the tests' own package was made of, so that it is not made again."""
_NOT_THEIRS = ("AWS_", "DJANGO_", "VIRTUAL_", "DATABASE_")
_OURS = ("SECRET_KEY", "BUCKET", "PREFIX", "QUEUE_URL", "HTTPS", "ALLOWED_HOSTS", "PYTHONPATH")


def copy_project(folder: Path, **changed: Any) -> Path:
    """Copy the project to ``folder``, with what a demo leaves behind; None takes a setting of ``changed`` away."""
    left_out = shutil.ignore_patterns(".*", "__pycache__", "cdk.out", "static-root", "*.zip", "tests", "docs")
    shutil.copytree(ROOT, folder, ignore=left_out)
    for name in LEFT_BEHIND:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("a secret")
    (folder / ".build").mkdir()
    for name in _SHARED:
        (ROOT / ".build" / name).mkdir(parents=True, exist_ok=True)
        (folder / ".build" / name).symlink_to(ROOT / ".build" / name)
    file = folder / "zappa_settings.json"
    told = json.loads(file.read_text())
    told["base"] = {name: value for name, value in (told["base"] | changed).items() if value is not None}
    file.write_text(json.dumps(told))
    return folder


def environment(folder: Path, **variables: str) -> dict[str, str]:
    """What a command finds that is typed in ``folder``: no account of AWS but what ``variables`` name."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_NOT_THEIRS) and name not in _OURS}
    nothing = str(folder.parent / "no-such-file")
    own = {"AWS_CONFIG_FILE": nothing, "AWS_SHARED_CREDENTIALS_FILE": nothing, "AWS_EC2_METADATA_DISABLED": "true"}
    return kept | own | {"HOME": str(folder.parent), "RUNTIME": zappa.HERE} | variables


def typed(*words: str, folder: Path, answer: str = "", **variables: str) -> "subprocess.CompletedProcess[str]":
    """Type ``zappa words…`` in ``folder``, and ``answer`` to what it asks."""
    return subprocess.run(
        [COMMAND, *words],
        cwd=folder,
        env=environment(folder, **variables),
        input=answer,
        capture_output=True,
        text=True,
        check=False,
    )
