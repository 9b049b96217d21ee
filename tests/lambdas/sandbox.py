"""Lambda on this machine: a Runtime API on loopback, and AWS's own runtime client in a mount namespace of its own.

The code lies read-only under /var/task, only /tmp can be written to, a process that takes more than its memory is
killed, it is stopped between two invocations, and killed where one takes too long.
"""

import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from time import monotonic, sleep, time
from typing import Any
from uuid import uuid4

REGION = "eu-west-1"
_LARGEST_ANSWER = 6 * 1024 * 1024 + 100
_UID = 993  # Lambda's own user
_LOOK = 0.02  # seconds
_RUNTIME_PARTS = ("awslambdaric", "simplejson", "snapshot_restore_py*", "runtime_client*.so")

# The parts are gathered on a folder of memory, which then takes the place of /var; what they come from may lie in /tmp.
_NAMESPACE = """
set -e
mount --make-rprivate /
mount -t tmpfs -o mode=755 tmpfs /mnt
mkdir /mnt/lang /mnt/task /mnt/runtime
mount --bind "$1" /mnt/lang
mount --bind "$2" /mnt/task && mount -o remount,ro,bind /mnt/task
mount --bind "$3" /mnt/runtime && mount -o remount,ro,bind /mnt/runtime
mount --rbind /mnt /var
mount -t tmpfs -o "size=$4m,mode=1777" tmpfs /tmp
mount -o remount,ro,bind / 2>/dev/null || true
cd /var/task
"""


def ways_in() -> list[str] | None:
    """The command that opens a namespace here: as root, or where a user may have one; None where nobody can."""
    for command in (["unshare", "--mount"], ["unshare", "--user", "--map-root-user", "--mount"]):
        if (
            shutil.which("unshare")
            and not subprocess.run(
                [*command, "mount", "-t", "tmpfs", "tmpfs", "/mnt"], capture_output=True, check=False
            ).returncode
        ):
            return command
    return None


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came of one invocation."""

    error: str
    """Lambda's kind of error; empty where the function returned."""
    body: Any
    seconds: float
    init_seconds: float
    """From the start of the process until it asked for work; 0 where it was warm."""
    peak: int
    """MiB that the process held at most in its life so far."""


@dataclass(kw_only=True)
class Sandbox:
    """One function with at most one process; ``invoke`` starts it when there is none."""

    code: Path
    environment: dict[str, str]
    log: Path
    runtime: Path
    handler: str = "pipeline_site.lambda_handler.lambda_handler"
    name: str = "ingest-dev"
    memory: int = 1024
    """MiB."""
    scratch: int = 512
    """MiB of /tmp."""
    timeout: float = 60
    _process: "subprocess.Popen[bytes] | None" = None
    _idle: threading.Event = field(default_factory=threading.Event)
    _todo: "queue.Queue[tuple[str, bytes, float] | None]" = field(default_factory=queue.Queue)
    _done: "dict[str, queue.Queue[tuple[str, bytes]]]" = field(default_factory=dict)
    _init_error: bytes = b""

    def __post_init__(self) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _api(self))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def invoke(self, event: object, *, timeout: float | None = None) -> Answer:
        """Give one event to the function, as Lambda would."""
        cold = self._start() if self._process is None or self._process.poll() is not None else 0.0
        if self._init_error or not self._lives():
            error = json.loads(self._init_error or b'{"errorType": "Runtime.ExitError"}')
            self.kill()
            return Answer(error="Init", body=error, seconds=0, init_seconds=cold, peak=0)
        began, limit, request = monotonic(), timeout or self.timeout, str(uuid4())
        answers: queue.Queue[tuple[str, bytes]] = queue.Queue()
        self._done[request] = answers
        self._signal(signal.SIGCONT)
        self._idle.clear()
        self._todo.put((request, json.dumps(event).encode(), time() + limit))
        error, body = self._wait(answers, began + limit)
        seconds, peak = monotonic() - began, self._memory("VmHWM")
        if self._lives():
            self._idle.wait(5)
            self._signal(signal.SIGSTOP)
        return Answer(error=error, body=_decoded(body), seconds=seconds, init_seconds=cold, peak=peak)

    @property
    def root(self) -> Path:
        """The files as the process that runs finds them."""
        assert self._process is not None
        return Path(f"/proc/{self._process.pid}/root")

    def kill(self) -> None:
        """End the process, as Lambda does with one that it no longer needs."""
        if self._process:
            self._signal(signal.SIGKILL)
            self._process.wait()
        self._process = None
        # What the dead process still asked for is answered by nothing; the next one has a queue of its own.
        self._todo.put(None)
        self._todo = queue.Queue()

    def close(self) -> None:
        """End everything."""
        self.kill()
        self._server.shutdown()
        self._server.server_close()

    def _wait(self, answers: "queue.Queue[tuple[str, bytes]]", end: float) -> tuple[str, bytes]:
        while True:
            with suppress(queue.Empty):
                return answers.get(timeout=_LOOK)
            if monotonic() > end:
                self.kill()
                return "Sandbox.Timedout", b"Task timed out"
            if self._memory("RssAnon") > self.memory:
                self.kill()
                return "Runtime.OutOfMemory", b"Runtime exited with error: signal: killed"
            if not self._lives():
                return "Runtime.ExitError", b"Runtime exited"

    def _start(self) -> float:
        """Start the process; the seconds until it asks for work, or fails."""
        command = ways_in()
        assert command is not None
        self._idle.clear()
        self._init_error = b""
        user = ["setpriv", f"--reuid={_UID}", f"--regid={_UID}", "--clear-groups"] if "--user" not in command else []
        python = ["/var/lang/bin/python3", "-S", "-m", "awslambdaric", self.handler]
        script = f'{_NAMESPACE}\nshift 4\nexec "$@"'
        folders = [sys.base_prefix, str(self.code), str(self.runtime), str(self.scratch)]
        began = monotonic()
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*command, "bash", "-c", script, "bash", *folders, *user, *python],
                env=self._environment(),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        while not self._idle.wait(_LOOK) and self._lives():
            assert monotonic() - began < 240, f"the function asks for no work after 240 seconds; its log: {self.log}"
        return monotonic() - began

    def _environment(self) -> dict[str, str]:
        return {
            "PATH": "/var/lang/bin:/usr/bin:/bin",
            "LD_LIBRARY_PATH": "/var/lang/lib:/var/runtime:/var/task:/var/task/lib",
            "LANG": "en_US.UTF-8",
            "TZ": ":UTC",
            "LAMBDA_TASK_ROOT": "/var/task",
            "LAMBDA_RUNTIME_DIR": "/var/runtime",
            "PYTHONPATH": "/var/runtime",
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self._server.server_port}",
            "_HANDLER": self.handler,
            "AWS_LAMBDA_FUNCTION_NAME": self.name,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(self.memory),
            "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{self.name}",
            "AWS_LAMBDA_LOG_STREAM_NAME": "2026/01/01/[$LATEST]0",
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            **self.environment,
        }

    def _lives(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def _signal(self, number: signal.Signals) -> None:
        if self._process and self._process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)

    def _memory(self, name: str) -> int:
        """MiB, as the system tells of the process."""
        with suppress(OSError, StopIteration, AttributeError):
            lines = Path(f"/proc/{self._process.pid}/status").read_text().splitlines()  # type: ignore[union-attr]
            return int(next(line for line in lines if line.startswith(name)).split()[1]) // 1024
        return 0


def _decoded(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body.decode(errors="replace")


def _api(sandbox: Sandbox) -> type[BaseHTTPRequestHandler]:
    """What the runtime client talks to."""

    class Api(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            sandbox._idle.set()
            told = sandbox._todo.get()
            if told is None:
                self.close_connection = True
                return
            request, payload, deadline = told
            self.send_response(200)
            arn = f"arn:aws:lambda:{REGION}:000000000000:function:{sandbox.name}"
            for name, value in (
                ("Lambda-Runtime-Aws-Request-Id", request),
                ("Lambda-Runtime-Deadline-Ms", str(int(deadline * 1000))),
                ("Lambda-Runtime-Invoked-Function-Arn", arn),
                ("Content-Type", "application/json"),
                ("Content-Length", str(len(payload))),
            ):
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(payload)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            *_, request, last = self.path.split("/")
            if last == "error" and request == "init":
                sandbox._init_error = body
                sandbox._idle.set()
            elif request in sandbox._done:
                too_large = last == "response" and len(body) > _LARGEST_ANSWER
                error = "Function.ResponseSizeTooLarge" if too_large else "" if last == "response" else "Unhandled"
                sandbox._done.pop(request).put((error, body))
            self.send_response(202)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    return Api


def runtime_folder(folder: Path) -> Path:
    """AWS's runtime client by itself, without the rest of the environment that it is installed in."""
    if not folder.exists():
        new = folder.with_name(f"{folder.name}.{os.getpid()}")
        new.mkdir(parents=True)
        installed = Path(str(find_spec("awslambdaric").origin)).parents[1]  # type: ignore[union-attr]
        for path in (path for pattern in _RUNTIME_PARTS for path in installed.glob(pattern)):
            if path.is_dir():
                shutil.copytree(path, new / path.name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(path, new)
        subprocess.run([sys.executable, "-m", "compileall", "-q", str(new)], check=False)
        with suppress(OSError):  # another session was faster
            new.rename(folder)
        shutil.rmtree(new, ignore_errors=True)
    return folder


def wait_for(true: Any, seconds: float = 240) -> Any:
    """What ``true`` gives, once it is true; fails after so many seconds."""
    end = monotonic() + seconds
    while not (found := true()):
        assert monotonic() < end, f"it didn't come true within {seconds:.0f} seconds"
        sleep(0.1)
    return found
