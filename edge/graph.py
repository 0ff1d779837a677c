"""An ONNX graph under construction, in the forms that ONNX Runtime runs fast; each computes what was meant.

Two traps, both measured: its PRelu kernel costs more than all convolutions around it, and a depthwise convolution of
a number of channels that is no multiple of its block (16) leaves the blocked layout and costs four times as much.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

Array = NDArray[Any]

BLOCK = 16
"""Channels that one block holds where ONNX Runtime uses AVX-512; 8 elsewhere, which divides it."""
ELEMENTWISE = ("Relu", "LeakyRelu", "Add", "Identity")
"""Operators that take a channel of zeros to one, and treat channels alike."""
OPSET, IR = 17, 8


class Graph:
    """An ONNX graph under construction."""

    def __init__(self) -> None:
        self.nodes: dict[str, onnx.NodeProto] = {}
        self.constants: dict[str, Array] = {}

    def add(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """Append a node with one output; returns the name of both."""
        name = f"{operator.lower()}_{len(self.nodes)}"
        self.append(helper.make_node(operator, inputs, [name], name, **attributes))
        return name

    def append(self, node: onnx.NodeProto) -> None:
        self.nodes[node.output[0]] = node

    def constant(self, array: Array) -> str:
        name = f"constant_{len(self.constants)}"
        self.constants[name] = array
        return name

    def prelu(self, x: str, slope: Array) -> str:
        """PReLU in the form that ONNX Runtime runs fast; its own PRelu kernel costs more than the convolutions.

        One slope: LeakyRelu, which is fused into the convolution before it. A slope a channel, on (N, C, H, W):
        x + (1 - slope) * Relu(-x) with the factors as 1x1 depthwise convolutions, which keep the blocked layout
        and are fused with Relu and sum. Exact for x >= 0, whatever the slope; within rounding below.
        """
        slope = slope.astype(np.float32).reshape(-1)
        if len(slope) == 1:
            return self.add("LeakyRelu", x, alpha=float(slope[0]))
        below = self.add("Relu", self._scaled(x, np.full_like(slope, -1)))
        return self.add("Add", self._scaled(below, 1 - slope), x)

    def _scaled(self, x: str, factor: Array) -> str:
        weight = self.constant(factor.reshape(-1, 1, 1, 1))
        return self.add("Conv", x, weight, group=len(factor), kernel_shape=[1, 1])

    def serialised(self, inputs: list[onnx.ValueInfoProto], outputs: dict[str, int], opset: int = OPSET) -> bytes:
        """The model's bytes, without nodes and constants that no output needs; `outputs` gives each its rank."""
        nodes = self._needed(set(outputs))
        used = {name for node in nodes for name in node.input}
        constants = [
            numpy_helper.from_array(np.ascontiguousarray(array), name)
            for name, array in self.constants.items()
            if name in used
        ]
        ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None] * rank) for name, rank in outputs.items()]
        graph = helper.make_graph(nodes, "network", inputs, ends, constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=IR)
        onnx.checker.check_model(model)
        data: bytes = model.SerializeToString(deterministic=True)
        return data

    def _needed(self, wanted: set[str]) -> list[onnx.NodeProto]:
        nodes = []
        for node in reversed(self.nodes.values()):
            if not wanted.isdisjoint(node.output):
                wanted |= set(node.input)
                nodes.append(node)
        return nodes[::-1]

    def widen(self) -> None:
        """Give what runs through depthwise convolutions as many more channels, all zero, as fill the last block."""
        wide: dict[str, int] = {}
        for name, node in self.nodes.items():
            if node.op_type == "Conv":
                self._widen(node, wide)
            elif node.input[0] in wide:
                wide[name] = wide[node.input[0]]

    def _widen(self, node: onnx.NodeProto, wide: dict[str, int]) -> None:
        weight = self.constants[node.input[1]]
        outputs = len(weight)
        added = wide.get(node.input[0], 0)
        if _groups(node) == 1:
            more = -outputs % BLOCK if self._widenable(node.output[0]) else 0
            self._pad(node, [(0, more), (0, added)])
        elif more := added:
            self._pad(node, [(0, more), (0, 0)])
            node.attribute.remove(next(each for each in node.attribute if each.name == "group"))
            node.attribute.append(helper.make_attribute("group", outputs + more))
        if more:
            wide[node.output[0]] = more

    def _pad(self, node: onnx.NodeProto, channels: list[tuple[int, int]]) -> None:
        if any(channels[0]) or any(channels[1]):
            weight = self.constants[node.input[1]]
            node.input[1] = self.constant(np.pad(weight, [*channels, (0, 0), (0, 0)]))
            if len(node.input) == 3:
                node.input[2] = self.constant(np.pad(self.constants[node.input[2]], channels[0]))

    def _widenable(self, value: str) -> bool:
        """Whether it runs through a depthwise convolution and ends in dense ones, which can ignore channels."""
        ahead = list(self._ahead(value))
        return any(node is not None and _groups(node) > 1 for node in ahead) and all(
            node is not None and node.op_type in (*ELEMENTWISE, "Conv") for node in ahead
        )

    def _ahead(self, value: str) -> Iterator[onnx.NodeProto | None]:
        """Every use of a value up to the next dense convolutions; None where it leaves the network."""
        users = [node for node in self.nodes.values() if value in node.input]
        yield from users
        if not users:
            yield None
        for node in users:
            if node.op_type in ELEMENTWISE or _groups(node) > 1:
                yield from self._ahead(node.output[0])


def _groups(node: onnx.NodeProto) -> int:
    """In how many groups a node convolves; 1 when it is no convolution."""
    return next((attribute.i for attribute in node.attribute if attribute.name == "group"), 1)
