"""Writes fixtures/sentence-piece.json: small models trained with Python's `sentencepiece`, and what it makes of hard strings.

    python sentence_piece_reference.py          (needs the packages tokenizers and sentencepiece)
"""

import base64
import io
import json
import os
import random

import sentencepiece

import differential
from reference import CORPUS, HERE

MODELS = {
    "unigram": {"model_type": "unigram", "vocab_size": 260, "normalization_rule_name": "identity"},
    "unigram-bytes-over-words": {
        "model_type": "unigram", "vocab_size": 560, "normalization_rule_name": "identity", "byte_fallback": True, "split_by_whitespace": False,
        "remove_extra_whitespaces": False, "add_dummy_prefix": False,
    },
    "bpe-bytes": {
        "model_type": "bpe", "vocab_size": 560, "normalization_rule_name": "identity", "byte_fallback": True, "remove_extra_whitespaces": False,
        "allow_whitespace_only_pieces": True,
    },
    "bpe": {"model_type": "bpe", "vocab_size": 300, "normalization_rule_name": "identity"},
}
RULES = ["FB01\t66 69", "2460\t31", "A0\t20", "9\t20", "FF76 FF9E\t30AC", "FF76\t30AB", "65 301\tE9", "200B\t", "2121\t54 45 4C", "1100 1161\tAC00", "915 93C\t958"]
HARD = ["", " ", "   ", "▁", "▁a", " ▁ b▁ ", "a  b", "\ta\n", "<0x41>", "\u00a0 x\u00a0", "ｶﾞｶ", "e\u0301e", "ﬁ①℡", "\u1100\u1161\u11a8", "a\u200bb", "                   x", "\U0001f44d\U0001f3fd"]


def main():
    rng = random.Random(11)
    made = []
    rules = os.path.join(HERE, "rules.tsv")
    with open(rules, "w", encoding="utf8") as out:
        out.write("\n".join(RULES) + "\n")
    try:
        for name, options in {**MODELS, "unigram-rules": {"model_type": "unigram", "vocab_size": 260, "normalization_rule_tsv": rules}}.items():
            model = io.BytesIO()
            sentencepiece.SentencePieceTrainer.train(
                sentence_iterator=iter(CORPUS), model_writer=model, hard_vocab_limit=False, character_coverage=0.98, minloglevel=2, num_threads=1, **options
            )
            processor = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
            pieces = [p for p in map(processor.id_to_piece, range(processor.get_piece_size())) if p not in ("<s>", "</s>", "<unk>") and not p.startswith("<0x")]
            texts = HARD + [differential.sample(rng, pieces, [], CORPUS) for _ in range(60)]
            cases = [[t, processor.encode(t), processor.decode(processor.encode(t))] for t in texts if len(t) < 300 and "\0" not in t and "<s>" not in t]
            made.append({"name": name, "model": base64.b64encode(model.getvalue()).decode(), "cases": cases})
    finally:
        os.remove(rules)
    with open(os.path.join(HERE, "fixtures", "sentence-piece.json"), "w", encoding="utf8") as out:
        out.write("[\n" + ",\n".join(json.dumps(m, separators=(",", ":"), ensure_ascii=False) for m in made) + "\n]\n")


if __name__ == "__main__":
    main()
