"""The extractive summarizer: which sentences to keep, tuned and measured. The recipe in words: extractive.md.

Tuned on the CNN/DailyMail validation sample (3 sentences) and SciTLDR train (1 sentence), both together, so that
one set of weights serves both; measured on the test samples, which the tuning never sees.
`python extractive.py --tune` searches weights; without it the weights of the store's config.json are measured.
"""

import argparse
import hashlib
import json
import math
import random
import re
from pathlib import Path

import numba
import numpy as np

import english
import facts
import runtime

SEED = 17
STORE = Path(__file__).parents[1] / "store"
FOLDER = STORE / "extractive-en/1"

ABBREVIATIONS = set("mr mrs ms dr prof sr jr st gen col lt sgt capt rep sen gov pres hon rev jan feb mar apr jun jul aug sep sept oct nov dec "
                    "inc ltd co corp no vs etc al fig eq sec dept univ approx e.g i.e u.s u.k u.n a.m p.m ph.d d.c".split())
END = re.compile(r"[.!?]+[\"'\u2019\u201d)\]]*(?=\s)|[\u3002\uff01\uff1f]+|\n\s*\n")


def split(text):
    """Sentences of a text, trimmed, inner white space made single spaces."""
    out, start = [], 0
    for m in END.finditer(text):
        if m.group().startswith("."):
            word = re.search(r"(\S*)$", text[start : m.start()]).group(1).lstrip("\"'\u2018\u201c([")
            following = re.match(r"\s*[\"'\u2018\u201c(\[]*(\S?)", text[m.end() :]).group(1)
            if word.lower() in ABBREVIATIONS or (len(word) == 1 and word.isupper()) or following.islower():
                continue
        out.append(text[start : m.end()])
        start = m.end()
    out.append(text[start:])
    return [s for s in (re.sub(r"\s+", " ", s).strip() for s in out) if s]


WORD = re.compile(r"[a-z0-9]+")


def words(text):
    return WORD.findall(text.lower())


FEATURES = ("centrality", "lead", "first", "second", "third", "early", "late", "length", "long", "frequency", "cue", "number", "quote", "dangling")
QUOTE = re.compile("[\"\u201c\u201d]")


def features(sentences, vectors, lists):
    """[n, features] in the order of FEATURES; extractive.md says each in words."""
    n = len(sentences)
    unit = lambda v: v / max(np.linalg.norm(v), 1e-12)
    centre, head = unit(vectors.mean(0)), unit(vectors[:3].mean(0))
    tokens = [words(s) for s in sentences]
    counts = {}
    for w in tokens:
        for x in w:
            counts[x] = counts.get(x, 0) + 1
    out = np.zeros((n, len(FEATURES)))
    for i, (s, w) in enumerate(zip(sentences, tokens)):
        content = [counts[x] for x in w if len(x) > 3]
        out[i] = (
            float(vectors[i] @ centre),
            float(vectors[i] @ head),
            float(i == 0), float(i == 1), float(i == 2),
            1 / (1 + i),
            i / (n - 1) if n > 1 else 0.0,
            min(len(w), 20) / 20,
            max(0, min(len(w), 60) - 20) / 40,
            sum(math.log(c) for c in content) / len(content) if content else 0.0,
            float(any(x in lists["cues"] for x in w)),
            float(any(x.isdigit() for x in w)),
            float(bool(QUOTE.search(s))),
            float(bool(w) and w[0] in lists["dangling"]),
        )
    return out


def mix(weights, n):
    """Weights for a text of n sentences: those of short texts up to 10, those of long ones from 25, a line between."""
    share = min(1.0, max(0.0, (n - 10) / 15))
    return {k: weights["short"][k] + share * (weights["long"][k] - weights["short"][k]) for k in (*FEATURES, "novelty")}


def pick(f, near, weights, count):
    """Greedy over a feature matrix and the similarities: the best by score, then by score - novelty * closest chosen."""
    score = f @ np.array([weights[name] for name in FEATURES])
    chosen, closest = [], np.zeros(len(score))
    for _ in range(min(count, len(score))):
        now = score - weights["novelty"] * closest
        now[chosen] = -np.inf
        best = int(np.argmax(now))  # the earliest of equals
        chosen.append(best)
        closest = np.maximum(closest, near[best])
    return sorted(chosen)


def choose(sentences, vectors, weights, count):
    return pick(features(sentences, vectors, weights), vectors @ vectors.T, mix(weights, len(sentences)), count)


def textrank(sentences, count):
    """Mihalcea and Tarau 2004: shared words over log lengths, damping 0.85."""
    sets = [set(words(s)) for s in sentences]
    n = len(sets)
    m = np.zeros((n, n))
    for i in range(n):
        for j in range(n):
            d = math.log(max(2, len(sets[i]))) + math.log(max(2, len(sets[j])))
            if i != j:
                m[i, j] = len(sets[i] & sets[j]) / d
    total = m.sum(1, keepdims=True)
    m = np.divide(m, total, out=np.full_like(m, 1 / n), where=total > 0)
    rank = np.full(n, 1 / n)
    for _ in range(60):
        rank = 0.15 / n + 0.85 * m.T @ rank
    return sorted(np.argsort(-rank, kind="stable")[:count])


def grams(w, n):
    out = {}
    for i in range(len(w) - n + 1):
        k = tuple(w[i : i + n])
        out[k] = out.get(k, 0) + 1
    return out


@numba.njit(cache=True)
def lcs(a, b):
    row = np.zeros(len(b) + 1, np.int32)
    for i in range(len(a)):
        left = 0
        for j in range(1, len(b) + 1):
            old = row[j]
            row[j] = left + 1 if a[i] == b[j - 1] else max(row[j], row[j - 1])
            left = old
    return row[-1]


IDS = {}


def numbers(w):
    return np.array([IDS.setdefault(x, len(IDS)) for x in w], np.int32)


def rouge(guess, references):
    """ROUGE-1, -2, -L F1 (lower-cased [a-z0-9]+ words, no stemming), each the best over the references."""
    best = [0.0, 0.0, 0.0]
    g = words(guess)
    g1, g2, gn = grams(g, 1), grams(g, 2), numbers(g)
    for reference in references:
        r = words(reference)
        r1, r2 = grams(r, 1), grams(r, 2)
        for k, (hit, a, b) in enumerate((
            (sum(min(v, r1.get(x, 0)) for x, v in g1.items()), len(g), len(r)),
            (sum(min(v, r2.get(x, 0)) for x, v in g2.items()), len(g) - 1, len(r) - 1),
            (lcs(gn, numbers(r)), len(g), len(r)),
        )):
            if hit:
                best[k] = max(best[k], 2 * hit / (a + b))
    return np.array(best)


def jsonl(path):
    return [json.loads(l) for l in open(path, encoding="utf-8")]


def sets():
    """name -> (rows of (text, references), sentences to keep, may tune)"""
    news_test = jsonl(english.SHARED / "datasets/cnn_dailymail/test-sample.jsonl")
    papers_test = jsonl(english.SHARED / "datasets/scitldr/test.jsonl")
    papers_train = jsonl(english.SHARED / "datasets/scitldr/train.jsonl")
    random.Random(SEED).shuffle(papers_train)
    refs = lambda row: row.get("summaries") or row.get("references") or row.get("targets") or [row.get("summary") or row["highlights"]]
    as_list = lambda v: v if isinstance(v, list) else [v]
    return {
        "news-tune": ([(r["article"], as_list(refs(r))) for r in english.news_rows()], 3),
        "papers-tune": ([(r["document"], as_list(refs(r))) for r in papers_train], 1),
        "news-test": ([(r["document"], as_list(refs(r))) for r in news_test], 3),
        "papers-test": ([(r["document"], as_list(refs(r))) for r in papers_test], 1),
    }


def prepare(rows, model):
    texts = [split(t) for t, _ in rows]
    flat = [s for t in texts for s in t]
    store = english.CACHE / f"extractive-{hashlib.sha256(chr(10).join(flat).encode()).hexdigest()[:12]}-{embedder_digest()}.npy"
    if not store.exists():
        np.save(store, model.vectors(flat))
    flat = np.load(store).astype(np.float64)
    out, at = [], 0
    for t, (_, refs) in zip(texts, rows):
        out.append((t, flat[at : at + len(t)], refs))
        at += len(t)
    return out


def embedder_digest():
    return hashlib.sha256((STORE / "minilm-l3-en/1/onnx/model_quantized.onnx").read_bytes()).hexdigest()[:12]


def measure(docs, pick):
    return np.mean([rouge(" ".join(s[i] for i in pick(s, v)), refs) for s, v, refs in docs], axis=0)


def tune(docs, k, trials, name):
    """Start from least squares on what each sentence alone would score, then random steps; keep what gains."""
    rng = random.Random(SEED)
    ready = [(features(s, v, LISTS), v @ v.T, s, refs, {}) for s, v, refs in docs]
    x = np.concatenate([f - f.mean(0) for f, *_ in ready])
    y = np.concatenate([(r := np.array([rouge(t, refs).mean() for t in s])) - r.mean() for _, _, s, refs, _ in ready])
    solved = np.linalg.solve(x.T @ x + 3.0 * np.eye(x.shape[1]), x.T @ y)
    solved = solved / np.abs(solved).max()
    start = {f: round(float(w), 3) for f, w in zip(FEATURES, solved)} | {"novelty": 0.2}

    def value(w, part=None):
        rows = []
        for f, near, s, refs, memo in ready[part] if part else ready:
            key = tuple(pick(f, near, w, k))
            if key not in memo:
                memo[key] = rouge(" ".join(s[i] for i in key), refs)
            rows.append(memo[key])
        # every metric relative to LEAD; the worst counts double, so that none is bought with another
        gain = np.mean(rows, axis=0) / bar
        return float(gain.mean() + gain.min())

    bar = measure(docs, lambda s, v: range(min(k, len(s))))
    best, best_value = start, value(start)
    print(name, "start", round(best_value, 4), start, flush=True)
    for t in range(trials):
        w = dict(best)
        for f in rng.sample([*FEATURES, "novelty"], rng.choice((1, 1, 2, 3))):
            w[f] = round(w[f] + rng.gauss(0, 0.3 * (1 - t / trials) + 0.03), 3)
            if f == "novelty":
                w[f] = max(0.0, w[f])
        v = value(w)
        if v > best_value:
            best, best_value = w, v
    print(name, "end", round(best_value, 4), best, flush=True)
    return best


LISTS = {"cues": ["we", "our", "propose", "introduce", "paper"],
         "dangling": ["he", "she", "it", "they", "his", "her", "its", "their", "this", "that", "these", "those", "but", "and", "so", "however", "also"]}


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--tune", action="store_true")
    p.add_argument("--trials", type=int, default=300)
    args = p.parse_args()
    model = runtime.Folder(STORE / "minilm-l3-en/1")
    everything = sets()
    if args.tune:
        tuning = {name: (prepare(everything[name][0], model), everything[name][1]) for name in ("news-tune", "papers-tune")}
        weights = {"short": tune(*tuning["papers-tune"], args.trials, "papers"), "long": tune(*tuning["news-tune"], args.trials, "news"), **LISTS}
        for name, (docs, k) in tuning.items():
            print(name, "ours", measure(docs, lambda s, v: choose(s, v, weights, k)).round(4), "lead", measure(docs, lambda s, v: range(min(k, len(s)))).round(4))
        FOLDER.mkdir(parents=True, exist_ok=True)
        (FOLDER / "config.json").write_text(json.dumps({"model_type": "extractive", "summarize": {
            "mode": "extractive", "embedder": "minilm-l3-en@1", "maxSentences": 3, "weights": weights}}, indent=2) + "\n")
        facts.put("extractive-en", "data", [
            {"name": "CNN/DailyMail validation sample", "source": "MANUJMEHROTRA/model_hosting_e2e_decoder data/cnn_dailymail_validation.csv", "licence": "repository Apache-2.0", "rows": len(tuning["news-tune"][0])},
            {"name": "SciTLDR train", "source": "allenai/scitldr SciTLDR-Data/SciTLDR-A", "licence": "Apache-2.0", "rows": len(tuning["papers-tune"][0])}])
    weights = json.loads((FOLDER / "config.json").read_text())["summarize"]["weights"]
    quality = []
    for name, label in (("news-test", "CNN/DailyMail test sample, 3 sentences"), ("papers-test", "SciTLDR test sample, 1 sentence, best of the references")):
        docs, k = prepare(everything[name][0], model), everything[name][1]
        ours = measure(docs, lambda s, v: choose(s, v, weights, k))
        lead = measure(docs, lambda s, v: range(min(k, len(s))))
        rank = measure(docs, lambda s, v: textrank(s, k))
        print(name, len(docs), "ours", ours.round(4), "lead", lead.round(4), "textrank", rank.round(4))
        for metric, a, b, c in zip(("rouge1", "rouge2", "rougeL"), ours, lead, rank):
            quality.append({"metric": metric, "value": round(float(a), 4), "set": label, "rows": len(docs), "note": f"LEAD-{k} {b:.4f}, TextRank {c:.4f}; F1, no stemming"})
    facts.put("extractive-en", "quality", quality)


if __name__ == "__main__":
    main()
