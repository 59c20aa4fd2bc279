"""Writes fixtures/layouts.json: folders without a tokenizer.json, small, one of each kind, and the ids that `transformers` gives.

    python layouts_reference.py [texts]       (needs the packages transformers 4.57.x and sentencepiece)

transformers 4 has both tokenizers that run SentencePiece itself, which the ids are from, and the converted ones that
transformers 5 has alone; with a number, so many texts are compared and nothing is written but what differs between these two.
"""

import base64
import io
import json
import os
import random
import sys
import tempfile

import sentencepiece
import transformers
from tokenizers import Regex, Tokenizer
from tokenizers import models as M
from tokenizers import normalizers as N
from tokenizers import pre_tokenizers as P
from tokenizers import trainers as T
from transformers.models.nllb.tokenization_nllb import FAIRSEQ_LANGUAGE_CODES

import differential
from reference import CORPUS, GPT4, HERE
from sentence_piece_reference import HARD, RULES

ENGLISH = ["In 2,004, 12,5 men paid 3,000,000 for it, and 1999, too. (So they said.)", "a-b. c\"d\" (e) £5 €6 7,8,9, x", "``It's'' A '' test"]


def piece_model(rules, **options):
    model = io.BytesIO()
    usual = {"model_type": "unigram", "vocab_size": 300, "character_coverage": 0.98, "hard_vocab_limit": False, "minloglevel": 2, "num_threads": 1}
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(CORPUS + ENGLISH * 3), model_writer=model, normalization_rule_tsv=rules, **{**usual, **options}
    )
    return model.getvalue()


def pieces_of(model):
    processor = sentencepiece.SentencePieceProcessor(model_proto=model)
    return [processor.id_to_piece(i) for i in range(processor.get_piece_size())]


def text(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def merges(normalizer, pre_tokenizer, specials, alphabet, **options):
    """vocab.json and merges.txt of a BPE trained with these."""
    tokenizer = Tokenizer(M.BPE(**options))
    tokenizer.normalizer, tokenizer.pre_tokenizer = normalizer, pre_tokenizer
    kept = {k: v for k, v in options.items() if k == "end_of_word_suffix"}
    trainer = T.BpeTrainer(vocab_size=620 if kept else 380, special_tokens=specials, initial_alphabet=alphabet, limit_alphabet=100 + len(alphabet), show_progress=False, **kept)
    tokenizer.train_from_iterator(CORPUS, trainer)
    model = json.loads(tokenizer.to_str())["model"]
    vocab = dict(model["vocab"])
    if kept and alphabet:  # CLIP has every byte both within a word and at its end
        for byte in alphabet:
            vocab.setdefault(byte + "</w>", len(vocab))
    return {"vocab.json": text(vocab), "merges.txt": "#version: 0.2\n" + "\n".join(" ".join(m) for m in model["merges"]) + "\n"}


def folders(rules):
    """Name, files, and the special tokens worth putting in texts."""
    fairseq = piece_model(rules)
    by_score = piece_model(rules, model_type="bpe")
    config = lambda name, **more: text({"tokenizer_class": name, **more})
    yield "xlm-roberta", {"sentencepiece.bpe.model": fairseq, "tokenizer_config.json": config("XLMRobertaTokenizer")}
    yield "camembert", {"sentencepiece.bpe.model": fairseq, "tokenizer_config.json": config("CamembertTokenizer")}
    yield "mbart", {"sentencepiece.bpe.model": fairseq, "tokenizer_config.json": config("MBartTokenizer", src_lang="de_DE")}
    yield "mbart50", {"sentencepiece.bpe.model": fairseq, "tokenizer_config.json": config("MBart50Tokenizer", src_lang="de_DE")}
    # Without these ids, which saved models have, transformers puts <mask> before the languages.
    first = len(pieces_of(by_score)) + 1
    listed = enumerate([*FAIRSEQ_LANGUAGE_CODES, "<mask>"])
    numbered = {str(first + i): {"content": t, "special": True, "lstrip": t == "<mask>"} for i, t in listed}
    yield "nllb", {"sentencepiece.bpe.model": by_score, "tokenizer_config.json": config("NllbTokenizer", src_lang="deu_Latn", added_tokens_decoder=numbered)}
    albert = piece_model(rules, pad_id=0, unk_id=1, bos_id=-1, eos_id=-1, control_symbols="[CLS],[SEP],[MASK]", user_defined_symbols=["(", ")", '"', "-", ".", "–", "£", "€"])
    yield "albert", {"spiece.model": albert, "tokenizer_config.json": config("AlbertTokenizer")}
    yield "albert, cased", {"spiece.model": albert, "tokenizer_config.json": config("AlbertTokenizer", do_lower_case=False, keep_accents=True)}
    deberta = piece_model(rules, pad_id=0, bos_id=1, eos_id=2, unk_id=3, pad_piece="[PAD]", bos_piece="[CLS]", eos_piece="[SEP]", unk_piece="[UNK]")
    yield "deberta-v3", {"spm.model": deberta, "tokenizer_config.json": config("DebertaV2Tokenizer")}
    t5 = piece_model(rules, pad_id=0, eos_id=1, unk_id=2, bos_id=-1)
    yield "t5", {"spiece.model": t5, "tokenizer_config.json": config("T5Tokenizer", extra_ids=20, additional_special_tokens=[f"<extra_id_{i}>" for i in range(20)])}
    pieces = [p for i, p in enumerate(pieces_of(fairseq)) if i % 9 and p not in ("<s>", "</s>", "<unk>")]
    marian = ["</s>", "<unk>", *reversed(pieces), ">>fra<<", ">>deu<<", "<pad>"]
    yield "marian", {"source.spm": fairseq, "target.spm": fairseq, "vocab.json": text({p: i for i, p in enumerate(marian)}), "tokenizer_config.json": config("MarianTokenizer")}

    alphabet = P.ByteLevel.alphabet()
    clip = P.Sequence([P.Split(Regex(r"""'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"""), "removed", invert=True), P.ByteLevel(add_prefix_space=False)])
    yield "clip", {**merges(N.Sequence([N.NFC(), N.Lowercase()]), clip, ["<|startoftext|>", "<|endoftext|>"], alphabet, unk_token="<|endoftext|>", end_of_word_suffix="</w>"), "config.json": text({"model_type": "clip"}), "tokenizer_config.json": config("CLIPTokenizer")}
    yield "openai-gpt", {**merges(N.BertNormalizer(), P.BertPreTokenizer(), ["<unk>"], [], unk_token="<unk>", end_of_word_suffix="</w>"), "tokenizer_config.json": config("OpenAIGPTTokenizer")}
    qwen = P.Sequence([P.Split(Regex(GPT4.replace("{1,3}", "")), "isolated"), P.ByteLevel(add_prefix_space=False, use_regex=False)])
    yield "qwen2", {**merges(N.NFC(), qwen, ["<|endoftext|>"], alphabet), "tokenizer_config.json": config("Qwen2Tokenizer", added_tokens_decoder={"380": {"content": "<|im_start|>", "special": True, "normalized": False, "lstrip": False, "rstrip": False, "single_word": False}})}
    yield "deberta", {**merges(None, P.ByteLevel(add_prefix_space=False), ["[CLS]", "[PAD]", "[SEP]", "[UNK]", "[MASK]"], alphabet), "tokenizer_config.json": config("DebertaTokenizer")}
    yield "opt", {**merges(None, P.ByteLevel(add_prefix_space=False), ["<s>", "<pad>", "</s>", "<unk>"], alphabet), "tokenizer_config.json": config("GPT2Tokenizer", add_bos_token=True, bos_token="</s>", eos_token="</s>", unk_token="</s>", pad_token="<pad>")}


def loaded(files, fast):
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            with open(os.path.join(folder, name), "wb") as out:
                out.write(content if isinstance(content, bytes) else content.encode("utf8"))
        return transformers.AutoTokenizer.from_pretrained(folder, use_fast=fast)


def texts_for(rng, name, tokenizer, count):
    special = [t for t in tokenizer.all_special_tokens if not t.endswith("NOTUSED")][:8]
    vocabulary = [p for p in tokenizer.get_vocab() if p not in special and not p.startswith(("<", ">"))]
    made = HARD + ENGLISH + [">>fra<< She said"] + [differential.sample(rng, vocabulary, special, CORPUS) for _ in range(count)]
    # T5's adds no second </s>; a lower-casing one takes "<UNK>" for its token, which no converted one does.
    hidden = lambda t: any(s in t.lower() and s not in t for s in special)
    return [t for t in made if len(t) < 200 and "\0" not in t and not t.endswith("</s>") and not (name == "albert" and hidden(t))]


def fields(encoded):
    return [encoded["input_ids"], encoded.get("token_type_ids")]


def main():
    rng = random.Random(21)
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 0
    made = []
    rules = os.path.join(HERE, "rules.tsv")
    with open(rules, "w", encoding="utf8") as out:
        out.write("\n".join(RULES) + "\n")
    try:
        for name, files in folders(rules):
            whole = any(n.endswith(("model", "spm")) for n in files)
            tokenizer = loaded(files, fast=not whole)
            texts = texts_for(rng, name, tokenizer, count or 24)
            cases = []
            for i, t in enumerate(texts):
                pair = texts[-i] if i % 5 == 4 else None
                e = tokenizer(t, pair, return_token_type_ids=True)
                cases.append([t, pair, *fields(e)])
            if count and whole and name != "marian":
                fast = loaded(files, fast=True)
                differ = [c for c in cases if fast(c[0], c[1])["input_ids"] != c[2]]
                print(f"{name}: {len(differ)} of {len(cases)} differ between transformers' own two", file=sys.stderr)
            packed = {n: base64.b64encode(c).decode() if isinstance(c, bytes) else c for n, c in files.items()}
            made.append({"name": name, "files": packed, "cases": cases})
    finally:
        os.remove(rules)
    out = sys.stdout if count else open(os.path.join(HERE, "fixtures", "layouts.json"), "w", encoding="utf8")
    out.write("[\n" + ",\n".join(text(m) for m in made) + "\n]\n")


if __name__ == "__main__":
    main()
