"""Reference values for the exactness tests: what Python's tokenizers + onnxruntime give for awkward texts.

Writes test/accuracy/reference/<model>.json: {model, digest, texts: [{text, ids, vector | logits}]}. Each text is run
alone (batch of one: dynamic int8 scales depend on the batch), truncated to the manifest's maxTokens.
vector = base64 of little-endian float32, mean pooled and normalised; logits = numbers rounded to 6 digits.
"""

import base64
import json
from pathlib import Path

import numpy as np

import runtime
from wordpiece import STORE

OUT = Path(__file__).parents[2] / "test/accuracy/reference"

TEXTS = [
    "", " ", "\n\t ", ".", "a", "A", "Hello, world!", "A man is playing a guitar.", "The stock market fell sharply on Monday.",
    "What a waste of my time.", "This is the best movie I've seen in recent years. Strongly recommend it!",
    "it 's a charming and often affecting journey .", "not bad at all, but not good either", "I don't think so; do you?",
    "HELLO WORLD THIS IS SHOUTING", "mixedCase camelCase snake_case kebab-case", "e.g. the U.S.A. vs. the U.K. at 3.14 p.m.",
    "numbers 1234567890 1,234.56 0x1F 10% $99.99 \u20ac5 \u00a37 \u00a512", "C++ and C# and F# and .NET", "https://example.org/path?query=1&x=%20#top", "name@example.org",
    "\U0001f600", "I love it \u2764\ufe0f\U0001f44d\U0001f3fd", "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466 family", "\U0001f1e9\U0001f1ea\U0001f1eb\U0001f1f7 flags",
    "caf\u00e9 na\u00efve r\u00e9sum\u00e9 \u00c5ngstr\u00f6m", "cafe\u0301 nai\u0308ve re\u0301sume\u0301", "Z\u0351\u036b\u0343\u036a\u0302\u036b\u033d\u034f\u0334\u0319\u0324\u031e\u0349a\u0361l\u0337g\u0335o\u0336",
    "\u00df \u1e9e \u0130 \u0131 \ufb01 \u017f \u01c5", "\u0391\u0392\u0393 \u03a3\u03af\u03c3\u03c5\u03c6\u03bf\u03c2 \u03a3\u038a\u03a3\u03a5\u03a6\u039f\u03a3", "\u041f\u0440\u0438\u0432\u0435\u0442, \u043a\u0430\u043a \u0434\u0435\u043b\u0430? \u0401\u043b\u043a\u0430 \u0438 \u0439\u043e\u0433\u0443\u0440\u0442.",
    "\u4f60\u597d\uff0c\u4e16\u754c\uff01\u4eca\u5929\u5929\u6c14\u5f88\u597d\u3002", "\u65e5\u672c\u8a9e\u306e\u30c6\u30b9\u30c8\u3067\u3059\u3002\u30ab\u30bf\u30ab\u30ca\u3068\u6f22\u5b57\u3002", "\uff76\uff9e\uff77\uff9e \uff21\uff22\uff23 \u2460\u2461 \u33a1 \u2167", "\uc548\ub155\ud558\uc138\uc694 \uc138\uacc4", "\u1112\u1161\u11ab\u1100\u1173\u11af",
    "\u0645\u0631\u062d\u0628\u0627 \u0628\u0627\u0644\u0639\u0627\u0644\u0645", "\u0645\u064e\u0631\u0652\u062d\u064e\u0628\u064b\u0627", "\u05e9\u05b8\u05c1\u05dc\u05d5\u05b9\u05dd \u05e2\u05d5\u05dc\u05dd", "\u0928\u092e\u0938\u094d\u0924\u0947 \u0926\u0941\u0928\u093f\u092f\u093e", "\u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35\u0e0a\u0e32\u0e27\u0e42\u0e25\u0e01", "\u1002\u102b\u1019\u103c\u1014\u103a\u1019\u102c", "\u1218\u120d\u12ab\u121d \u1240\u1295",
    "a\u0000b\u0001c\u0007d\u001fe\u007ff", "line one\r\nline two\rline three\u2028line four\u2029line five", "zero\u200bwidth\u200djoin\u200cer\ufeff bom", "\u00a0no\u00a0break\u2003em\u3000ideographic",
    "\u202eright to left override\u202c", "soft\u00adhyphen", "\ufffd replacement \ufffc object", "private \ue000 use \U000f0000 plane", "unassigned \u0378 \U0003fffe", "\U0001d4d7\U0001d4ee\U0001d4f5\U0001d4f5\U0001d4f8 \U0001d54e\U0001d560\U0001d563\U0001d55d\U0001d555",
    "[CLS] [SEP] [PAD] [UNK] [MASK] ##ing", "<s> </s> <pad>", "don't can't won't it's we've I'm you'd", "'single' \"double\" \u2018curly\u2019 \u201cquotes\u201d \u00ababout\u00bb", "-- \u2014 \u2013 \u2026 ... !!! ???",
    "supercalifragilisticexpialidocious pneumonoultramicroscopicsilicovolcanoconiosis", "x" * 99, "y" * 101, "long " * 40 + "word" * 600, "antidis" * 60,
    "The quick brown fox jumps over the lazy dog. " * 60,
    "Photosynthesis converts light into chemical energy. In plants it happens in the chloroplasts, where chlorophyll absorbs light; the energy splits water, and oxygen is released as a by-product.",
    "\u3053\u308c\u306f\u9577\u3044\u6587\u3067\u3059\u3002" * 30,
]


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    for name in ("minilm-l3-en", "static-en", "sentiment-en", "langid"):
        folder = STORE / name / "1"
        if not (folder / "manifest.json").exists():
            continue
        manifest = json.loads((folder / "manifest.json").read_text())
        model = runtime.Folder(folder, manifest["maxTokens"], threads=1)
        rows = []
        for text, ids in zip(TEXTS, model.encode(TEXTS)):
            row = {"text": text, "ids": ids}
            if manifest["task"] == "embed":
                row["vector"] = base64.b64encode(model.vectors([text], one_by_one=True)[0].astype("<f4").tobytes()).decode()
            else:
                row["logits"] = [round(float(x), 6) for x in model.run([text], one_by_one=True)[0]]
            rows.append(row)
        text = json.dumps({"model": f"{name}@1", "digest": manifest["digest"], "maxTokens": manifest["maxTokens"]}, ensure_ascii=True)[:-1]
        lines = ",\n".join(json.dumps(r, ensure_ascii=True, separators=(",", ":")) for r in rows)
        (OUT / f"{name}.json").write_text(f'{text}, "texts": [\n{lines}\n]}}\n')
        print(name, len(rows), (OUT / f"{name}.json").stat().st_size)


if __name__ == "__main__":
    main()
