"""Run one server so that it never outlives the process that wanted it, however that one dies.

``python -I -S guard.py SIGNAL GRACE command…`` starts the command, prints its pid and waits. When the command ends,
it ends with the same status; when its own stdin closes, because the starter closed it or is gone (``kill -9`` too),
it sends SIGNAL to the command and, after GRACE seconds, SIGKILL. A pipe does this on every Unix, where a signal at
the parent's death is Linux's alone and is forgotten when a program changes its user.
"""

import os
import signal
import subprocess
import sys
import threading


def main(stop: signal.Signals, grace: float, command: list[str]) -> int:
    """Run ``command`` until it ends or stdin closes; return the status to exit with."""
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)  # only stdin ends a guard: whoever holds it decides the order
    child = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr,
        close_fds=False,  # what our starter meant for it comes through; Python opens nothing else inheritable
        restore_signals=True,
        preexec_fn=_fresh,
    )
    print(child.pid, flush=True)
    threading.Thread(target=_end_with_stdin, args=(child, stop, grace), daemon=True).start()
    status = child.wait()
    return status if status >= 0 else 128 - status


def _fresh() -> None:
    """Give the child the usual signals back: ignored ones are inherited through exec."""
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_DFL)


def _end_with_stdin(child: "subprocess.Popen[bytes]", stop: signal.Signals, grace: float) -> None:
    while os.read(0, 4096):
        pass
    child.send_signal(stop)
    try:
        child.wait(grace)
    except subprocess.TimeoutExpired:
        child.kill()


if __name__ == "__main__":
    sys.exit(main(signal.Signals[sys.argv[1]], float(sys.argv[2]), sys.argv[3:]))
