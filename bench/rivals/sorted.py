"""Python onnxruntime and tokenizers, a rival of bench/embed.ts: texts in order of length, 32 a batch, mean pooling, normalized.

python sorted.py MODEL_FOLDER ONNX_FILE MAX_TOKENS TEXTS_FILE; a line in starts a round, a line out is the seconds it took and
those of processor time.
"""
import json
import sys
import time

import numpy as np
import onnxruntime as ort
from tokenizers import Tokenizer

folder, file, max_tokens, texts_file = sys.argv[1:5]
with open(texts_file, encoding="utf-8") as handle:
    texts = json.load(handle)
tokenizer = Tokenizer.from_file(f"{folder}/tokenizer.json")
tokenizer.enable_truncation(int(max_tokens))
tokenizer.no_padding()
session = ort.InferenceSession(file, providers=["CPUExecutionProvider"])
names = {each.name for each in session.get_inputs()}


def embed():
    encodings = tokenizer.encode_batch(texts)
    order = sorted(range(len(texts)), key=lambda index: len(encodings[index].ids))
    vectors = [None] * len(texts)
    for start in range(0, len(order), 32):
        places = order[start : start + 32]
        width = max(len(encodings[place].ids) for place in places)
        ids = np.zeros((len(places), width), dtype=np.int64)
        mask = np.zeros_like(ids)
        for row, place in enumerate(places):
            found = encodings[place].ids
            ids[row, : len(found)] = found
            mask[row, : len(found)] = 1
        feeds = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        hidden = session.run(None, {name: feeds[name] for name in names})[0]
        pooled = (hidden * mask[..., None]).sum(1) / mask.sum(1, keepdims=True)
        pooled /= np.linalg.norm(pooled, axis=1, keepdims=True)
        for row, place in enumerate(places):
            vectors[place] = pooled[row]
    return vectors


print("ready", flush=True)
for _ in sys.stdin:
    started, cpu = time.perf_counter(), time.process_time()
    embed()
    print(json.dumps([time.perf_counter() - started, time.process_time() - cpu]), flush=True)
