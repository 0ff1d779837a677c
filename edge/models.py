"""Model packs: read their manifests, fetch and convert what they name, verify what is there.

What converts and runs networks is imported when something is fetched: a gate process only reads manifests.
"""

import os
import sys
import tomllib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from msgspec import Struct

from edge import files
from edge.download import Downloads
from edge.errors import ConfigurationError, ModelError
from edge.packs import Manifest, NetworkSpec, Pack, mismatch
from edge.strict import convert

CLONE = Path(__file__).parent.parent
INSTALLED = Path(sys.prefix, "share", "edge-gate", "models")
MANIFESTS = CLONE / "models" if (CLONE / "setup.cfg").is_file() else INSTALLED
"""Beside the code in a clone; where setup.cfg's data_files put them otherwise."""

DIRECTORY = CLONE / "var" / "models" if MANIFESTS == CLONE / "models" else Path("/var/lib/edge-gate/models")
"""Where packs are kept unless somebody says else."""

Progress = Callable[[str, int, int], None]
"""Told the file that is worked on, how many are done, and how many there are."""


class Fetched(Struct, frozen=True):
    file: str
    outcome: Literal["kept", "fetched"]
    bytes: int


class Verified(NamedTuple):
    file: str
    problem: ModelError | None = None

    @property
    def ok(self) -> bool:
        return self.problem is None


def names() -> list[str]:
    """The packs that there are."""
    return sorted(path.stem for path in MANIFESTS.glob("*.toml"))


def manifest(name: str) -> Manifest:
    """A pack's description; ModelError when there is no such pack, ConfigurationError when it is not valid."""
    if name not in names():
        raise ModelError("there is no model pack {name}", "choose one of: {names}", name=name, names=", ".join(names()))
    path = MANIFESTS / f"{name}.toml"
    found, problems = convert(tomllib.loads(path.read_text()), Manifest)
    if found is None:
        raise ConfigurationError(path, problems)
    return found


def load(name: str, directory: Path) -> Pack:
    """A pack whose files are in `directory`. Each is verified when it is read, so nothing else is ever run."""
    return Pack(manifest(name), directory)


def verify(name: str, directory: Path) -> list[Verified]:
    """Every file of a pack: is it there, and is it what the manifest says?"""
    pack = load(name, directory)
    return [_verified(pack, spec) for spec in pack.manifest.network]


def _verified(pack: Pack, spec: NetworkSpec) -> Verified:
    try:
        pack.read(spec)
    except ModelError as error:
        return Verified(spec.file, error)
    return Verified(spec.file)


def fetch(name: str, directory: Path, source: Path | None = None, progress: Progress | None = None) -> list[Fetched]:
    """Bring a pack's files into `directory`; those that are there and right are kept.

    `source` is a directory to look into first: it may hold published files or those of another gate. ModelError says
    what could not be had or is wrong, and what to do; files fetched before that stay.
    """
    pack = load(name, directory)
    results = []
    with Downloads(pack.manifest.archives, source) as downloads:
        for done, spec in enumerate(pack.manifest.network):
            if progress:
                progress(spec.file, done, len(pack.manifest.network))
            results.append(_fetched(pack, spec, downloads))
    if progress:
        progress("", len(results), len(results))
    return results


def _fetched(pack: Pack, spec: NetworkSpec, downloads: Downloads) -> Fetched:
    if _verified(pack, spec).ok:
        return Fetched(spec.file, "kept", spec.bytes)
    data = downloads.local(spec)
    if data is None:
        data = _converted(spec, [downloads.get(original) for original in spec.original])
    _write(pack.directory / spec.file, data)
    return Fetched(spec.file, "fetched", spec.bytes)


def _converted(spec: NetworkSpec, originals: list[bytes]) -> bytes:
    """The network as it will run: a conversion must give the pinned bytes, and they must compute the pinned numbers."""
    from edge.convert import CONVERSIONS
    from edge.network import Network, probe

    data = CONVERSIONS[spec.convert](*originals)
    if problem := mismatch(data, spec):
        hint = "install the locked requirements: other versions of onnx may write other bytes"
        raise ModelError("{file} was converted to something else: {problem}", hint, file=spec.file, problem=problem)
    numbers = probe(Network(spec, data))
    if not np.allclose(numbers, spec.probe, rtol=1e-3, atol=1e-3):
        hint = "this machine or its ONNX Runtime computes wrongly; report it with both lists"
        text = "{file} computes {numbers} where {expected} is right"
        raise ModelError(text, hint, file=spec.file, numbers=numbers.tolist(), expected=spec.probe)
    return data


def _write(path: Path, data: bytes) -> None:
    """Whole or not at all, also when the power fails."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with draft.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        files.sync(path.parent)
    except OSError as error:
        with suppress(OSError):
            draft.unlink()
        hint = "choose a directory that can be written with --directory"
        raise ModelError("{path} cannot be written: {why}", hint, path=path, why=error.strerror) from error
