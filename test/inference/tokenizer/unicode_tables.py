"""Writes inference/tokenizer/unicode/tables.ts: the Unicode data that Python's `tokenizers` works with.

Every table is read out of the library itself, one code point at a time, so that our results do not depend on the
Unicode version of the Node that runs them. Grapheme classes come from the `unicode-segmentation` crate's table, given
as a path. Usage: python unicode_tables.py path/to/tables.rs output.ts
"""

import re
import sys
import unicodedata

from tokenizers import Regex, normalizers, pre_tokenizers

POINTS = [c for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF]
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def base36(n):
    text = ""
    while True:
        text = DIGITS[n % 36] + text
        n //= 36
        if n == 0:
            return text


def ranges(points):
    found = []
    for c in sorted(points):
        if found and found[-1][1] == c:
            found[-1][1] = c + 1
        else:
            found.append([c, c + 1])
    return found


def packed(points):
    """Alternating gap and length, base 36, space-separated; a length of one is left out as an empty word."""
    at, words = 0, []
    for low, high in ranges(points):
        words.append(base36(low - at) + ("" if high - low == 1 else "." + base36(high - low)))
        at = high
    return " ".join(words)


def matching(pattern):
    remove = normalizers.Replace(Regex(pattern), "")
    return {c for c in POINTS if remove.normalize_str(chr(c)) == ""}


def mapped(normalizer):
    return {c: out for c in POINTS if (out := normalizer.normalize_str(chr(c))) != chr(c)}


def split_by(pre_tokenizer):
    return {c for c in POINTS if [p for p, _ in pre_tokenizer.pre_tokenize_str("a" + chr(c) + "a")] != ["a" + chr(c) + "a"]}


def combining_classes(nfd):
    """Canonical classes never change once assigned; the library is asked only which ones it knows."""
    classes = {}
    for c in POINTS:
        k = unicodedata.combining(chr(c))
        if k == 0:
            continue
        above = "\u0345" if k < 240 else None
        known = above is None or nfd.normalize_str("a" + above + chr(c)) != "a" + above + chr(c)
        if known and chr(c) == nfd.normalize_str(chr(c)):
            classes[c] = k
    return classes


def script_classes():
    split = pre_tokenizers.UnicodeScripts()

    def same(a, b):
        return len(split.pre_tokenize_str(chr(a) + chr(b))) == 1

    runs, any_points = [], []
    for c in POINTS:
        if c != 0x20 and split.pre_tokenize_str(chr(c)) == []:
            any_points.append(c)
        elif c == 0x20:
            any_points.append(c)
        elif runs and runs[-1][1] == c and same(runs[-1][0], c):
            runs[-1][1] = c + 1
        else:
            runs.append([c, c + 1])
    names, groups = [], {}
    for low, high in runs:
        for i, first in enumerate(names):
            if same(first, low):
                break
        else:
            i = len(names)
            names.append(low)
        groups.setdefault(i, []).extend(range(low, high))
    return groups


def grapheme_classes(path):
    source = open(path, encoding="utf8").read()
    block = source[source.index("pub mod grapheme") : source.index("pub mod word")]
    classes = {}
    for low, high, name in re.findall(r"\('\\u\{(\w+)\}',\s*'\\u\{(\w+)\}',\s*GC_(\w+)\)", block):
        classes.setdefault(name, set()).update(range(int(low, 16), int(high, 16) + 1))
    return classes, source


def main():
    nfd = normalizers.NFD()
    canonical, compatible = mapped(nfd), mapped(normalizers.NFKD())
    composed = mapped(normalizers.NFC())
    clean = mapped(normalizers.BertNormalizer(clean_text=True, handle_chinese_chars=False, strip_accents=False, lowercase=False))
    accents = mapped(normalizers.BertNormalizer(clean_text=False, handle_chinese_chars=False, strip_accents=True, lowercase=False))
    lines = {}
    lines["CONTROL"] = ("what BertNormalizer's clean_text removes", packed(c for c in POINTS if clean.get(c) == ""))
    lines["NONSPACING"] = ("what BertNormalizer's strip_accents removes after NFD", packed(c for c in POINTS if accents.get(c) == "" and c not in canonical))
    lines["COMBINING"] = ("what StripAccents removes", packed(mapped(normalizers.StripAccents())))
    lines["PUNCTUATION"] = ("what Punctuation and BertPreTokenizer isolate", packed(split_by(pre_tokenizers.Punctuation())))
    lines["NUMERIC"] = ("what Digits isolates", packed(split_by(pre_tokenizers.Digits(True))))
    lines["WORD"] = ("\\w of the Whitespace pre-tokenizer and of single_word", packed(set(POINTS) - split_by(pre_tokenizers.Whitespace())))
    lines["LETTER"] = ("\\p{L} of the regex engine", packed(matching(r"\p{L}")))
    lines["NUMBER"] = ("\\p{N} of the regex engine", packed(matching(r"\p{N}")))
    lines["REGEX_WORD"] = ("\\w of the regex engine", packed(matching(r"\w")))
    lines["ASSIGNED"] = ("what the regex engine knows as assigned (not \\p{Cn})", packed(set(POINTS) - matching(r"\p{Cn}")))
    lines["PICTOGRAPHIC"] = ("\\p{Extended_Pictographic} of the regex engine, an older one than that of graphemes", packed(matching(r"\p{Extended_Pictographic}")))
    hangul = set(range(0xAC00, 0xD7A4))
    lines["CANONICAL"] = ("what NFD changes, Hangul syllables aside", packed(set(canonical) - hangul))
    lines["COMPATIBLE"] = ("what NFKD changes besides", packed(set(compatible) - set(canonical) - hangul))
    lines["UNCOMPOSED"] = ("what NFC changes: canonical decompositions that never come back", packed(composed))
    by_class = {}
    for c, k in combining_classes(nfd).items():
        by_class.setdefault(k, []).append(c)
    lines["COMBINING_CLASS"] = ("canonical combining classes, as class:points", "|".join(f"{base36(k)}:{packed(v)}" for k, v in sorted(by_class.items())))
    lines["SCRIPT"] = ("what UnicodeScripts takes for one script, each group's points", "|".join(packed(v) for v in script_classes().values()))
    graphemes, source = grapheme_classes(sys.argv[1])
    order = ["Control", "Extend", "Extended_Pictographic", "InCB_Consonant", "L", "Prepend", "Regional_Indicator", "SpacingMark", "T", "V"]
    lines["GRAPHEME"] = ("grapheme classes " + ", ".join(order), "|".join(packed(graphemes[name]) for name in order))
    block = source[source.index("pub fn is_incb_linker") :]
    block = block[: block.index("}\n")]
    linkers = {int(x, 16) for x in re.findall(r"'\\u\{(\w+)\}'", block)}
    lines["LINKER"] = ("Indic conjunct linkers", packed(linkers))
    with open(sys.argv[2], "w", encoding="utf8") as out:
        out.write("// Unicode as Python's `tokenizers` sees it, so that ids do not depend on the Unicode version of the running Node.\n")
        out.write("// Generated by test/inference/tokenizer/unicode_tables.py: do not edit. Each table lists code points as words of\n")
        out.write("// base 36, `gap` or `gap.length`: the distance from the end of the last range, and how many points this one has.\n\n")
        for name, (what, text) in lines.items():
            out.write(f"/** {what[0].upper() + what[1:]}. */\nexport const {name} =\n  '{text}';\n\n")


main()
