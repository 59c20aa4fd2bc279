"""English text for distillation and tuning, read from the training cache.

Every set is a function that yields sentences; SETS names its origin and licence, and the
manifests copy those lines. Sources are plain checkouts of public repositories in
`$PLEXUS_TRAINING_CACHE/sources/<owner>+<name>` (commits in README.md) and the project's
shared data folder in `$PLEXUS_TRAINING_CACHE/shared`.
"""

import csv
import gzip
import json
import os
import random
import re
from pathlib import Path

CACHE = Path(os.environ["PLEXUS_TRAINING_CACHE"])
SOURCES = CACHE / "sources"
SHARED = CACHE / "shared"
SEED = 17
THREADS = int(os.environ.get("PLEXUS_TRAINING_THREADS", 2))


def split_sentences(text):
    """Rough sentence split, enough to make training text."""
    return [s for s in re.split(r"(?<=[.!?])[\"')\]]*\s+(?=[A-Z\"'(\[])", text.strip()) if s]


def sst2_rows():
    with open(SHARED / "datasets/sst2/train.tsv", encoding="utf-8") as f:
        next(f)
        for line in f:
            text, label = line.rstrip("\n").rsplit("\t", 1)
            yield text.strip(), int(label)


def sst2():
    return [t for t, _ in sst2_rows() if len(t.split()) >= 5]


def scitldr():
    for line in open(SHARED / "datasets/scitldr/train.jsonl", encoding="utf-8"):
        row = json.loads(line)
        yield from split_sentences(row["document"])


def esnli():
    base = SOURCES / "OanaMariaCamburu+e-SNLI/dataset/eSNLI"
    for part in ("dev", "test"):
        for name in ("s1", "s2", "preproc1_expl_1", "preproc1_expl_2", "preproc1_expl_3"):
            yield from (base / f"{name}.{part}").read_text(encoding="utf-8").splitlines()


def clickbait():
    for name in ("clickbait_data", "non_clickbait_data"):
        with gzip.open(SOURCES / f"bhargaviparanjape+clickbait/dataset/{name}.gz", "rt", encoding="utf-8", errors="ignore") as f:
            yield from f


def voice():
    for path in sorted((SOURCES / "mozilla+voice-web/server/data/en").glob("*.txt")):
        yield from path.read_text(encoding="utf-8").splitlines()


def clinc():
    data = json.loads((SOURCES / "clinc+oos-eval/data/data_full.json").read_text(encoding="utf-8"))
    for rows in data.values():
        for text, _ in rows:
            yield text


def wikisplit():
    for name in ("tune", "validation", "test"):
        for line in open(SOURCES / f"google-research-datasets+wiki-split/{name}.tsv", encoding="utf-8"):
            whole, *parts = re.split(r"\t|<::::>", line.strip())
            for s in [whole, *parts]:
                yield re.sub(r"\s+([.,;:!?')])", r"\1", s.replace("``", '"').replace("''", '"')).strip()


def questions():
    for line in open(SOURCES / "harvardnlp+sent-conv-torch/data/raw/TREC.train", encoding="latin-1"):
        yield line.split(" ", 1)[1].strip()


def plots():
    yield from open(SOURCES / "harvardnlp+sent-conv-torch/data/raw/subj.objective", encoding="latin-1")


def products():
    for name in ("custrev.pos", "custrev.neg"):
        yield from open(SOURCES / f"harvardnlp+sent-conv-torch/data/raw/{name}", encoding="latin-1")


def review_rows():
    for part in ("train", "dev"):
        with open(SOURCES / f"acmi-lab+counterfactually-augmented-data/sentiment/combined/{part}.tsv", encoding="utf-8") as f:
            for row in csv.DictReader(f, delimiter="\t"):
                yield row["Text"].replace("<br />", " "), int(row["Sentiment"] == "Positive")


def reviews():
    for text, _ in review_rows():
        yield from split_sentences(text)


def news_rows():
    """Articles of the validation part (never the test part, which the figures are made on)."""
    csv.field_size_limit(10**8)
    with open(SOURCES / "MANUJMEHROTRA+model_hosting_e2e_decoder/data/cnn_dailymail_validation.csv", encoding="utf-8") as f:
        yield from csv.DictReader(f)


def news():
    for row in news_rows():
        yield from split_sentences(row["article"])


SETS = {
    "sst2": (sst2, "SST-2 train phrases of five words and more", "forest-snow/alps data/SST-2/train.tsv", "no explicit licence (Stanford Sentiment Treebank)"),
    "scitldr": (scitldr, "SciTLDR train abstracts", "allenai/scitldr SciTLDR-Data/SciTLDR-A", "Apache-2.0"),
    "esnli": (esnli, "e-SNLI dev and test sentences and explanations", "OanaMariaCamburu/e-SNLI dataset/eSNLI", "MIT; SNLI CC BY-SA 4.0"),
    "clickbait": (clickbait, "Stop Clickbait headlines", "bhargaviparanjape/clickbait dataset", "MIT"),
    "voice": (voice, "Common Voice English sentences", "mozilla/voice-web server/data/en", "CC0-1.0"),
    "clinc": (clinc, "CLINC150 queries", "clinc/oos-eval data/data_full.json", "CC BY 3.0"),
    "wikisplit": (wikisplit, "WikiSplit tune, validation and test sentences", "google-research-datasets/wiki-split", "CC BY-SA 4.0"),
    "questions": (questions, "TREC questions", "harvardnlp/sent-conv-torch data/raw", "repository MIT"),
    "plots": (plots, "Subj objective sentences", "harvardnlp/sent-conv-torch data/raw", "repository MIT"),
    "products": (products, "Customer reviews", "harvardnlp/sent-conv-torch data/raw", "repository MIT"),
    "reviews": (reviews, "Counterfactually augmented film reviews, train and dev", "acmi-lab/counterfactually-augmented-data sentiment/combined", "Apache-2.0"),
    "news": (news, "CNN/DailyMail validation sample", "MANUJMEHROTRA/model_hosting_e2e_decoder data", "repository Apache-2.0"),
}


def normal(text):
    return re.sub(r"\W+", " ", text.lower()).strip()


def stsb(part):
    with open(SOURCES / f"PhilipMay+stsb-multi-mt/data/stsb-en-{part}.csv", encoding="utf-8", newline="") as f:
        rows = list(csv.reader(f))
    return [r[0] for r in rows], [r[1] for r in rows], [float(r[2]) for r in rows]


def corpus(limits=None):
    """All sets, deduplicated, without anything that also occurs in STS-B dev or test. -> {set: [text]}"""
    seen = set()
    for part in ("dev", "test"):
        a, b, _ = stsb(part)
        seen.update(map(normal, a + b))
    out = {}
    for name, (read, *_rest) in SETS.items():
        rows = []
        for text in read():
            text = re.sub(r"\s+", " ", text).strip()
            key = normal(text)
            if len(key) < 8 or len(text) > 600 or key in seen:
                continue
            seen.add(key)
            rows.append(text)
        random.Random(SEED).shuffle(rows)
        out[name] = rows[: (limits or {}).get(name, len(rows))]
    return out


def data(corpus_rows):
    """What manifests say of the training text: one entry a set."""
    return [{"name": SETS[k][1], "source": SETS[k][2], "licence": SETS[k][3], "rows": len(v)} for k, v in corpus_rows.items()]
