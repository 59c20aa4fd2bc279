"""Reference values of the exactness tests: what the Python stack gives for the same files and the same 500 texts.

    python test/accuracy/reference.py [--check] [starters | shared | reference | <model> ...]

needs numpy, onnxruntime and tokenizers; --check also needs transformers and sentence-transformers, and holds the values
against them: the ids against AutoTokenizer, the pooling against sentence_transformers' own modules and, where SENTENCE_MODEL
names a sentence-transformers folder with the torch weights of all-MiniLM-L6-v2, its fp32 vectors against SentenceTransformer.
Models: models/store, $PLEXUS_SHARED (else ../shared)/models, $PLEXUS_REFERENCE_MODELS (else what scripts/fetch-models.sh
fetched). Writes reference/texts.json and reference/<model>.<precision>.json. Every text is run alone: dynamic int8 takes its
scales from the whole batch.

A row is base64 of, little-endian: u16 tokens; the first 6 bytes of sha256 over the ids as i32; then of a vector: f32 length,
32 x i16 projection of its direction (times 2^14); of logits: f32 each, then of the best three labels u16 index, f32 share.
"""

import base64
import hashlib
import json
import os
import struct
import sys
from pathlib import Path

import numpy as np
import onnxruntime as ort
import tokenizers

import texts as fixture

ROOT = Path(__file__).parents[2]
OUT = Path(__file__).parent / "reference"
SHARED = Path(os.environ.get("PLEXUS_SHARED") or ROOT.parent / "shared")
CACHE = Path(os.environ.get("PLEXUS_CACHE") or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "plexus")
FETCHED = Path(os.environ.get("PLEXUS_REFERENCE_MODELS") or CACHE / "reference")
PROJECTED = 32
FILES = {"fp32": "onnx/model.onnx", "int8": "onnx/model_quantized.onnx"}
MEAN, CLS = {"pooling": "mean", "normalize": True}, {"pooling": "cls", "normalize": True}
# What the model cards say; ours must come to the same by reading the folders.
PLANS = [
    *(("starters", name, ("int8",), None) for name in ("minilm-l3-en", "static-en", "sentiment-en", "langid")),
    ("shared", "tiny-bert-sst2", ("fp32", "int8"), {"maxTokens": 512}),
    ("shared", "movie-review-avg-word-vec-v1", ("fp32",), {"maxTokens": 256}),
    ("shared", "movie-review-avg-word-vec-v2", ("fp32",), {"maxTokens": 256}),
    ("shared", "tiny-static-embed", ("fp32", "int8"), {"maxTokens": 512, **MEAN}),
    ("reference", "all-MiniLM-L6-v2", ("fp32", "int8"), {"maxTokens": 256, **MEAN}),
    ("reference", "bge-small-en-v1.5", ("fp32", "int8"), {"maxTokens": 512, **CLS}),
    ("reference", "e5-small-v2", ("fp32", "int8"), {"maxTokens": 512, **MEAN}),
]


def folder_of(group, name):
    return {"starters": ROOT / "models/store" / name / "1", "shared": SHARED / "models" / name, "reference": FETCHED / name}[group]


def plan_of(folder, facts):
    """maxTokens, pooling and normalize, or labels, of a folder."""
    if facts is None:
        manifest = json.loads((folder / "manifest.json").read_text())
        facts = {"maxTokens": manifest["maxTokens"]}
        if "embed" in manifest:
            facts |= {key: manifest["embed"][key] for key in ("pooling", "normalize")}
        else:
            facts |= {"labels": manifest["classify"]["labels"]}
    elif "pooling" not in facts:
        names = json.loads((folder / "config.json").read_text())["id2label"]
        facts = {**facts, "labels": [names[str(i)] for i in range(len(names))]}
    return facts


def signs(width):
    """PROJECTED rows of +1 and -1 from xorshift32, the same in the test."""
    state, rows = 0x9E3779B9, np.empty((PROJECTED, width))
    for k in range(PROJECTED):
        for j in range(width):
            state ^= (state << 13) & 0xFFFFFFFF
            state ^= state >> 17
            state ^= (state << 5) & 0xFFFFFFFF
            rows[k, j] = 1 if state >> 31 else -1
    return rows / np.sqrt(PROJECTED)


def pool(hidden, how):
    if not len(hidden):
        return np.zeros(hidden.shape[1])
    vector = hidden[0].astype(np.float64) if how["pooling"] == "cls" else hidden.astype(np.float64).mean(0)
    length = np.linalg.norm(vector)
    return vector / length if how["normalize"] and length else vector


def softmax(logits):
    shares = np.exp(logits.astype(np.float64) - logits.max())
    return shares / shares.sum()


def session_of(path):
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def run(session, ids):
    feeds = {"input_ids": np.array([ids], np.int64).reshape(1, len(ids))}
    names = {each.name for each in session.get_inputs()}
    for name, fill in (("attention_mask", 1), ("token_type_ids", 0)):
        if name in names:
            feeds[name] = np.full((1, len(ids)), fill, np.int64)
    return session.run([session.get_outputs()[0].name], feeds)[0][0]


def row(ids, output, facts, projection):
    head = struct.pack("<H", len(ids)) + hashlib.sha256(np.array(ids, "<i4").tobytes()).digest()[:6]
    if "labels" in facts:
        shares = softmax(output)
        best = sorted(range(len(shares)), key=lambda i: (-shares[i], i))[:3]
        body = output.astype("<f4").tobytes() + b"".join(struct.pack("<Hf", i, shares[i]) for i in best)
    else:
        length = float(np.linalg.norm(output))
        direction = projection @ (output / length if length else output)
        body = struct.pack("<f", length) + np.clip(np.round(direction * 2**14), -32768, 32767).astype("<i2").tobytes()
    return base64.b64encode(head + body).decode()


def cosine(a, b):
    return float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))


def check_ids(folder, facts, all_ids, written):
    from transformers import AutoTokenizer

    try:
        auto = AutoTokenizer.from_pretrained(folder)
    except Exception as error:  # folders of architectures that transformers does not know
        print(f"  transformers cannot read this folder: {str(error).splitlines()[0][:100]}")
        return
    theirs = [auto(t, truncation=True, max_length=facts["maxTokens"])["input_ids"] for t in written]
    differ = [i for i, (a, b) in enumerate(zip(all_ids, theirs)) if a != b]
    print(f"  {type(auto).__name__} gives other ids than tokenizer.json for {len(differ)} texts {[ascii(written[i][:30]) for i in differ[:3]]}")


def check_pooling(hidden, vector, facts):
    import torch
    from sentence_transformers.models import Normalize, Pooling

    features = {"token_embeddings": torch.from_numpy(hidden[None]), "attention_mask": torch.ones(1, len(hidden), dtype=torch.int64)}
    features = Pooling(hidden.shape[1], pooling_mode=facts["pooling"])(features)
    if facts["normalize"]:
        features = Normalize()(features)
    theirs = features["sentence_embedding"][0].numpy().astype(np.float64)
    return cosine(theirs, vector) if vector.any() else 1.0


def check_torch(vectors, written):
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(os.environ["SENTENCE_MODEL"], device="cpu")
    worst = min((cosine(model.encode(t, batch_size=1, show_progress_bar=False).astype(np.float64), v), i) for i, (t, v) in enumerate(zip(written, vectors)))
    print(f"  SentenceTransformer (torch): smallest cosine {worst[0]:.9f}, at {ascii(written[worst[1]][:40])}")


def make(name, precision, folder, facts, written, texts_hash, check):
    tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(facts["maxTokens"])
    all_ids = [tokenizer.encode(text).ids for text in written]
    session = session_of(folder / FILES[precision])
    outputs, poolings = [], []
    for ids in all_ids:
        output = run(session, ids)
        if "pooling" in facts:
            hidden, output = output, pool(output, facts)
            if check and len(ids):
                poolings.append(check_pooling(hidden, output, facts))
        outputs.append(output)
    width = len(outputs[0])
    projection = None if "labels" in facts else signs(width)
    about = {"model": name, "precision": precision, **facts, "width": width,
             "weights": hashlib.sha256((folder / FILES[precision]).read_bytes()).hexdigest(),
             "tokenizer": hashlib.sha256((folder / "tokenizer.json").read_bytes()).hexdigest(), "texts": texts_hash,
             "made": {"onnxruntime": ort.__version__, "tokenizers": tokenizers.__version__, "processor": processor()}}
    head = json.dumps(about, ensure_ascii=True)[:-1]
    rows = ",\n".join(f'"{row(ids, output, facts, projection)}"' for ids, output in zip(all_ids, outputs))
    path = OUT / f"{name}.{precision}.json"
    path.write_text(f'{head}, "rows": [\n{rows}\n]}}\n')
    print(name, precision, width, path.stat().st_size, flush=True)
    if check:
        check_ids(folder, facts, all_ids, written)
        if poolings:
            print(f"  sentence_transformers pooling: smallest cosine {min(poolings):.9f}")
        if name == "all-MiniLM-L6-v2" and precision == "fp32" and os.environ.get("SENTENCE_MODEL"):
            check_torch(outputs, written)


def processor():
    """Which int8 kernels were used: they decide the last digits."""
    try:
        flags = set(Path("/proc/cpuinfo").read_text().split("flags", 1)[1].split("\n", 1)[0].split())
    except (OSError, IndexError):
        return "unknown"
    return next((name for name in ("avx512_vnni", "avx_vnni", "avx512f", "avx2") if name in flags), "baseline")


def main():
    wanted = [word for word in sys.argv[1:] if word != "--check"]
    made = fixture.make()
    written = [fixture.whole(text) for _, text in made]
    lines = ",\n".join(json.dumps(pair, ensure_ascii=True, separators=(",", ":")) for pair in made)
    OUT.mkdir(exist_ok=True)
    (OUT / "texts.json").write_text(f"[\n{lines}\n]\n")
    texts_hash = hashlib.sha256("\0\n".join(written).encode()).hexdigest()
    for group, name, precisions, facts in PLANS:
        if wanted and group not in wanted and name not in wanted:
            continue
        folder = folder_of(group, name)
        if not folder.exists():
            print(f"{name.upper()} IS NOT HERE: {group}")
            continue
        for precision in precisions:
            make(name, precision, folder, plan_of(folder, facts), written, texts_hash, "--check" in sys.argv)


if __name__ == "__main__":
    main()
