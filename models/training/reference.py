"""Reference values for the tests of the starter models, to be made again after every change of a model.

Ids, vectors and labels of the 500 texts come from test/accuracy/reference.py, which this calls. This one adds
test/accuracy/reference/extractive-en.json: the sentences that the summarizer keeps of sample texts, which are named by file
and id, with the first 12 letters of every sentence.
"""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np

import runtime
from wordpiece import STORE

OUT = Path(__file__).parents[2] / "test/accuracy/reference"

def summaries():
    """Which sentences extractive-en keeps of the first sample texts, and every sentence's score before novelty."""
    import extractive

    manifest = json.loads((STORE / "extractive-en/1/manifest.json").read_text())
    weights = manifest["summarize"]["weights"]
    model = runtime.Folder(STORE / "minilm-l3-en/1", threads=1)
    lines = []
    for path, take, count in (("scitldr/test.jsonl", 30, 1), ("cnn_dailymail/test-sample.jsonl", 12, 3)):
        for row in extractive.jsonl(extractive.english.SHARED / "datasets" / path)[:take]:
            sentences = extractive.split(row["document"])
            vectors = model.vectors(sentences, one_by_one=True).astype(np.float64)
            f = extractive.features(sentences, vectors, weights)
            w = extractive.mix(weights, len(sentences))
            lines.append(json.dumps({"file": f"datasets/{path}", "id": row["id"], "count": count,
                                     "starts": [s[:12] for s in sentences], "scores": [round(float(x), 5) for x in f @ np.array([w[k] for k in extractive.FEATURES])],
                                     "chosen": extractive.choose(sentences, vectors, weights, count)}, separators=(",", ":")))
    head = json.dumps({"model": "extractive-en@1", "digest": manifest["digest"]})[:-1]
    (OUT / "extractive-en.json").write_text(f'{head}, "texts": [\n' + ",\n".join(lines) + "\n]}\n")
    print("extractive-en", len(lines), (OUT / "extractive-en.json").stat().st_size)


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    subprocess.run([sys.executable, str(OUT.parent / "reference.py"), "starters"], check=True)
    summaries()


if __name__ == "__main__":
    main()
