"""What one face costs: the embedders and liveness networks of a pack in ONNX Runtime, as the gate runs them, and in
OpenVINO, from the files as published (or, where their batch is fixed, as converted).

One thread, float32, turn by turn in one run, so that both meet the same caches.
"""

import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import openvino
from msgspec import Struct

from edge import models
from edge.download import Downloads
from edge.network import Network, Tensor
from edge.packs import NetworkSpec, Pack

ROUNDS, WARM = 200, 20
PROPERTIES = {"INFERENCE_NUM_THREADS": 1, "PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}

Run = Callable[[], Tensor]
Progress = Callable[[int, int], None]


class NetworkTimes(Struct, frozen=True):
    """Median CPU milliseconds of one run, and how far apart the two outputs are at most, of the largest one."""

    file: str
    onnxruntime_ms: float
    openvino_ms: float
    difference: float


class Result(Struct, frozen=True):
    """`ratio` is ONNX Runtime's time for one face over OpenVINO's."""

    pack: str
    onnxruntime_ms: float
    openvino_ms: float
    ratio: float
    networks: list[NetworkTimes]


def measure(pack: str, directory: Path, source: Path | None, progress: Progress) -> Result:
    """Both runtimes on the same input; `source` is where published files are looked for first, as at a fetch."""
    loaded = models.load(pack, directory)
    specs = [spec for spec in loaded.manifest.network if spec.role in ("embedder", "liveness")]
    with Downloads(loaded.manifest.archives, source) as downloads, TemporaryDirectory() as scratch:
        pairs = []
        for spec in specs:
            pixels = np.random.default_rng(0).integers(0, 256, (1, 3, *spec.size[::-1]))
            tensor: Tensor = ((pixels - spec.mean) * spec.scale).astype(np.float32)
            ours = _ours(Network(spec, loaded.read(spec)), tensor)
            pairs.append((ours, _peer(spec, loaded, downloads, Path(scratch), tensor)))
        times = _turns([run for pair in pairs for run in pair], progress)
    networks = [
        NetworkTimes(spec.file, times[2 * index], times[2 * index + 1], _apart(*pairs[index]))
        for index, spec in enumerate(specs)
    ]
    ours_ms, peer_ms = round(sum(times[::2]), 2), round(sum(times[1::2]), 2)
    return Result(pack, ours_ms, peer_ms, round(ours_ms / peer_ms, 3), networks)


def _ours(network: Network, tensor: Tensor) -> Run:
    return lambda: network.run(tensor)[0]


def _peer(spec: NetworkSpec, loaded: Pack, downloads: Downloads, scratch: Path, tensor: Tensor) -> Run:
    """OpenVINO on the published IR or ONNX; the published TensorFlow Lite takes two pictures at a time only."""
    if spec.convert == "tflite":
        (scratch / spec.file).write_bytes(loaded.read(spec))
    else:
        for original in spec.original:
            (scratch / original.file).write_bytes(downloads.get(original))
    core = openvino.Core()
    model = core.read_model(scratch / (spec.file if spec.convert == "tflite" else spec.original[0].file))
    model.reshape(list(tensor.shape))
    request = core.compile_model(model, "CPU", PROPERTIES).create_infer_request()

    def run() -> Tensor:
        request.infer({0: tensor}, share_inputs=True)
        answer: Any = request.get_output_tensor(0).data
        return np.array(answer)

    return run


def _turns(runs: list[Run], progress: Progress) -> list[float]:
    """The median CPU milliseconds of each, all of them in turn."""
    times: list[list[float]] = [[] for _ in runs]
    for number in range(WARM + ROUNDS):
        for run, taken in zip(runs, times, strict=True):
            begun = time.thread_time()
            run()
            taken.append(1000 * (time.thread_time() - begun))
        progress(number + 1, WARM + ROUNDS)
    return [round(float(np.median(taken[WARM:])), 3) for taken in times]


def _apart(ours: Run, peer: Run) -> float:
    one, other = ours().ravel(), peer().ravel()
    return float(f"{np.abs(one - other).max() / np.abs(other).max():.2g}")
