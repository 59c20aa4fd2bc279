"""One vector a word piece: the `static-en` embedder, for when 30 times faster matters more than order of words.

First the model2vec recipe: the teacher's vector of every token alone, PCA, weight by rarity. Then the
table is trained to give the teacher's similarities between sentences (teacher vectors are computed once and
kept in the cache by `python static.py --teach`). Special tokens have the zero vector, so mean pooling and
normalising as for any embedder is right.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from onnx import TensorProto, helper, numpy_helper

import bert
import embedder
import english
import export_bert
import facts

SEED = 17
TOKENS = english.CACHE / "teacher-tokens.npy"
VECTORS = english.CACHE / "teacher-vectors.npy"


def token_vectors(teacher):
    if not TOKENS.exists():
        np.save(TOKENS, embedder.vectors(teacher, [[101, i, 102] for i in range(30522)]))
    return np.load(TOKENS)


def teach(count):
    """Teacher vectors of the shorter texts, float16, in the order of `lessons`."""
    teacher = bert.load(embedder.TEACHER).eval()
    _, rows = lessons(english.corpus(), count)
    out = np.zeros((len(rows), 384), np.float16)
    started = time.time()
    for n, batch in enumerate(bert.batches([len(r) for r in rows], 4096, np.random.default_rng(0), 1 << 20)):
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
            ids, mask = bert.pad([rows[i] for i in batch])
            out[batch] = F.normalize(bert.mean_pool(teacher(ids, mask).float(), mask), dim=1).half().numpy()
        if n % 200 == 0:
            print(n, f"{time.time() - started:.0f} s", flush=True)
    np.save(VECTORS, out)


def lessons(corpus, count):
    """`count` texts of at most 24 tokens, drawn evenly from the sets -> ({set: texts}, [ids])"""
    tok, share = embedder.tokenizer(), count / sum(map(len, corpus.values())) * 1.45
    used = {name: [t for t in texts[: int(len(texts) * share) + 1] if len(t.split()) <= 19] for name, texts in corpus.items()}
    return used, [e.ids for texts in used.values() for e in tok.encode_batch(texts)]


def start(width, rows, power):
    vectors = token_vectors(bert.load(embedder.TEACHER).eval()).astype(np.float64)
    vectors = vectors - vectors.mean(0)
    _, s, basis = np.linalg.svd(vectors, full_matrices=False)
    table = vectors @ basis[:width].T
    counts = np.bincount(np.concatenate([np.array(r) for r in rows]), minlength=30522) + 1.0
    p = counts / counts.sum()
    table *= (power / (power + p))[:, None]
    table[[0, *range(100, 104)]] = 0
    return table.astype(np.float32)


def pearson(table, part, tok):
    a, b, score = english.stsb(part)
    v = []
    for e in tok.encode_batch(a + b):
        x = table[e.ids].mean(0)
        v.append(x / max(np.linalg.norm(x), 1e-9))
    v = np.array(v)
    return float(np.corrcoef((v[: len(a)] * v[len(a) :]).sum(1), score)[0, 1])


def train(table, rows, want, tok, epochs, rate, temperature):
    rng = np.random.default_rng(SEED)
    torch.manual_seed(SEED)
    flat = torch.from_numpy(np.concatenate([np.array([i for i in r if i not in (101, 102)] or [100], np.int64) for r in rows]))
    size = np.array([max(1, sum(i not in (101, 102) for i in r)) for r in rows])
    offset = np.concatenate([[0], np.cumsum(size)])
    bag = torch.nn.Parameter(torch.from_numpy(table.copy()))
    optimizer = torch.optim.SparseAdam([bag], lr=rate)
    dead = torch.tensor([0, *range(100, 104)])
    best, kept, step, total = -1, table, 0, epochs * (len(rows) // 512)
    for epoch in range(epochs):
        order = rng.permutation(len(rows))
        for at in range(0, len(order) - 511, 512):
            pick = order[at : at + 512]
            ids = torch.cat([flat[offset[i] : offset[i + 1]] for i in pick])
            starts = torch.from_numpy(np.concatenate([[0], np.cumsum(size[pick])[:-1]]))
            have = F.normalize(F.embedding_bag(ids, bag, starts, mode="mean", sparse=True), dim=1)
            goal = torch.from_numpy(want[pick].astype(np.float32))
            for group in optimizer.param_groups:
                group["lr"] = rate * (1 - step / total) + 1e-6
            a, b = have @ have.T, goal @ goal.T
            off = ~torch.eye(len(pick), dtype=torch.bool)
            loss = ((a - b)[off] ** 2).mean() * 20
            if temperature:
                mask = torch.where(off, 0.0, -1e4)
                loss = loss + F.kl_div(F.log_softmax(a / temperature + mask, 1), F.softmax(b / temperature + mask, 1), reduction="batchmean")
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            with torch.no_grad():
                bag[dead] = 0
            step += 1
        dev = pearson(bag.detach().numpy(), "dev", tok)
        print(f"epoch {epoch} loss {loss.item():.4f} dev {dev:.4f}", flush=True)
        if dev > best:
            best, kept = dev, bag.detach().numpy().copy()
    return kept


def write(table, path):
    small, scale = export_bert.rows_int8(table)
    tensors = [numpy_helper.from_array(small, "table"), numpy_helper.from_array(scale[:, None], "scale")]
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["rows"]),
        helper.make_node("Cast", ["rows"], ["rows_float"], to=TensorProto.FLOAT),
        helper.make_node("Gather", ["scale", "input_ids"], ["scales"]),
        helper.make_node("Mul", ["rows_float", "scales"], ["vectors"]),
        helper.make_node("Cast", ["attention_mask"], ["mask_float"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["mask_float", "axis2"], ["mask3"]),
        helper.make_node("Mul", ["vectors", "mask3"], ["last_hidden_state"]),
    ]
    tensors.append(numpy_helper.from_array(np.array([2]), "axis2"))
    inputs = [helper.make_tensor_value_info(k, TensorProto.INT64, ["batch", "sequence"]) for k in ("input_ids", "attention_mask")]
    output = helper.make_tensor_value_info("last_hidden_state", TensorProto.FLOAT, ["batch", "sequence", table.shape[1]])
    proto = helper.make_model(helper.make_graph(nodes, "static", inputs, [output], tensors),
                              opset_imports=[helper.make_opsetid("", 17)], ir_version=9, producer_name="plexus")
    onnx.checker.check_model(proto)
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    onnx.save(proto, path)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--teach", type=int, default=0, help="compute teacher vectors of this many texts, and stop")
    p.add_argument("--width", type=int, default=256)
    p.add_argument("--power", type=float, default=1e-3)
    p.add_argument("--epochs", type=int, default=0)
    p.add_argument("--rate", type=float, default=1e-3)
    p.add_argument("--temperature", type=float, default=0.05)
    p.add_argument("--out", default=str(english.CACHE / "static.npy"))
    args = p.parse_args()
    torch.set_num_threads(english.THREADS)
    if args.teach:
        return teach(args.teach)
    tok = embedder.tokenizer()
    corpus = english.corpus()
    rows = [e.ids for e in tok.encode_batch([t for texts in corpus.values() for t in texts])]
    table = start(args.width, rows, args.power)
    print("start", {part: round(pearson(table, part, tok), 4) for part in ("dev",)}, flush=True)
    if args.epochs:
        want = np.load(VECTORS)
        used, short = lessons(corpus, len(want))
        facts.put("static-en", "data", english.data(used))
        table = train(table, short, want, tok, args.epochs, args.rate, args.temperature)
    np.save(args.out, table)


if __name__ == "__main__":
    main()
