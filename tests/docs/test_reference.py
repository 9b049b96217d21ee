"""The reference is complete: every setting, reject code, status, command and webhook key is listed, and no other."""

import re
from pathlib import Path
from typing import Any

import pytest

from ingest.loader.outcome.rejects import Code
from ingest.models import Message, Run, Trouble
from ingest.notifications import delivery
from ingest.notifications.channel import Channel, Notification
from pipeline_site import settings as product
from pipeline_site.local.stack import PREFIX
from tests.docs.links import DOCS, ROOT

REFERENCE = DOCS / "reference"


def _column(page: str, pattern: str = r"[\w-]+") -> list[str]:
    """Return the codes in the first column of a page's tables."""
    return re.findall(rf"^\| `({pattern})` \|", (REFERENCE / page).read_text(), re.MULTILINE)


def test_every_setting_is_listed_with_its_default() -> None:
    source = Path(product.__file__).read_text()
    readers = r"\b(?:text|flag|integer|names|folder|key_prefix|address|database|certificates|emails|webhook)\(\"(\w+)\""
    either = re.findall(r"\bsecret\(\s*\"(\w+)\",\s*\"(\w+)\"", source)
    page = (REFERENCE / "settings.md").read_text()
    rows = re.findall(r"^\| `([A-Z_]+)` \|([^|]*)\|", page, re.MULTILINE)
    defaults = dict(rows)
    ours = {name for name in re.findall(readers, source) if not name.startswith("AWS_")}  # those are boto3's
    assert defaults.keys() == ours.union(*either)
    assert len(rows) == len(defaults)
    for name, default in re.findall(r"integer\(\"(\w+)\", (\d+(?: \* MIB)?)", source):
        number = int(default.split()[0]) * (1 << 20 if "MIB" in default else 1)
        words = defaults[name].strip().split()
        assert int(words[0]) << {"GiB": 30, "MiB": 20}.get(words[-1], 0) == number, name
    assert defaults["PREFIX"].strip() == f"`{PREFIX}`"


def test_settings_that_the_readme_names_exist() -> None:
    listed = _column("settings.md", "[A-Z_]+")
    configuration = (ROOT / "README.md").read_text().partition("## Configuration")[2].partition("\n## ")[0]
    named = set(re.findall(r"`([A-Z_]{5,})`", configuration))
    assert named
    assert named <= {*listed}


def test_every_reject_code_is_listed_in_order() -> None:
    assert _column("reject-codes.md") == [code.value for code in Code]


def test_every_status_and_count_is_listed() -> None:
    counts = ["inserted", "updated", "unchanged", "duplicate", "rejected", "deleted"]
    assert _column("statuses.md") == [*Run.Status.values, *counts]
    assert all(f"`{kind}`" in (REFERENCE / "statuses.md").read_text() for kind in Run.Kind.values)


def test_every_command_is_listed() -> None:
    commands = {file.stem for file in (ROOT / "ingest" / "management" / "commands").glob("[a-z]*.py")}
    listed = _column("commands.md", r"[a-z_]+(?: [A-Z…]+)?")
    assert {words.split()[0] for words in listed} == commands
    targets = re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE)
    made = re.findall(r"^\| `make ([a-z-]+)", (REFERENCE / "commands.md").read_text(), re.MULTILINE)
    assert made
    assert {*made} <= {*targets}


class _Recorder(Channel):
    """In the webhook's place: keeps what it would send."""

    name = "webhook"
    label = "webhook"
    combines_messages = False

    def __init__(self) -> None:
        self.payloads: list[dict[str, Any]] = []

    def is_configured(self) -> bool:
        return True

    def send(self, notification: Notification) -> None:
        self.payloads += notification.payloads


def test_every_key_of_the_webhook_is_listed(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = _Recorder()
    monkeypatch.setitem(delivery.CHANNELS, "webhook", recorder)
    trouble = Trouble.objects.create(kind=Trouble.Kind.FAILED, reason="The file is empty.")
    message = Message.objects.create(trouble=trouble, event=Message.Event.OPENED, channel="webhook")
    assert delivery.deliver([message.pk]) == 1
    ((*keys,),) = recorder.payloads
    page = (REFERENCE / "webhook.md").read_text()
    assert _column("webhook.md", "[a-z]+") == keys
    assert re.findall(r'^  "(\w+)":', page, re.MULTILINE) == keys
    assert _column("webhook.md", "X-[A-Za-z-]+") == ["X-Ingest-Id", "X-Ingest-Timestamp", "X-Ingest-Signature"]
    assert all(f"`{value}`" in page for value in [*Trouble.Kind.values, *Message.Event.values])
