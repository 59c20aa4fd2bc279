"""Texts per language for the language identifier, read from the training cache.

Four kinds: whole sentences (Common Voice, the lingua test sentences, Tatoeba, the declaration of
human rights) and made-up runs of words drawn by frequency (unilex, FrequencyWords) for vocabulary
that the sentences lack. Held out and never trained on: every second Tatoeba sentence, the last 300
lingua sentences of a language, and the whole CLD3 sample. Labels are BCP-47: ISO 639-1 where it exists.
"""

import html
import json
import random
import re
import unicodedata
from pathlib import Path

from english import CACHE, SHARED, SOURCES

SEED = 17

# label: (ISO 639-3 for Tatoeba and UDHR, folders in Common Voice, names in unilex). Norwegian is one label;
# written Chinese is one label; Filipino and Tagalog are one label (tl).
LABELS = {
    "af": ("afr", "af", "af"), "am": ("amh", "am", "am"), "ar": ("ara", "ar", "ar"), "as": ("asm", "as", "as"),
    "az": ("aze", "az", "az"), "ba": ("bak", "ba", "ba"), "be": ("bel", "be", "be be-tarask"), "bg": ("bul", "bg", "bg"),
    "bn": ("ben", "bn", "bn"), "br": ("bre", "br", "br"), "bs": ("bos", "bs", "bs"), "ca": ("cat", "ca", "ca"),
    "ceb": ("ceb", "ceb", "ceb"), "ckb": ("ckb", "ckb", "ckb"), "cs": ("ces", "cs", "cs"), "cv": ("chv", "cv", "cv"),
    "cy": ("cym", "cy", "cy"), "da": ("dan", "da", "da"), "de": ("deu", "de", "de"), "dv": ("div", "dv", "dv"),
    "el": ("ell", "el", "el"), "en": ("eng", "en", "en"), "eo": ("epo", "eo", "eo"), "es": ("spa", "es", "es"),
    "et": ("est", "et", "et"), "eu": ("eus", "eu", "eu"), "fa": ("pes", "fa", "fa"), "fi": ("fin", "fi", "fi"),
    "fo": ("fao", "fo", "fo"), "fr": ("fra", "fr", "fr"), "fy": ("fry", "fy-NL", "fy"), "ga": ("gle", "ga-IE", "ga"),
    "gd": ("gla", "gd", "gd"), "gl": ("glg", "gl", "gl"), "gn": ("gug", "gn", "gn"), "gu": ("guj", "gu", "gu"),
    "ha": ("hau", "ha", "ha"), "he": ("heb", "he", "he"), "hi": ("hin", "hi", "hi"), "hmn": ("hnj mww", "hmn", "hmn"),
    "hr": ("hrv", "hr", "hr"), "hsb": ("hsb", "hsb", "hsb"), "ht": ("hat", "ht", "ht"), "hu": ("hun", "hu", "hu"),
    "hy": ("hye", "hy-AM", "hy"), "id": ("ind", "id", "id"), "ig": ("ibo", "ig", "ig"), "is": ("isl", "is", "is"),
    "it": ("ita", "it", "it"), "ja": ("jpn", "ja", ""), "jv": ("jav", "jv", "jv"), "ka": ("kat", "ka", "ka"),
    "kab": ("kab", "kab", "kab"), "kk": ("kaz", "kk", "kk"), "km": ("khm", "km", "km"), "kn": ("kan", "kn", "kn"),
    "ko": ("kor", "ko", ""), "ku": ("kmr", "kmr", "ku"), "ky": ("kir", "ky", "ky"), "la": ("lat", "la", "la"),
    "lb": ("ltz", "lb", "lb"), "lg": ("lug", "lg", "lg"), "lo": ("lao", "lo", "lo"), "lt": ("lit", "lt", "lt"),
    "lv": ("lvs", "lv", "lv"), "mg": ("plt", "mg", "mg"), "mi": ("mri", "mi", "mi"), "mk": ("mkd", "mk", "mk"),
    "ml": ("mal", "ml", "ml"), "mn": ("mon khk", "mn", "mn"), "mr": ("mar", "mr", "mr"), "ms": ("zsm zlm", "ms", "ms zlm"),
    "mt": ("mlt", "mt", "mt"), "my": ("mya", "my", "my"), "ne": ("nep", "ne-NP", "ne"), "nl": ("nld", "nl", "nl"),
    "no": ("nob nno", "nb-NO nn-NO", "nb nn no"), "ny": ("nya", "ny", "ny"), "oc": ("oci", "oc", "oc"), "or": ("ori ory", "or", "or"),
    "pa": ("pan", "pa-IN", "pa"), "pl": ("pol", "pl", "pl"), "ps": ("pbu pus", "ps", "ps"), "pt": ("por", "pt", "pt pt-PT"),
    "rm": ("roh", "rm-sursilv rm-vallader", "rm-rumgr rm-sursilv rm-vallader"), "ro": ("ron", "ro", "ro"), "ru": ("rus", "ru", "ru"),
    "rw": ("kin", "rw", "rw"), "sah": ("sah", "sah", "sah"), "si": ("sin", "si", "si"), "sk": ("slk", "sk", "sk"),
    "sl": ("slv", "sl", "sl"), "sn": ("sna", "sn", "sn"), "so": ("som", "so", "so"), "sq": ("sqi als", "sq", "sq"),
    "sr": ("srp", "sr", "sr sr-Latn"), "st": ("sot", "st", "st"), "su": ("sun", "su", "su"), "sv": ("swe", "sv-SE", "sv"),
    "sw": ("swh", "sw", "sw"), "ta": ("tam", "ta", "ta"), "te": ("tel", "te", "te"), "tg": ("tgk", "tg", "tg"),
    "th": ("tha", "th", "th"), "ti": ("tir", "ti", "ti"), "tk": ("tuk", "tk", "tk"), "tl": ("tgl", "tl", "fil"),
    "tn": ("tsn", "tn", "tn"), "tr": ("tur", "tr", "tr"), "ts": ("tso", "ts", "ts"), "tt": ("tat", "tt", "tt"),
    "ug": ("uig", "ug", "ug"), "uk": ("ukr", "uk", "uk"), "ur": ("urd", "ur", "ur"), "uz": ("uzb uzn", "uz", "uz"),
    "vi": ("vie", "vi", "vi"), "xh": ("xho", "xh", "xh"), "yi": ("yid ydd", "yi", "yi"), "yo": ("yor", "yo", "yo"),
    "zh": ("cmn", "zh-CN zh-TW zh-HK", ""), "zu": ("zul", "zu", "zu"),
}
LINGUA = {"no": ["nb", "nn"]}  # else the label itself
FREQUENCY = {"no": ["no"], "zh": [], "ja": [], "pt": ["pt", "pt_br"]}
CLD3 = {"iw": "he", "fil": "tl"}


def clean(text):
    return re.sub(r"\s+", " ", unicodedata.normalize("NFC", text)).strip()


def udhr(codes):
    for path in sorted((SOURCES / "udhr/declaration").glob("*.html")):
        text = path.read_text(encoding="utf-8")
        iso = re.search(r'data-iso6393="([a-z]+)"', text)
        if not iso or iso.group(1) not in codes:
            continue
        for body in re.findall(r"<p[^>]*>(.*?)</p>", text, re.S):
            yield clean(html.unescape(re.sub(r"<[^>]+>", " ", body)))


def lines(path):
    return [clean(l) for l in path.read_text(encoding="utf-8", errors="ignore").splitlines()]


def words(path, rng, count, separator):
    """Runs of three to nine words drawn by frequency (flattened, so that rare words come too)."""
    names, weights = [], []
    for line in path.read_text(encoding="utf-8", errors="ignore").splitlines():
        parts = line.rstrip().split(separator)
        if line.startswith("#") or len(parts) != 2 or not parts[1].isdigit():
            continue
        names.append(parts[0])
        weights.append(int(parts[1]) ** 0.7)
    if len(names) < 300:
        return []
    drawn = iter(rng.choices(names, weights, k=count * 6))
    out = []
    for _ in range(count):
        out.append(" ".join(w for w, _ in zip(drawn, range(rng.randint(3, 8)))))
    return [clean(t) for t in out if t]


def collect():
    """-> train {label: {source: [text]}}, test {set: [(text, label)]}"""
    train, test = {}, {"tatoeba": [], "lingua": [], "cld3": []}
    tatoeba = SOURCES / "facebookresearch+LASER/data/tatoeba/v1"
    for label, (iso, voice, unilex) in LABELS.items():
        rng = random.Random(f"{SEED}{label}")
        got = {}
        rows = []
        for folder in voice.split():
            for path in sorted((SOURCES / "mozilla+voice-web/server/data" / folder).glob("*.txt")):
                if path.name != "singleword-benchmark.txt":
                    rows += lines(path)
        rows = sorted(set(r for r in rows if len(r) > 3))
        rng.shuffle(rows)
        got["voice"] = rows[:12000]
        rows = []
        for name in LINGUA.get(label, [label]):
            path = SOURCES / f"pemistahl+lingua-rs/language-models/{name}/testdata/sentences.txt"
            if path.exists():
                rows += lines(path)
        rng.shuffle(rows)
        held = rows[len(rows) * 7 // 10 :]
        test["lingua"] += [(t, label) for t in held]
        got["lingua"] = rows[: len(rows) * 7 // 10]
        rows, seen = [], set(held)
        for code in iso.split():
            for path in sorted(tatoeba.glob(f"tatoeba.{code}-eng.{code}")) or ([tatoeba / "tatoeba.deu-eng.eng"] if code == "eng" else []):
                rows += lines(path)
        rows = list(dict.fromkeys(rows))
        test["tatoeba"] += [(t, label) for t in rows[1::2]]
        seen.update(rows[1::2])
        got["tatoeba"] = rows[0::2]
        got["udhr"] = [t for t in udhr(iso.split()) if len(t) > 10]
        got = {k: [t for t in v if t not in seen] for k, v in got.items()}
        got["unilex"] = []
        for name in unilex.split():
            path = SOURCES / f"unicode-org+unilex/data/frequency/{name}.txt"
            if path.exists():
                got["unilex"] += words(path, rng, 3000 // len(unilex.split()), "\t")
        got["frequency"] = []
        for name in FREQUENCY.get(label, [label]):
            for path in sorted((SOURCES / "hermitdave+FrequencyWords/content/2018" / name).glob("*_50k.txt")):
                got["frequency"] += words(path, rng, 3000, " ")
        train[label] = got
    for line in open(SHARED / "datasets/langid/cld3-samples.jsonl", encoding="utf-8"):
        row = json.loads(line)
        test["cld3"].append((clean(row["text"]), CLD3.get(row["tag"], row["tag"])))
    return train, test


if __name__ == "__main__":
    train, test = collect()
    for label, got in train.items():
        print(label, {k: len(v) for k, v in got.items()})
    for name, rows in test.items():
        print(name, len(rows), len({l for _, l in rows}), sorted({l for _, l in rows} - set(LABELS)))
