"""Write a Bert from bert.py as an ONNX graph of standard operators (opset 17), then make it int8.

Written by hand with onnx.helper so that the graph is small, stable and the same for every torch
version. int8 = MatMul weights by onnxruntime's dynamic quantizer, one scale an output channel, in 7 bits
(reduce_range: then integer sums cannot saturate on processors without VNNI, and every processor gives
the same numbers); word vectors as int8 rows with one scale a row, which loses far less
than the quantizer's one scale for the whole table.
"""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic


def rows_int8(table):
    scale = np.maximum(np.abs(table).max(1), 1e-12) / 127
    return np.clip(np.rint(table / scale[:, None]), -127, 127).astype(np.int8), scale.astype(np.float32)


def write(model, path, head=None, positions=256, reduce_range=True, quantize=True):
    """`head` None: output last_hidden_state. Else (weight [labels, width], bias): mean pool + linear -> logits.
    `positions` is the longest text in tokens; the table ends there."""
    path = Path(path)
    tensors, nodes = [], []

    def init(name, value):
        tensors.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def node(op, inputs, output, **attributes):
        nodes.append(helper.make_node(op, inputs, [output], name=output, **attributes))
        return output

    get = lambda p: p.detach().float().numpy()
    width, heads = model.word.weight.shape[1], model.layers[0].heads
    each = width // heads
    small, scale = rows_int8(get(model.word.weight))
    init("word", small)
    init("word_scale", scale[:, None])
    init("position", get(model.position.weight)[:positions])
    init("zero", np.array([0]))
    init("one", np.array([1]))
    init("axis0", np.array([0]))
    # word vectors + positions, normed
    node("Cast", [node("Gather", ["word", "input_ids"], "word_rows")], "word_float", to=TensorProto.FLOAT)
    node("Mul", ["word_float", node("Gather", ["word_scale", "input_ids"], "word_scales")], "words")
    node("Shape", ["input_ids"], "shape")
    node("Slice", ["shape", "one", init("two", np.array([2]))], "length")
    node("Slice", ["position", "zero", "length", "axis0"], "positions")
    node("Add", ["words", "positions"], "embedded")

    def norm(x, layer, name):
        return node("LayerNormalization", [x, init(f"{name}_weight", get(layer.weight)), init(f"{name}_bias", get(layer.bias))],
                    name, axis=-1, epsilon=float(layer.eps))

    def dense(x, weight, bias, name):
        y = node("MatMul", [x, init(f"{name}_weight", get(weight).T)], f"{name}_product")
        return node("Add", [y, init(f"{name}_bias", get(bias))], name)

    x = norm("embedded", model.norm, "embedding_norm")
    # mask [b, t] -> 0 or -1e4 on [b, 1, 1, t] (enough for softmax in float32, and safe in float16)
    node("Cast", ["attention_mask"], "mask_float", to=TensorProto.FLOAT)
    node("Sub", [init("one_float", np.float32(1)), "mask_float"], "hidden_places")
    node("Mul", [node("Unsqueeze", ["hidden_places", init("axes12", np.array([1, 2]))], "hidden_places4"), init("far", np.float32(-1e4))], "bias")
    init("split_shape", np.array([0, 0, heads, each]))
    init("join_shape", np.array([0, 0, width]))
    init("root", np.float32(1 / np.sqrt(each)))
    init("half", np.float32(0.5))
    init("sqrt2", np.float32(np.sqrt(2)))
    for i, layer in enumerate(model.layers):
        n = f"layer{i}"
        parts = []
        for j, name in enumerate(("query", "key", "value")):
            span = slice(j * width, (j + 1) * width)
            y = dense(x, layer.qkv.weight[span], layer.qkv.bias[span], f"{n}_{name}")
            y = node("Reshape", [y, "split_shape"], f"{n}_{name}_split")
            parts.append(node("Transpose", [y], f"{n}_{name}_heads", perm=[0, 2, 3, 1] if name == "key" else [0, 2, 1, 3]))
        scores = node("Mul", [node("MatMul", parts[:2], f"{n}_scores"), "root"], f"{n}_scaled")
        weights = node("Softmax", [node("Add", [scores, "bias"], f"{n}_masked")], f"{n}_weights", axis=-1)
        mixed = node("Transpose", [node("MatMul", [weights, parts[2]], f"{n}_mixed")], f"{n}_mixed_back", perm=[0, 2, 1, 3])
        out = dense(node("Reshape", [mixed, "join_shape"], f"{n}_joined"), layer.out.weight, layer.out.bias, f"{n}_out")
        x = norm(node("Add", [out, x], f"{n}_sum1"), layer.norm1, f"{n}_norm1")
        up = dense(x, layer.up.weight, layer.up.bias, f"{n}_up")
        wave = node("Add", [node("Erf", [node("Div", [up, "sqrt2"], f"{n}_gelu1")], f"{n}_gelu2"), "one_float"], f"{n}_gelu3")
        gelu = node("Mul", [node("Mul", [up, wave], f"{n}_gelu4"), "half"], f"{n}_gelu")
        down = dense(gelu, layer.down.weight, layer.down.bias, f"{n}_down")
        x = norm(node("Add", [down, x], f"{n}_sum2"), layer.norm2, f"{n}_norm2")
    if head is None:
        node("Identity", [x], "last_hidden_state")
        output = helper.make_tensor_value_info("last_hidden_state", TensorProto.FLOAT, ["batch", "sequence", width])
    else:
        node("Unsqueeze", ["mask_float", init("axis2", np.array([2]))], "mask3")
        node("ReduceSum", [node("Mul", [x, "mask3"], "kept"), "one"], "total", keepdims=0)
        node("Max", [node("ReduceSum", ["mask3", "one"], "count", keepdims=0), init("tiny", np.float32(1e-9))], "count1")
        node("Div", ["total", "count1"], "pooled")
        node("Gemm", ["pooled", init("head_weight", get(head[0]).T), init("head_bias", get(head[1]))], "logits")
        output = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", head[0].shape[0]])
    inputs = [helper.make_tensor_value_info(k, TensorProto.INT64, ["batch", "sequence"]) for k in ("input_ids", "attention_mask")]
    graph = helper.make_graph(nodes, "bert", inputs, [output], tensors)
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9, producer_name="plexus")
    onnx.checker.check_model(proto)
    path.parent.mkdir(parents=True, exist_ok=True)
    if not quantize:
        onnx.save(proto, path)
        return
    plain = path.with_suffix(".fp32.onnx")
    onnx.save(proto, plain)
    quantize_dynamic(plain, path, op_types_to_quantize=["MatMul"], per_channel=True, reduce_range=reduce_range,
                     weight_type=QuantType.QInt8, extra_options={"MatMulConstBOnly": True})
    plain.unlink()
