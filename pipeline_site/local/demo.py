"""The demo: from nothing to files that became tables, on this machine alone."""

import math
import signal
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from time import monotonic, sleep
from typing import Any, NoReturn, TypeVar

from pipeline_site.local.children import LocalError
from pipeline_site.local.kept import adopt
from pipeline_site.local.outages import FAULTS, describe, retry_outages
from pipeline_site.local.stack import BASE_DIR, BUCKET, PREFIX, Stack
from pipeline_site.local.terminal import StatusLine, say, styled, table

SAMPLES = BASE_DIR / "samples"
ADMIN = "admin"
QUERY = "SELECT * FROM data LIMIT 10"
_PATIENCE_SECONDS = 120.0
_LOOK_SECONDS = 0.2
_ENDS = ("succeeded", "empty", "failed", "held", "discarded", "superseded")
_STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_T = TypeVar("_T")
_COUNTS = ("inserted", "updated", "unchanged", "duplicate", "rejected")


def main(folder: Path, *, leave: bool) -> int:
    """Start everything in ``folder``, load and show the samples, and serve until told to stop, unless to ``leave``.

    Returns the exit status: 0 if all went well.
    """
    for each in _STOPS:
        if each != signal.SIGHUP or signal.getsignal(each) != signal.SIG_IGN:  # nohup is meant
            signal.signal(each, _interrupt)
    stack = Stack(folder=folder.resolve(), say=lambda text: say(f"  {text}"))
    try:
        good = _load_samples(stack)
        if leave:
            return 0 if good else 1
        _tell_how_to_go_on(stack)
        _serve(stack)
    except (LocalError, *FAULTS) as error:
        StatusLine().clear()
        say(styled(str(error) if isinstance(error, LocalError) else describe(error), "red"))
        return 1
    except KeyboardInterrupt:
        StatusLine().clear()
        say("Stopping.")
        return 130 if leave else 0
    finally:
        for each in _STOPS:
            signal.signal(each, signal.SIG_IGN)  # what was started is stopped, however impatient the keyboard
        stack.stop()


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _load_samples(stack: Stack) -> bool:
    """Start, put the samples, show what became of them; whether every one loaded."""
    began, line = monotonic(), StatusLine()
    say(styled("Starting", "bold"))
    line.show("PostgreSQL and a local AWS…")
    stack.start_servers()
    line.show("database, worker and site…")
    _with_retries(stack, stack.start_site)  # it takes its time while the database is prepared
    password = _with_retries(stack, lambda: _prepare_django(stack))
    stack.start_worker()
    line.clear()
    say(f"  PostgreSQL, local AWS, worker and site, in {stack.folder} ({monotonic() - began:.1f} seconds)")
    if password:
        say(f"  admin user: {styled(ADMIN, 'bold')}, password: {styled(password, 'bold')} (shown only this once)")
    files = sorted(each for each in SAMPLES.iterdir() if each.is_file() and not each.name.startswith("."))
    say(f"\n{styled('Loading', 'bold')} {len(files)} files by s3://{BUCKET}/{PREFIX}\n")
    runs = _wait_for(stack, _put(stack, files))
    _show_runs(runs)
    _show_rows()
    stack.wait_for_site()
    return len(runs) == len(files) and all(run.status == "succeeded" for run in runs)


def _with_retries(stack: Stack, ask: Callable[[], _T], *, patience: float = _PATIENCE_SECONDS) -> _T:
    """Return what ``ask`` returns, retrying while the database or the local AWS is briefly unavailable."""

    def told(text: str) -> None:
        StatusLine().clear()
        stack.say(text)

    return retry_outages(ask, say=told, check=stack.keep_up, patience=patience)


def _prepare_django(stack: Stack) -> str:
    """Migrate and make the admin's user; its password if it was made just now."""
    adopt(stack.env_file)
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0, interactive=False)
    from django.contrib.auth import get_user_model

    users: Any = get_user_model().objects
    if users.filter(username=ADMIN).exists():
        return ""
    password = stack.admin_password.read_text().strip()
    users.create_superuser(ADMIN, password=password)
    return password


def _put(stack: Stack, files: Iterable[Path]) -> list[str]:
    """Put the files in the bucket; the version id of each."""
    s3 = stack.client("s3")

    def put(file: Path) -> str:
        with file.open("rb") as body:
            return str(s3.put_object(Bucket=BUCKET, Key=f"{PREFIX}{file.name}", Body=body)["VersionId"])

    return [_with_retries(stack, partial(put, file)) for file in files]


def _wait_for(stack: Stack, versions: Sequence[str]) -> list[Any]:
    """The runs of what was put, in that order, when all are at their end or our patience is."""
    from ingest.models import Run

    line, end = StatusLine(), monotonic() + _PATIENCE_SECONDS
    asked = Run.objects.filter(version_id__in=versions).select_related("dataset")
    while True:
        found = {run.version_id: run for run in _with_retries(stack, lambda: list(asked.all()))}
        done = sum(run.status in _ENDS for run in found.values())
        if done == len(versions) or monotonic() > end:
            line.clear()
            break
        line.show(f"{done} of {len(versions)} loaded")
        _with_retries(stack, stack.keep_up)
        sleep(_LOOK_SECONDS)
    if done < len(versions):
        say(f"  {len(versions) - done} of {len(versions)} aren't loaded after {_PATIENCE_SECONDS:.0f} seconds.")
        say(f"  The worker's log says why: {stack.folder / 'worker.log'}")
    return [found[version] for version in versions if version in found]


def _show_runs(runs: Sequence[Any]) -> None:
    headers = ("file", "dataset", "status", *_COUNTS, "seconds")
    say(table(headers, [_row(run) for run in runs], whole=True))
    for run in runs:
        if run.reason:
            say(f"  {run.file_name}: {run.reason}")


def _row(run: Any) -> list[object]:
    seconds = f"{(run.finished - run.started).total_seconds():.2f}" if run.started and run.finished else ""
    dataset = run.dataset.name if run.dataset else ""
    return [run.file_name, dataset, run.label, *(getattr(run, count) for count in _COUNTS), seconds]


def _show_rows() -> None:
    """The first rows of the table ``data``, as anyone would ask for them."""
    from django.db import Error, connection

    with suppress(Error), connection.cursor() as cursor:
        cursor.execute(QUERY)
        headers = [column.name for column in cursor.description]
        say(f"\n{styled(f'{QUERY};', 'bold')}\n\n{table(headers, cursor.fetchall())}")


def _tell_how_to_go_on(stack: Stack) -> None:
    lines = (
        ("Admin", f"{stack.site_address}  (user {ADMIN}; password in {stack.admin_password})"),
        ("SQL", stack.psql_line),
        ("Drop a file", stack.upload_line),
        ("", "or: .venv/bin/python manage.py ingest any.csv"),
        ("Logs", f"{stack.folder}/*.log"),
    )
    say()
    for name, text in lines:
        say(f"{styled(name.ljust(12), 'bold')} {text}")


def _serve(stack: Stack) -> NoReturn:
    """Tell of every run that ends, until a signal comes."""
    told = {run.pk for run in _with_retries(stack, _newest_ends)}
    say("\nServing until Ctrl-C. What comes in:\n")
    while True:
        _with_retries(stack, stack.keep_up, patience=math.inf)
        new = [run for run in _with_retries(stack, _newest_ends, patience=math.inf) if run.pk not in told]
        if new:
            _show_runs(new)
            told.update(run.pk for run in new)
        sleep(1)


def _newest_ends() -> list[Any]:
    """The newest finished runs, the oldest of them first."""
    from ingest.models import Run

    newest = Run.objects.filter(status__in=_ENDS).select_related("dataset").order_by("-finished")[:200]
    return list(newest)[::-1]
