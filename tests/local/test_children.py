"""A child never outlives whoever wanted it."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline_site.local.children import HOST, Child, LocalError, command_of, free_port
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
