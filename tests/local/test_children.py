"""A child never outlives whoever wanted it."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from threading import Barrier, Thread

import pytest

from pipeline_site.local.children import HOST, Child, LocalError, command_of, free_port, listen, start_on_port
from tests.local.processes import comes_true, is_alive

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]
DEAF = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("deaf", flush=True)
time.sleep(600)
"""

STARTER = """
import pathlib, sys, time
from pipeline_site.local.children import Child
child = Child("sleeper", [sys.executable, "-c", "import time; time.sleep(600)"], log=pathlib.Path(sys.argv[1]))
print(child.pid, flush=True)
time.sleep(600)
"""


def test_it_stops_when_told(tmp_path: Path) -> None:
    child = Child("sleeper", SLEEP, log=tmp_path / "log")
    assert is_alive(child.pid)
    assert child.status is None
    child.stop()
    assert not is_alive(child.pid)
    assert child.status == 128 + signal.SIGTERM


def test_it_ends_when_its_starter_is_killed(tmp_path: Path) -> None:
    starter = subprocess.Popen([sys.executable, "-c", STARTER, tmp_path / "log"], stdout=subprocess.PIPE, text=True)
    with starter:
        assert starter.stdout
        pid = int(starter.stdout.readline())
        assert is_alive(pid)
        starter.kill()
    assert comes_true(lambda: not is_alive(pid))


def test_one_that_does_not_listen_is_killed_when_its_grace_is_over(tmp_path: Path) -> None:
    child = Child("deaf", [sys.executable, "-c", DEAF], log=tmp_path / "log", grace=0.2)
    child.wait_until(lambda: (tmp_path / "log").read_text() == "deaf\n", seconds=10)
    child.stop()
    assert child.status == 128 + signal.SIGKILL


def test_ctrl_c_at_the_terminal_does_not_reach_it(tmp_path: Path) -> None:
    child = Child("sleeper", SLEEP, log=tmp_path / "log")
    assert os.getpgid(child.pid) != os.getpgid(0)
    child.stop()


def test_its_last_words_are_told_when_it_ends_too_soon(tmp_path: Path) -> None:
    child = Child("mayfly", [sys.executable, "-c", "import sys; sys.exit('no room')"], log=tmp_path / "log")
    with pytest.raises(LocalError, match=r"^mayfly ended with status 1: no room$"):
        child.wait_until(lambda: False, seconds=10)


def test_it_is_stopped_when_it_does_not_get_ready(tmp_path: Path) -> None:
    child = Child("sleeper", SLEEP, log=tmp_path / "log")
    with pytest.raises(LocalError, match="wasn't ready after 0 seconds"):
        child.wait_until(lambda: False, seconds=0)
    assert not is_alive(child.pid)


def test_a_command_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(LocalError, match=r"nothing doesn't start: .*No such file"):
        Child("nothing", [str(tmp_path / "nothing")], log=tmp_path / "log")


def test_a_port_that_is_taken_is_not_given() -> None:
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert free_port(port) not in (port, 0)
    assert free_port(port) == port


def test_the_command_of_a_process_is_known_and_of_none_is_empty(tmp_path: Path) -> None:
    child = Child("sleeper", SLEEP, log=tmp_path / "log")
    assert comes_true(lambda: command_of(child.pid) == SLEEP)
    child.stop()
    assert command_of(child.pid) == []


def test_a_start_that_lost_its_port_is_tried_on_another(contested_port: int) -> None:
    tried: list[int] = []

    def start(port: int) -> None:
        tried.append(port)
        try:
            socket.create_server((HOST, port)).close()
        except OSError:
            raise LocalError("It doesn't start, and says nothing of its port.") from None

    port = start_on_port(contested_port, start)
    assert tried == [contested_port, port]
    assert port != contested_port


def test_a_start_that_failed_with_its_port_still_free_is_not_tried_again() -> None:
    tried: list[int] = []

    def start(port: int) -> None:
        tried.append(port)
        raise LocalError("The disk is full.")

    with pytest.raises(LocalError, match=r"^The disk is full\.$"):
        start_on_port(0, start)
    assert len(tried) == 1


def test_a_listening_socket_is_handed_over_and_its_port_is_never_free_in_between(tmp_path: Path) -> None:
    answer = "import socket, sys; socket.socket(fileno=int(sys.argv[1])).accept()[0].sendall(b'it is me')"
    with listen(0) as listening:
        port = listening.getsockname()[1]
        for _ in range(2):  # its successor takes over the same one
            command = [sys.executable, "-c", answer, str(listening.fileno())]
            child = Child("heir", command, log=tmp_path / "log", inherited=[listening.fileno()])
            assert free_port(port) != port
            with socket.create_connection((HOST, port)) as asked:
                assert asked.recv(100) == b"it is me"
            child.wait_until(lambda: (tmp_path / "log").exists(), seconds=60)
            child.stop()
    assert comes_true(lambda: free_port(port) == port)


def test_a_port_to_listen_on_that_is_taken_is_replaced() -> None:
    with listen(0) as first, listen(first.getsockname()[1]) as second:
        assert first.getsockname()[1] != second.getsockname()[1]


def test_two_that_start_at_the_same_moment_get_a_port_each() -> None:
    with listen(0) as other:
        wanted = int(other.getsockname()[1])
    both_have_chosen = Barrier(2, timeout=60)
    kept: list[socket.socket] = []
    ports: list[int] = []

    def begin() -> None:
        chosen: list[int] = []

        def start(port: int) -> None:
            chosen.append(port)
            if len(chosen) == 1:
                both_have_chosen.wait()
            try:
                kept.append(socket.create_server((HOST, port)))
            except OSError:
                raise LocalError("It doesn't start, and says nothing of its port.") from None

        ports.append(start_on_port(wanted, start))

    both = [Thread(target=begin) for _ in range(2)]
    for each in both:
        each.start()
    for each in both:
        each.join(120)
    assert sorted(server.getsockname()[1] for server in kept) == sorted(ports)
    assert len(set(ports)) == 2
    for server in kept:
        server.close()
