"""Give an account a new password where the old one is lost."""

import os
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from ingest.accounts.reset_password import reset_password
from ingest.loader.outcome.errors import IngestError
from ingest.management.deciding import who_is_here
from ingest.management.speaking import OutputCommand
from ingest.management.tables import plain


class Command(OutputCommand):
    """`manage.py reset_password NAME`: prints the new password once, and ends the account's sessions."""

    help = "Set a new password for an account, print it once, and end the account's sessions."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The account."""
        parser.add_argument("name", metavar="NAME", help="username of the account")

    def handle(self, *args: Any, **options: Any) -> None:
        """Reset it. Raises CommandError if there is no such account, or the output would end up in a log."""
        if os.environ.get("AWS_LAMBDA_FUNCTION_NAME"):
            raise CommandError("The new password would be written to the function's log. Run `make password` instead.")
        try:
            password = reset_password(options["name"], who_is_here())
        except IngestError as refused:
            raise CommandError(plain(str(refused))) from refused
        self.stdout.write(f"New password for {plain(options['name'])}: {password}")
        self.stdout.write("It is shown only once. All sessions of the account have ended.")
