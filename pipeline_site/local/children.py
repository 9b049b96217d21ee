"""Child processes that end with us, and free ports for them."""

import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from time import monotonic, sleep

_GUARD = Path(__file__).with_name("guard.py")
HOST = "127.0.0.1"


class LocalError(Exception):
    """Something outside the product doesn't start; its text is one sentence for the person at the terminal."""


class Child:
    """One server under its guard. It stops when told to, and by itself when this process is gone."""

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        log: Path,
        environment: Mapping[str, str] | None = None,
        stop_by: signal.Signals = signal.SIGTERM,
        grace: float = 10,
        folder: Path | None = None,
        inherited: Sequence[int] = (),
    ) -> None:
        """Start ``command``, what it prints going to the end of ``log``.

        ``grace`` is in seconds; ``inherited`` are the file descriptors that it finds under the same numbers.
        """
        self.name, self.log, self._grace = name, log, grace
        guard = [sys.executable, "-I", "-S", str(_GUARD), stop_by.name, str(grace), *map(str, command)]
        with log.open("ab") as out:
            self._guard = subprocess.Popen(
                guard,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=out,
                env=environment,
                cwd=folder,
                pass_fds=inherited,
                start_new_session=True,  # Ctrl-C at the terminal is ours to pass on, in our order
            )
        # They are pipes: neither is ever None.
        with self._guard.stdout as said:  # type: ignore[union-attr]
            told = said.readline()
        if not told:
            self.stop()
            raise LocalError(f"{name} doesn't start: {self.last_words()}")
        self.pid = int(told)

    @property
    def status(self) -> int | None:
        """The exit status (128 + the signal's number), None while it runs."""
        status = self._guard.poll()
        if status is not None:
            self.ask_to_stop()  # nobody listens any more; the pipe is closed
        return status

    def wait_until(self, ready: Callable[[], bool], *, seconds: float) -> None:
        """Return when ``ready`` says so; raise LocalError when the child ends first or the time is over."""
        end = monotonic() + seconds
        while True:
            if self.status is not None:
                raise LocalError(f"{self.name} ended with status {self.status}: {self.last_words()}")
            if ready():
                return
            if monotonic() > end:
                self.stop()
                raise LocalError(f"{self.name} wasn't ready after {seconds:.0f} seconds: {self.last_words()}")
            sleep(0.02)

    def ask_to_stop(self) -> None:
        """Tell the guard to stop it, without waiting."""
        self._guard.stdin.close()  # type: ignore[union-attr]

    def stop(self) -> None:
        """Stop it and wait until it is gone."""
        self.ask_to_stop()
        self._guard.wait(self._grace + 10)

    def last_words(self) -> str:
        """The end of its log, on one line."""
        lines = [line.strip() for line in self.log.read_text(errors="replace")[-2000:].splitlines() if line.strip()]
        return " / ".join(lines[-3:]) or f"it said nothing (log: {self.log})"


def free_port(wanted: int) -> int:
    """``wanted`` if nothing on this machine listens there, else one that the system picks."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise LocalError(f"No port is free on {HOST}.")


def listen(wanted: int) -> socket.socket:
    """Return a socket that listens on port ``wanted`` or, where that is taken, on one that the system picks."""
    for port in (wanted, 0):
        try:
            return socket.create_server((HOST, port))
        except OSError:
            continue
    raise LocalError(f"No port is free on {HOST}.")


def start_on_port(wanted: int, start: Callable[[int], None], *, attempts: int = 10) -> int:
    """Start a server on port ``wanted`` or, where that is taken (0: in any case), on one that the system picks.

    Between the choice of a port and the server's own bind another program may take it. So a start that failed, and
    whose port somebody else has by now, is tried again on another one; no server's error text is read for that.
    Returns the port. Raises the LocalError of the last start.
    """
    for attempt in range(attempts):
        port = free_port(0 if attempt else wanted)
        try:
            start(port)
            return port
        except LocalError:
            if attempt == attempts - 1 or free_port(port) == port:
                raise
    raise LocalError(f"No start on {HOST} was tried.")


def command_of(pid: int) -> list[str]:
    """The command line of process ``pid``; empty if there is no such process."""
    if Path("/proc/self/cmdline").exists():
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").rstrip("\0").split("\0")
        except OSError:
            return []
    told = subprocess.run(["ps", "-p", str(pid), "-o", "args="], capture_output=True, text=True, check=False)
    return told.stdout.split()
