"""The language identifier: hashed byte n-grams, one small vector each, averaged, one linear layer.

The tokenizer only turns lower-cased NFKC text into UTF-8 bytes, so the whole feature code is in the
ONNX graph and needs no code at the caller. Training is Adagrad over hashed n-grams (the model is
fastText's), compiled by numba, two threads sharing the tables without locks.
Run: `python langid.py` trains, writes the model folder and prints the held-out figures.
"""

import argparse
import json
import os
import time
import unicodedata
from pathlib import Path

import numba
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

import facts
import langid_data
from english import CACHE

SEED = 17
ORDERS = (2, 3, 4, 5, 6, 7)
MODULUS, FACTOR = 2147483647, 1000003  # h = (h * FACTOR + byte + 1) mod MODULUS, in int64
BUCKETS, WIDTH = 189997, 28
MAX_TOKENS = 512
STORE = Path(__file__).parents[1] / "store/langid/1"

# byte -> code: ASCII letters, the apostrophe and everything above 127 keep their value; the rest is a space
CODE = np.full(256, 32, np.uint8)
for b in range(256):
    if b > 127 or chr(b).isalpha() or chr(b) == "'":
        CODE[b] = b


def encode(text):
    """What the tokenizer and the first Gather of the graph give: codes between two spaces."""
    raw = unicodedata.normalize("NFKC", text).lower().encode("utf-8", "ignore")
    out = np.full(len(raw) + 2, 32, np.uint8)
    out[1:-1] = CODE[np.frombuffer(raw, np.uint8)]
    return out


@numba.njit(cache=True, fastmath=True)
def buckets(codes, out, orders, table):
    n = 0
    top = orders[-1]
    for start in range(len(codes)):
        h = np.int64(0)
        at = 0
        for k in range(top):
            if start + k >= len(codes):
                break
            h = (h * 1000003 + np.int64(codes[start + k]) + 1) % 2147483647
            if k + 1 == orders[at]:
                out[n] = h % table
                n += 1
                at += 1
    return n


@numba.njit(cache=True, fastmath=True, parallel=True)
def epoch(data, offsets, labels, order, table, table_sum, weight, weight_sum, bias, orders, rate0, rate1, seed, threads, keep):
    width, classes = weight.shape
    losses = np.zeros(threads)
    for worker in numba.prange(threads):
        np.random.seed(seed + worker)
        idx = np.empty(8192 * 8, np.int32)
        hidden = np.empty(width, np.float32)
        logit = np.empty(classes, np.float32)
        grad = np.empty(width, np.float32)
        first, last = len(order) * worker // threads, len(order) * (worker + 1) // threads
        for at in range(first, last):
            rate = rate0 + (rate1 - rate0) * (at - first) / (last - first)
            s = order[at]
            a, b = offsets[s], offsets[s + 1]
            codes = data[a:b]
            draw = np.random.random()
            if draw > keep and len(codes) > 30:
                # a crop of a few words, so that short texts are at home
                span = 12 + int(np.random.random() * 40)
                lo = 1 + int(np.random.random() * max(1, len(codes) - span))
                while lo > 0 and codes[lo] != 32:
                    lo -= 1
                hi = min(len(codes), lo + span)
                while hi < len(codes) and codes[hi - 1] != 32:
                    hi += 1
                if hi - lo > 6:
                    codes = codes[lo:hi]
            if len(codes) > 512:
                codes = codes[:512]
            n = buckets(codes, idx, orders, len(table))
            if n == 0:
                continue
            hidden[:] = 0
            for i in range(n):
                row = table[idx[i]]
                for d in range(width):
                    hidden[d] += row[d]
            scale = np.float32(1.0 / n)
            for d in range(width):
                hidden[d] *= scale
            peak = np.float32(-1e30)
            for c in range(classes):
                v = bias[c]
                for d in range(width):
                    v += hidden[d] * weight[d, c]
                logit[c] = v
                if v > peak:
                    peak = v
            total = np.float32(0)
            for c in range(classes):
                logit[c] = np.exp(logit[c] - peak)
                total += logit[c]
            losses[worker] -= np.log(logit[labels[s]] / total + 1e-12)
            grad[:] = 0
            for c in range(classes):
                g = -logit[c] / total
                if c == labels[s]:
                    g += 1
                if abs(g) < 1e-6:
                    continue
                for d in range(width):
                    grad[d] += g * weight[d, c]
                    step = g * hidden[d]
                    weight_sum[d, c] += step * step
                    weight[d, c] += np.float32(rate) * step / np.sqrt(weight_sum[d, c])
                bias[c] += g * np.float32(rate * 0.05)
            square = np.float32(0)
            for d in range(width):
                grad[d] *= scale
                square += grad[d] * grad[d]
            square /= width
            for i in range(n):
                at_row = idx[i]
                table_sum[at_row] += square
                step = np.float32(rate) / np.sqrt(table_sum[at_row])
                row = table[at_row]
                for d in range(width):
                    row[d] += step * grad[d]
    return losses.sum() / len(order)


def build_tokenizer(folder):
    alphabet = bytes_to_unicode()
    vocab = {"<pad>": 0, "<s>": 1, "</s>": 2}
    for b in range(256):
        vocab[alphabet[b]] = 3 + b
    tok = Tokenizer(models.BPE(vocab=vocab, merges=[]))
    tok.add_special_tokens(["<pad>", "<s>", "</s>"])
    tok.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    tok.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tok.decoder = decoders.ByteLevel()
    tok.post_processor = processors.TemplateProcessing(single="<s> $A </s>", pair="<s> $A </s> $B </s>",
                                                       special_tokens=[("<s>", 1), ("</s>", 2)])
    tok.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps({
        "tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": MAX_TOKENS,
        "pad_token": "<pad>", "bos_token": "<s>", "eos_token": "</s>"}, indent=2) + "\n")
    return tok


def bytes_to_unicode():
    keep = [*range(33, 127), *range(161, 173), *range(174, 256)]
    out, extra = {}, 0
    for b in range(256):
        if b in keep:
            out[b] = chr(b)
        else:
            out[b] = chr(256 + extra)
            extra += 1
    return out


def export(folder, table, weight, bias, labels, orders):
    """table float [buckets, width] -> int8 with one scale a column, folded into the linear layer."""
    limit = np.quantile(np.abs(table), 0.9995, axis=0)
    scale = (limit / 127).astype(np.float32)
    small = np.clip(np.rint(table / scale), -127, 127).astype(np.int8)
    top = orders[-1]
    code = np.zeros(259, np.int64)
    code[1:3] = 32
    code[3:] = CODE
    init = lambda name, value: numpy_helper.from_array(np.asarray(value), name)
    tensors = [
        init("code", code), init("table", small), init("weight", (scale[:, None] * weight).astype(np.float32)),
        init("bias", bias.astype(np.float32)), init("factor", np.int64(FACTOR)), init("modulus", np.int64(MODULUS)),
        init("buckets", np.int64(len(table))), init("one", np.int64(1)), init("pad_after", np.array([0, 0, 0, top - 1])),
        init("zero", np.int64(0)), init("axis1", np.array([1])), init("tiny", np.float32(1e-9)),
    ]
    nodes = []

    def node(op, inputs, output, **attributes):
        nodes.append(helper.make_node(op, inputs, [output], **attributes))
        return output

    node("Gather", ["code", "input_ids"], "raw")
    node("Add", ["raw", "one"], "raw1")
    node("Pad", ["raw1", "pad_after", "zero"], "codes")
    node("Pad", ["attention_mask", "pad_after", "zero"], "mask")
    found, masks, h = [], [], None
    for k in range(top):
        tensors += [init(f"from{k}", np.array([k])), init(f"to{k}", np.array([k - (top - 1)] if k < top - 1 else [np.iinfo(np.int64).max]))]
        c = node("Slice", ["codes", f"from{k}", f"to{k}", "axis1"], f"c{k}")
        if h is None:
            h = c
        else:
            h = node("Mod", [node("Add", [node("Mul", [h, "factor"], f"m{k}"), c], f"a{k}"), "modulus"], f"h{k}")
        if k + 1 in orders:
            found.append(node("Mod", [h, "buckets"], f"b{k}"))
            masks.append(node("Slice", ["mask", f"from{k}", f"to{k}", "axis1"], f"k{k}"))
    node("Concat", found, "index", axis=1)
    node("Cast", [node("Concat", masks, "valid", axis=1)], "validf", to=TensorProto.FLOAT)
    node("Cast", [node("Gather", ["table", "index"], "rows8")], "rows", to=TensorProto.FLOAT)
    node("Unsqueeze", ["validf", "axis1"], "validrow")
    node("Squeeze", [node("MatMul", ["validrow", "rows"], "sum3"), "axis1"], "sum")
    node("Max", [node("ReduceSum", ["validf", "axis1"], "count", keepdims=1), "tiny"], "count1")
    node("Div", ["sum", "count1"], "mean")
    node("Gemm", ["mean", "weight", "bias"], "logits")
    ids = helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["batch", "sequence"])
    mask = helper.make_tensor_value_info("attention_mask", TensorProto.INT64, ["batch", "sequence"])
    out = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", len(labels)])
    model = helper.make_model(helper.make_graph(nodes, "langid", [ids, mask], [out], tensors),
                              opset_imports=[helper.make_opsetid("", 17)], ir_version=9, producer_name="plexus")
    onnx.checker.check_model(model)
    (folder / "onnx").mkdir(parents=True, exist_ok=True)
    onnx.save(model, folder / "onnx/model_quantized.onnx")
    (folder / "config.json").write_text(json.dumps({
        "architectures": ["HashedNgramForSequenceClassification"], "model_type": "hashed-ngram",
        "id2label": {str(i): l for i, l in enumerate(labels)}, "label2id": {l: i for i, l in enumerate(labels)},
        "vocab_size": 259, "hidden_size": table.shape[1], "buckets": len(table), "ngram_orders": list(orders),
        "max_position_embeddings": MAX_TOKENS, "pad_token_id": 0}, indent=2, ensure_ascii=False) + "\n")


NEAR = set("az bg ca ceb cs da es gl hr id mk ms no oc pt sk sl sr sv tl tr".split())  # each is close to another of these
CLOSE = {"sr": "hr", "ms": "id"}  # one language to many linguists, told apart by habit more than by words


def evaluate(folder, tests, verbose=False):
    """Accuracy of the written folder through onnxruntime and tokenizers."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = 2
    session = ort.InferenceSession(folder / "onnx/model_quantized.onnx", options, providers=["CPUExecutionProvider"])
    tok = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tok.enable_truncation(MAX_TOKENS)
    labels = [*json.loads((folder / "config.json").read_text())["label2id"]]
    out = {}
    for name, rows in tests.items():
        guess = [None] * len(rows)
        ids = [e.ids for e in tok.encode_batch([t for t, _ in rows])]
        order = sorted(range(len(rows)), key=lambda i: len(ids[i]))
        for at in range(0, len(order), 64):
            part = order[at : at + 64]
            wide = max(len(ids[i]) for i in part)
            x = np.zeros((len(part), wide), np.int64)
            m = np.zeros_like(x)
            for r, i in enumerate(part):
                x[r, : len(ids[i])] = ids[i]
                m[r, : len(ids[i])] = 1
            for i, c in zip(part, session.run(None, {"input_ids": x, "attention_mask": m})[0].argmax(1)):
                guess[i] = labels[c]
        per = {}
        for (text, label), g in zip(rows, guess):
            per.setdefault(label, []).append(g == label)
            if verbose and name == "cld3" and g != label:
                print("  cld3 miss", label, g, text[:80])
        near = lambda l: CLOSE.get(l, l)
        joined = sum(near(g) == near(label) for (_, label), g in zip(rows, guess)) / len(rows)
        known = [g == label for (_, label), g in zip(rows, guess) if label in labels]
        out[name] = {"joined": joined, "known": len(known), "known_right": sum(known), "micro": sum(map(sum, per.values())) / len(rows), "macro": float(np.mean([np.mean(v) for v in per.values()])),
                     "rows": len(rows), "languages": len(per), "per": {k: float(np.mean(v)) for k, v in per.items()}}
        if verbose:
            print(name, {k: round(v, 4) if isinstance(v, float) else v for k, v in out[name].items() if k != "per"},
                  {k: round(v, 2) for k, v in sorted(out[name]["per"].items(), key=lambda x: x[1])[:22]}, flush=True)
            if name in ("tatoeba", "dev"):
                pairs = {}
                for (text, label), g in zip(rows, guess):
                    if g != label:
                        pairs[(label, g)] = pairs.get((label, g), 0) + 1
                print("  confusions", sorted(pairs.items(), key=lambda x: -x[1])[:24])
    return out


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--epochs", type=int, default=8)
    p.add_argument("--rate", type=float, default=0.3)
    p.add_argument("--rows", type=int, default=7000, help="texts a language and epoch")
    p.add_argument("--keep", type=float, default=0.5, help="share of texts left uncropped")
    p.add_argument("--width", type=int, default=WIDTH)
    p.add_argument("--buckets", type=int, default=BUCKETS)
    p.add_argument("--orders", type=lambda s: tuple(map(int, s.split(","))), default=ORDERS)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--out", type=Path, help="else models/store, or the cache with --dev")
    p.add_argument("--dev", type=int, default=0, help="set every n-th Tatoeba training sentence aside and measure on these only")
    p.add_argument("--extra", type=float, default=1.6, help="times --rows for the languages of NEAR")
    args = p.parse_args()
    args.out = args.out or (CACHE / "langid-dev" if args.dev else STORE)
    numba.set_num_threads(args.threads)
    train, tests = langid_data.collect(args.dev)
    tests = {"dev": tests["dev"]} if args.dev else tests
    labels = sorted(train)
    pools, share = [], {"voice": 1.0, "lingua": 3.0, "tatoeba": 6.0, "challenge": 1.5, "udhr": 1.5, "unilex": 0.25, "frequency": 0.25, "django": 1.0, "firefox": 0.5, "latin": 1.5}
    codes, offsets, classes = [], [0], []
    for c, label in enumerate(labels):
        texts, weights = [], []
        for source, rows in train[label].items():
            texts += rows
            weights += [share[source]] * len(rows)
        start = len(classes)
        for t in texts:
            e = encode(t)
            codes.append(e)
            offsets.append(offsets[-1] + len(e))
            classes.append(c)
        w = np.array(weights)
        pools.append((start, len(texts), w / w.sum()))
    data, offsets, classes = np.concatenate(codes), np.array(offsets), np.array(classes)
    print(len(labels), "labels", len(classes), "texts", len(data) / 1e6, "MB", flush=True)
    rng = np.random.default_rng(SEED)
    table = rng.uniform(-1 / args.width, 1 / args.width, (args.buckets, args.width)).astype(np.float32)
    weight = np.zeros((args.width, len(labels)), np.float32)
    table_sum = np.full(args.buckets, 1e-9, np.float32)
    weight_sum = np.full(weight.shape, 1e-4, np.float32)
    bias = np.zeros(len(labels), np.float32)
    for e in range(args.epochs):
        order = []
        for label, (start, count, w) in zip(labels, pools):
            size = int(min(args.rows * (args.extra if label in NEAR else 1), 600 + 4 * count))
            order.append(start + rng.choice(count, size, p=w))
        order = np.concatenate(order)
        rng.shuffle(order)
        started = time.time()
        rate = lambda x: args.rate * (1 - x / args.epochs) + 0.001
        loss = epoch(data, offsets, classes, order, table, table_sum, weight, weight_sum, bias, np.array(args.orders, np.int64), rate(e), rate(e + 1), SEED + 10 * e, args.threads, args.keep)
        print(f"epoch {e} {len(order)} texts loss {loss:.4f} {time.time() - started:.0f} s", flush=True)
    np.savez(CACHE / (f"langid-dev{args.dev}.npz" if args.dev else "langid.npz"), table=table, weight=weight, bias=bias)
    if not args.dev:
        facts.put("langid", "data", langid_data.data(train))
    args.out.mkdir(parents=True, exist_ok=True)
    build_tokenizer(args.out)
    export(args.out, table, weight, bias, labels, args.orders)
    result = evaluate(args.out, tests, verbose=True)
    if not args.dev:
        (CACHE / "langid-quality.json").write_text(json.dumps(result))


if __name__ == "__main__":
    main()
