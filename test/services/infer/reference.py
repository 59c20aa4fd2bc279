"""Outputs of real graphs by Python's onnxruntime, for test/services/infer/real.test.ts. Inputs are made by a rule both sides know, so
that only outputs are kept:  python test/services/infer/reference.py SHARED/models > test/services/infer/reference/outputs.json"""

import json
import sys

import numpy
import onnxruntime

TYPES = {"tensor(int32)": "int32", "tensor(int64)": "int64", "tensor(uint8)": "uint8", "tensor(float)": "float32"}


def values(kind, count, seed, high):
    """Whole numbers below `high`, or sixteenths of them, by a linear congruential generator."""
    state, made = seed, []
    for _ in range(count):
        state = (state * 1103515245 + 12345) % 2**31
        made.append((state >> 8) % high)
    array = numpy.array(made, dtype=numpy.float64)
    return (array / 16 if kind == "float32" else array).astype(kind)


# folder, file, and for each input its shape and its bound (1: all zeros; the mask is all ones)
CASES = [
    ("magika-standard-v3_3", "model.onnx", {"bytes": ([3, 2048], 257)}),
    ("nnsplit-en", "model.onnx", {"input": ([2, 60], 128)}),
    ("lande-langid-50", "model.onnx", {"features": ([4, 620], 16)}),
    ("profanity-check", "model.onnx", {"input_ids": ([3, 12], 15444), "attention_mask": ([3, 12], 0)}),
    ("movie-review-avg-word-vec-v2", "model.onnx", {"input_ids": ([3, 20], 10003), "attention_mask": ([3, 20], 0)}),
    (
        "tiny-bert-sst2",
        "model.onnx",
        {"input_ids": ([2, 16], 1000), "attention_mask": ([2, 16], 0), "token_type_ids": ([2, 16], 1)},
    ),
    ("g2p-en-gru", "encoder_model.onnx", {"input_ids": ([2, 7], 29), "attention_mask": ([2, 7], 0)}),
    ("g2p-en-gru", "decoder_with_past_model.onnx", {"input_ids": ([2, 1], 74), "past_hidden": ([2, 256], 16)}),
]

cases = []
for folder, file, shapes in CASES:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(f"{sys.argv[1]}/{folder}/onnx/{file}", options, ["CPUExecutionProvider"])
    feeds, inputs = {}, []
    for seed, each in enumerate(session.get_inputs(), 1):
        shape, high = shapes[each.name]
        kind = TYPES[each.type]
        count = int(numpy.prod(shape))
        made = numpy.ones(count, kind) if high == 0 else values(kind, count, seed, high)
        feeds[each.name] = made.reshape(shape)
        inputs.append({"name": each.name, "type": kind, "shape": shape, "seed": seed, "high": high})
    names = [each.name for each in session.get_outputs()]
    outputs = [
        {"name": name, "shape": list(array.shape), "values": [float(f"{value:.8g}") for value in array.ravel()[:400]]}
        for name, array in zip(names, session.run(names, feeds))
    ]
    cases.append({"folder": folder, "file": file, "inputs": inputs, "outputs": outputs})

json.dump({"onnxruntime": onnxruntime.__version__, "cases": cases}, sys.stdout, separators=(",", ":"))
print()
