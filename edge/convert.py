"""Other formats to the ONNX that a gate runs: TensorFlow Lite, OpenVINO IR, and ONNX as published.

A subset: what the networks of `models/*.toml` use; anything else is a ModelError. Constants become float32, the batch
(and the picture size of a fully convolutional network) is left free, and the same input gives the same bytes, so that
a manifest can pin the result by its sha256.
"""

import xml.etree.ElementTree as xml
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import onnx
import tflite
from onnx import TensorProto, helper, numpy_helper

from edge.errors import ModelError
from edge.graph import Array, Graph


def _picture(name: str, shape: Sequence[int | str]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", *shape[1:]])


def from_onnx(model: bytes, pixels: bool = False) -> bytes:
    """Published ONNX with its PReLUs made fast, its batch free and, if fully convolutional, its size free too.

    With `pixels` the input is uint8 and becomes float32 inside: a quarter of the bytes to hand over.
    """
    loaded = onnx.load_from_string(model)
    source, graph = loaded.graph, Graph()
    graph.constants = {c.name: numpy_helper.to_array(c) for c in source.initializer}
    inputs = [_freed(i, source) for i in source.input if i.name not in graph.constants]
    if pixels:
        _cast(inputs[0], graph)
    for node in source.node:
        _copy(node, graph)
    graph.widen()
    outputs = {o.name: len(o.type.tensor_type.shape.dim) for o in source.output}
    return graph.serialised(inputs, outputs, loaded.opset_import[0].version)


def _freed(value: onnx.ValueInfoProto, source: onnx.GraphProto) -> onnx.ValueInfoProto:
    shape: list[int | str] = [d.dim_value or d.dim_param for d in value.type.tensor_type.shape.dim]
    if all(node.op_type not in ("Flatten", "MatMul", "Gemm") for node in source.node) and isinstance(shape[2], int):
        shape[2:] = ["H", "W"]
    return _picture(value.name, shape)


def _cast(value: onnx.ValueInfoProto, graph: Graph) -> None:
    """Have the graph's input arrive as uint8 under another name."""
    name, value.name = value.name, "pixels"
    value.type.tensor_type.elem_type = TensorProto.UINT8
    graph.append(helper.make_node("Cast", ["pixels"], [name], to=TensorProto.FLOAT))


def _copy(node: onnx.NodeProto, graph: Graph) -> None:
    slope = graph.constants.get(node.input[1]) if node.op_type == "PRelu" else None
    if slope is not None and slope.size == max(slope.shape[:2]) and slope.ndim > 2:
        graph.append(helper.make_node("Identity", [graph.prelu(node.input[0], slope)], node.output))
        return
    shape = graph.constants.get(node.input[1]) if node.op_type == "Reshape" else None
    if shape is not None and shape[0] == 1:
        graph.constants[node.input[1]] = np.array([0, *shape[1:]], np.int64)  # 0: as in the input, so any batch
    graph.append(node)


def from_openvino(document: bytes, weights: bytes) -> bytes:
    """OpenVINO IR (.xml and .bin) of one picture (1, C, H, W) to one vector (N, D)."""
    root = xml.fromstring(document)
    layers = {layer.attrib["id"]: layer for layer in root.iterfind("layers/layer")}
    inputs: dict[str, list[str]] = {name: [] for name in layers}
    for edge in sorted(root.iterfind("edges/edge"), key=lambda e: int(e.attrib["to-port"])):
        inputs[edge.attrib["to-layer"]].append(edge.attrib["from-layer"])
    reader = _OpenVino(weights)
    for name, layer in layers.items():
        reader.layer(name, layer, inputs[name])
    return reader.graph.serialised([reader.input], {reader.output: 2})


class _OpenVino:
    """Walks IR layers in their order, which is topological."""

    def __init__(self, weights: bytes) -> None:
        self.graph = Graph()
        self.weights = weights
        self.values: dict[str, str] = {}
        self.arrays: dict[str, Array] = {}
        self.input = onnx.ValueInfoProto()
        self.output = ""

    def layer(self, name: str, layer: xml.Element, inputs: list[str]) -> None:
        kind = layer.attrib["type"]
        found = layer.find("data")
        data = found.attrib if found is not None else {}
        if kind == "Parameter":
            self.input, self.values[name] = _picture("input", _integers(data["shape"])), "input"
        elif kind == "Const":
            self.arrays[name] = self._array(data)
        elif kind == "Convert":
            self.arrays[name] = self.arrays[inputs[0]].astype(np.float32)
        elif kind == "Result":
            self.output = self.graph.add("Flatten", self.values[inputs[0]])
        else:
            self.values[name] = self._node(kind, data, inputs)

    def _array(self, data: dict[str, str]) -> Array:
        types = {"f16": np.float16, "f32": np.float32}
        shape = _integers(data["shape"])
        flat = np.frombuffer(self.weights, types[data["element_type"]], int(np.prod(shape)), int(data["offset"]))
        return flat.reshape(shape)

    def _node(self, kind: str, data: dict[str, str], inputs: list[str]) -> str:
        if kind in ("Convolution", "GroupConvolution"):
            return self._convolution(data, inputs)
        if kind == "PReLU":
            return self.graph.prelu(self.values[inputs[0]], self.arrays[inputs[1]])
        if kind == "AvgPool":
            kernel, strides = _integers(data["kernel"]), _integers(data["strides"])
            return self.graph.add("AveragePool", self.values[inputs[0]], kernel_shape=kernel, strides=strides)
        names = {"Add": "Add", "Multiply": "Mul", "Sigmoid": "Sigmoid"}
        if kind not in names:
            raise _unsupported(kind)
        return self.graph.add(names[kind], *map(self._value, inputs))

    def _value(self, name: str) -> str:
        return self.values[name] if name in self.values else self.graph.constant(self.arrays[name])

    def _convolution(self, data: dict[str, str], inputs: list[str]) -> str:
        weight = self.arrays[inputs[1]]
        groups = len(weight) if weight.ndim == 5 else 1
        return self.graph.add(
            "Conv",
            self.values[inputs[0]],
            self.graph.constant(weight.reshape(-1, *weight.shape[-3:])),
            group=groups,
            dilations=_integers(data["dilations"]),
            strides=_integers(data["strides"]),
            pads=_integers(data["pads_begin"]) + _integers(data["pads_end"]),
        )


def _integers(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


def from_tflite(model: bytes) -> bytes:
    """TensorFlow Lite of one picture (N, H, W, C) to one vector; the ONNX takes (N, C, H, W)."""
    reader = _TfLite(tflite.Model.GetRootAs(model, 0))
    for index in range(reader.subgraph.OperatorsLength()):
        reader.operator(reader.subgraph.Operators(index))
    _, height, width, channels = reader.shape(reader.subgraph.Inputs(0))
    return reader.graph.serialised(
        [_picture("input", (0, channels, height, width))], {reader.values[reader.subgraph.Outputs(0)]: 2}
    )


class _TfLite:
    """Walks TensorFlow Lite operators in their order, which is topological."""

    SIMPLE = ("RELU", "ABS", "SUB", "MUL")

    def __init__(self, model: Any) -> None:
        self.model = model
        self.subgraph = model.Subgraphs(0)
        self.graph = Graph()
        self.values: dict[int, str] = {self.subgraph.Inputs(0): "input"}
        self.names = {number: name for name, number in vars(tflite.BuiltinOperator).items()}

    def operator(self, operator: Any) -> None:
        kind = self.names[self.model.OperatorCodes(operator.OpcodeIndex()).BuiltinCode()]
        inputs, output = [int(i) for i in operator.InputsAsNumpy()], operator.Outputs(0)
        if kind in ("CONV_2D", "DEPTHWISE_CONV_2D"):
            self.values[output] = self._convolution(kind, operator, inputs, output)
        elif kind == "ADD":
            self.values[output] = self._sum(*map(self._value, inputs))
        elif kind == "RESHAPE":
            self.values[output] = self.graph.add("Flatten", self.values[inputs[0]])
        elif kind in self.SIMPLE:
            self.values[output] = self.graph.add(kind.title(), *map(self._value, inputs))
        else:
            raise _unsupported(kind)

    def shape(self, tensor: int) -> list[int]:
        return [int(n) for n in self.subgraph.Tensors(tensor).ShapeAsNumpy()]

    def _array(self, tensor: int) -> Array:
        flat = self.model.Buffers(self.subgraph.Tensors(tensor).Buffer()).DataAsNumpy()
        array: Array = flat.view(np.float32).reshape(self.shape(tensor))
        return array

    def _value(self, tensor: int) -> str:
        return self.values[tensor] if tensor in self.values else self.graph.constant(self._array(tensor))

    def _convolution(self, kind: str, operator: Any, inputs: list[int], output: int) -> str:
        depthwise = kind == "DEPTHWISE_CONV_2D"
        options = tflite.DepthwiseConv2DOptions() if depthwise else tflite.Conv2DOptions()
        options.Init(operator.BuiltinOptions().Bytes, operator.BuiltinOptions().Pos)
        if options.FusedActivationFunction() != tflite.ActivationFunctionType.NONE:
            raise _unsupported("fused activation")
        weight = self._array(inputs[1]).transpose((3, 0, 1, 2) if depthwise else (0, 3, 1, 2))
        size, stride = weight.shape[2], options.StrideH()
        total = max(0, (self.shape(output)[1] - 1) * stride + size - self.shape(inputs[0])[1])
        return self.graph.add(
            "Conv",
            self.values[inputs[0]],
            self.graph.constant(weight),
            self.graph.constant(self._array(inputs[2])),
            group=len(weight) if depthwise else 1,
            strides=[stride, stride],
            pads=[total // 2] * 2 + [total - total // 2] * 2,  # SAME: the odd pixel goes right and below
        )

    def _sum(self, left: str, right: str) -> str:
        """Relu(x) + a * (x - |x|), which is how PReLU was exported, as PReLU of slope 2a."""
        nodes = self.graph.nodes
        relu, product = nodes.get(left), nodes.get(right)
        if relu is not None and relu.op_type == "Relu" and product is not None and product.op_type == "Mul":
            return self.graph.prelu(relu.input[0], 2 * self.graph.constants[product.input[0]])
        return self.graph.add("Add", left, right)


def _unsupported(kind: str) -> ModelError:
    return ModelError("{kind} cannot be converted to ONNX", "convert only networks of the manifests", kind=kind)


CONVERSIONS: dict[str, Callable[..., bytes]] = {
    "onnx": from_onnx,
    "onnx-pixels": partial(from_onnx, pixels=True),
    "openvino": from_openvino,
    "tflite": from_tflite,
}
