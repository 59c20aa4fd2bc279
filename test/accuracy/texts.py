"""The 500 texts of the exactness tests, the same on every run: everyday English made from word lists, and everything awkward.

Nothing is copied from a data set. `make()` gives (kind, text) pairs; a text is a string, or a list of [piece, count] for long
repetitions, so that ten thousand characters cost ten bytes in the fixture; `whole()` writes such a list out.
"""

import random
import unicodedata

SEED = 20

PEOPLE = "the director|a nurse|my neighbour|Dr. Okafor|the Prime Minister|an old fisherman|Anna and Tom|the committee|two engineers|NASA|the goalkeeper|her lawyer|Mr. O'Neill|a spokeswoman|the jury".split("|")
VERBS = "praised|bought|cancelled|forgot about|painted|investigated|refused|translated|could not find|repaired|sold|voted against|wrote about|dreamed of|measured".split("|")
THINGS = "the new bridge|a second-hand piano|seven blue bicycles|the 2019 report|an unusually warm winter|the trade agreement|a bowl of soup|quantum computers|the last train to Leeds|her father's letters|a $3.5 billion loan|the vaccine trial|some very small fish|the film's ending|free software".split("|")
PLACES = "in Geneva|at the market|on Tuesday|before the rain came|for the first time|near the old harbour|without saying why|after 48 hours|in front of everyone|because nobody else would|at 9:30 p.m.|despite the warnings".split("|")
FILM = "film|plot|acting|script|soundtrack|cast|ending|dialogue|pace|humor".split("|")
GOOD = "charming|sharp|affecting|funny|gorgeous|tender|gripping|clever".split("|")
BAD = "dull|clumsy|predictable|lifeless|overlong|shrill|empty|muddled".split("|")

EMOJI = "😀 😂 ❤️ 👍🏽 👨‍👩‍👧‍👦 🏳️‍🌈 🇩🇪 🇫🇷 🧑🏿‍🚀 🐍 🦀 ☃️ ✈️ 1️⃣ #️⃣ 🫠 🪿 🤦🏼‍♀️ 🔥 🎉 ☕ ♻️ ™️ ©️ 🏴󠁧󠁢󠁥󠁮󠁧󠁿 🀄 ⌚ 🕵️‍♂️".split(" ")
CJK = ["你好，世界！今天天气很好。", "我昨天在图书馆借了三本书。", "這部電影的結局令人失望。", "北京和上海之間的高鐵非常快", "日本語のテストです。カタカナと漢字。", "吾輩は猫である。名前はまだ無い。",
       "東京タワーへ行きました。", "ｶﾞｷﾞｸﾞ ＡＢＣ１２３", "안녕하세요 세계", "한국어 문장을 시험합니다.", "㐀㐁 𠀀𠀁 豈更", "①②③ ㍿ ㎡ Ⅷ ㈱", "々〆〤 ゝゞ ーー", "これはpenです。", "价格：￥1,234.56元"]
ARABIC = ["مرحبا بالعالم", "مَرْحَبًا بِكُمْ", "كتب الطالب رسالة طويلة إلى أستاذه.", "الطقس جميل اليوم، أليس كذلك؟", "۱۲۳۴ ١٢٣٤ و 5678", "لا إله ﷲ ﷺ ﻻ ﺍﻟ", "فارسی: می‌خواهم کتاب بخوانم", "اردو میں لکھا ہوا جملہ۔",
          "شَدَّة وتنوينٌ وسُكُونْ", "العربية mixed with English كلمات", "ـــتطويلـــ", "\u202bنص مضمن\u202c", "\u0600\u06dd\u08e2 ١", "عِنْدَمَا يَأْتِي ٱلصَّبَاحُ", "پنجشنبه‌ها تعطیل است"]
SCRIPTS = ["Привет, как дела? Ёлка и йогурт.", "Українська ґ є ї і", "Αυτή είναι μια πρόταση. ΣΊΣΥΦΟΣ Σίσυφος", "שָׁלוֹם עולם", "नमस्ते दुनिया, क्षत्रिय ज्ञान", "বাংলা ভাষার বাক্য", "தமிழ் மொழி", "ภาษาไทยไม่มีช่องว่าง", "မြန်မာဘာသာ",
           "ሰላም ለዓለም", "ქართული ენა ᲥᲐᲠᲗᲣᲚᲘ", "Հայերեն լեզու և", "ភាសាខ្មែរ", "ລາວ", "བོད་སྐད་", "සිංහල භාෂාව", "తెలుగు భాష", "ᏣᎳᎩ ᎦᏬᏂᎯᏍᏗ ꮳꮃꭹ", "ᐃᓄᒃᑎᑐᑦ", "Tiếng Việt có dấu", "Straße ẞ İstanbul ılık ﬁn ſ ǅ",
           "Çağrı güneş şöyle", "Łódź żółw", "žluťoučký kůň", "Þórður æ ø å", "ʻōlelo Hawaiʻi", "𐌰𐌱𐌲 𐐀𐐨 𞤀𞤢", "𝓗𝓮𝓵𝓵𝓸 𝕎𝕠𝕣𝕝𝕕 𝟙𝟚", "ＦＵＬＬ ｗｉｄｔｈ", "Ω Ω K K Å Å"]
BASES = "aeinosuyAEÑckz"
MARKS = [chr(c) for c in (0x300, 0x301, 0x302, 0x303, 0x308, 0x30A, 0x327, 0x328, 0x323, 0x331, 0x338, 0x345, 0x35C, 0x361, 0x34F, 0x20DD, 0x1AB0, 0xFE20)]
CONTROLS = [chr(c) for c in (*range(0, 32), 0x7F, 0x80, 0x85, 0x9F, 0xAD, 0x200B, 0x200C, 0x200D, 0x200E, 0x2028, 0x2029, 0x202E, 0x2060, 0x2066, 0xFEFF, 0xFFF9, 0xFFFD, 0xE0001)]
ODD = ["C++ and C# and F# and .NET", "https://example.org/path?query=1&x=%20#top", "name@example.org, @someone #topic", "e.g. the U.S.A. vs. the U.K. at 3.14 p.m.", "mixedCase camelCase snake_case kebab-case", "HELLO WORLD THIS IS SHOUTING",
       "numbers 1234567890 1,234.56 0x1F 10% $99.99 €5 £7 ¥12", "don't can't won't it's we've I'm you'd", "'single' \"double\" ‘curly’ “quotes” «about»", "-- — – … ... !!! ???", "for (let i = 0; i < n; i++) { sum += a[i]; }", "SELECT * FROM t WHERE x >= 'y' -- no",
       "\\n \\t \\u0041 C:\\temp\\x", "<b>bold</b> &amp; <i>it</i>", "{\"key\": [1, 2, {\"a\": null}]}", "a/b|c~d`e^f_g=h+i", "∑∫√∞≠≤ ∀x∈ℝ: x²≥0", "½ ¼ 10⁻³ H₂O", "→ ⇒ ↔ ■ ● ★ ☎", "x=1;y=2;;z", "tel. +49 (0)30 1234-567", "2024-02-29T23:59:60Z", ".", "a", "?!", "''", "...", "- - -", "1", "%"]
SPECIAL = ["[CLS] [SEP] [PAD] [UNK] [MASK] ##ing", "[CLS]", "a [MASK] b", "[mask] [Sep]", "<s> </s> <pad> <unk>", "x[SEP]y", "##a ##b", "<START> <PAD> <UNKNOWN>", "[ CLS ]", "[CLS][CLS][SEP]"]


def sentence(r):
    return f"{r.choice(PEOPLE)} {r.choice(VERBS)} {r.choice(THINGS)} {r.choice(PLACES)}."


def plain(r):
    s = sentence(r)
    return r.choice([s, s[0].upper() + s[1:], s[0].upper() + s[1:-1] + "?", s + " " + sentence(r), f"\"{s[0].upper()}{s[1:-1]},\" {r.choice(PEOPLE)} said."])


def review(r):
    a, b = (r.choice(GOOD), r.choice(BAD))
    return r.choice([f"a {a} and often {r.choice(GOOD)} {r.choice(FILM)} .", f"the {r.choice(FILM)} is {b} , the {r.choice(FILM)} even worse .", f"it 's {a} in places , but the {r.choice(FILM)} is {b} .",
                     f"not {b} at all -- a {a} , {r.choice(GOOD)} surprise .", f"i could n't sit through this {b} , {r.choice(BAD)} mess .", f"{a} {r.choice(FILM)} , {b} {r.choice(FILM)}"])


def letters(r, alphabet, count):
    return "".join(r.choice(alphabet) for _ in range(count))


def assigned(r):
    """A code point that is no surrogate; about half of those drawn above the first plane are unassigned, which is wanted."""
    while True:
        c = r.choice([r.randrange(0x20, 0x3000), r.randrange(0x20, 0xFFFE), r.randrange(0x10000, 0x1FC00), r.randrange(0x10000, 0x10FFFE)])
        if not 0xD800 <= c <= 0xDFFF:
            return chr(c)


def make():
    r = random.Random(SEED)
    texts = [("empty", t) for t in ("", "", " ", "\n\t ", "\u3000\u00a0", "\u200b", "\x00", "\ufeff", "\u0301", "\ufe0f")]
    texts += [("plain", plain(r)) for _ in range(90)]
    texts += [("review", review(r)) for _ in range(50)]
    texts += [("odd", t) for t in ODD]
    texts += [("special", t) for t in SPECIAL]
    texts += [("script", t) for t in SCRIPTS]
    for _ in range(40):
        words = sentence(r).split()
        for _ in range(r.randrange(1, 5)):
            words.insert(r.randrange(len(words) + 1), r.choice(EMOJI))
        texts.append(("emoji", r.choice([" ", " ", ""]).join(words) if r.random() < 0.8 else letters(r, EMOJI, r.randrange(1, 9))))
    for kind, own in (("cjk", CJK), ("arabic", ARABIC)):
        texts += [(kind, t) for t in own]
        for _ in range(25):
            texts.append((kind, r.choice([" ", "", "\n"]).join(r.sample(own, r.randrange(2, 5))) + r.choice(["", " " + sentence(r)])))
    for _ in range(40):
        marked = "".join(c + letters(r, MARKS, r.choice([0, 1, 1, 2, 6])) if c in BASES else c for c in sentence(r))
        texts.append(("combining", r.choice([marked, unicodedata.normalize("NFD", "Crème brûlée, naïve Ångström, Việt: ") + marked])))
    for _ in range(40):
        chars = list(sentence(r))
        for _ in range(r.randrange(1, 8)):
            chars.insert(r.randrange(len(chars) + 1), r.choice(CONTROLS))
        texts.append(("control", "".join(chars)))
    for piece in ("x", "ab", "supercalifragilistic", "漢", "ع", "e\u0301", "😀", "7", "-", "\u0301", "ก", "Ж"):
        texts.append(("long word", [[piece, 10_000 // len(piece)]]))
    texts += [("long word", [["before ", 1], ["q", 10_000], [" after", 1]]), ("long word", [["z", 99]]), ("long word", [["z", 100]]), ("long word", [["z", 101]])]
    # Around the lengths at which models cut: 256 and 512 tokens.
    for count in (126, 253, 254, 255, 256, 509, 510, 511, 512, 2000):
        texts.append(("cut", [["the ", count]]))
        texts.append(("cut", [["unbelievably soft ", count // 3], ["end.", 1]]))
    for _ in range(6):
        texts.append(("cut", " ".join(plain(r) for _ in range(r.randrange(8, 40)))))
    texts += [("random", letters(r, [assigned(r) for _ in range(40)], r.randrange(3, 40))) for _ in range(30)]
    rest = 500 - len(texts)
    assert rest >= 0, rest
    texts += [("mixed", " ".join([r.choice(EMOJI), r.choice(CJK), sentence(r), r.choice(ARABIC), r.choice(SCRIPTS)])) for _ in range(rest)]
    return texts


def whole(text):
    return text if isinstance(text, str) else "".join(piece * count for piece, count in text)
