"""What the tests of the local servers share: a port that is lost at the worst moment."""

import socket
from collections.abc import Iterator

import pytest

from pipeline_site.local import children
from pipeline_site.local.children import HOST


@pytest.fixture
def contested_port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A port that looks free when a server asks for it, and that another program listens on when the server binds."""
    really_free = children.free_port
    with socket.create_server((HOST, 0)) as other:
        port: int = other.getsockname()[1]
        looks = iter([port])
        monkeypatch.setattr(children, "free_port", lambda wanted: next(looks, None) or really_free(wanted))
        yield port
