"""The certificates by which RDS proves itself: AWS publishes them, and no package holds them."""

import os
import ssl
import urllib.error
import urllib.request
from pathlib import Path

from pipeline_site.deploy import DeployError

SOURCE = "https://truststore.pki.rds.amazonaws.com/{region}/{region}-bundle.pem"
"""AWS's own address, which proves itself by the certificates that this machine trusts."""


def certificates(region: str, folder: Path, *, source: str = SOURCE) -> Path:
    """The file of them: that of DATABASE_CA, or fetched into ``folder`` once.

    Raises DeployError where there is none.
    """
    named = os.environ.get("DATABASE_CA")
    path = Path(named) if named else folder / f"rds-ca-{region}.pem"
    if not named and not path.exists():
        _fetch(source.format(region=region), path)
    if not _holds_certificates(path):
        raise DeployError(f"{path} holds no certificates in PEM form: name the file that does with DATABASE_CA=…")
    return path


def _fetch(address: str, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_suffix(".new")
    try:
        with urllib.request.urlopen(address, timeout=30) as answer:  # noqa: S310 - the address is ours
            new.write_bytes(answer.read(1 << 20))
    except (urllib.error.URLError, OSError) as error:
        raise DeployError(
            f"RDS's certificates can't be fetched from {address} ({error}): fetch them by other means and name the "
            "file with DATABASE_CA=…"
        ) from None
    if not _holds_certificates(new):
        raise DeployError(f"{address} gave no certificates: fetch them by other means, and name them by DATABASE_CA=…")
    new.rename(path)


def _holds_certificates(path: Path) -> bool:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(path)
    except (OSError, ssl.SSLError):
        return False
    return bool(context.get_ca_certs())
