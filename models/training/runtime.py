"""Run a model folder of the store as a service would: tokenizers + onnxruntime, batches of like length."""

import json
from pathlib import Path

import numpy as np
import onnxruntime as ort
from tokenizers import Tokenizer


class Folder:
    def __init__(self, folder, max_tokens=None, threads=2):
        self.folder = Path(folder)
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        self.session = ort.InferenceSession(self.folder / "onnx/model_quantized.onnx", options, providers=["CPUExecutionProvider"])
        self.tokenizer = Tokenizer.from_file(str(self.folder / "tokenizer.json"))
        self.tokenizer.no_padding()
        config = json.loads((self.folder / "tokenizer_config.json").read_text())
        self.tokenizer.enable_truncation(max_tokens or config["model_max_length"])

    def encode(self, texts):
        return [e.ids for e in self.tokenizer.encode_batch(texts)]

    def run(self, texts, tokens_max=2048, one_by_one=False):
        """-> list of (output row, mask length); output row is [tokens, width] or [labels]."""
        ids = self.encode(texts)
        out = [None] * len(texts)
        order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
        while order:
            take = 1
            while not one_by_one and take < len(order) and len(ids[order[take]]) * (take + 1) <= tokens_max:
                take += 1
            part, order = order[:take], order[take:]
            wide = max(len(ids[i]) for i in part)
            x, m = np.zeros((len(part), wide), np.int64), np.zeros((len(part), wide), np.int64)
            for r, i in enumerate(part):
                x[r, : len(ids[i])] = ids[i]
                m[r, : len(ids[i])] = 1
            for r, (i, y) in enumerate(zip(part, self.session.run(None, {"input_ids": x, "attention_mask": m})[0])):
                out[i] = y[: len(ids[i])] if y.ndim == 2 else y
        return out

    def vectors(self, texts, **how):
        """Mean pooled, unit length."""
        v = np.stack([y.astype(np.float64).mean(0) if len(y) else np.zeros(y.shape[1]) for y in self.run(texts, **how)])
        return (v / np.maximum(np.linalg.norm(v, axis=1, keepdims=True), 1e-12)).astype(np.float32)
