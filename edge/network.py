"""One network on ONNX Runtime."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as failures

from edge.errors import ModelError
from edge.packs import NetworkSpec

Tensor = NDArray[np.float32]
Pixels = NDArray[np.uint8]
UNLOADABLE = (
    failures.Fail,
    failures.InvalidArgument,
    failures.InvalidGraph,
    failures.InvalidProtobuf,
    failures.NotImplemented,
    failures.RuntimeException,
)
Observer = Callable[["Network", Tensor | Pixels, float], None]
"""Told after each run: the network, its input (valid during the call only) and the seconds it took."""


class Network:
    """A loaded network. `run` takes its one input and returns every output, float32, in the model's order."""

    def __init__(self, spec: NetworkSpec, model: bytes, threads: int = 1, observer: Observer | None = None) -> None:
        self.spec = spec
        self.observer = observer
        self._session = _session(spec, model, threads)
        self._input = self._session.get_inputs()[0].name
        self.outputs = [output.name for output in self._session.get_outputs()]

    def run(self, tensor: Tensor | Pixels) -> list[Tensor]:
        started = time.perf_counter()
        results: list[Tensor] = self._session.run(None, {self._input: tensor})
        if self.observer:
            self.observer(self, tensor, time.perf_counter() - started)
        return results

    @property
    def channels_last(self) -> bool:
        return bool(self._session.get_inputs()[0].shape[3] == 3)

    @property
    def takes_pixels(self) -> bool:
        """The input is uint8, not float32."""
        return bool(self._session.get_inputs()[0].type == "tensor(uint8)")


def _session(spec: NetworkSpec, model: bytes, threads: int) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # a waiting eye must leave the core
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except UNLOADABLE as error:
        hint = "get it again with: edge-gate models fetch PACK"
        raise ModelError("{file} cannot be loaded: {why}", hint, file=spec.file, why=error) from error


def probe(network: Network) -> Tensor:
    """Up to eight numbers from all over the outputs for a fixed input: what a conversion is verified against."""
    width, height = network.spec.size
    shape = (1, height, width, 3) if network.channels_last else (1, 3, height, width)
    mixed = np.arange(3 * width * height, dtype=np.uint32) * np.uint32(2654435761)  # Knuth's multiplicative hash
    pixels = (mixed >> 24).astype(np.uint8).reshape(shape)
    tensor = (pixels - np.float32(network.spec.mean)) * np.float32(network.spec.scale)
    results = network.run(pixels if network.takes_pixels else tensor)
    flat = np.concatenate([result.reshape(-1) for result in results])
    chosen: Tensor = flat[np.linspace(0, len(flat) - 1, min(8, len(flat))).astype(int)]
    return chosen
