"""Create the role that pages read tables with, and grant what it lacks, after every migration."""

import logging

from django.db import DatabaseError, connections, transaction

from ingest.loader.sql import reader

_LOG = logging.getLogger("ingest")
_NOT_ALLOWED = "42501"


def make_reader(*, using: str, **_: object) -> None:
    """Create the role. If the product's user may not create roles, pages read as that user, and ``doctor`` warns.

    This isn't a migration because a dump of the database has no roles, so a restored database lacks it.
    """
    connection = connections[using]
    try:
        with transaction.atomic(using=using), connection.cursor() as cursor:
            cursor.execute(reader.make())
    except DatabaseError as error:
        if getattr(error.__cause__, "pgcode", None) != _NOT_ALLOWED:
            raise
        _LOG.warning("The role that pages read tables with could not be created (%s): run `manage.py doctor`.", error)
