"""Our int8 file beside what Python's onnxruntime quantizer makes of the same fp32 file: size, exactness, quality, speed.

    python bench/quantize.py --model model.onnx --tokenizer tokenizer.json --ours model_quantized.onnx --sts stsb-test.csv

Needs onnx, onnxruntime, tokenizers and numpy. Quality is Pearson's r on STS-B (sentence1, sentence2, score in three columns
of a CSV without a heading). All files run on one thread, texts one by one, in turns, and the quickest of the rounds counts.
"""

import argparse
import csv
import os
import platform
import tempfile
import time
from pathlib import Path

import numpy as np
import onnxruntime
from onnxruntime.quantization import QuantType, quantize_dynamic
from tokenizers import Tokenizer

parser = argparse.ArgumentParser()
parser.add_argument("--model", required=True)
parser.add_argument("--tokenizer", required=True)
parser.add_argument("--ours", required=True, action="append", help="name=path, several")
parser.add_argument("--sts", required=True)
parser.add_argument("--pooling", default="mean", choices=["mean", "cls"])
parser.add_argument("--prefix", default="")
parser.add_argument("--rows", type=int, help="pairs of STS-B; default all")
parser.add_argument("--rounds", type=int, default=3)
parser.add_argument("--timed", type=int, default=200, help="texts of a timed round")
args = parser.parse_args()


def session(path):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def embed(run, encoding):
    ids = np.array([encoding.ids], np.int64)
    mask = np.ones_like(ids)
    given = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
    output = run.run(None, {i.name: given[i.name] for i in run.get_inputs()})[0][0]
    vector = output.mean(0) if args.pooling == "mean" else output[0]
    return vector / np.linalg.norm(vector)


def main():
    tokenizer = Tokenizer.from_file(args.tokenizer)
    tokenizer.no_padding()
    tokenizer.enable_truncation(256)
    with open(args.sts, encoding="utf-8", newline="") as f:
        rows = [(a, b, float(score)) for a, b, score in csv.reader(f)][: args.rows]
    pairs = [(tokenizer.encode(args.prefix + a), tokenizer.encode(args.prefix + b)) for a, b, _ in rows]
    scores = [score for *_, score in rows]
    with tempfile.TemporaryDirectory() as folder:
        files = {"fp32": Path(args.model)}
        for name, options in {
            "Python, its defaults": {},
            "Python, per channel": {"per_channel": True},
            "Python, per channel, reduced range": {"per_channel": True, "reduce_range": True},
        }.items():
            files[name] = Path(folder) / f"{len(files)}.onnx"
            quantize_dynamic(args.model, files[name], weight_type=QuantType.QInt8, **options)
        for each in args.ours:
            name, _, path = each.partition("=")
            files[f"Plexus, {name}"] = Path(path)
        sessions = {name: session(path) for name, path in files.items()}
        vectors = {name: np.stack([[embed(run, a), embed(run, b)] for a, b in pairs]) for name, run in sessions.items()}
        best = dict.fromkeys(files, np.inf)
        for _ in range(args.rounds):
            for name, run in sessions.items():
                start = time.perf_counter()
                for a, _ in pairs[: args.timed]:
                    embed(run, a)
                best[name] = min(best[name], time.perf_counter() - start)
        print(f"onnxruntime {onnxruntime.__version__}, Python {platform.python_version()}, {len(rows)} pairs\n")
        print("| file | MB | of fp32 | STS-B Pearson | cosine to fp32, mean | worst | texts/s |")
        print("|---|---|---|---|---|---|---|")
        for name, path in files.items():
            size = os.path.getsize(path)
            v = vectors[name]
            pearson = np.corrcoef((v[:, 0] * v[:, 1]).sum(1), scores)[0, 1]
            drift = (v * vectors["fp32"]).sum(2)
            print(f"| {name} | {size / 1e6:.2f} | {size / os.path.getsize(args.model):.3f} | {pearson * 100:.2f} | {drift.mean():.5f} | {drift.min():.5f} | {args.timed / best[name]:.0f} |")


if __name__ == "__main__":
    main()
