"""The demo as a newcomer meets it: one command, files that became tables, and nothing left behind."""

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import closing
from email.message import Message
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.local.processes import comes_true, end_at_once, marked

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 240
"""Seconds that a whole demo may take on a machine with much else to do."""
LOADED = {  # file: inserted, updated, unchanged, duplicate, rejected
    "contacts.csv": (6, 0, 0, 2, 4),
    "data.csv": (9, 0, 0, 0, 0),
    "measurements.csv": (6, 0, 0, 0, 0),
    "orders.csv": (7, 0, 0, 0, 0),
    "products.csv": (4, 0, 0, 0, 0),
}


class Demo:
    """A demo in a folder of its own, and every process that came of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.mark = f"INGEST_TEST_MARK={uuid.uuid4().hex}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *arguments: str) -> "Demo":
        """Start it, with what it prints in a file."""
        name, value = self.mark.split("=")
        own = ("AWS_", "DATABASE_URL", "SECRET_KEY", "BUCKET", "DJANGO_")
        environment = {key: kept for key, kept in os.environ.items() if not key.startswith(own)} | {name: value}
        command = [sys.executable, "-m", "pipeline_site.local", "demo", "--folder", self.folder, *arguments]
        with (self.folder.parent / "printed").open("wb") as out:
            self.process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=out, stderr=out)
        return self

    def wait(self) -> int:
        """Its exit status."""
        assert self.process
        return self.process.wait(PATIENCE)

    @property
    def printed(self) -> str:
        """All that it has printed since it was started."""
        return (self.folder.parent / "printed").read_text()

    @property
    def left(self) -> dict[int, str]:
        """The processes that came of it and still run."""
        return marked(self.mark)

    def rows(self) -> dict[str, tuple[int, ...]]:
        """Of each sample, the counts that it has printed."""
        found = re.findall(
            r"^  (\S+\.csv) +\S+ +succeeded(?: · [\d,]+ rejected)? +([\d ]+?)  [\d.]+$", self.printed, re.MULTILINE
        )
        return {file: tuple(map(int, counts.split())) for file, counts in found}

    def ask(self, query: str) -> list[str]:
        """What psql, by the line that was printed, answers."""
        line = next(line for line in self.printed.splitlines() if line.startswith("SQL ")).removeprefix("SQL").strip()
        command = f'{line} --tuples-only --no-align --command "{query}"'
        done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, check=True)
        return done.stdout.splitlines()

    def get(self, path: str) -> tuple[Message, bytes]:
        """What the site that was printed answers: headers and body."""
        host = re.search(r"http://([0-9.:]+)/admin/", self.printed)
        assert host
        with closing(HTTPConnection(host[1], timeout=30)) as asked:
            asked.request("GET", path)
            answer = asked.getresponse()
            return answer.headers, answer.read()

    def drop(self, file: Path) -> None:
        """Put a file in the bucket by the line that was printed."""
        named = next(line for line in self.printed.splitlines() if line.startswith("Drop a file"))
        command = named.removeprefix("Drop a file").strip().replace("any.csv", shlex.quote(str(file)))
        subprocess.run(["/bin/sh", "-c", command], capture_output=True, check=True, cwd="/")


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    """Not started yet; whatever the test leaves running is killed."""
    (tmp_path / "a folder").mkdir()
    demo = Demo(tmp_path / "a folder" / ".local")
    yield demo
    if demo.process and demo.process.poll() is None:
        demo.process.kill()
        demo.process.wait()
    for pid in demo.left:
        end_at_once(pid)


def test_it_loads_every_sample_says_so_and_leaves_nothing_behind(demo: Demo) -> None:
    assert demo.start("--exit").wait() == 0, demo.printed
    assert demo.rows() == LOADED
    assert "amara.okafor@example.com" in demo.printed
    assert demo.left == {}
    kept = json.loads((demo.folder / "secrets.json").read_text())
    assert kept["admin"] in demo.printed

    assert demo.start("--exit").wait() == 0, demo.printed
    assert {file: sum(counts) for file, counts in demo.rows().items()} == {
        file: sum(counts) for file, counts in LOADED.items()
    }
    assert demo.rows()["data.csv"] == (0, 0, 9, 0, 0)
    assert kept["admin"] not in demo.printed
    assert demo.left == {}
    secret = [each for each in demo.folder.iterdir() if each.is_file() and each.stat().st_mode & 0o077]
    assert [each.name for each in secret if not each.name.endswith(".log")] == []


def test_it_serves_and_takes_files_until_it_is_stopped(demo: Demo, tmp_path: Path) -> None:
    demo.start()
    assert comes_true(lambda: "Serving" in demo.printed, seconds=PATIENCE), demo.printed
    assert demo.ask("SELECT count(*) FROM data") == ["9"]

    changed = tmp_path / "data.csv"
    changed.write_text("id,email,amount\n10,amara.okafor@example.com,1.00\n2,bjorn.halvorsen@example.net,89.99\n")
    demo.drop(changed)
    assert comes_true(lambda: "data.csv" in demo.printed.partition("Serving")[2]), demo.printed
    assert demo.rows()["data.csv"] == (0, 1, 1, 0, 0), demo.printed
    assert demo.ask("SELECT id, first_name, amount FROM data WHERE email = 'amara.okafor@example.com'") == [
        "10|Amara|1.00"
    ]

    assert b"csrfmiddlewaretoken" in demo.get("/admin/login/")[1]
    assert demo.get("/")[0]["Location"] == "/admin/"
    assert demo.get("/static/admin/css/base.css")[0]["Content-Type"].startswith("text/css")

    worker = next(
        pid for pid, command in demo.left.items() if command.endswith("worker ") and "guard.py" not in command
    )
    os.kill(worker, signal.SIGKILL)
    assert comes_true(lambda: "The worker ended with status 137; starting it again." in demo.printed)
    demo.drop(ROOT / "samples" / "orders.csv")
    assert comes_true(lambda: "orders.csv" in demo.printed.partition("again.")[2]), demo.printed

    assert demo.process
    demo.process.send_signal(signal.SIGINT)
    assert demo.wait() == 0
    assert demo.left == {}


def test_one_that_was_killed_leaves_nothing_that_stops_the_next(demo: Demo) -> None:
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held = True
        try:
            taken.bind(("127.0.0.1", 8000))
            taken.listen()
        except OSError:  # another process has the port now, and may give it back at any time
            held = False
        demo.start()
        assert comes_true(lambda: "Serving" in demo.printed, seconds=PATIENCE), demo.printed
    assert ("Port 8000 is taken: the site listens on" in demo.printed) or not held, demo.printed
    second = Demo(demo.folder)
    assert second.start("--exit").wait() == 1
    assert "Another demo runs in" in second.printed
    assert demo.process
    demo.process.kill()
    demo.process.wait()
    assert comes_true(lambda: demo.left == {}), demo.left
    assert demo.start("--exit").wait() == 0, demo.printed
    assert demo.left == {}
