"""Writes fixtures/: small tokenizers made with Python's `tokenizers`, and what it makes of strings chosen to be hard.

    python reference.py          (needs the packages tokenizers 0.23.x and sentencepiece)

Each file holds one tokenizer.json and lines as differential.py prints them; regex.json holds what its regular
expression engine finds.
"""

import base64
import io
import json
import os
import random

import sentencepiece
from tokenizers import AddedToken, Regex, Tokenizer
from tokenizers import decoders as D
from tokenizers import models as M
from tokenizers import normalizers as N
from tokenizers import pre_tokenizers as P
from tokenizers import processors as O
from tokenizers import trainers as T

import differential

HERE = os.path.dirname(os.path.abspath(__file__))
CORPUS = [
    "The quick brown fox jumps over the lazy dog, and then it doesn't run away because it's tired of running.",
    "She said: 'We've seen 3 foxes and 14 dogs on 2024-05-06 at 10:30; they're gone.' Running, runner, runs!",
    "Der schnelle Fuchs läuft über die Straße. Größe, Maß und Übermut tun selten gut. Er hat 1.000,50 € bezahlt.",
    "Le café était très agréable; l'été dernier, nous avons mangé des crêpes à Noël. Ça va?",
    "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。何でも薄暗いじめじめした所でニャーニャー泣いていた。",
    "Съешь же ещё этих мягких французских булок, да выпей чаю. Быстрая лиса прыгает через ленивую собаку.",
    "def f(x): return x ** 2  # comment\n\tif x > 0: print('positive')\n",
    "한국어 문장은 띄어쓰기를 합니다. 안녕하세요 여러분, 오늘 날씨가 좋네요.",
    "مرحبا بالعالم، كيف حالك اليوم؟ נו, שלום לכולם!",
] * 3
GPT4 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
SPECIAL = ["<unk>", "<s>", "</s>", "<pad>"]
BYTES = [f"<0x{b:02X}>" for b in range(256)]


def small_charsmap():
    """A precompiled map of a few rules, made by SentencePiece."""
    rules = [
        ("\ufb01", "fi"), ("\u2460", "1"), ("\u00a0", " "), ("\t", " "), ("\n", " "), ("\uff76\uff9e", "\u30ac"), ("\uff76", "\u30ab"),
        ("\u212b", "\u00c5"), ("e\u0301", "\u00e9"), ("\u200b", ""), ("\u2121", "TEL"), ("\ufc50", "\u0646\u064a"), ("\u0958", "\u0915\u093c"),
    ]
    path = os.path.join(HERE, "rules.tsv")
    with open(path, "w", encoding="utf8") as out:
        for a, b in rules:
            out.write(" ".join(f"{ord(c):X}" for c in a) + "\t" + " ".join(f"{ord(c):X}" for c in b) + "\n")
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(CORPUS), model_writer=model, vocab_size=220, hard_vocab_limit=False,
        normalization_rule_tsv=path, character_coverage=0.98, minloglevel=2, num_threads=1,
    )
    os.remove(path)
    at = model.getvalue()
    processor = sentencepiece.SentencePieceProcessor(model_proto=at)
    return at, charsmap_of(at), processor


def charsmap_of(model):
    """The precompiled_charsmap field of a SentencePiece model."""

    def fields(data):
        at = 0

        def varint():
            nonlocal at
            value = shift = 0
            while True:
                byte = data[at]
                at += 1
                value |= (byte & 0x7F) << shift
                shift += 7
                if byte < 0x80:
                    return value

        while at < len(data):
            key = varint()
            if key & 7 == 0:
                yield key >> 3, varint()
            elif key & 7 == 2:
                length = varint()
                yield key >> 3, data[at : at + length]
                at += length
            else:
                at += 4 if key & 7 == 5 else 8

    for number, value in fields(model):
        if number == 3:
            for inner, content in fields(value):
                if inner == 2:
                    return content
    raise SystemExit("no charsmap")


def trained(model, trainer, normalizer, pre_tokenizer):
    tokenizer = Tokenizer(model)
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    if pre_tokenizer is not None:
        tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.train_from_iterator(CORPUS, trainer)
    return tokenizer


def bpe(size, alphabet=(), specials=SPECIAL, **options):
    kept = {k: v for k, v in options.items() if k in ("continuing_subword_prefix", "end_of_word_suffix")}
    trainer = T.BpeTrainer(vocab_size=size, special_tokens=list(specials), initial_alphabet=list(alphabet), limit_alphabet=90 + len(alphabet), show_progress=False, **kept)
    return M.BPE(**options), trainer


def unigram(size, specials=SPECIAL):
    return M.Unigram(), T.UnigramTrainer(vocab_size=size, special_tokens=list(specials), unk_token="<unk>", max_piece_length=8, show_progress=False)


def make():
    cls, sep = ("<s>", 1), ("</s>", 2)
    _, charsmap, _ = small_charsmap()
    alphabet = P.ByteLevel.alphabet()
    made = {}

    t = trained(M.WordPiece(unk_token="<unk>"), T.WordPieceTrainer(vocab_size=260, special_tokens=SPECIAL, limit_alphabet=90, show_progress=False), N.BertNormalizer(), P.BertPreTokenizer())
    t.post_processor, t.decoder = O.BertProcessing(sep, cls), D.WordPiece()
    made["word-piece-uncased"] = t

    t = trained(M.WordPiece(unk_token="<unk>", max_input_chars_per_word=12), T.WordPieceTrainer(vocab_size=240, special_tokens=SPECIAL, limit_alphabet=80, show_progress=False), N.Sequence([N.NFKD(), N.StripAccents(), N.Lowercase(), N.Strip()]), P.Sequence([P.Whitespace(), P.Punctuation("contiguous"), P.Digits(True)]))
    t.post_processor = O.TemplateProcessing(single="<s> $A </s>", pair="<s> $A </s> $B:1 </s>:1", special_tokens=[cls, sep])
    t.decoder = D.WordPiece(cleanup=False)
    made["word-piece-sequence"] = t

    t = trained(*bpe(380, alphabet), None, P.ByteLevel(add_prefix_space=True))
    t.post_processor, t.decoder = O.RobertaProcessing(sep, cls, trim_offsets=True, add_prefix_space=True), D.ByteLevel()
    made["byte-level-bpe"] = t

    t = trained(*bpe(380, alphabet, ignore_merges=True), N.NFC(), P.Sequence([P.Split(Regex(GPT4), "isolated"), P.ByteLevel(add_prefix_space=False, use_regex=False)]))
    t.post_processor = O.Sequence([O.ByteLevel(trim_offsets=True), O.TemplateProcessing(single="<s> $A", pair="<s> $A <s>:1 $B:1", special_tokens=[cls])])
    t.decoder = D.ByteLevel()
    made["byte-level-bpe-regex"] = t

    t = trained(*bpe(520, specials=SPECIAL + BYTES, unk_token="<unk>", fuse_unk=True, byte_fallback=True), N.Sequence([N.Prepend("▁"), N.Replace(" ", "▁")]), None)
    t.post_processor = O.TemplateProcessing(single="<s> $A", pair="<s> $A <s> $B", special_tokens=[cls])
    t.decoder = D.Sequence([D.Replace("▁", " "), D.ByteFallback(), D.Fuse(), D.Strip(" ", 1, 0)])
    made["byte-fallback-bpe"] = t

    t = trained(*unigram(260), N.Sequence([N.Precompiled(charsmap), N.Replace(Regex(" {2,}"), " ")]), P.Metaspace())
    t.post_processor = O.TemplateProcessing(single="$A </s>", pair="$A </s> $B </s>", special_tokens=[sep])
    t.decoder = D.Metaspace()
    made["unigram-charsmap"] = t

    t = trained(*unigram(520, SPECIAL + BYTES), N.Sequence([N.Nmt(), N.NFKC()]), P.Sequence([P.WhitespaceSplit(), P.Metaspace(prepend_scheme="first", split=False)]))
    state = json.loads(t.to_str())
    state["model"]["byte_fallback"] = True
    t = Tokenizer.from_str(json.dumps(state))
    t.decoder = D.Sequence([D.ByteFallback(), D.Metaspace(prepend_scheme="first")])
    made["unigram-bytes"] = t

    t = trained(M.WordLevel(unk_token="<unk>"), T.WordLevelTrainer(vocab_size=120, special_tokens=SPECIAL, show_progress=False), N.Lowercase(), P.Split(Regex(r"\b\w\w+\b"), "removed", invert=True))
    made["word-level"] = t

    t = trained(*bpe(260, unk_token="<unk>", end_of_word_suffix="</w>"), N.NFD(), P.Sequence([P.UnicodeScripts(), P.WhitespaceSplit(), P.Split("e", "merged_with_previous")]))
    t.post_processor, t.decoder = O.ByteLevel(trim_offsets=False), D.BPEDecoder()
    made["suffix-bpe"] = t

    t = trained(*bpe(240, unk_token="<unk>", continuing_subword_prefix="##"), N.BertNormalizer(lowercase=False, strip_accents=True, handle_chinese_chars=False), P.Sequence([P.CharDelimiterSplit("-"), P.FixedLength(6), P.Split(Regex(r"\s+"), "merged_with_next")]))
    t.decoder = D.CTC()
    made["prefix-bpe"] = t

    t = trained(*bpe(360, alphabet), N.ByteLevel(), P.Split(Regex("Ġ"), "merged_with_next"))
    t.decoder = D.ByteLevel()
    made["byte-level-normalizer"] = t

    for name, tokenizer in made.items():
        tokenizer.add_special_tokens([AddedToken("<mask>", lstrip=True, special=True)])
        tokenizer.add_tokens([
            AddedToken("Foxé", normalized=True), AddedToken("new york", single_word=True, normalized=name != "word-level"),
            AddedToken("<|x|>", rstrip=True, normalized=False), AddedToken("run", single_word=True, lstrip=True, rstrip=True, normalized=False),
        ])
    return made


PATTERNS = [
    GPT4, r"\b\w\w+\b", r"[^\w']+", r"[^\W\d_]+", r"\p{Lu}\p{Ll}*", r"x*", r"\B", r"^.", r".$", r"\A\s*|\s*\z", r"(?i)straße|k", r"(?i:[a-c]+)",
    r"\S++\s?", r"(?>a|ab)c?", r"[[:punct:]]+", r"[[:^space:]]+", r"[a-z&&[^aeiou]]+", r"[\p{L}&&[^\p{Han}]]+", r"\h+", r"\R", r"\p{^L}+", r"\P{L}+", r"a{,2}", r"a{2}+",
    r"(?<q>['\"]).*?\k<q>", r"(\d)\1", r"(?<=\d)(?=\D)", r"(?<![a-z])o", r"\p{Cn}", r"[\u4e00-\u9fff]+", r"\x{e9}|\u00fc", r"\t|\n|\x20{2}", r"(?m:a.b)", r"(?x) a \s b # c", r"[]a]", r"\p{Emoji}", r"\p{Alpha}+", r"[\s\p{P}&&[^.]]",
    r"\X", r"\y", r"\Y", r"a\Kb", r"\d+\K\w", r"\G\w", r"\Ga|\G ", r"(?<n>a|b)\g<n>", r"(\w)\g<1>\g<-1>", r"(?>\d)(\d)\1", r"(?i)ss|ﬁ", r"(?i)[ß]", r"(?i)[[:upper:]]+", r"(?i)θ",
    r"\p{Ll}+", r"\p{Lo}+", r"\p{Extended_Pictographic}", r"\p{Cased}+", r"\xc3\xa9", r"\C-i", r"(a|(?:b*))*", r"(?x) a + # b", r"\H+", r"(?<q>a)(?:b|\k<q>)", r"[[:word:]&&\p{^Nd}]+",
]
SUBJECTS = [
    "", "Hello, World! It's 12345 o'clock.", "a\nb ab abc aab aaaab\r\n  x  ", "Straße STRASSE ſK \u212a k", "'q' \"r\" 11 22 123", "é ü ñ ½ ² ① Ⅷ _ ‿",
    "日本語テキスト 漢字 カナ", "👍🏽 \U00011ed5 a\U00010e44b \u0378", "x\u2028y\u0085z\u00a0\u3000w", "]a[ &a-z", "Ünïcode Ça e\u0301", "abc xdéf 0123456789",
    "👩‍🚀🇩🇪🇫🇷 क्ष각\u1100\u1161 ✁\u200d✁", "ss ß ẞ ſs STRASSE ﬁ FI ϑΘϴθ ʕǅ", "ababab 1234x56y\t",
]


def main():
    rng = random.Random(7)
    folder = os.path.join(HERE, "fixtures")
    os.makedirs(folder, exist_ok=True)
    for name, tokenizer in make().items():
        added = [t.content for t in tokenizer.get_added_tokens_decoder().values() if not t.content.startswith("<0x")]
        vocabulary = sorted(tokenizer.get_vocab())
        lines = [json.dumps(line, separators=(",", ":")) for line in differential.lines(tokenizer, rng, vocabulary, added, CORPUS, 90)]
        lines = [line for line in lines if len(line) < 1600][:32]
        batches = [json.dumps(line, separators=(",", ":")) for line in differential.padded(tokenizer, random.Random(8), vocabulary, added, CORPUS, 40)]
        lines += [line for line in batches if len(line) < 2400][:8]
        with open(os.path.join(folder, f"{name}.json"), "w", encoding="utf8") as out:
            out.write('{"tokenizer":' + json.dumps(json.loads(tokenizer.to_str()), separators=(",", ":"), ensure_ascii=False) + ',\n"lines":[\n')
            out.write(",\n".join(lines))
            out.write("\n]}\n")
    cases = []
    for pattern in PATTERNS:
        split = P.Split(Regex(pattern), "isolated")
        for subject in SUBJECTS:
            pieces = [offsets for _, offsets in split.pre_tokenize_str(subject)]
            replaced = N.Replace(Regex(pattern), "·").normalize_str(subject)
            cases.append([pattern, subject, pieces, replaced])
    with open(os.path.join(folder, "regex.json"), "w", encoding="utf8") as out:
        out.write("[\n" + ",\n".join(json.dumps(case, separators=(",", ":"), ensure_ascii=False) for case in cases) + "\n]\n")


if __name__ == "__main__":
    main()
