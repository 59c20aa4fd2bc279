"""Write manifest.json for every folder of models/store (or the names given).

What a person decides is here in CARDS; what was measured and what was trained on is in facts.json, written
by evaluate.py and the training scripts; bytes and digests come from the files. Run after any file changed:
`python manifest.py [name ...]`; `python manifest.py --check` only compares and fails on a difference.
"""

import hashlib
import json
import sys
from pathlib import Path

import facts

STORE = Path(__file__).parents[1] / "store"
MINILM = "all-MiniLM-L6-v2 (Apache-2.0)"

CARDS = {
    "minilm-l3-en": {
        "task": "embed", "architecture": "bert", "precision": "int8", "maxTokens": 256,
        "embed": {"pooling": "mean", "normalize": True, "dimensions": 384, "prompts": {}},
        "licence": "Apache-2.0",
        "source": f"layers 0, 2 and 5 of {MINILM}, distilled from all six by models/training/embedder.py on unlabelled English text",
        "training": {"script": "models/training/embedder.py", "seed": 17},
        "weaknesses": [
            "English only: other languages and scripts get vectors that say little",
            "texts beyond 256 tokens are cut, and it was distilled on texts of at most 128 tokens",
            "negation and numbers hardly move the vector: opposite statements about one thing look alike",
        ],
    },
    "static-en": {
        "task": "embed", "architecture": "static", "precision": "int8", "maxTokens": 512,
        "embed": {"pooling": "mean", "normalize": True, "dimensions": 256, "prompts": {}},
        "licence": "Apache-2.0",
        "source": f"one vector a WordPiece: the token vectors of {MINILM} through PCA, weighted by rarity (models/training/static.py)",
        "training": {"script": "models/training/static.py", "seed": 17},
        "weaknesses": [
            "a bag of word pieces: word order and negation are invisible",
            "English only",
        ],
    },
    "sentiment-en": {
        "task": "classify", "architecture": "bert", "precision": "int8", "maxTokens": 256,
        "classify": {"labels": ["NEGATIVE", "POSITIVE"], "activation": "softmax", "multiLabel": False},
        "licence": "Apache-2.0",
        "source": f"a shortened {MINILM} fine-tuned by models/training/sentiment.py on SST-2 train",
        "training": {"script": "models/training/sentiment.py", "seed": 17},
        "weaknesses": [
            "no neutral class: plain statements of fact are forced to one side",
            "trained on film reviews of one sentence: irony, mixed opinions and other domains are weaker",
            "English only, upper and lower case are the same",
        ],
    },
    "langid": {
        "task": "classify", "architecture": "hashed-ngram", "precision": "int8", "maxTokens": 512,
        "classify": {"labels": None, "activation": "softmax", "multiLabel": False},
        "licence": "Apache-2.0",
        "source": "hashed UTF-8 byte n-grams, averaged, one linear layer, trained from scratch by models/training/langid.py",
        "training": {"script": "models/training/langid.py", "seed": 17},
        "weaknesses": [
            "close pairs are confused in short texts: Malay is answered as Indonesian every third time, Croatian as Serbian in Latin script every fifth, Cebuano as Tagalog, Slovak as Czech and Danish as Norwegian about every tenth",
            "Bosnian is answered as Croatian or Serbian, both written Norwegians are 'no', all written Chinese is 'zh', Filipino and Tagalog are 'tl'",
            "one language a text: mixed texts get the longer one; there is no 'unknown' label, so look at the score",
            "only the first 510 bytes of a text count; names and single words are often wrong",
        ],
    },
    "wordpiece-en": {
        "task": "tokenize", "architecture": "wordpiece", "precision": "none", "maxTokens": 512,
        "licence": "Apache-2.0",
        "source": "the bert-base-uncased WordPiece tokenizer with truncation and padding switched off, written by models/training/wordpiece.py",
        "training": {"script": "models/training/wordpiece.py", "seed": 17},
        "weaknesses": ["English vocabulary, lower-cased and without accents: other scripts fall apart into single letters or [UNK]"],
    },
    "extractive-en": {
        "task": "summarize", "architecture": "extractive", "precision": "none", "maxTokens": 256,
        "licence": "Apache-2.0",
        "source": "sentence choice by minilm-l3-en vectors, position and novelty; weights tuned by models/training/extractive.py",
        "training": {"script": "models/training/extractive.py", "seed": 17},
        "weaknesses": [
            "copies sentences: a pronoun may lose its noun, and long sentences stay long",
            "tuned on news and abstracts of papers: dialogue, lists and code are untested",
        ],
    },
}


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def build(folder):
    name, version = folder.parent.name, folder.name
    card = CARDS[name]
    known = facts.read().get(name, {})
    paths = sorted((str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file() and p.name != "manifest.json"), key=str.encode)
    files = [{"path": p, "bytes": (folder / p).stat().st_size, "sha256": sha256(folder / p)} for p in paths]
    text = "".join(f"{f['sha256']}  {f['path']}\n" for f in files)
    out = {"manifest": 1, "name": name, "version": version, "task": card["task"], "architecture": card["architecture"],
           "precision": card["precision"], "files": files, "digest": "sha256:" + hashlib.sha256(text.encode()).hexdigest()}
    if (folder / "tokenizer.json").exists():
        out["tokenizerDigest"] = "sha256:" + sha256(folder / "tokenizer.json")
    out["maxTokens"] = card["maxTokens"]
    config = json.loads((folder / "config.json").read_text()) if (folder / "config.json").exists() else {}
    if "embed" in card:
        out["embed"] = {**card["embed"], "dimensions": config["hidden_size"]}
    if "classify" in card:
        labels = [config["id2label"][str(i)] for i in range(len(config["id2label"]))]
        out["classify"] = {**card["classify"], "labels": labels}
    if card["task"] == "summarize":
        out["summarize"] = config["summarize"]
    out.update(licence=card["licence"], source=card["source"], training={**card["training"], "data": known.get("data", [])},
               quality=known.get("quality", []), weaknesses=card["weaknesses"] + known.get("weaknesses", []))
    return json.dumps(out, indent=2, ensure_ascii=False) + "\n"


def main():
    check = "--check" in sys.argv
    names = [a for a in sys.argv[1:] if not a.startswith("--")] or sorted(p.name for p in STORE.iterdir() if p.is_dir())
    stale = []
    for name in names:
        for folder in sorted((STORE / name).iterdir()):
            text, path = build(folder), folder / "manifest.json"
            if check:
                if not path.exists() or path.read_text() != text:
                    stale.append(str(path.relative_to(STORE)))
            else:
                path.write_text(text)
                print(name, sum(f["bytes"] for f in json.loads(text)["files"]), "bytes")
    if stale:
        sys.exit("out of date: " + ", ".join(stale))


if __name__ == "__main__":
    main()
