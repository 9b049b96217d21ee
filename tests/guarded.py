"""A PostgreSQL that asks for passwords and proves itself by TLS, as RDS does."""

import os
from pathlib import Path

import trustme

from pipeline_site.deploy.package import BUILD
from pipeline_site.local.children import HOST
from pipeline_site.local.postgres import Postgres
from tests.conftest import QUICK
from tests.shared import locked

AUTHORITY = BUILD / "tests" / "authority.pem"
"""The certificate of the authority that vouches for these servers; kept, since it goes into the tests' package."""


def authority() -> trustme.CA:
    """That authority, made once by whichever worker comes first."""
    key = AUTHORITY.with_suffix(".key")
    with locked(AUTHORITY.with_suffix(".lock")):
        if not key.exists():
            made = trustme.CA()
            made.cert_pem.write_to_path(AUTHORITY)
            made.private_key_pem.write_to_path(key)
    return trustme.CA.from_pem(AUTHORITY.read_bytes(), key.read_bytes())


def guarded_postgres(folder: Path, *, password: str) -> Postgres:
    """The server, started, with a database ``ingest``.

    PostgreSQL 17: the other version's wheel was built without TLS.
    """
    certificate = authority().issue_cert(HOST)
    server = Postgres(folder=folder, major=17, port=0, password=password, settings=QUICK)
    server.start()
    server.stop()
    stand = folder / "cluster"
    key, chain = stand / "server.key", stand / "server.crt"
    key.touch(mode=0o600)
    certificate.private_key_pem.write_to_path(key)
    certificate.cert_chain_pems[0].write_to_path(chain)
    for file in (key, chain):
        os.chown(file, stand.stat().st_uid, stand.stat().st_gid)
    server.port = 0  # the first one may be another's by now
    server.settings = QUICK | {"ssl": "on"}
    server.start()
    server.create("ingest")
    return server
