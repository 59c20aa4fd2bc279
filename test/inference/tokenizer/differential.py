"""Prints what Python's `tokenizers` makes of many strings, one JSON line each, for differential-run.ts to compare.

    python differential.py <tokenizer.json> [--count 100000] [--seed 1] [--shared <folder>] [--real] [--unicode <folder>] | node <dist>/differential-run.js

Random strings mix scripts, marks, emoji, controls, whitespace, unassigned code points, added tokens, pieces of the
vocabulary and real text; every few also come as pairs, truncated, or without special tokens. With --unicode, the strings
of Unicode's own test files in that folder (NormalizationTest, the break tests, emoji-test: Debian's unicode-data has them).
"""

import argparse
import bz2
import glob
import json
import os
import random
import re
import sys

from tokenizers import Tokenizer

SPACES = [0x20] * 6 + [9, 10, 11, 12, 13, 0x1C, 0x1F, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200C), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000, 0xFEFF, 0x180E]
EMOJI = ["👍🏽", "👨‍👩‍👧‍👦", "🏳️‍🌈", "🇩🇪", "🇫🇷🇮", "❤️", "1️⃣", "😀", "👩🏿‍🚀", "🧑‍🤝‍🧑"]
ENGLISH = "it's I'm we've they'll you'd don't IT'S U.S.A. e.g. 3.14 1,000.50 $5 50% a-b re-do C++ C# foo_bar @user #tag http://x.org/a?b=c&d=e".split(" ")
RANGES = [
    (0x00, 0x20), (0x20, 0x7F), (0x7F, 0xA0), (0xA0, 0x180), (0x180, 0x300), (0x300, 0x370), (0x370, 0x400), (0x400, 0x530),
    (0x590, 0x600), (0x600, 0x700), (0x700, 0x900), (0x900, 0x0E00), (0xE00, 0x1000), (0x1000, 0x1100), (0x1100, 0x1200),
    (0x1200, 0x1E00), (0x1E00, 0x2000), (0x2000, 0x2070), (0x2070, 0x2C00), (0x2C00, 0x3000), (0x3000, 0x3100), (0x3100, 0x3400),
    (0x3400, 0x4E00), (0x4E00, 0xA000), (0xA000, 0xAC00), (0xAC00, 0xD7B0), (0xD7B0, 0xD800), (0xE000, 0xF900), (0xF900, 0xFB00),
    (0xFB00, 0xFE00), (0xFE00, 0xFE30), (0xFE30, 0x10000), (0x10000, 0x11000), (0x11000, 0x12000), (0x12000, 0x1D000),
    (0x1D000, 0x1F000), (0x1F000, 0x20000), (0x20000, 0x2A800), (0x2A700, 0x30000), (0x30000, 0x33480), (0xE0000, 0xE0200), (0x10FF00, 0x110000),
]
POPULAR = [(0x20, 0x7F), (0x61, 0x7B), (0xA0, 0x180), (0x300, 0x370), (0x400, 0x460), (0x4E00, 0x5000), (0x3040, 0x3100), (0xAC00, 0xB000)]


def character(rng, low, high):
    while True:
        c = rng.randrange(low, high)
        if not 0xD800 <= c <= 0xDFFF:
            return chr(c)


def run(rng, low, high, most):
    return "".join(character(rng, low, high) for _ in range(rng.randint(1, most)))


def piece(rng, vocabulary, added, real):
    kind = rng.randrange(16)
    if kind == 0:
        return run(rng, *rng.choice(RANGES), 8)
    if kind == 1:
        return "".join(character(rng, *rng.choice(RANGES)) for _ in range(rng.randint(1, 10)))
    if kind == 2:
        return run(rng, *rng.choice(POPULAR), 12)
    if kind == 3:
        return "".join(chr(rng.choice(SPACES)) for _ in range(rng.randint(1, 4)))
    if kind == 4:
        return rng.choice(EMOJI) * rng.randint(1, 2)
    if kind == 5:
        base = rng.choice(["a", "e", "E", "ö", "か", "ศ", "क", "각", "ᄀ", "ا", "ש", " ", "1", "ﬁ", "Å", "ẹ"])
        return base + run(rng, 0x300, 0x346, 4)
    if kind == 6 and added:
        token = rng.choice(added)
        return rng.choice([token, token, " " + token + "  ", token.lower(), token.upper(), token[: rng.randint(0, len(token))]])
    if kind == 7 and vocabulary:
        return "".join(rng.choice(vocabulary) for _ in range(rng.randint(1, 5)))
    if kind == 8:
        return rng.choice(ENGLISH)
    if kind == 9:
        return str(rng.randrange(10 ** rng.randint(1, 9)))
    if kind == 10:
        return rng.choice("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~") * rng.randint(1, 5)
    if kind == 11:
        return rng.choice(["İ", "ΑΣ", "ς", "ß", "ẞ", "ǅ", "ﬆ", "㎏", "①", "½", "Ⅷ", "℡", "カ゛", "ｶﾞ", "\u1100\u1161\u11a8", "\u0344", "\u2126", "\u212a", "\uac00\u11a7", "▁", "▁▁", "Ġ", "##a", "\r\n", "\u200d", "\u200b", "\ufffd", "\u0958", "\u0928\u093c", "\U0001d15e"])
    if real:
        text = rng.choice(real)
        at = rng.randrange(len(text))
        return text[at : at + rng.randint(1, 40)]
    return run(rng, 0x61, 0x7B, 9)


def sample(rng, vocabulary, added, real):
    shape = rng.randrange(40)
    if shape == 0:
        return ""
    if shape == 1:
        return piece(rng, vocabulary, added, real) * rng.randint(2, 30)
    if shape == 2:
        return run(rng, *rng.choice(RANGES), rng.choice([20, 60, 120]))
    joins = rng.choice(["", " ", " ", " ", None])
    parts = [piece(rng, vocabulary, added, real) for _ in range(rng.choice([1, 2, 3, 5, 8, 14]))]
    if joins is None:
        return "".join(p + (chr(rng.choice(SPACES)) if rng.random() < 0.5 else "") for p in parts)
    return joins.join(parts)


def fields(e):
    return [
        e.ids, e.type_ids, e.special_tokens_mask, [x for pair in e.offsets for x in pair],
        [-1 if w is None else w for w in e.word_ids], [-1 if s is None else s for s in e.sequence_ids], e.tokens,
        [fields(o) for o in e.overflowing],
    ]


def real_texts(shared):
    texts = []
    base = os.path.join(shared, "datasets")
    for name in ("botchan.txt", "wagahaiwa_nekodearu.txt"):
        texts += open(os.path.join(base, "text", name), encoding="utf8").read().split("\n")
    for path in ("sst2/dev.jsonl", "langid/cld3-samples.jsonl", "cnn_dailymail/test-sample.jsonl"):
        for line in open(os.path.join(base, path), encoding="utf8"):
            texts += [v for v in json.loads(line).values() if isinstance(v, str)]
    return [t for t in texts if t]


def unicode_texts(folder):
    """Every string of Unicode's test files, plain or packed with bzip2."""
    names = ("NormalizationTest", "GraphemeBreakTest", "WordBreakTest", "SentenceBreakTest", "LineBreakTest", "emoji-test")
    texts = {}
    for path in sorted(glob.glob(os.path.join(folder, "**/*.txt*"), recursive=True)):
        name = os.path.basename(path)
        if not name.startswith(names):
            continue
        opened = bz2.open(path, "rt", encoding="utf8") if name.endswith(".bz2") else open(path, encoding="utf8")
        for row in opened:
            columns = row.split("#")[0].split(";")
            if name.startswith("emoji"):
                columns = columns[:1]
            for column in columns:
                points = [int(word, 16) for word in re.findall(r"\b[0-9A-F]{4,6}\b", column)]
                if points and not any(0xD800 <= c <= 0xDFFF for c in points):
                    texts["".join(map(chr, points))] = None
    if not texts:
        raise SystemExit(f"no Unicode test files in {folder}")
    return list(texts)


def lines(tokenizer, rng, vocabulary, added, real, count):
    """Random strings, and what the library makes of them: text, second text, options, special tokens, result."""
    for i in range(count):
        text = sample(rng, vocabulary, added, real)
        how = rng.randrange(12)
        if i % 5000 == 4999:
            text = run(rng, *rng.choice(POPULAR), 1) * 10000
        if how == 0:
            yield line(tokenizer, text, sample(rng, vocabulary, added, real), None)
        elif how == 1:
            yield line(tokenizer, text, None, None, False)
        elif how == 2:
            pair = sample(rng, vocabulary, added, real) if rng.random() < 0.6 else None
            options = {
                "maxTokens": rng.randint(5, 24),
                "stride": rng.choice([0, 0, 0, 1, 2]),
                "truncationSide": rng.choice(["right", "right", "left"]),
                "truncationStrategy": rng.choice(["longest_first", "longest_first", "only_first", "only_second"]),
            }
            if options["stride"] and options["maxTokens"] < 12:
                continue
            tokenizer.enable_truncation(
                options["maxTokens"],
                stride=options["stride"],
                strategy=options["truncationStrategy"],
                direction=options["truncationSide"],
            )
            yield line(tokenizer, text, pair, options, rng.random() < 0.8)
            tokenizer.no_truncation()
        else:
            yield line(tokenizer, text, None, None)


def padded(tokenizer, rng, vocabulary, added, real, count):
    """Batches of random strings, padded: texts, options with the padding and any truncation, results with attention masks."""
    for _ in range(count):
        texts = [sample(rng, vocabulary, added, real) for _ in range(rng.randint(1, 5))]
        pairs = [sample(rng, vocabulary, added, real) for _ in texts] if rng.random() < 0.3 else None
        padding = {"side": rng.choice(["left", "right"]), "padId": rng.choice([0, 1, 3]), "padTypeId": rng.choice([0, 0, 1]), "padToken": rng.choice(["[PAD]", "<pad>"])}
        if rng.random() < 0.5:
            padding["length"] = rng.choice([1, 7, 16, 40])
        if rng.random() < 0.5:
            padding["multipleOf"] = rng.choice([1, 2, 8, 64])
        options = {"padding": padding}
        if rng.random() < 0.4:
            options["maxTokens"] = rng.randint(8, 24)
            tokenizer.enable_truncation(options["maxTokens"])
        tokenizer.enable_padding(
            direction=padding["side"],
            pad_id=padding["padId"],
            pad_type_id=padding["padTypeId"],
            pad_token=padding["padToken"],
            length=padding.get("length"),
            pad_to_multiple_of=padding.get("multipleOf"),
        )
        encodings = tokenizer.encode_batch(texts if pairs is None else list(zip(texts, pairs)))
        yield [texts, pairs, options, True, [fields(e) + [e.attention_mask] for e in encodings]]
        tokenizer.no_padding()
        tokenizer.no_truncation()


def line(tokenizer, text, pair, options, specials=True):
    try:
        e = tokenizer.encode(text, pair, add_special_tokens=specials)
        result = fields(e)
    except BaseException as error:
        return [text, pair, options, specials, str(error)[:80]]
    try:
        result.append([tokenizer.decode(e.ids), tokenizer.decode(e.ids, skip_special_tokens=False)])
    except BaseException:
        result.append(None)
    return [text, pair, options, specials, result]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("tokenizer")
    parser.add_argument("--count", type=int, default=100000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--shared", default=os.environ.get("PLEXUS_SHARED", "../shared"))
    parser.add_argument("--real", action="store_true", help="the real texts whole, and no random ones")
    parser.add_argument("--unicode", help="a folder with Unicode's test files: their strings, and no random ones")
    args = parser.parse_args()
    rng = random.Random(args.seed)
    tokenizer = Tokenizer.from_file(args.tokenizer)
    tokenizer.no_padding()
    tokenizer.no_truncation()
    vocabulary = sorted(tokenizer.get_vocab())[:50000]
    added = [t.content for t in tokenizer.get_added_tokens_decoder().values()]
    real = real_texts(args.shared) if os.path.isdir(args.shared) else []
    out = sys.stdout
    out.write(json.dumps({"tokenizer": os.path.abspath(args.tokenizer)}) + "\n")

    if args.unicode:
        texts = unicode_texts(args.unicode)
        for text in texts:
            out.write(json.dumps(line(tokenizer, text, None, None)) + "\n")
            out.write(json.dumps(line(tokenizer, rng.choice(texts), text, None)) + "\n")
        return
    if args.real:
        for text in real:
            out.write(json.dumps(line(tokenizer, text, None, None)) + "\n")
        whole = os.path.join(args.shared, "datasets/text")
        for name in ("botchan.txt", "wagahaiwa_nekodearu.txt"):
            text = open(os.path.join(whole, name), encoding="utf8").read()
            out.write(json.dumps(line(tokenizer, text, None, None)) + "\n")
        return
    for made in lines(tokenizer, rng, vocabulary, added, real, args.count):
        out.write(json.dumps(made) + "\n")
    for made in padded(tokenizer, rng, vocabulary, added, real, args.count // 20):
        out.write(json.dumps(made) + "\n")


if __name__ == "__main__":
    main()
