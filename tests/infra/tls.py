"""A local AWS that is reached by TLS: what the stacks make refuses everything else."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import boto3
import trustme
from botocore.config import Config

from pipeline_site.local.aws import REGION, LocalAws
from pipeline_site.local.children import HOST


@dataclass(kw_only=True)
class TlsAws(LocalAws):
    """The local AWS with a certificate by an authority of its own, which its clients trust."""

    authority: Path = field(init=False)

    def start(self) -> None:
        """Start the server and return when it answers."""
        issuer = trustme.CA()
        certificate = issuer.issue_cert(HOST)
        self.authority, chain, key = (self.folder / name for name in ("authority.pem", "chain.pem", "key.pem"))
        issuer.cert_pem.write_to_path(self.authority)
        for pem in certificate.cert_chain_pems:
            pem.write_to_path(chain, append=True)
        certificate.private_key_pem.write_to_path(key)
        told = {"USE_SSL": "1", "MINISTACK_SSL_CERT": str(chain), "MINISTACK_SSL_KEY": str(key)}
        with mock.patch.dict(os.environ, told):
            super().start()

    @property
    def endpoint(self) -> str:
        """The address of every service."""
        return f"https://{HOST}:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """What another process needs to come here."""
        return super().environment | {"AWS_CA_BUNDLE": str(self.authority)}

    def client(self, service: str, **limits: float) -> Any:
        """A boto3 client with these keys, whatever the environment says."""
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            verify=str(self.authority),
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
            region_name=REGION,
            config=Config(**limits),
        )
