"""Where the peers' programs come from: an environment of its own for each, by exact and hashed requirements."""

import hashlib
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

_ROOT = Path(__file__).parents[3]
_OURS = Path(sys.executable).parent


class Missing(Exception):
    """A peer isn't to be had here; says why."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """Programs that can be started."""

    programs: Path
    version: str
    libraries: str = ""
    """Folders for the loader of shared libraries, with colons between."""


@dataclass(frozen=True, kw_only=True)
class Environment:
    """Our own, where the product runs already."""

    def found(self, folder: Path) -> Found:
        """Where its programs are, made below ``folder`` unless they stand there. Raises Missing."""
        return Found(programs=_OURS, version="this one")


@dataclass(frozen=True, kw_only=True)
class Python(Environment):
    """A virtual environment of requirements/peers-NAME.txt."""

    name: str
    package: str
    """The one whose version is shown."""

    def found(self, folder: Path) -> Found:
        """See Environment."""
        required = _ROOT / "requirements" / f"peers-{self.name}.txt"
        home, digest = folder / self.name, hashlib.sha256(required.read_bytes()).hexdigest()
        ready, programs = home / ".ready", home / "bin"
        if not ready.exists() or ready.read_text() != digest:
            uv = shutil.which("uv", path=f"{_OURS}{os.pathsep}{os.environ.get('PATH', '')}")
            if not uv:
                raise Missing("uv isn't installed: run `make env`")
            python = str(programs / "python")
            _run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(home)])
            _run([uv, "pip", "sync", "--quiet", "--require-hashes", "--python", python, str(required)])
            ready.write_text(digest)
        asked = f"from importlib.metadata import version; print(version({self.package!r}))"
        return Found(programs=programs, version=_run([str(programs / "python"), "-c", asked]))


@dataclass(frozen=True, kw_only=True)
class Debian(Environment):
    """A program of Debian's: the one installed, else its packages unpacked without installing them."""

    program: str
    packages: tuple[str, ...]
    """What it is unpacked of; what these need beside isn't fetched."""

    def found(self, folder: Path) -> Found:
        """See Environment."""
        installed = shutil.which(self.program)
        if installed:
            return Found(programs=Path(installed).parent, version=self._version(installed, ""))
        home = folder / self.program
        program = home / "usr" / "bin" / self.program
        if not program.exists():
            self._unpack(home)
        libraries = os.pathsep.join(str(path) for path in sorted((home / "usr" / "lib").glob("*-linux-gnu*")))
        return Found(programs=program.parent, version=self._version(str(program), libraries), libraries=libraries)

    def _unpack(self, home: Path) -> None:
        if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
            raise Missing(f"it comes as a Debian package, and this is no Debian: install {self.program} by hand")
        half = home.with_name(f"{home.name}.half")
        shutil.rmtree(half, ignore_errors=True)
        half.mkdir(parents=True)
        _run(["apt-get", "--quiet", "--quiet", "download", *self.packages], folder=half)
        for package in half.glob("*.deb"):
            _run(["dpkg-deb", "--extract", str(package), str(half)])
        shutil.rmtree(home, ignore_errors=True)
        half.rename(home)

    def _version(self, program: str, libraries: str) -> str:
        told = _run([program, "--version"], variables={"LD_LIBRARY_PATH": libraries} if libraries else {})
        return told.splitlines()[0].split()[-1].strip('"')


def _run(command: list[str], *, folder: Path = _ROOT, variables: dict[str, str] | None = None) -> str:
    """What ``command`` prints. Raises Missing with the last that it said."""
    wanted = os.environ | (variables or {})
    done = subprocess.run(command, cwd=folder, env=wanted, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip() or f"code {done.returncode}").splitlines()[-1]
        raise Missing(f"`{' '.join(Path(word).name for word in command[:3])}` failed: {said}")
    return done.stdout.strip()
