"""The licenses of the locked packages, checked against ``requirements/licenses.toml``.

``python -m pipeline_site.deploy.licenses`` writes the list of those that are deployed to ``docs/licenses.md``.
"""

import sys
import tomllib
from collections.abc import Collection, Iterable, Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from typing import Any

from license_expression import AND, OR, ExpressionError, get_spdx_licensing

from pipeline_site.deploy import DeployError, locks
from pipeline_site.deploy.zappa import ROOT

FILE = locks.FOLDER / "licenses.toml"
PAGE = ROOT / "docs" / "licenses.md"
_SPDX = get_spdx_licensing()
_CLASSIFIER = "License :: "
_NO_LICENSE = {"OSI Approved", "DFSG approved"}
"""Classifiers that name none."""


class LicenseError(DeployError):
    """A license that is unknown or not allowed, and what to do about it."""


@cache
def rules() -> Mapping[str, Any]:
    """The content of ``requirements/licenses.toml``."""
    return tomllib.loads(FILE.read_text())


def stated(metadata: Any) -> str | None:
    """Return the SPDX expression that a package's own metadata states, or None where it isn't clear."""
    phrases: Mapping[str, str] = rules()["phrases"]
    texts = [metadata.get("License-Expression"), (metadata.get("License") or "").strip().split("\n")[0].strip()]
    for text in texts:
        if text and (found := _parsed(phrases.get(text, text))):
            return found
    # Classifiers come last: some are wrong, and "BSD License" names no license.
    classifiers = {each.split(" :: ")[-1] for each in metadata.get_all("Classifier") or () if _CLASSIFIER in each}
    meant = {phrases.get(each) for each in classifiers - _NO_LICENSE}
    return meant.pop() if len(meant) == 1 else None


def license_of(name: str, metadata: Any) -> str:
    """Return the license of a package as an SPDX expression.

    Raises LicenseError if neither its metadata nor ``requirements/licenses.toml`` states it.
    """
    found = stated(metadata) or rules()["packages"].get(name)
    if not found:
        raise LicenseError(
            f"The license of {name} is unknown: read its license file, and add its SPDX identifier to "
            f"[packages] in {FILE.relative_to(ROOT)}."
        )
    return str(found)


def check(name: str, expression: str, allowed: Collection[str]) -> None:
    """Raise LicenseError unless ``allowed`` lets us use a package under ``expression``."""
    if not _is_allowed(_SPDX.parse(expression, validate=True), allowed):
        raise LicenseError(
            f"{name} is licensed under {expression}, which {FILE.relative_to(ROOT)} doesn't allow: remove the "
            "package, or allow the license once you have read it."
        )


def _parsed(text: str) -> str | None:
    try:
        return str(_SPDX.parse(text, validate=True))
    except ExpressionError:
        return None


def _is_allowed(expression: Any, allowed: Collection[str]) -> bool:
    if isinstance(expression, AND):
        return all(_is_allowed(each, allowed) for each in expression.args)
    if isinstance(expression, OR):
        return any(_is_allowed(each, allowed) for each in expression.args)
    return str(expression) in allowed


def deployed() -> dict[str, str]:
    """Return the license of each package that runs on Lambda, by name. Raises LicenseError for the first unknown."""
    names = sorted({pin.name for pin in locks.read(locks.DEPLOYED) if pin.runs_on_lambda})
    found = {}
    for name in names:
        try:
            found[name] = license_of(name, distribution(name).metadata)
        except PackageNotFoundError:
            raise LicenseError(f"{name} isn't installed here: run `make env` with the Python of the Lambda.") from None
    return found


def page(licenses: Mapping[str, str]) -> str:
    """Return the text of ``docs/licenses.md``."""
    return _PAGE.format(rows="\n".join(_rows(licenses)))


def _rows(licenses: Mapping[str, str]) -> Iterable[str]:
    return (f"| {name} | {licenses[name]} |" for name in sorted(licenses))


_PAGE = """\
# Licenses

The product itself is under the [MIT license](../LICENSE). These packages are deployed with it; `make licenses` writes
this list from what the packages state about themselves, and `requirements/licenses.toml` says which licenses are
allowed. The license texts are in the package for Lambda, in the `*.dist-info` folder of each package.

| Package | License (SPDX) |
|---|---|
{rows}

Some wheels contain compiled libraries under licenses of their own, which this list doesn't name: numpy (OpenBLAS, the
runtime of GCC's Fortran), psycopg2-binary (libpq, OpenSSL, Kerberos, OpenLDAP and what these need) and duckdb.

Packages that only build, deploy and test the product are checked in the same way and aren't listed here. The files of
`requirements/real-files.txt` are test data: they are read, never imported, and not passed on.
"""


def main() -> int:
    """Write the page; return the exit status."""
    try:
        found = deployed()
        for name, expression in found.items():
            check(name, expression, rules()["deployed"])
    except LicenseError as error:
        print(f"licenses: {error}", file=sys.stderr)
        return 1
    PAGE.write_text(page(found))
    print(f"{PAGE.relative_to(ROOT)}: {len(found)} packages")
    return 0


if __name__ == "__main__":
    sys.exit(main())
