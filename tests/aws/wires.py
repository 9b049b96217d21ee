"""Wires that fail on purpose: a proxy that cuts streams, and a server that answers what it is told."""

import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class CuttingProxy:
    """Passes bytes on to ``port``; the n-th connection ends after ``cuts[n]`` bytes of answers, later ones never."""

    port: int
    cuts: Sequence[int]
    requests: list[bytes] = field(default_factory=list)
    """The head of every request that came through."""
    _taken: int = 0

    def serve(self, listener: socket.socket) -> None:
        with suppress(OSError):  # the listener was closed
            while True:
                client, _ = listener.accept()
                left = self.cuts[self._taken] if self._taken < len(self.cuts) else -1
                self._taken += 1
                threading.Thread(target=self._join, args=(client, left), daemon=True).start()

    def _join(self, client: socket.socket, left: int) -> None:
        with client, socket.create_connection(("127.0.0.1", self.port)) as server:
            threading.Thread(target=self._upward, args=(client, server), daemon=True).start()
            with suppress(OSError):
                while left and (answer := server.recv(65_536 if left < 0 else min(left, 65_536))):
                    client.sendall(answer)
                    left -= len(answer) if left > 0 else 0
            for wire in (client, server):
                with suppress(OSError):
                    wire.shutdown(socket.SHUT_RDWR)

    def _upward(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while asked := client.recv(65_536):
                self.requests.append(asked.split(b"\r\n\r\n")[0])
                server.sendall(asked)


@contextmanager
def cutting(port: int, cuts: Sequence[int], *, host: str = "127.0.0.1") -> Iterator[tuple[str, CuttingProxy]]:
    """A proxy before the server on ``port``: its address, and what it saw. It listens on ``host``, ``::1`` perhaps."""
    proxy = CuttingProxy(port, cuts)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, 0), family=family) as listener:
        threading.Thread(target=proxy.serve, args=(listener,), daemon=True).start()
        shown = f"[{host}]" if ":" in host else host
        yield f"http://{shown}:{listener.getsockname()[1]}", proxy
        listener.shutdown(socket.SHUT_RDWR)


@contextmanager
def answering(status: int, body: bytes, headers: dict[str, str] | None = None) -> Iterator[str]:
    """The address of a server that gives every request the same answer."""

    class Answer(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.send_response_only(status)
            # Told, the client opens another connection for its next attempt: this one may be gone by then, or not yet.
            usual = {"Connection": "close", "Date": self.date_time_string(), "Content-Length": str(len(body))}
            for name, value in (usual | (headers or {})).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)
            self.close_connection = True

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.do_GET()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
