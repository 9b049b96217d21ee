"""`make audit` looks up every locked package, and never takes one that it couldn't look up for safe."""

import json
import socket
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from pipeline_site.deploy import audit

HASH = f"--hash=sha256:{'0' * 64}"


class Osv(ThreadingHTTPServer):
    """A stand-in for OSV on this machine, which answers as OSV's query endpoint does."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.vulnerable: dict[tuple[str, str], dict[str, Any]] = {}
        self.broken = False
        self.asked: list[tuple[str, str]] = []


class _Answer(BaseHTTPRequestHandler):
    server: Osv

    def do_POST(self) -> None:
        query = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        pin = (query["package"]["name"], query["version"])
        self.server.asked.append(pin)
        found = self.server.vulnerable.get(pin)
        body = json.dumps({"vulns": [found]} if found else {}).encode()
        self.send_response(500 if self.server.broken else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keep the test's output to what is tested."""


@pytest.fixture
def osv(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Osv]:
    """The vulnerability database that pip-audit asks in this test."""
    server = Osv()
    thread = Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("PIP_AUDIT_OSV_URL", f"http://127.0.0.1:{server.server_port}/v1/query")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    """A lock with a package that is locked twice, and one for another platform."""
    file = tmp_path / "some.txt"
    file.write_text(
        f"fixable==1.0 \\\n    {HASH}\n    # via -r some.in\n"
        f"twice==1 ; python_full_version < '3.12' \\\n    {HASH}\n"
        f"twice==2 ; python_full_version >= '3.12' \\\n    {HASH} \\\n    {HASH}\n"
        f"elsewhere==3 ; sys_platform == 'win32' \\\n    {HASH}\n"
    )
    return file


def test_every_locked_package_is_looked_up(osv: Osv, lock: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert audit.main([str(lock)]) == audit.SAFE
    assert sorted(osv.asked) == [("elsewhere", "3"), ("fixable", "1.0"), ("twice", "1"), ("twice", "2")]
    assert capsys.readouterr().out == "audit: no known vulnerabilities in 4 packages in some.txt.\n"


def test_a_known_vulnerability_is_named_with_its_fix(osv: Osv, lock: Path, capsys: pytest.CaptureFixture[str]) -> None:
    affected = {
        "package": {"name": "fixable", "ecosystem": "PyPI"},
        "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "1.1"}]}],
    }
    osv.vulnerable["fixable", "1.0"] = {"id": "GHSA-1", "aliases": ["CVE-1"], "summary": "bad", "affected": [affected]}
    assert audit.main([str(lock)]) == audit.VULNERABLE
    printed = capsys.readouterr()
    assert "fixable 1.0: " in printed.out
    assert "GHSA-1" in printed.out
    assert "CVE-1" in printed.out
    assert "fixed in 1.1 (some.txt)" in printed.out
    assert printed.err == "audit: 1 known vulnerabilities in 4 packages in some.txt.\n"


def test_without_a_network_it_says_that_nothing_was_audited(
    lock: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # held, so that nothing else can listen there
        monkeypatch.setenv("PIP_AUDIT_OSV_URL", f"http://127.0.0.1:{closed.getsockname()[1]}/")
        assert audit.main([str(lock)]) == audit.UNKNOWN
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith(
        "audit: The vulnerability database can't be reached, so nothing was audited. Go online"
    )
    assert printed.err.count("\n") == 1


def test_a_database_that_fails_is_no_all_clear(osv: Osv, lock: Path, capsys: pytest.CaptureFixture[str]) -> None:
    osv.broken = True
    assert audit.main([str(lock)]) == audit.UNKNOWN
    assert capsys.readouterr().err.startswith("audit: pip-audit failed, so nothing was audited: ")


def test_a_package_that_pip_audit_skips_is_no_all_clear(lock: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it does with what the vulnerability service doesn't know, at exit status 0."""
    skipped = {"name": "fixable", "skip_reason": "Dependency not found"}
    monkeypatch.setattr(audit, "_pip_audit", lambda _: [skipped, {"name": "twice", "version": "1", "vulns": []}])
    with pytest.raises(audit.AuditError, match=r"^1 packages could not be looked up: fixable 1\.0\. Nothing is known"):
        list(audit.audit([("fixable", "1.0"), ("twice", "1")]))


@pytest.mark.parametrize("text", [f"loose>=1 \\\n    {HASH}\n", "bare==1\n"])
def test_a_lock_that_locks_nothing_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "some.txt").write_text(text)
    with pytest.raises(ValueError, match=r"has no exact version with hashes\. Run `make lock`\.$"):
        audit.main([str(tmp_path / "some.txt")])
