"""Random regular expressions and what Oniguruma finds with them: python random_patterns.py <seed> <count> | node <dist>/patterns-run.js

One JSON line each: pattern, subject, and the pieces it cuts the subject into, in code points; null where Oniguruma refuses it.
"""

import json
import os
import random
import sys

# Where Oniguruma refuses a pattern, the Rust beneath must not write a trace of it.
os.environ["RUST_BACKTRACE"] = "0"

from tokenizers import Regex
from tokenizers import pre_tokenizers as P

ATOMS = [
    "a", "b", "s", "é", "ß", "k", "1", " ", "-", "日", "😀", "\\n", ".", "\\w", "\\W", "\\d", "\\s", "\\S", "\\h", "\\H", "\\N", "\\O", "\\R", "\\X", "[ab]", "[^ab]",
    "[a-z]", "[[:alpha:]]", "[[:^digit:]]", "[[:upper:]]", "[\\w&&[^a]]", "[^\\s\\d]", "\\p{L}", "\\p{Lu}", "\\p{Ll}", "\\p{^N}", "\\P{L}", "\\p{Han}", "\\p{P}", "[\\p{M}\\u0301]",
    "ss", "st", "fi", "AB", "ﬁ", "σ", "Σ", "ǆ", "\\x{e9}", "\\u00e9", "\\xc3\\xa9", "\\t", "\\x20", "[sß]", "[θa]", "\\p{Emoji}", "\\p{Extended_Pictographic}", "\\r",
]
PLACES = ["^", "$", "\\b", "\\B", "\\A", "\\z", "\\Z", "\\y", "\\Y"]
REPEATS = ["*", "+", "?", "*?", "+?", "??", "*+", "++", "?+", "{2}", "{1,2}", "{,2}", "{2,}", "{1,2}?", "{2}?", "{2}+"]
ALPHABET = list("aabbsSkK1 -_AB\n") + ["é", "É", "ß", "ẞ", "ſ", "\u212a", "日", "😀", "👍🏽", "e\u0301", "ﬁ", "fi", "ﬆ", "st", "σ", "ς", "Σ", "θ", "ϑ", "ϴ", "ǅ", "\r\n", "\t", "🇩🇪", "👩‍🚀", "각", "\u1100\u1161", "क्ष", "ʕ", "İ", "ı", "i̇", "²", "\u2028"]


def atom(rng, depth, groups):
    kind = rng.randrange(24)
    if kind < 13 or depth == 0:
        return rng.choice(ATOMS)
    inner = choice(rng, depth - 1, groups)
    if kind == 13:
        return f"(?:{inner})"
    if kind == 14:
        groups.append(None)
        return f"({inner})"
    if kind == 15:
        return f"(?>{inner})"
    if kind == 16:
        return f"(?i:{inner})"
    if kind == 17:
        return rng.choice(["(?=", "(?!"]) + inner + ")"
    if kind == 18:
        return rng.choice(["(?<=", "(?<!"]) + rng.choice(ATOMS) + ")"
    if kind == 19:
        return rng.choice(PLACES)
    if kind == 20 and groups:
        return f"\\{rng.randint(1, len(groups))}"
    if kind == 21 and groups:
        return f"\\g<{rng.randint(1, len(groups))}>"
    if kind == 22:
        return "\\K"
    if kind == 23:
        return "(?i)"
    return rng.choice(ATOMS)


def sequence(rng, depth, groups):
    parts = []
    for _ in range(rng.choice([1, 1, 2, 2, 3, 4])):
        part = atom(rng, depth, groups)
        if rng.random() < 0.35:
            part += rng.choice(REPEATS)
        parts.append(part)
    return "".join(parts)


def choice(rng, depth, groups):
    return "|".join(sequence(rng, depth, groups) for _ in range(rng.choice([1, 1, 1, 2, 3])))


def main():
    rng = random.Random(int(sys.argv[1]))
    for _ in range(int(sys.argv[2])):
        pattern = ("\\G" if rng.random() < 0.04 else "") + choice(rng, 2, [])
        try:
            split = P.Split(Regex(pattern), "isolated")
        except BaseException:
            print(json.dumps([pattern, "", None]))
            continue
        for _ in range(6):
            subject = "".join(rng.choice(ALPHABET) for _ in range(rng.randint(0, 12)))
            print(json.dumps([pattern, subject, [offsets for _, offsets in split.pre_tokenize_str(subject)]]))


main()
