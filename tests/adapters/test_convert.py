"""Conversions against the operators' definitions, on networks small enough to write down."""

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from edge.convert import from_onnx, from_openvino
from edge.errors import ModelError

Array = NDArray[np.float32]

SLOPES = np.array([-7.9, -0.3, 0.0, 0.5, 1.0, 7.5], np.float32)
RANDOM = np.random.default_rng(3)
WEIGHT = RANDOM.normal(size=(6, 3, 3, 3)).astype(np.float32)


def published(slope: Array, tail: str = "Relu") -> bytes:
    """Convolution, PReLU and one more operator, for one picture of 8 x 8."""
    nodes = [
        helper.make_node("Conv", ["in", "w"], ["a"], pads=[1, 1, 1, 1]),
        helper.make_node("PRelu", ["a", "slope"], ["b"]),
        helper.make_node(tail, ["b"], ["out"]),
    ]
    picture = helper.make_tensor_value_info("in", TensorProto.FLOAT, [1, 3, 8, 8])
    rank = 2 if tail == "Flatten" else 4
    answer = helper.make_tensor_value_info("out", TensorProto.FLOAT, [None] * rank)
    constants = [numpy_helper.from_array(WEIGHT, "w"), numpy_helper.from_array(slope, "slope")]
    graph = helper.make_graph(nodes, "tiny", [picture], [answer], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    data: bytes = model.SerializeToString()
    return data


def run(model: bytes, tensor: Array) -> Array:
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    answer: Array = session.run(None, {session.get_inputs()[0].name: tensor})[0]
    return answer


@pytest.mark.parametrize("shape", [(6, 1, 1), (1, 6, 1, 1), (1, 1, 1)])
def test_prelu_is_replaced_and_computes_the_same_whatever_its_slopes(shape: tuple[int, ...]) -> None:
    source = published(SLOPES[: int(np.prod(shape))].reshape(shape), "Flatten")
    converted = from_onnx(source)
    assert "PRelu" not in {node.op_type for node in onnx.load_from_string(converted).graph.node}
    picture = RANDOM.normal(size=(1, 3, 8, 8)).astype(np.float32)
    assert np.allclose(run(converted, picture), run(source, picture), rtol=1e-5, atol=1e-5)


def test_the_batch_becomes_free_and_so_does_the_size_of_a_fully_convolutional_network() -> None:
    converted = from_onnx(published(SLOPES.reshape(6, 1, 1)))
    assert run(converted, np.zeros((3, 3, 32, 16), np.float32)).shape == (3, 6, 32, 16)


def test_pixels_may_be_handed_over_as_bytes() -> None:
    source = published(SLOPES.reshape(6, 1, 1))
    pixels = RANDOM.integers(0, 256, (1, 3, 8, 8), np.uint8)
    assert np.allclose(run(from_onnx(source, pixels=True), pixels), run(source, pixels.astype(np.float32)), rtol=1e-5)


def expanding(channels: int, tail: str) -> bytes:
    """A picture made `channels` wide, through a depthwise convolution, and back to two channels or into `tail`."""
    shapes = {
        "w": (channels, 3, 1, 1),
        "b": (channels,),
        "s": (channels, 1, 1),
        "d": (channels, 1, 3, 3),
        "e": (2, channels, 1, 1),
    }
    constants = [
        numpy_helper.from_array(RANDOM.normal(size=shape).astype(np.float32), n) for n, shape in shapes.items()
    ]
    nodes = [
        helper.make_node("Conv", ["in", "w", "b"], ["x"]),
        helper.make_node("PRelu", ["x", "s"], ["y"]),
        helper.make_node("Conv", ["y", "d"], ["z"], group=channels),
        helper.make_node("Conv", ["z", "e"], ["out"]) if tail == "Conv" else helper.make_node(tail, ["z"], ["out"]),
    ]
    picture = helper.make_tensor_value_info("in", TensorProto.FLOAT, [1, 3, 8, 8])
    answer = helper.make_tensor_value_info("out", TensorProto.FLOAT, [None] * (2 if tail == "Flatten" else 4))
    graph = helper.make_graph(nodes, "expanding", [picture], [answer], constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()


def widths(model: bytes) -> set[int]:
    """The channels of every depthwise convolution."""
    nodes = onnx.load_from_string(model).graph.node
    groups = [a.i for node in nodes for a in node.attribute if a.name == "group"]
    return {group for group in groups if group > 1}


@pytest.mark.parametrize(
    ("channels", "tail", "width"), [(13, "Conv", 16), (32, "Conv", 32), (13, "Flatten", 13), (13, "Relu", 13)]
)
def test_channels_fill_a_block_only_where_nobody_sees_it(channels: int, tail: str, width: int) -> None:
    source = expanding(channels, tail)
    converted = from_onnx(source)
    assert widths(converted) == {width}
    picture = RANDOM.normal(size=(1, 3, 8, 8)).astype(np.float32)
    assert np.allclose(run(converted, picture), run(source, picture), rtol=1e-4, atol=1e-4)


def test_the_same_input_gives_the_same_bytes() -> None:
    assert from_onnx(published(SLOPES)) == from_onnx(published(SLOPES))


LAYER = '<layer id="{id}" type="{type}"><data {data}/></layer>'
CONVOLUTION = 'strides="1,1" dilations="1,1" pads_begin="0,0" pads_end="0,0"'


def intermediate(activation: str) -> tuple[bytes, bytes]:
    """OpenVINO IR: a 1x1 convolution with FP16 weights, then one more operator with a constant."""
    weights = WEIGHT[:, :, 0, 0].astype(np.float16).tobytes() + SLOPES.astype(np.float16).tobytes()
    layers = [
        ("Parameter", 'shape="1,3,1,1"'),
        ("Const", 'element_type="f16" shape="6,3,1,1" offset="0"'),
        ("Convert", ""),
        ("Convolution", CONVOLUTION),
        ("Const", 'element_type="f16" shape="6" offset="36"'),
        ("Convert", ""),
        (activation, ""),
        ("Result", ""),
    ]
    edges = [(0, 3, 0), (1, 2, 0), (2, 3, 1), (3, 6, 0), (4, 5, 0), (5, 6, 1), (6, 7, 0)]
    lines = [LAYER.format(id=index, type=kind, data=data) for index, (kind, data) in enumerate(layers)]
    arrows = [f'<edge from-layer="{a}" to-layer="{b}" to-port="{port}"/>' for a, b, port in edges]
    return f"<net><layers>{''.join(lines)}</layers><edges>{''.join(arrows)}</edges></net>".encode(), weights


def test_openvino_networks_compute_what_their_layers_say() -> None:
    picture = RANDOM.normal(size=(2, 3, 1, 1)).astype(np.float32)
    sums = picture[:, :, 0, 0] @ WEIGHT[:, :, 0, 0].astype(np.float16).astype(np.float32).T
    wanted = np.where(sums < 0, sums * SLOPES.astype(np.float16), sums)
    assert np.allclose(run(from_openvino(*intermediate("PReLU")), picture), wanted, rtol=1e-5, atol=1e-5)


def test_an_operator_that_is_not_known_is_named() -> None:
    with pytest.raises(ModelError, match="Swish cannot be converted"):
        from_openvino(*intermediate("Swish"))
