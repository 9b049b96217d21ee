"""The software bill of materials of a package for Lambda, in the CycloneDX format.

It lists what was installed, not what was meant to be: the metadata of the wheels themselves, the hashes of the lock,
and the compiled libraries that a wheel says it contains.
"""

import hashlib
import json
import tomllib
from collections.abc import Iterable, Mapping
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import ExternalReference, ExternalReferenceType, HashAlgorithm, HashType, Property, XsUri
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from packageurl import PackageURL
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from pipeline_site.deploy import licenses, locks
from pipeline_site.deploy.zappa import ROOT

FILE = "sbom.cdx.json"
"""Its name in the package, at the root."""
SCHEMA = SchemaVersion.V1_6
"""The newest that common readers of SBOMs take."""


def text(site_packages: Path, *, digest: str, runtime: str) -> str:
    """Return the SBOM of the product and the packages in ``site_packages``, as JSON.

    ``digest`` is that of the package's contents, ``runtime`` its Python, as in ``python3.13``.
    Raises LicenseError for a package whose license is unknown or not allowed.
    """
    product = _product(digest, runtime)
    packages: dict[str, Distribution] = {
        canonicalize_name(each.metadata["Name"]): each for each in distributions(path=[str(site_packages)])
    }
    hashes = {(pin.name, pin.version): pin.hashes for pin in locks.read(locks.DEPLOYED)}
    components = {
        name: _component(name, found, hashes.get((name, found.version), ())) for name, found in sorted(packages.items())
    }
    bom = Bom(components=components.values(), serial_number=uuid5(NAMESPACE_OID, digest))
    bom.metadata.component = product
    for name, component in components.items():
        needed = [components[each] for each in _needs(packages[name], runtime) if each in components]
        bom.register_dependency(component, [*needed, *component.components])
    bom.register_dependency(product, [components[name] for name in _direct() if name in components])
    return make_outputter(bom, OutputFormat.JSON, SCHEMA).output_as_string(indent=1) + "\n"


def _product(digest: str, runtime: str) -> Component:
    told = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return Component(
        type=ComponentType.APPLICATION,
        name=told["name"],
        version=told["version"],
        description=told["description"],
        bom_ref=f"{told['name']}@{told['version']}",
        licenses=[LicenseFactory().make_from_string(told["license"])],
        properties=[
            Property(name="ingest:package-digest", value=digest),
            Property(name="ingest:runtime", value=runtime),
        ],
    )


def _component(name: str, found: Distribution, hashes: Iterable[str]) -> Component:
    license_ = licenses.license_of(name, found.metadata)
    licenses.check(name, license_, licenses.rules()["deployed"])
    purl = PackageURL("pypi", name=name, version=found.version)
    locked = ExternalReference(
        type=ExternalReferenceType.DISTRIBUTION,
        url=XsUri(str(purl)),
        comment="one hash for each file that requirements/lambda.txt allows for this version",
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=each) for each in hashes],
    )
    return Component(
        type=ComponentType.LIBRARY,
        name=name,
        version=found.version,
        description=found.metadata["Summary"],
        bom_ref=str(purl),
        purl=purl,
        licenses=[LicenseFactory().make_from_string(license_)],
        external_references=[locked],
        components=[*_declared(purl, found), *_bundled(purl, found)],
    )


def _declared(purl: PackageURL, found: Distribution) -> list[Component]:
    """Return the libraries that a wheel declares to contain, by SBOMs of its own (PEP 770)."""
    inside: dict[str, Component] = {}
    for file in found.files or ():
        if file.parent.name == "sboms" and file.parent.parent.name.endswith(".dist-info") and file.suffix == ".json":
            for told in json.loads(file.read_text()).get("components", ()):
                if _is_another(told, purl):
                    inside[told["purl"]] = _library(told, f"{purl}#{told['purl']}")
    return [inside[each] for each in sorted(inside)]


def _bundled(purl: PackageURL, found: Distribution) -> list[Component]:
    """Return the compiled libraries in a wheel's ``*.libs`` folder, as files: few wheels say what they are."""
    files = [file for file in found.files or () if len(file.parts) == 2 and file.parts[0].endswith(".libs")]
    return [_file(str(file), Path(str(file.locate())), f"{purl}#{file}") for file in sorted(files)]


def _file(name: str, path: Path, reference: str) -> Component:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    hashes = [HashType(alg=HashAlgorithm.SHA_256, content=digest)]
    return Component(type=ComponentType.FILE, name=name, bom_ref=reference, hashes=hashes)


def _is_another(told: Mapping[str, Any], purl: PackageURL) -> bool:
    return "purl" in told and canonicalize_name(told["name"]) != purl.name


def _library(told: Mapping[str, Any], reference: str) -> Component:
    return Component(
        type=ComponentType.LIBRARY,
        name=told["name"],
        version=told.get("version"),
        purl=PackageURL.from_string(told["purl"]),
        bom_ref=reference,
    )


def _needs(found: Distribution, runtime: str) -> set[str]:
    """Return the names of the packages that ``found`` requires on Lambda."""
    python = runtime.removeprefix("python")
    requirements = (Requirement(each) for each in found.requires or ())
    return {canonicalize_name(each.name) for each in requirements if locks.applies(each, python)}


def _direct() -> list[str]:
    """Return the names of the packages that our own code asks for."""
    files = (locks.FOLDER / "app.in", locks.DEPLOYED.with_suffix(".in"))
    lines = (line.partition("#")[0].strip() for file in files for line in file.read_text().splitlines())
    return [canonicalize_name(Requirement(line).name) for line in lines if line and not line.startswith("-")]
